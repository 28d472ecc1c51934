"""Facts of a lesson in plain words: what a template's sentences may say. No free text of a log gets through."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from memento_skills.guards import Row
from memento_skills.records import Pattern
from memento_skills.reflect.lesson import Lesson
from memento_skills.reflect.plain import plain, value_of


def facts_of(lesson: Lesson, rows: Sequence[Row], pattern: Pattern) -> dict[str, str]:
    """Values for a template's sentences; what is not plain words is left out, so that the template refuses."""
    expect = lesson.alternative.expect
    commands = [c for c in commands_of(lesson) if not c.startswith("cd ")]
    common = Counter(h for r in rows for h in r.call.heads if not h.startswith("cd "))
    command = _fuller(max(commands, key=len, default=""), common, len(rows))
    grouped = next((p.text for p in pattern.signature.parts if p.name == "command"), "")
    command = grouped if grouped.startswith(command + " ") else command
    changers = sorted({str(c.value) for s in lesson.situations for c in s if c.feature == "changed_by"})
    project = pattern.projects[0] if pattern.projects else ""
    folder = "the project's root" if expect.path == "<root>" else f"`{expect.path.removeprefix('<root>/')}`"
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


def commands_of(lesson: Lesson) -> list[str]:
    """The commands that a lesson's conditions name."""
    return [str(c.value) for s in lesson.situations for c in s if c.feature == "command"]
