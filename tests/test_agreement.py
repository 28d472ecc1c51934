"""Agreement measures against cases computed by hand, and their laws."""

from __future__ import annotations

import math

import pytest
from bench.agreement import adjusted_mutual_information, b_cubed, by_class, kappa, v_measure
from hypothesis import given
from hypothesis import strategies as st

LABELS = st.lists(st.sampled_from("abc"), min_size=1, max_size=12)


def test_b_cubed_of_one_group_for_two_classes() -> None:
    found = b_cubed("aab", "xxx")
    assert found.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3) / 3)
    assert found.recall == 1


def test_b_cubed_of_a_class_in_two_groups() -> None:
    assert b_cubed("aaaa", "xxyy") == pytest.approx((1, 0.5, 2 / 3))


def test_v_is_one_for_the_same_partition_under_other_names() -> None:
    assert v_measure("aabb", "xxyy").f1 == pytest.approx(1)


def test_adjusted_mutual_information_of_two_by_two_crossed_is_below_chance() -> None:
    # mutual information 0; expected over the 3 ways to pair four things: 1/3 of them give ln 2
    expected = math.log(2) / 3
    assert adjusted_mutual_information("aabb", "xyxy") == pytest.approx(-expected / (math.log(2) - expected))


def test_adjusted_mutual_information_of_a_near_match() -> None:
    # as scikit-learn 1.9 gives: adjusted_mutual_info_score([0, 0, 1, 1], [0, 0, 1, 2])
    assert adjusted_mutual_information("aabb", "xxyz") == pytest.approx(0.571428571, abs=1e-6)


def test_kappa_by_hand() -> None:
    assert kappa("aabb", "abbb") == pytest.approx((0.75 - 0.5) / 0.5)


def test_rates_of_a_class_by_hand() -> None:
    assert by_class("aab", "aba")["a"] == pytest.approx((0.5, 0.5, 0.5))


@given(LABELS)
def test_every_measure_is_one_for_the_same_labels(labels: list[str]) -> None:
    same = (b_cubed(labels, labels).f1, adjusted_mutual_information(labels, labels), kappa(labels, labels))
    assert same == pytest.approx((1, 1, 1))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), min_size=1, max_size=14))
def test_names_of_groups_do_not_matter(pairs: list[tuple[str, str]]) -> None:
    truth, found = [a for a, _ in pairs], [b for _, b in pairs]
    renamed = [{"x": 9, "y": 8, "z": 7}[name] for name in found]
    assert b_cubed(truth, found) == b_cubed(truth, renamed)
    assert adjusted_mutual_information(truth, found) == pytest.approx(adjusted_mutual_information(truth, renamed))
