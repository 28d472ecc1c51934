"""Intervals and exact tests, with scipy as the oracle and the published tables as examples."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as oracle

from memento_skills import stats

COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SHARES = st.floats(0.001, 0.999)


@given(COUNTS, SHARES)
def test_tail_is_scipys(kn: tuple[int, int], p: float) -> None:
    k, n = kn
    assert stats.binomial_tail(k, n, p) == pytest.approx(oracle.binom.sf(k - 1, n, p), rel=1e-8, abs=1e-300)


@given(COUNTS)
def test_tail_at_one_half_is_scipys(kn: tuple[int, int]) -> None:
    k, n = kn
    assert stats.binomial_tail(k, n) == pytest.approx(
        oracle.binomtest(k, n, 0.5, alternative="greater").pvalue, rel=1e-10
    )


@pytest.mark.parametrize(("k", "n", "p"), [(5_100, 10_000, 0.5), (52_000, 100_000, 0.5), (90, 100_000, 0.0005)])
def test_tail_of_many_trials_is_scipys(k: int, n: int, p: float) -> None:
    assert stats.binomial_tail(k, n, p) == pytest.approx(oracle.binom.sf(k - 1, n, p), rel=1e-8)


@given(COUNTS)
def test_tails_of_a_fair_coin_mirror(kn: tuple[int, int]) -> None:
    k, n = kn
    assert stats.binomial_tail(k, n) + stats.binomial_tail(n - k + 1, n) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("k", "n", "p", "expected"),
    [(0, 5, 0.3, 1.0), (6, 5, 0.3, 0.0), (3, 5, 0.0, 0.0), (3, 5, 1.0, 1.0), (0, 0, 0.5, 1.0), (-2, 5, 0.5, 1.0)],
)
def test_tail_at_its_edges(k: int, n: int, p: float, expected: float) -> None:
    assert stats.binomial_tail(k, n, p) == expected


@pytest.mark.parametrize(("wins", "alpha"), [(5, 0.05), (7, 0.01), (10, 0.001)])
def test_sign_test_needs_exactly_the_tabled_wins(wins: int, alpha: float) -> None:
    """5, 7, 10 wins without a loss for 0.05, 0.01, 0.001."""
    assert stats.binomial_tail(wins, wins) <= alpha < stats.binomial_tail(wins - 1, wins - 1)


def test_eight_wins_and_one_loss() -> None:
    assert round(stats.binomial_tail(8, 9), 4) == 0.0195


@pytest.mark.parametrize(("k", "n", "bound"), [(0, 59, 0.05), (0, 149, 0.02), (0, 299, 0.01), (1, 93, 0.05)])
def test_regression_guard_bounds(k: int, n: int, bound: float) -> None:
    """One-sided 95 % upper bound of the breakage."""
    upper = stats.exact_binomial_interval(k, n, 0.95, "upper")[1]
    assert upper <= bound < stats.exact_binomial_interval(k, n - 1, 0.95, "upper")[1]


@pytest.mark.parametrize(("runs", "reliability"), [(14, 0.8), (29, 0.9), (59, 0.95)])
def test_all_pass_runs_for_a_reliability(runs: int, reliability: float) -> None:
    lower = stats.exact_binomial_interval(runs, runs, 0.95, "lower")[0]
    assert stats.exact_binomial_interval(runs - 1, runs - 1, 0.95, "lower")[0] < reliability <= lower


@given(COUNTS, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
@settings(max_examples=40)
def test_exact_interval_is_scipys(kn: tuple[int, int], confidence: float) -> None:
    k, n = kn
    expected = oracle.binomtest(k, n).proportion_ci(confidence, "exact")
    assert stats.exact_binomial_interval(k, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(COUNTS, st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_wilson_is_scipys(kn: tuple[int, int], confidence: float) -> None:
    k, n = kn
    expected = oracle.binomtest(k, n).proportion_ci(confidence, "wilson")
    assert stats.wilson(k, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(COUNTS, st.floats(0.01, 0.99))
def test_one_sided_wilson_is_one_end_of_the_wider_interval(kn: tuple[int, int], confidence: float) -> None:
    k, n = kn
    low, high = stats.wilson(k, n, confidence, "lower")
    assert high == 1.0
    if confidence > 0.5:
        assert low == pytest.approx(stats.wilson(k, n, 2 * confidence - 1)[0], abs=1e-9)
    assert stats.wilson(n - k, n, confidence, "upper")[1] == pytest.approx(1 - low, abs=1e-12)


@given(COUNTS, st.floats(0.5, 0.99))
def test_intervals_hold_the_share(kn: tuple[int, int], confidence: float) -> None:
    k, n = kn
    for low, high in (stats.wilson(k, n, confidence), stats.exact_binomial_interval(k, n, confidence)):
        assert 0.0 <= low <= k / n <= high <= 1.0


def test_nothing_seen_says_nothing() -> None:
    assert stats.wilson(0, 0) == stats.exact_binomial_interval(0, 0) == (0.0, 1.0)


@given(st.lists(st.floats(0, 1), max_size=40))
def test_adjusted_p_values_are_scipys(ps: list[float]) -> None:
    expected = list(oracle.false_discovery_control(ps)) if ps else []
    assert stats.benjamini_hochberg(ps) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_adjustment_follows_its_value_whatever_the_order(ps: list[float], rng: random.Random) -> None:
    order = list(range(len(ps)))
    rng.shuffle(order)
    adjusted = stats.benjamini_hochberg(ps)
    assert stats.benjamini_hochberg([ps[i] for i in order]) == [adjusted[i] for i in order]


def _mean(xs: object) -> float:
    values = list(xs)  # type: ignore[call-overload]
    return float(sum(values) / len(values))


def test_bootstrap_covers_the_mean_as_often_as_it_says() -> None:
    """200 samples of 40: the 90 % interval of the mean covers the truth in 82 % to 97 % (seed 7)."""
    rng = random.Random(7)
    covered = 0
    for _ in range(200):
        sample = [rng.gauss(0, 1) for _ in range(40)]
        low, high = stats.bootstrap(sample, _mean, rng, n=200)
        assert low is not None
        assert high is not None
        covered += low <= 0 <= high
    assert 164 <= covered <= 194


def test_bootstrap_is_repeatable_whatever_the_order_of_the_units() -> None:
    units = {"a": 1.0, "b": 5.0, "c": 2.0}
    backwards = dict(reversed(units.items()))
    assert stats.bootstrap(units, _mean, random.Random(1)) == stats.bootstrap(backwards, _mean, random.Random(1))


def test_bootstrap_draws_whole_units() -> None:
    sizes: set[int] = set()

    def total(drawn: object) -> float:
        values = list(drawn)  # type: ignore[call-overload]
        sizes.update(len(unit) for unit in values)
        return float(len(values))

    assert stats.bootstrap([(1, 2, 3), (4, 5, 6)], total, random.Random(0), n=50) == (2.0, 2.0)
    assert sizes == {3}


def test_bootstrap_leaves_out_draws_without_an_answer() -> None:
    assert stats.bootstrap([], _mean, random.Random(0)) == (None, None)
    assert stats.bootstrap([1, 2], lambda _: None, random.Random(0)) == (None, None)
    assert stats.bootstrap([1, 2], lambda _: math.nan, random.Random(0)) == (None, None)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(0, 1))
def test_quantile_lies_within_and_grows(xs: list[float], q: float) -> None:
    assert min(xs) <= stats.quantile(xs, q) + 1e-6
    assert stats.quantile(xs, q) <= max(xs) + 1e-6
    assert stats.quantile(xs, q / 2) <= stats.quantile(xs, q) + 1e-6


def test_spread_of_five() -> None:
    found = stats.spread([3.0, 1.0, 2.0, 5.0, 4.0])
    assert (found.n, found.median, found.low, found.high, found.quartiles) == (5, 3.0, 1.0, 5.0, (2.0, 4.0))
    assert found.relative == pytest.approx(4 / 3)
    assert stats.spread([0.0]).relative == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: stats.binomial_tail(1, -1),
        lambda: stats.binomial_tail(1, 2, 1.5),
        lambda: stats.wilson(3, 2),
        lambda: stats.wilson(1, 2, 1.0),
        lambda: stats.exact_binomial_interval(-1, 2),
        lambda: stats.benjamini_hochberg([0.5, math.nan]),
        lambda: stats.bootstrap([1], _mean, random.Random(0), n=0),
        lambda: stats.quantile([], 0.5),
    ],
)
def test_a_broken_precondition_is_named(call: object) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        call()  # type: ignore[operator]
