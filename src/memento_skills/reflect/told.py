"""Lessons that the error message itself tells: no recovery is needed to know that an option does not exist."""

from __future__ import annotations

from collections.abc import Sequence

from memento_skills.guards import Row
from memento_skills.records import Condition, Expect, Pattern
from memento_skills.reflect.alternatives import Alternative
from memento_skills.reflect.contrast import Score, Table, judged, measure, situations_mask
from memento_skills.reflect.lesson import Lesson
from memento_skills.reflect.plain import plain, sayable

UNKNOWN_OPTION = "unknown-option"


def told_lesson(pattern: Pattern, table: Table, numbers: Sequence[int], rows: Sequence[Row]) -> Lesson | None:
    """The lesson *leave the option out* of a pattern whose errors name an option that the command does not have.

    One lineage is enough: an accident seen once is an anecdote, but a program that names the option it does not know
    states a fact about itself. None for other errors, or where the same call also went through.
    """
    parts = {p.name: p.text for p in pattern.signature.parts if p.contributes}
    error, _, option = parts.get("error", "").partition(" ")
    command = parts.get("command", "")
    expect = Expect(form="without", flag=option)
    known = bool(rows) and error == UNKNOWN_OPTION and bool(option) and bool(command)
    if not known or not sayable(expect) or not plain(command):
        return None
    situation = (
        Condition(feature="tool", value=rows[0].call.step.tool),
        Condition(feature="command", op="has", value=command),
        Condition(feature="flag", op="has", value=option),
    )
    score = measure(table, situations_mask(table, [situation]), judged(table, numbers, expect))
    if not score.lineages or score.false or score.wrong > score.right:
        return None
    lineages = len({row.lineage for row in rows})
    return Lesson((situation,), Alternative(expect, score.lineages, lineages), score, Score(), tuple(sorted(numbers)))
