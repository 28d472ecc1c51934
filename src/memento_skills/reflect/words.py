"""Facts of a lesson in plain words: what a template's sentences may say. No free text of a log gets through."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from memento_skills.guards import Row, tools
from memento_skills.records import Expect, Pattern
from memento_skills.reflect.lesson import Lesson
from memento_skills.reflect.plain import plain, sayable, value_of
from memento_skills.reflect.say import OWN, phrased, worked

UNKNOWN_OPTION = "unknown-option"
"""Kind of error, as detection's rules call it."""


def facts_of(lesson: Lesson, rows: Sequence[Row], pattern: Pattern) -> dict[str, str]:
    """Values for a template's sentences; what is not plain words is left out, so that the template refuses."""
    expect = lesson.alternative.expect
    commands = [c for c in commands_of(lesson) if not c.startswith("cd ")]
    common = Counter(h for r in rows for h in r.call.heads if not h.startswith("cd "))
    command = _fuller(max(commands, key=len, default=""), common, len(rows))
    grouped = next((p.text for p in pattern.signature.parts if p.name == "command"), "")
    # an error that denies an option is about the command that printed it, wherever that stands in the line
    named = any(p.name == "error" and p.text.startswith(UNKNOWN_OPTION) for p in pattern.signature.parts)
    command = grouped if grouped and (named or grouped.startswith(command + " ")) else command
    project = pattern.projects[0] if pattern.projects else ""
    found = {
        "command": command,
        "programs": command.split(" ", 1)[0],
        "flag": expect.flag,
        "instead": " ".join(expect.argv_prefix),
        "tool": rows[0].call.step.tool,
        "expect_tool": expect.tool,
        "project": re.sub(r"[^\w-]+", "-", project.rstrip("/").rsplit("/", 1)[-1]).strip("-").lower() or "project",
    }
    facts = {k: v for k, v in found.items() if v and plain(v)}
    if "flag" in facts:
        facts["flag_value"] = f"{expect.flag} {value_of(expect.value)}".strip()
    facts["worked_flag"] = _worked(rows, expect.flag)
    facts["worked"] = worked(facts, OWN)
    return facts | phrased(lesson.situations[:1], expect, OWN) | _changer(lesson)


def _worked(rows: Sequence[Row], flag: str) -> str:
    """The option that the call had when it worked, where two lineages agree on it."""
    lineages: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if not row.after:
            continue
        before, now = (call.features.get("flag", frozenset()) for call in (row.call, row.after[-1]))
        for new in now - before - tools.COSMETIC:
            lineages[new].add(row.lineage)
    best = max(sorted(lineages), key=lambda f: len(lineages[f]), default="")
    agreed = best and len(lineages[best]) >= 2 and best != flag and sayable(Expect(form="with", flag=best))
    return best if agreed else ""


def _changer(lesson: Lesson) -> dict[str, str]:
    """What rewrote the file, from whichever situation tells it."""
    return {"changer": phrased(lesson.situations, lesson.alternative.expect, OWN)["changer"]}


def _fuller(command: str, common: Counter[str], rows: int) -> str:
    """The command in two words where most of the failing lines agree on the second: `python3 report.py`."""
    for head, count in common.most_common():
        if not command or (head.startswith(command + " ") and " " not in command and 2 * count > rows):
            return head
    return command


def commands_of(lesson: Lesson) -> list[str]:
    """The commands that a lesson's conditions name."""
    return [str(c.value) for s in lesson.situations for c in s if c.feature == "command"]
