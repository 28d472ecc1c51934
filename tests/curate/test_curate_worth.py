"""Within a lane the patch that comes before more harm for each line stands first; the order is the patches' own."""

from __future__ import annotations

from curate_build import NOW, patch, pattern, verdict
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from memento_skills.curate import queue
from memento_skills.records import QueueItem, Worth


def items(harms: list[tuple[float, int]], order: list[int]) -> tuple[QueueItem, ...]:
    patterns = [pattern(f"q{n}") for n in order]
    patches = [patch(f"p{n}", f"q{n}") for n in order]
    judged = [replace(verdict(f"p{n}"), worth=Worth(harm=harms[n][0], lines=harms[n][1])) for n in order]
    return queue(patches, judged, patterns, [], now=NOW)


def test_harm_for_each_line_decides_not_harm_alone() -> None:
    found = items([(10.0, 10), (6.0, 2)], [0, 1])
    scores = {i.patch: i.score for i in found}
    assert scores["p1"] > scores["p0"]


HARMS = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.5, 8.0]), st.integers(1, 9)), min_size=1, max_size=7)


@given(HARMS, st.randoms())
def test_the_ranking_is_stable(harms: list[tuple[float, int]], rng: object) -> None:
    order = list(range(len(harms)))
    first = items(harms, order)
    rng.shuffle(order)  # type: ignore[attr-defined]
    assert items(harms, order) == first
    ranked = sorted(first, key=lambda i: -i.score)
    assert [i.worth.per_line for i in ranked] == sorted((h / n for h, n in harms), reverse=True)
