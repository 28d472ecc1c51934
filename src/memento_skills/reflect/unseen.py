"""What a lesson is worth on lineages that it has not seen: learnt again without some of them, and tested on these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

from memento_skills.records import Expect
from memento_skills.reflect.contrast import (
    MAX_SITUATIONS,
    Score,
    Table,
    bits,
    judged,
    learn_rules,
    measure,
    situations_mask,
)
from memento_skills.stats import wilson

FOLDS = 8


def out_of_fold(table: Table, positives: Sequence[int], expect: Expect, weak: Callable[[Score], object]) -> list[Score]:
    """How rules learnt without some lineages do on these: what learning the same way is worth on lineages not seen.

    The lineages of `positives` are dealt to at most `FOLDS` folds, all others by their name; each fold is tested
    with what the rest teaches, unless that is `weak`, and the counts are added: for one situation, for the first
    two, and so on. A condition that fits two accidents does not survive this.
    """
    names = sorted({table.rows[i].lineage for i in positives})
    n = min(FOLDS, len(names))
    dealt = {lineage: i % n for i, lineage in enumerate(names)}
    fold_of = [dealt.get(r.lineage, crc32(r.lineage.encode()) % n) for r in table.rows]
    worth = judged(table, positives, expect)
    sums = [Score(of=len(names)) for _ in range(MAX_SITUATIONS)]
    for fold in range(n):
        held = bits(i for i, f in enumerate(fold_of) if f == fold)
        learned = learn_rules(
            _without(table, held, fold_of, fold), [i for i in positives if fold_of[i] != fold], expect
        )
        if learned is None or weak(learned[1]):
            continue
        for k in range(MAX_SITUATIONS):
            score = measure(table, held & situations_mask(table, learned[0][: k + 1]), worth)
            sums[k] = _added(sums[k], score)
    return sums


def _added(one: Score, other: Score) -> Score:
    right, wrong, false = one.right + other.right, one.wrong + other.wrong, one.false + other.false
    decided = right + wrong + false
    return Score(
        right, wrong, one.undecidable + other.undecidable, false, one.lineages + other.lineages, one.of,
        wilson(right, decided, 0.8)[0] if decided else 0.0,
    )  # fmt: skip


def _without(table: Table, held: int, fold_of: Sequence[int], fold: int) -> Table:
    return table._replace(
        everything=table.everything & ~held,
        good=table.good & ~held,
        episodes=tuple(i for i in table.episodes if fold_of[i] != fold),
    )
