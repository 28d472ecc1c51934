"""Intervals and exact tests: numbers in, numbers out, no randomness of its own and no numpy.

Exact where it decides something (tails in whole numbers or log-sums), approximate only where the name says so
(Wilson, bootstrap). A precondition that is broken is a mistake of the caller and raises `ValueError`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import Literal, TypeVar

from memento_skills.records import Record

T = TypeVar("T")

Side = Literal["both", "lower", "upper"]

_EXACT_UP_TO = 2_000
"""Largest n for which the tail at p = 0.5 is a quotient of whole numbers; above it, a log-sum of rel. error < 1e-9."""
_BISECTIONS = 80


class Spread(Record, frozen=True, kw_only=True):
    """How repeated measurements scatter, in the unit of the measurements."""

    n: int
    median: float
    low: float
    """Smallest."""
    high: float
    """Largest."""
    quartiles: tuple[float, float]

    @property
    def relative(self) -> float:
        """(high - low) / median; 0.0 where the median is 0."""
        return (self.high - self.low) / self.median if self.median else 0.0


def binomial_tail(k: int, n: int, p: float = 0.5) -> float:
    """P(X >= k) for X ~ Binomial(n, p): the exact one-sided test of k successes in n.

    Raises ValueError for n < 0 or p outside [0, 1].
    """
    _require_trials(n)
    _require_share("p", p)
    if k <= 0:
        return 1.0
    if k > n or p == 0.0:
        return 0.0
    if p == 1.0:
        return 1.0
    if p == 0.5 and n <= _EXACT_UP_TO:
        return float(sum(math.comb(n, i) for i in range(k, n + 1)) / 2**n)
    upper = _mass(k, n, n, p)
    # Rounding of many terms can pass 1, and near 1 the small other tail is the better-known number.
    return upper if upper < 0.5 else max(0.0, 1.0 - _mass(0, k - 1, n, p))


def _mass(low: int, high: int, n: int, p: float) -> float:
    """P(low <= X <= high), each term through its logarithm so that neither factor over- nor underflows."""
    log_p, log_q, log_n = math.log(p), math.log1p(-p), math.lgamma(n + 1)
    return math.fsum(
        math.exp(log_n - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q)
        for i in range(low, high + 1)
    )


def wilson(k: int, n: int, confidence: float = 0.9, side: Side = "both") -> tuple[float, float]:
    """Wilson score interval (low, high) of the share k/n; (0, 1) where n is 0.

    `side="lower"` puts all of the error below (high is 1.0), `"upper"` all above (low is 0.0).
    Source: Wilson 1927. Raises ValueError for k outside [0, n] or confidence outside (0, 1).
    """
    _require_count(k, n)
    _require_level(confidence)
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2 if side == "both" else confidence)
    share, z2 = k / n, z * z
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = abs(z) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # At the edges the formula is 0 or 1 but for rounding; an interval that misses its own share would be absurd.
    low = 0.0 if side == "upper" or k == 0 else max(0.0, centre - math.copysign(half, z))
    high = 1.0 if side == "lower" or k == n else min(1.0, centre + math.copysign(half, z))
    return low, high


def exact_binomial_interval(k: int, n: int, confidence: float = 0.95, side: Side = "both") -> tuple[float, float]:
    """Clopper-Pearson interval (low, high) of the share k/n: never covers less than it says; (0, 1) where n is 0.

    One-sided with `side`, as in `wilson`. Raises ValueError for k outside [0, n] or confidence outside (0, 1).
    """
    _require_count(k, n)
    _require_level(confidence)
    if n == 0:
        return 0.0, 1.0
    alpha = (1 - confidence) / (2 if side == "both" else 1)
    low, high = 0.0, 1.0
    if side != "upper" and k > 0:
        low = _crossing(lambda p: binomial_tail(k, n, p) >= alpha)
    if side != "lower" and k < n:
        # P(X <= k) = P(n - X >= n - k) under 1 - p: one tail function serves both ends without cancellation.
        high = _crossing(lambda p: binomial_tail(n - k, n, 1 - p) < alpha)
    return low, high


def _crossing(reached: Callable[[float], bool]) -> float:
    """Smallest p in [0, 1] at which a condition that only ever turns on has turned on, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if reached(middle):
            high = middle
        else:
            low = middle
    return high


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: reject those <= q to keep the false-discovery rate at q.

    Source: Benjamini and Hochberg 1995. Raises ValueError for a value outside [0, 1].
    """
    for p in ps:
        _require_share("p-value", p)
    m = len(ps)
    adjusted = [0.0] * m
    smallest = 1.0
    for rank, index in reversed(list(enumerate(sorted(range(m), key=ps.__getitem__), start=1))):
        smallest = min(smallest, ps[index] * m / rank)
        adjusted[index] = smallest
    return adjusted


def bootstrap(
    values_by_unit: Mapping[str, T] | Sequence[T],
    statistic: Callable[[Sequence[T]], float | None],
    rng: random.Random,
    n: int = 1000,
    confidence: float = 0.9,
) -> tuple[float | None, float | None]:
    """Percentile interval (low, high) of a statistic, by drawing whole units (lineages) with replacement.

    `statistic` gets one value for each drawn unit and may answer None where a draw has no answer (0 of 0): such
    draws are left out. (None, None) without units or where no draw has an answer. A mapping is drawn from in the
    order of its keys, so that the same seed gives the same interval whatever order it was filled in.
    Raises ValueError for n < 1 or confidence outside (0, 1).
    """
    _require_level(confidence)
    if n < 1:
        raise ValueError(f"n is {n}; at least one draw is needed")
    if isinstance(values_by_unit, Mapping):
        units = [values_by_unit[key] for key in sorted(values_by_unit)]
    else:
        units = list(values_by_unit)
    if not units:
        return None, None
    drawn = (statistic(rng.choices(units, k=len(units))) for _ in range(n))
    answers = sorted(x for x in drawn if x is not None and not math.isnan(x))
    if not answers:
        return None, None
    tail = (1 - confidence) / 2
    return quantile(answers, tail), quantile(answers, 1 - tail)


def quantile(xs: Sequence[float], q: float) -> float:
    """The q-quantile, between neighbours by straight line (type 7). Raises ValueError for no xs or q outside [0, 1]."""
    _require_share("q", q)
    if not xs:
        raise ValueError("a quantile of nothing")
    ordered = sorted(xs)
    position = q * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def spread(xs: Sequence[float]) -> Spread:
    """Median, range and quartiles of repeated measurements. Raises ValueError for none."""
    return Spread(
        n=len(xs),
        median=quantile(xs, 0.5),
        low=min(xs),
        high=max(xs),
        quartiles=(quantile(xs, 0.25), quantile(xs, 0.75)),
    )


def _require_trials(n: int) -> None:
    if n < 0:
        raise ValueError(f"n is {n}; it counts trials")


def _require_count(k: int, n: int) -> None:
    _require_trials(n)
    if not 0 <= k <= n:
        raise ValueError(f"k is {k}; it counts successes among n = {n}")


def _require_share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{name} is {value}; it lies in [0, 1]")


def _require_level(confidence: float) -> None:
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence is {confidence}; it lies strictly between 0 and 1")
