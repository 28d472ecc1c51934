"""The embedded reflector: a learnt lesson said with a template, every claim cited, or a refusal with its reason.

It needs no model and no network. Refusal is the norm: a pattern whose failing calls cannot be told from good ones,
or for which nothing is known that worked instead, gets no patch and says why.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from memento_skills.errors import Ungrounded
from memento_skills.guards import Row, tools
from memento_skills.records import (
    Citation,
    Claim,
    Condition,
    Expect,
    Guard,
    Pattern,
    Reflection,
    Remedy,
    Run,
    digest,
)
from memento_skills.reflect.alternatives import Alternative, alternatives
from memento_skills.reflect.contrast import Score, Table, learn_rules, table

MIN_LOWER = 0.30
"""Least lower bound of precision on the training rows at which a lesson is worth testing on later ones."""
MIN_PRECISION = 0.60
MAX_CITATIONS = 4


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / name).read_text("utf-8"))


_TEMPLATES: list[dict[str, Any]] = _load("templates.toml")["template"]
TOPICS: dict[str, dict[str, str]] = _load("templates.toml")["topics"]
_REMEDIES = _load("remedies.toml")


class Evidence(NamedTuple):
    """What the reflector contrasts: the table of training calls and, for each pattern, its episodes in it."""

    table: Table
    episodes: Mapping[str, tuple[int, ...]]
    """Pattern id -> row numbers."""


def evidence(rows: Sequence[Row]) -> Evidence:
    """Index training rows once for all patterns."""
    found: dict[str, list[int]] = {}
    for number, row in enumerate(rows):
        if row.label == "episode" and row.failure is not None:
            found.setdefault(row.failure.signature.id, []).append(number)
    return Evidence(table(rows), {k: tuple(v) for k, v in found.items()})


class Lesson(NamedTuple):
    """Situations, the alternative, and how both do on the training rows."""

    situations: tuple[tuple[Condition, ...], ...]
    alternative: Alternative
    score: Score


class TemplateReflector:
    """`Reflector` by contrast and templates."""

    name = "template@2026-11"

    def reflect(self, pattern: Pattern, evidence: Evidence, runs: Mapping[str, Run]) -> Reflection:
        """The reflection of one pattern; `refused` says why no patch can follow from it.

        Raises Ungrounded where a citation is not literally in its step (a broken reader, never bad input).
        """
        remedy, owner = _routed(pattern)
        quotes = _failing_quotes(pattern, evidence, runs)
        if remedy != "skill":
            return _finding(self.name, pattern, remedy, owner, quotes)
        numbers = evidence.episodes.get(pattern.id, ())
        rows = [evidence.table.rows[i] for i in numbers]
        lesson, refused = _lesson(evidence.table, numbers, rows)
        if lesson is None:
            return _refusal(self.name, pattern, quotes, refused)
        reflection = _worded(self.name, pattern, lesson, rows, quotes, runs)
        check_grounded(reflection, runs)
        return reflection


def _routed(pattern: Pattern) -> tuple[Remedy, str]:
    entry = _REMEDIES["fault"].get(pattern.fault) or _REMEDIES["cause"].get(pattern.cause)
    return (entry["remedy"], entry["owner"]) if entry else ("skill", "")


def _lesson(table: Table, numbers: Sequence[int], rows: Sequence[Row]) -> tuple[Lesson | None, str]:
    if len({r.lineage for r in rows}) < 2:
        return None, "seen in one lineage only: a rule learnt once is an anecdote"
    candidates = alternatives(rows)
    if not candidates:
        return None, "nothing is known that worked instead in two lineages"
    best: tuple[float, Lesson] | None = None
    for alternative in candidates[:4]:
        learned = learn_rules(table, numbers, alternative.expect)
        if learned is None:
            continue
        situations, score = learned
        worth = score.lower * (score.lineages / score.of) ** 0.5 * (alternative.lineages / max(1, alternative.of))
        if best is None or worth > best[0]:
            best = (worth, Lesson(situations, alternative, score))
    if best is None:
        return None, "the failing calls cannot be told from like calls that succeeded"
    score = best[1].score
    decided = score.right + score.wrong + score.false
    if decided and (score.right / decided < MIN_PRECISION or score.lower < MIN_LOWER):
        return None, (
            f"the best rule would be right {score.right} times and wrong or needless {score.wrong + score.false} "
            "times on the logs it was learnt from"
        )
    return best[1], ""


def _failing_quotes(pattern: Pattern, evidence: Evidence, runs: Mapping[str, Run]) -> list[Citation]:
    """One literal quote for each lineage, from the episodes if they are in the table, else the pattern's examples."""
    found: list[Citation] = []
    seen: set[str] = set()
    for i in evidence.episodes.get(pattern.id, ()):
        row = evidence.table.rows[i]
        if row.failure is not None and row.lineage not in seen and row.failure.quote:
            seen.add(row.lineage)
            found.append(Citation(run=row.run, step=row.failure.step, quote=row.failure.quote))
    return (found or [c for c in pattern.examples if c.run in runs])[:MAX_CITATIONS]


def _finding(name: str, pattern: Pattern, remedy: Remedy, owner: str, quotes: list[Citation]) -> Reflection:
    words = _REMEDIES["words"].get(remedy, _REMEDIES["words"]["none"])
    return _identified(
        Reflection(
            id="",
            pattern=pattern.id,
            reflector=name,
            cause=pattern.cause,
            remedy=remedy,
            wrong_decision=Claim(text=words["wrong"], citations=tuple(quotes)),
            missing_information=Claim(text=words["missing"], citations=tuple(quotes)) if "missing" in words else None,
            owner=owner,
            refused=f"not a skill problem: {owner}",
        )
    )


def _refusal(name: str, pattern: Pattern, quotes: list[Citation], why: str) -> Reflection:
    return _identified(
        Reflection(
            id="",
            pattern=pattern.id,
            reflector=name,
            cause=pattern.cause,
            remedy="skill",
            wrong_decision=Claim(text=pattern.title, citations=tuple(quotes)),
            refused=why,
        )
    )


def _worded(
    name: str, pattern: Pattern, lesson: Lesson, rows: Sequence[Row], quotes: list[Citation], runs: Mapping[str, Run]
) -> Reflection:
    facts = facts_of(lesson, rows, pattern)
    template = next((t for t in _TEMPLATES if _fits(t, lesson, rows, pattern)), None)
    if template is None:
        return _refusal(name, pattern, quotes, "no template says this as a good engineer would")
    try:
        said = {k: template[k].format_map(facts) for k in ("wrong", "missing", "assumed", "rule")}
    except KeyError as missing:
        return _refusal(name, pattern, quotes, f"the logs do not tell {missing} in plain words")
    said["rule"] += _extras(template, lesson)
    worked = _working_quotes(rows, runs)
    guard = Guard(
        conditions=lesson.situations[0],
        also=lesson.situations[1:],
        expect=lesson.alternative.expect,
        advice=re.sub(r"\*\*", "", said["rule"]),
        learned_from=tuple(sorted({r.run for r in rows})),
        confidence=round(lesson.score.lower, 3),
    )
    return _identified(
        Reflection(
            id="",
            pattern=pattern.id,
            reflector=name,
            template=template["name"],
            cause=pattern.cause,
            remedy="skill",
            wrong_decision=Claim(text=said["wrong"], citations=tuple(quotes)),
            missing_information=Claim(text=said["missing"], citations=tuple(worked or quotes)),
            failed_assumption=Claim(text=said["assumed"], citations=tuple(quotes[:1])),
            guard=guard,
            facts=facts | {"rule": said["rule"], "topic": template["topic"].format_map(facts)},
        )
    )


def _identified(made: Reflection) -> Reflection:
    """The reflection with an id that is the hash of all that it says."""
    return msgspec.structs.replace(made, id=digest("reflection", made))


def _fits(template: dict[str, Any], lesson: Lesson, rows: Sequence[Row], pattern: Pattern) -> bool:
    when = template["when"]
    expect = lesson.alternative.expect
    used = {c.feature for s in lesson.situations for c in s}
    role = tools.role(rows[0].call.step.tool)
    return (
        when["form"] == expect.form
        and ("tool_role" not in when or role in when["tool_role"].split())
        and ("expect_role" not in when or tools.role(expect.tool) == when["expect_role"])
        and ("feature" not in when or bool(used & set(when["feature"].split())))
        and ("program" not in when or any(c.split(" ")[0] == when["program"] for c in _commands(lesson)))
        and ("flags" not in when or expect.flag in when["flags"].split())
        and ("causes" not in when or pattern.cause in when["causes"].split())
    )


def _commands(lesson: Lesson) -> list[str]:
    return [str(c.value) for s in lesson.situations for c in s if c.feature == "command"]


def _extras(template: dict[str, Any], lesson: Lesson) -> str:
    used = {word for s in lesson.situations for c in s for word in (c.feature, str(c.value))}
    return "".join(" " + text for key, text in template.get("extra", {}).items() if used & set(key.split()))


_PLAIN = re.compile(r"^[\w.<>/:=@+,;%~-]+( [\w.<>/:=@+,;%~-]+){0,5}$")


def plain(text: str) -> bool:
    """Short plain words, fit for a rule: no quotes, no shell or Markdown syntax, no URL, at most 80 characters."""
    return len(text) <= 80 and bool(_PLAIN.match(text)) and "://" not in text and not text.startswith("-" * 3)


def facts_of(lesson: Lesson, rows: Sequence[Row], pattern: Pattern) -> dict[str, str]:
    """Values for a template's sentences; what is not plain words is left out, so that the template refuses."""
    expect = lesson.alternative.expect
    commands = [c for c in _commands(lesson) if not c.startswith("cd ")]
    common = Counter(h for r in rows for h in r.call.heads if not h.startswith("cd "))
    command = _fuller(max(commands, key=len, default=""), common, len(rows))
    changers = sorted({str(c.value) for s in lesson.situations for c in s if c.feature == "changed_by"})
    project = pattern.projects[0] if pattern.projects else ""
    folder = "the project's root" if expect.path == "<root>" else f"`{expect.path.removeprefix('<root>/')}`"
    found = {
        "command": command,
        "programs": command.split(" ", 1)[0],
        "flag": expect.flag,
        "flag_value": f"{expect.flag} {_quoted(expect.value)}".strip(),
        "instead": " ".join(expect.argv_prefix),
        "tool": rows[0].call.step.tool,
        "expect_tool": expect.tool,
        "project": re.sub(r"[^\w-]+", "-", project.rstrip("/").rsplit("/", 1)[-1]).strip("-").lower() or "project",
    }
    facts = {k: v for k, v in found.items() if v and plain(v.replace("'", ""))}
    if expect.path and plain(expect.path):
        facts["folder"] = folder
    facts["changer"] = f"`{changers[0]}`" if changers and plain(changers[0]) else "a command that rewrites files"
    facts["situation"] = _situation(lesson)
    return facts


def _fuller(command: str, common: Counter[str], rows: int) -> str:
    """The command in two words where most of the failing lines agree on the second: `python3 report.py`."""
    for head, count in common.most_common():
        if not command or (head.startswith(command + " ") and " " not in command and 2 * count > rows):
            return head
    return command


def _quoted(value: str) -> str:
    return f"'{value}'" if value and re.search(r"[^\w./-]", value) else value


def _situation(lesson: Lesson) -> str:
    """The part of the conditions that the sentence must say: the file extension or folder it is limited to."""
    for condition in sorted(lesson.situations[0], key=lambda c: c.feature != "under"):
        if condition.feature == "extension" and plain(str(condition.value)):
            return f" for `{condition.value}` files"
        if condition.feature == "under" and plain(str(condition.value)):
            return f" on files in `{condition.value}`"
        if condition.feature == "cwd" and condition.value in ("sub", "root"):
            return " from a subfolder" if condition.value == "sub" else " from the project's root"
    return ""


def _working_quotes(rows: Sequence[Row], runs: Mapping[str, Run]) -> list[Citation]:
    """What worked afterwards, one quote for each lineage: the call's own words."""
    found: list[Citation] = []
    seen: set[str] = set()
    for row in rows:
        after = row.after or row.broad_after
        if not after or row.lineage in seen or row.run not in runs:
            continue
        step = after[-1].step
        quote = next((v[:200] for v in step.args.values() if isinstance(v, str) and v), "")
        if quote:
            seen.add(row.lineage)
            found.append(Citation(run=row.run, step=step.seq, quote=quote))
    return found[:MAX_CITATIONS]


def check_grounded(reflection: Reflection, runs: Mapping[str, Run]) -> None:
    """Every quote is literally in its step; raises Ungrounded naming the first that is not."""
    claims = (reflection.wrong_decision, reflection.missing_information, reflection.failed_assumption)
    for citation in (c for claim in claims if claim is not None for c in claim.citations):
        run = runs.get(citation.run)
        if run is None:
            continue
        if citation.step >= len(run.steps) or citation.quote not in run.steps[citation.step].words:
            raise Ungrounded(
                "a citation is not in its step",
                where=f"{citation.run} step {citation.step}",
                hint="report this as a bug",
            )


def condition_words(condition: Condition) -> str:
    """A condition for a person: `file_read is never`."""
    return f"{condition.feature} {condition.op.replace('_', ' ')} {condition.value}"


def expect_words(expect: Expect) -> str:
    """An alternative for a person."""
    match expect.form:
        case "first":
            return f"call {expect.tool} on the same {expect.same_arg} first"
        case "with":
            return f"with {expect.flag} {expect.value}".strip()
        case "without":
            return f"without {expect.flag}"
        case "cwd":
            return f"from {expect.path}"
        case _:
            return " ".join(expect.argv_prefix) or expect.tool
