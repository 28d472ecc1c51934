"""Points and lengths of time as people write them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.app.when import day, days, moment, spell
from memento_skills.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90d", 1000 * 86_400 - 90 * 86_400),
        ("12h", 1000 * 86_400 - 12 * 3600),
        ("2w", 1000 * 86_400 - 14 * 86_400),
        ("1970-01-02", 86_400),
        ("1970-01-02T01:00", 90_000),
        ("1970-01-02T01:00+01:00", 86_400),
    ],
)
def test_lengths_count_back_from_now_and_dates_are_utc(text: str, expected: float) -> None:
    assert moment(text, 1000 * 86_400) == expected


@pytest.mark.parametrize("text", ["", "soon", "90", "-3d", "9999999d", "2026-13-01", "९०d"])
def test_anything_else_is_a_usage_error_naming_the_flag(text: str) -> None:
    with pytest.raises(UsageError, match="--until"):
        moment(text, 0, flag="--until")


@given(st.text(max_size=20))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(moment(text, 0.0), float)
    with contextlib.suppress(UsageError):
        assert days(text) >= 0


@given(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)))
def test_a_day_is_a_date_or_nothing(at: float | None) -> None:
    assert day(at) == "" or day(at).count("-") >= 2


@pytest.mark.parametrize(("seconds", "words"), [(40, "40 s"), (720, "12 min"), (11_100, "3 h 05 min"), (0, "0 s")])
def test_lengths_are_spelt_for_people(seconds: float, words: str) -> None:
    assert spell(seconds) == words
