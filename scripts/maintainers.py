"""Our patches beside what the projects' own people wrote into their instruction files, as far as their logs show it.

    python scripts/maintainers.py [DATA] [--show]

Rules are taken at run time from writes, edits and readings of CLAUDE.md, AGENTS.md, GEMINI.md, SKILL.md and the like;
nothing of them is stored. Printed are figures; `--show` also prints the texts that met, for a person to judge.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from showcase import LOGS, data_folder

from memento_skills import skilldoc
from memento_skills.app import pipeline
from memento_skills.app.current import current
from memento_skills.app.options import Options
from memento_skills.app.stored import Stored
from memento_skills.guards import tools
from memento_skills.records import Pattern, Run, Step
from memento_skills.store.store import Store, open_store
from memento_skills.write.known import codes_of, said_already, words_of

FILES = (
    r"(?:CLAUDE(?:\.local)?\.md|AGENTS\.md|GEMINI\.md|SKILL\.md|copilot-instructions\.md|\.cursorrules"
    r"|[\w-]{1,40}\.instructions\.md)"
)
INSTRUCTIONS = re.compile(rf"(?:^|[/\\]){FILES}$", re.IGNORECASE)
CONTENTS = re.compile(rf"Contents of [^\n]{{0,300}}?{FILES}[^\n]{{0,200}}", re.IGNORECASE)
"""How a client hands the instruction files to the model."""
REMINDER = re.compile(r"<system-reminder>.{0,20000}?</system-reminder>", re.DOTALL)
SHOWN = re.compile(rf"(?:cat|sed -n|nl|head|tail|Get-Content)\b[^|;&\n]{{0,200}}?{FILES}", re.IGNORECASE)
PATCHED = re.compile(r"^\*\*\* (?:Add|Update) File: (.{1,300})$")
NUMBERED = re.compile(r"^\s{0,8}\d{1,6}(?:→|\t|: ?)")
LEAST_WORDS = 5
"""Shorter lines are headings and fragments."""
LEAST_SHARED = 3
"""Words that a rule and a pattern must share where the pattern names no command."""
SUBJECT = 0.5
"""Share of a pattern's words that a rule on the same subject holds."""


class Rule(NamedTuple):
    """One line of an instruction file as the logs show it."""

    project: str
    text: str
    at: float
    written: bool
    """Put in during these sessions, not only read."""


class Item(NamedTuple):
    """One thing of ours that is compared."""

    pattern: Pattern
    rule: str
    """The rule's text; "" where no patch was written."""
    state: str


def main() -> int:
    arguments = [a for a in sys.argv[1:] if a != "--show"]
    data = Path(arguments[0]) if arguments else data_folder()
    found = [str(data / name) for name in LOGS if (data / name).is_dir()]
    if not found:
        print(f"no logs below {data}", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory(prefix="memento-maintainers-") as scratch:
        users = data / "users.json"
        options = Options(now=time.time(), home=scratch, users=str(users) if users.is_file() else "")
        with open_store(Path(scratch) / "store.db", clock=time.time) as store:
            pipeline.scan(store, found, options)
            print(json.dumps(compared(store, show="--show" in sys.argv), indent=1))
    return 0


def compared(store: Store, *, show: bool) -> dict[str, object]:
    """The figures of the comparison."""
    rules = list(unique(rule for run in Stored(store).values() for rule in rules_of(run)))
    by_project: dict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        by_project[rule.project].append(rule)
    ours = items(store)
    outcomes: Counter[str] = Counter()
    for item in ours:
        theirs = [r for p in item.pattern.projects for r in by_project[p]]
        outcome, met = meeting(item, theirs)
        outcomes[f"{item.state}: {outcome}"] += 1
        if show:
            print(f"{item.state} | {outcome} | {item.pattern.title} | {item.pattern.lineages}\n    ours:   {item.rule}")
            best = sorted(theirs, key=lambda rule: -nearness(item, rule.text))[:3]
            for rule in [met] if met is not None and outcome.startswith("the same rule") else best:
                word = "wrote" if rule.written else "had"
                print(f"    {nearness(item, rule.text):.2f} {word} ({when(item, rule)}): {rule.text[:300]}")
    return {
        "instruction rules seen": len(rules),
        "of these written during the sessions": sum(r.written for r in rules),
        "projects with any": len(by_project),
        "items of ours": len(ours),
        "items in projects with rules": sum(any(by_project[p] for p in i.pattern.projects) for i in ours),
        "outcomes": dict(sorted(outcomes.items())),
        "rules written after our first failure on their subject": late(ours, by_project),
    }


def items(store: Store) -> list[Item]:
    """Every patch, and every other repeated pattern: refused, or thought to be nothing that a skill can mend."""
    patterns = {p.id: p for p in store.patterns()}
    found: dict[str, Item] = {}
    for held in current(store):
        for key in (held.patch.pattern, *held.patch.patterns):
            state = {"better": "proven", "not_better": "failed its test"}.get(held.verdict.value, "waiting")
            found[key] = Item(patterns[key], held.patch.rule, state)
    for pattern in patterns.values():
        if pattern.id not in found and pattern.repeated:
            ours = pattern.remedy == "skill" and pattern.fault == "agent"
            found[pattern.id] = Item(pattern, "", "refused" if ours else "not a skill's to mend")
    return list(found.values())


def meeting(item: Item, theirs: list[Rule]) -> tuple[str, Rule | None]:
    """Whether the project's own rules say the same, speak about the same subject, or do not speak about it at all."""
    if not theirs:
        return "no rules of theirs in the logs", None
    if item.rule:
        for rule in theirs:
            doc = skilldoc.parse(f"---\nname: a\ndescription: b\n---\n\n- {rule.text}\n")
            if said_already(doc, item.rule) is not None:
                return f"the same rule, {when(item, rule)}", rule
    near = max(theirs, key=lambda rule: nearness(item, rule.text))
    if nearness(item, near.text) >= SUBJECT:
        return f"the same subject, {when(item, near)}", near
    return "not mentioned", None


def nearness(item: Item, text: str) -> float:
    """Share of the pattern's words and commands that a rule holds; a named command must be there."""
    codes = [*codes_of(item.pattern.title), *(p.text for p in item.pattern.signature.parts if p.name == "command")]
    if codes and not any(code and code in text for code in codes):
        return 0.0
    wanted = words_of(item.pattern.title)
    shared = wanted & words_of(text)
    if not wanted or (not codes and len(shared) < LEAST_SHARED):
        return 0.0
    named = len(codes) > 0
    return (len(shared) + named) / (len(wanted) + named)


def when(item: Item, rule: Rule) -> str:
    """Before or after the first failure that we saw."""
    if not rule.at or not item.pattern.first_seen:
        return "time unknown"
    if rule.at <= item.pattern.first_seen:
        return "before the first failure"
    return "written after it" if rule.written else "seen after it"


def late(ours: list[Item], by_project: dict[str, list[Rule]]) -> dict[str, int]:
    """Of the rules that were written during the sessions: how many are on a subject of a pattern that had failed."""
    written = [r for rules in by_project.values() for r in rules if r.written]
    about = Counter[str]()
    for rule in written:
        mine = [i for i in ours if rule.project in i.pattern.projects and nearness(i, rule.text) >= SUBJECT]
        earlier = [i for i in mine if i.pattern.first_seen and i.pattern.first_seen < rule.at]
        about["on a pattern that had failed before" if earlier else "on a pattern later" if mine else "on none"] += 1
    return dict(about)


def rules_of(run: Run) -> Iterator[Rule]:
    """The lines of instruction files that a run wrote, edited or was shown."""
    calls = {s.call_id: s for s in run.steps if s.kind == "call" and s.call_id}
    for step in run.steps:
        at = step.at or run.started_at or 0.0
        if step.kind == "call":
            for text in put_in(step):
                yield from (Rule(run.project, line, at, written=True) for line in lines_of(text))
        elif step.kind == "result" and step.status == "ok" and step.call_id in calls:
            if shows_instructions(calls[step.call_id]):
                yield from (Rule(run.project, line, at, written=False) for line in lines_of(step.text))
        elif step.meta:
            for text in CONTENTS.split(step.text[:200_000])[1:]:
                yield from (Rule(run.project, line, at, written=False) for line in lines_of(text))


def put_in(call: Step) -> Iterator[str]:
    """Texts that a call puts into an instruction file."""
    path = tools.argument(call.args, "path")
    if path and INSTRUCTIONS.search(path):
        if tools.role(call.tool) == "write":
            yield tools.argument(call.args, "content")
        elif tools.role(call.tool) == "edit":
            old = set(tools.argument(call.args, "old").splitlines())
            yield "\n".join(line for line in tools.argument(call.args, "new").splitlines() if line not in old)
    for value in call.args.values():
        if isinstance(value, str) and "*** Begin Patch" in value:
            yield "\n".join(patched(value))


def patched(text: str) -> Iterator[str]:
    """Lines that an apply_patch text adds to instruction files."""
    inside = False
    for line in text.splitlines():
        if line.startswith("*** "):
            named = PATCHED.match(line)
            inside = bool(named and INSTRUCTIONS.search(named.group(1).strip()))
        elif inside and line.startswith("+"):
            yield line[1:]


def shows_instructions(call: Step) -> bool:
    path = tools.argument(call.args, "path")
    if tools.role(call.tool) == "read":
        return bool(path and INSTRUCTIONS.search(path))
    return tools.role(call.tool) == "shell" and bool(SHOWN.search(tools.argument(call.args, "command")[:2_000]))


def lines_of(text: str) -> Iterator[str]:
    """Lines that may be rules: list items and sentences, without numbers, fences and tables."""
    inside = False
    for raw in REMINDER.sub("", text[:100_000]).splitlines():
        line = NUMBERED.sub("", raw).strip()
        if line.startswith(("```", "~~~")):
            inside = not inside
        elif not inside and not line.startswith(("#", "|", "---", "<", "name:")) and len(line) <= 1_000:
            rule = re.sub(r"^(?:[-*+]|\d{1,3}[.)])\s+", "", line)
            if len(words_of(rule)) + len(codes_of(rule)) >= LEAST_WORDS:
                yield rule


def unique(rules: Iterator[Rule]) -> Iterator[Rule]:
    """Each line of a project once: at its first sight, written if it ever was."""
    known: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        key = (rule.project, " ".join(rule.text.split()).casefold())
        before = known.get(key)
        if before is None:
            known[key] = rule
        else:
            at = min(t for t in (before.at, rule.at, 9e12) if t)
            known[key] = before._replace(at=at, written=before.written or rule.written)
    yield from known.values()


if __name__ == "__main__":
    raise SystemExit(main())
