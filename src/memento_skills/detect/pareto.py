"""The concentration of repeated failures: do few patterns carry most of them? Measured, with an interval.

Definitions. An episode is one (lineage, signature); a pattern is *repeated* in two lineages or more; repeated episodes
are those of repeated patterns. In-sample: the most frequent 20 % of the repeated patterns (rounded up) and the share of
all repeated episodes that they carry. Held out: patterns are ranked by their episodes in one half of the lineages, and
the same number of them (the leading 20 %) is measured by its share of the other half's repeated episodes; the mean of
`SPLITS` random halves. The interval repeats the held-out measure with the lineages of each half drawn anew with
replacement; which patterns are repeated is a fact of the whole and stays.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from random import Random

from memento_skills.detect.grouping import episodes, with_lineages
from memento_skills.records import Concentration, Failure

TOP = 0.2
SPLITS = 200
"""Random halves of the held-out mean."""
RESAMPLES = 400
"""Bootstrap resamples."""
CONFIDENCE = 0.9
CURVE = 200
"""Points of the curve at most."""


def concentration(
    failures: Iterable[Failure], lineages: Mapping[str, str], *, seed: int = 0, rng: Random | None = None
) -> Concentration:
    """Share of repeated episodes in the top 20 % of patterns, with a 90 % interval; None where nothing is repeated.

    `rng` or, without one, `seed` decides the halves and resamples: the same failures in any order give the same answer.
    """
    rng = rng or Random(seed)  # noqa: S311  # statistics, not secrets
    found = sorted({(f.lineage, f.signature.id) for f in episodes(with_lineages(failures, lineages))})
    of_lineage: dict[str, list[str]] = defaultdict(list)
    for lineage, signature in found:
        of_lineage[lineage].append(signature)
    counts = repeated_counts(of_lineage)
    if not counts:
        return Concentration(top=TOP)
    names = sorted(of_lineage)
    halves = [_held_out(of_lineage, names, counts, rng, resample=False) for _ in range(SPLITS)]
    drawn = [_held_out(of_lineage, names, counts, rng, resample=True) for _ in range(RESAMPLES)]
    measured = [value for value in halves if value is not None]
    resampled = [value for value in drawn if value is not None]
    low, high = interval(resampled) if resampled else (None, None)
    ranked = sorted(counts.values(), reverse=True)
    total = sum(ranked)
    return Concentration(
        top=TOP,
        in_sample=sum(ranked[: top_count(len(ranked))]) / total,
        held_out=sum(measured) / len(measured) if measured else None,
        low=low,
        high=high,
        patterns=len(ranked),
        episodes=total,
        curve=_curve(ranked, total),
    )


def repeated_counts(of_lineage: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Episodes of each pattern that two lineages or more have."""
    counts = Counter(signature for signatures in of_lineage.values() for signature in signatures)
    return {signature: count for signature, count in counts.items() if count >= 2}


def top_count(patterns: int) -> int:
    """How many patterns are the top 20 %: rounded up."""
    return math.ceil(TOP * patterns - 1e-9)


def interval(values: Iterable[float]) -> tuple[float, float]:
    """The middle 90 % of the values (nearest ranks)."""
    ordered = sorted(values)
    tail = (1 - CONFIDENCE) / 2
    last = len(ordered) - 1
    return ordered[round(tail * last)], ordered[round((1 - tail) * last)]


def _held_out(
    of_lineage: Mapping[str, Sequence[str]],
    names: Sequence[str],
    repeated: Mapping[str, int],
    rng: Random,
    *,
    resample: bool,
) -> float | None:
    """Share of one half's repeated episodes in the patterns that lead the other half; None where it has none."""
    shuffled = list(names)
    rng.shuffle(shuffled)
    middle = len(shuffled) // 2
    halves = [shuffled[:middle], shuffled[middle:]]
    if resample:
        halves = [rng.choices(half, k=len(half)) if half else [] for half in halves]
    train, test = (Counter(s for name in half for s in of_lineage[name] if s in repeated) for half in halves)
    total = sum(test.values())
    if not total:
        return None
    leading = sorted(train, key=lambda signature: (-train[signature], signature))[: top_count(len(repeated))]
    return sum(test[signature] for signature in leading) / total


def _curve(ranked: Sequence[int], total: int) -> tuple[float, ...]:
    shares: list[float] = []
    running = 0
    for count in ranked:
        running += count
        shares.append(round(running / total, 6))
    if len(shares) <= CURVE:
        return tuple(shares)
    return tuple(shares[round(i * (len(shares) - 1) / (CURVE - 1))] for i in range(CURVE))
