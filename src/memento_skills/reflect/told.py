"""Lessons that the error message itself tells: no recovery is needed to know that an option does not exist.

One lineage is enough for these. An accident seen once is an anecdote, but a program that names the option it does not
know, or a client that names the argument it misses, states a fact about itself. A like call that went through
refutes it.
"""

from __future__ import annotations

from collections.abc import Sequence

from memento_skills.guards import Row
from memento_skills.records import Condition, Expect, Pattern
from memento_skills.reflect.alternatives import Alternative
from memento_skills.reflect.contrast import Score, Table, judged, measure, situations_mask
from memento_skills.reflect.lesson import Lesson
from memento_skills.reflect.plain import plain, sayable
from memento_skills.reflect.words import UNKNOWN_OPTION

WRONG_ARGUMENTS = "wrong-arguments"
FACTS = frozenset(("no_such_option", "missing_argument", "no_such_argument"))
"""Templates that say a fact about a program or tool: it holds for every user of it."""

Situation = tuple[Condition, ...]


def told_lesson(pattern: Pattern, table: Table, numbers: Sequence[int], rows: Sequence[Row]) -> Lesson | None:
    """What the errors of a pattern tell: *leave the option out*, *give the argument*, *leave the argument out*.

    None for other errors, and where a like call also went through.
    """
    told = _told(pattern, rows[0]) if rows else None
    if told is None or not sayable(told[1]):
        return None
    situation, expect = told
    score = measure(table, _fulfilling(table, situation), judged(table, numbers, expect))
    if not score.lineages or score.false or score.wrong > score.right:
        return None
    lineages = len({row.lineage for row in rows})
    return Lesson((situation,), Alternative(expect, score.lineages, lineages), score, Score(), tuple(sorted(numbers)))


def _told(pattern: Pattern, row: Row) -> tuple[Situation, Expect] | None:
    parts = {p.name: p.text for p in pattern.signature.parts if p.contributes}
    error, _, option = parts.get("error", "").partition(" ")
    tool = Condition(feature="tool", value=row.call.step.tool)
    command, name = parts.get("command", ""), parts.get("name", "")
    if error == UNKNOWN_OPTION and option and command and plain(command):
        runs = Condition(feature="command", op="has", value=command)
        return (tool, runs, Condition(feature="flag", op="has", value=option)), Expect(form="without", flag=option)
    if error == WRONG_ARGUMENTS and name:
        given = name in row.call.features["argument"]
        condition = Condition(feature="argument", op="has" if given else "lacks", value=name)
        return (tool, condition), Expect(form="without" if given else "with", flag=name)
    return None


def _fulfilling(table: Table, situation: Situation) -> int:
    """The rows of a situation whose last condition may be one of absence, which the table does not index."""
    *rest, last = situation
    if last.op != "lacks":
        return situations_mask(table, [situation])
    has = Condition(feature=last.feature, op="has", value=last.value)
    return situations_mask(table, [tuple(rest)]) & ~table.masks.get(has)
