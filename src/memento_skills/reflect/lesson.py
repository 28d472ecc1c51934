"""The best lesson that the training rows teach of one pattern, or why they teach none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memento_skills.guards import Row, judge
from memento_skills.records import Condition
from memento_skills.reflect.alternatives import Alternative, alternatives
from memento_skills.reflect.contrast import (
    Score,
    Table,
    judged,
    learn_rules,
    measure,
    situations_mask,
    value,
)
from memento_skills.reflect.unseen import out_of_fold

MIN_LOWER = 0.30
"""Least lower bound of precision on the training rows at which a lesson is worth testing on later ones."""
MIN_PRECISION = 0.60
MIN_UNSEEN = 0.50
"""Least precision on training lineages that were left out."""
MOST_ALTERNATIVES = 4
MOST_TRIED = 2
"""Lessons of one pattern that are tried on left-out lineages."""


class Lesson(NamedTuple):
    """Situations, the alternative, and how both do on the training rows."""

    situations: tuple[tuple[Condition, ...], ...]
    alternative: Alternative
    score: Score
    unseen: Score
    """What learning the same way is worth on training lineages that were left out (`unseen.out_of_fold`)."""

    positives: tuple[int, ...] = ()
    """Numbers of the rows it was learnt from."""

    @property
    def confidence(self) -> float:
        """Lower bound of precision where lineages were left out; where that decides nothing, half of the other."""
        return self.unseen.lower if _decided(self.unseen) else self.score.lower / 2


def lesson_of(table: Table, numbers: Sequence[int], rows: Sequence[Row]) -> tuple[Lesson | None, str]:
    """The best lesson of a pattern's episodes (`rows`, at `numbers` in the table), or None with the reason."""
    if len({r.lineage for r in rows}) < 2:
        return None, "seen in one lineage only: a rule learnt once is an anecdote"
    candidates = alternatives(rows)
    if not candidates:
        return None, "nothing is known that worked instead in two lineages"
    found = [
        lesson
        for alternative in candidates[:MOST_ALTERNATIVES]
        for positives in _pools(table, numbers, alternative)
        if (lesson := _lesson(table, numbers, positives, alternative))
    ]
    if not found:
        return None, "the failing calls cannot be told from like calls that succeeded"
    sound = [lesson for lesson in found if not weak(lesson.score)]
    if not sound:
        return None, f"the best rule would be {_said(max(found, key=_worth).score)} on the logs it was learnt from"
    tried: list[Lesson] = []
    for lesson in sorted(sound, key=_worth, reverse=True)[:MOST_TRIED]:
        tried.append(_tried(table, numbers, lesson))
        if _decided(tried[-1].unseen) and not _fell(tried[-1].unseen):
            break  # the worthiest lesson that stands is the one
    stood = [lesson for lesson in tried if not _fell(lesson.unseen)]
    if not stood:
        return None, f"rules learnt without some of the logs would be {_said(tried[0].unseen)} on those"
    return max(stood, key=lambda lesson: (_decided(lesson.unseen) > 0, _worth(lesson))), ""


def _pools(table: Table, numbers: Sequence[int], alternative: Alternative) -> list[list[int]]:
    """What to learn from: the pattern's own episodes, and these with its family where it has one."""
    own, wide = sorted(numbers), family(table, numbers, alternative)
    return [own] if own == wide else [own, wide]


def _lesson(table: Table, numbers: Sequence[int], positives: Sequence[int], alternative: Alternative) -> Lesson | None:
    """The rules learnt from `positives`, where they catch the pattern itself in two lineages, scored on it."""
    learned = learn_rules(table, positives, alternative.expect)
    if learned is None:
        return None
    score = measure(table, situations_mask(table, learned[0]), judged(table, numbers, alternative.expect))
    return Lesson(learned[0], alternative, score, Score(), tuple(positives)) if score.lineages >= 2 else None


def _tried(table: Table, numbers: Sequence[int], lesson: Lesson) -> Lesson:
    """The lesson with as many of its situations as do best on left-out lineages."""
    expect = lesson.alternative.expect
    unseen = out_of_fold(table, lesson.positives, expect, weak)[: len(lesson.situations)]
    own = judged(table, numbers, expect)
    shorter = [
        (
            lesson._replace(
                situations=lesson.situations[: k + 1],
                score=measure(table, situations_mask(table, lesson.situations[: k + 1]), own),
                unseen=score,
            )
        )
        for k, score in enumerate(unseen)
    ]
    return max((s for s in shorter if s.score.lineages >= 2), key=lambda s: value(s.unseen))


def _worth(lesson: Lesson) -> float:
    score, alternative = lesson.score, lesson.alternative
    supported = alternative.lineages / max(1, alternative.of)
    return float(score.lower * (score.lineages / score.of) ** 0.5 * supported)


def _decided(score: Score) -> int:
    return score.right + score.wrong + score.false


def _fell(unseen: Score) -> bool:
    """Whether it failed on what was left out; one call alone decides nothing."""
    return _decided(unseen) > 1 and unseen.right / _decided(unseen) < MIN_UNSEEN


def family(table: Table, numbers: Sequence[int], alternative: Alternative) -> list[int]:
    """The pattern's episodes and those of others, with the same tool, for which the same alternative was right.

    One cause has several error messages: an edit of what was never read fails as *not read yet* and as *not found*.
    """
    tools = {table.rows[i].call.step.tool for i in numbers}
    others = (i for i in table.episodes if table.rows[i].call.step.tool in tools)
    return sorted({*numbers, *(i for i in others if judge(alternative.expect, table.rows[i]) == "right")})


def weak(score: Score) -> bool:
    """Whether a score is too low to be tested on later logs; one that nothing decides is not."""
    decided = _decided(score)
    return decided > 0 and (score.right / decided < MIN_PRECISION or score.lower < MIN_LOWER)


def _said(score: Score) -> str:
    return f"right {score.right} times and wrong or needless {score.wrong + score.false} times"
