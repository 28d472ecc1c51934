"""The best lesson that the training rows teach of one pattern, or why they teach none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memento_skills.guards import Row
from memento_skills.records import Condition
from memento_skills.reflect.alternatives import Alternative, alternatives
from memento_skills.reflect.contrast import Score, Table, learn_rules

MIN_LOWER = 0.30
"""Least lower bound of precision on the training rows at which a lesson is worth testing on later ones."""
MIN_PRECISION = 0.60


class Lesson(NamedTuple):
    """Situations, the alternative, and how both do on the training rows."""

    situations: tuple[tuple[Condition, ...], ...]
    alternative: Alternative
    score: Score


def lesson_of(table: Table, numbers: Sequence[int], rows: Sequence[Row]) -> tuple[Lesson | None, str]:
    """The best lesson of a pattern's episodes (`rows`, at `numbers` in the table), or None with the reason."""
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
