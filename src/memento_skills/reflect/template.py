"""The embedded reflector: a learnt lesson said with a template, every claim cited, or a refusal with its reason.

It needs no model and no network. Refusal is the norm: a pattern whose failing calls cannot be told from good ones,
or for which nothing is known that worked instead, gets no patch and says why.
"""

from __future__ import annotations

import re
import tomllib
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
    Guard,
    Pattern,
    Reflection,
    Remedy,
    Run,
    digest,
)
from memento_skills.reflect import handbook
from memento_skills.reflect.contrast import Table, table
from memento_skills.reflect.handbook import advice
from memento_skills.reflect.lesson import Lesson, lesson_of
from memento_skills.reflect.plain import plain
from memento_skills.reflect.say import claims, extras, templates, topics
from memento_skills.reflect.told import told_lesson
from memento_skills.reflect.words import commands_of, facts_of

MAX_CITATIONS = 4


def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((files(__package__) / name).read_text("utf-8"))


_TEMPLATES = templates()
TOPICS = topics() | handbook.topics()
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


class TemplateReflector:
    """`Reflector` by contrast and templates."""

    name = "template@2026-11"

    def reflect(self, pattern: Pattern, evidence: Evidence, runs: Mapping[str, Run]) -> Reflection:
        """The reflection of one pattern; `refused` says why no patch can follow from it.

        Raises Ungrounded where a citation is not literally in its step (a broken reader, never bad input).
        """
        remedy, owner = _routed(pattern)
        quotes = _failing_quotes(pattern, evidence, runs)
        known = advice(self.name, pattern, quotes)
        if remedy != "skill":
            return known or _finding(self.name, pattern, remedy, owner, quotes)
        numbers = evidence.episodes.get(pattern.id, ())
        rows = [evidence.table.rows[i] for i in numbers]
        lesson, refused = lesson_of(evidence.table, numbers, rows)
        lesson = lesson or told_lesson(pattern, evidence.table, numbers, rows)
        if lesson is None:
            return known or _refusal(self.name, pattern, quotes, refused)
        reflection = _worded(self.name, pattern, lesson, rows, quotes, runs)
        if reflection.refused and known is not None:
            return known
        check_grounded(reflection, runs)
        return reflection


def _routed(pattern: Pattern) -> tuple[Remedy, str]:
    entry = _REMEDIES["fault"].get(pattern.fault) or _REMEDIES["cause"].get(pattern.cause)
    return (entry["remedy"], entry["owner"]) if entry else ("skill", "")


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
            facts=_permission(pattern) if remedy == "permission" else {},
        )
    )


def _permission(pattern: Pattern) -> dict[str, str]:
    """The narrowest rule that would grant what was denied, as a proposal of its own: never part of a skill patch."""
    parts = {p.name: p.text for p in pattern.signature.parts}
    tool, command = parts.get("tool", ""), parts.get("command", "")
    if not tool or not plain(tool) or (command and not plain(command)):
        return {}
    return {"allow": f"{tool}({command}:*)" if command else tool}


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
        said = claims(template, facts)
    except KeyError as missing:
        return _refusal(name, pattern, quotes, f"the logs do not tell {missing} in plain words")
    said["rule"] += extras(template, lesson.situations)
    situations = _about(template, lesson, rows, facts)
    worked = _working_quotes(rows, runs)
    guard = Guard(
        conditions=situations[0],
        also=situations[1:],
        expect=lesson.alternative.expect,
        advice=re.sub(r"\*\*", "", said["rule"]),
        learned_from=tuple(sorted({r.run for r in rows})),
        confidence=round(lesson.confidence, 3),
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
            facts=facts | {"rule": said["rule"], "topic": _topic(template, pattern).format_map(facts)},
        )
    )


def _topic(template: dict[str, Any], pattern: Pattern) -> str:
    """The topic of a template; commands that fail in several projects are no one project's."""
    several = len(pattern.projects) > 1 and template["topic"] == "{project}-commands"
    return "shell-lines" if several else str(template["topic"])


def _about(
    template: dict[str, Any], lesson: Lesson, rows: Sequence[Row], facts: Mapping[str, str]
) -> tuple[tuple[Condition, ...], ...]:
    """The situations, each limited to the command that the rule names: a guard speaks about what its rule is about."""
    command = facts.get("command", "")
    ran = sum(command in row.call.features.get("command", ()) for row in rows)
    if "{command}" not in template["rule"] or not command or 2 * ran <= len(rows):
        return lesson.situations
    limit = Condition(feature="command", op="has", value=command)
    return tuple(s if any(c.feature == "command" for c in s) else (*s, limit) for s in lesson.situations)


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
        and ("program" not in when or any(c.split(" ")[0] == when["program"] for c in commands_of(lesson)))
        and ("flags" not in when or expect.flag in when["flags"].split())
        and ("causes" not in when or pattern.cause in when["causes"].split())
        and ("errors" not in when or _error(pattern) in when["errors"].split())
        and ("quoted" not in when or _quoted(expect.flag, rows))
    )


def _error(pattern: Pattern) -> str:
    """The kind of error in the pattern's signature: `unknown-option` of `unknown-option --stat`."""
    return next((p.text for p in pattern.signature.parts if p.name == "error" and p.contributes), "").partition(" ")[0]


def _quoted(flag: str, rows: Sequence[Row]) -> bool:
    """Whether the option may be what the errors are about: most messages name it, or none of them is understood."""
    failures = [r.failure for r in rows if r.failure is not None]
    named = sum(flag in f.quote for f in failures)
    understood = any(f.rule for f in failures) and failures[0].cause != "unknown"
    return bool(flag) and (2 * named > len(failures) or not understood)


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
