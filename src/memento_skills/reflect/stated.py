"""Lessons that an error message states itself: the option that a program does not have.

One observation of an accident is an anecdote; one of a program that names the option it does not know is a fact about
that program. So these need one lineage only, as long as no like call with the option ever worked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memento_skills.guards import Row, judge, tools
from memento_skills.records import Condition, Expect
from memento_skills.reflect.alternatives import Alternative
from memento_skills.reflect.contrast import Table, judged, measure, situations_mask
from memento_skills.reflect.lesson import Lesson
from memento_skills.shell import Command, flags, head

RULE = "fault/usage"
"""The rule of detection that tells a command called with words it does not know."""
_WORD = re.compile(r"[a-z][a-z0-9-]{1,19}(?: [a-z][a-z0-9-]{1,19}){1,2}\Z")


def stated(table: Table, numbers: Sequence[int]) -> Lesson | None:
    """The lesson that the messages of these episodes state, or None."""
    for number in numbers:
        row = table.rows[number]
        for command, flag in _unknown(row):
            lesson = _lesson(table, numbers, command, flag)
            if lesson is not None and judge(lesson.alternative.expect, row) in ("right", "undecidable"):
                return lesson
    return None


def _unknown(row: Row) -> list[tuple[Command, str]]:
    """Options of the line that the message names, each with the simple command that has it."""
    if row.failure is None or not row.failure.rule.startswith(RULE) or tools.role(row.call.step.tool) != "shell":
        return []
    said = row.failure.quote
    return [
        (command, flag)
        for command in tools.parsed(tools.argument(row.call.step.args, "command"))
        for flag in flags(command.argv)
        if len(flag) > 1 and re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", said)
    ]


def _lesson(table: Table, numbers: Sequence[int], command: Command, flag: str) -> Lesson | None:
    expect = Expect(form="without", flag=flag)
    for n in (2, 3):
        words = " ".join(head(command.argv, n))
        if not _WORD.match(words):
            continue
        situation = (
            Condition(feature="tool", value=table.rows[numbers[0]].call.step.tool),
            Condition(feature="command", op="has", value=words),
            Condition(feature="flag", op="has", value=flag),
        )
        score = measure(table, situations_mask(table, (situation,)), judged(table, numbers, expect))
        if score.lineages and not score.false and not score.wrong:
            return Lesson((situation,), Alternative(expect, score.lineages, score.lineages), score, score)
    return None
