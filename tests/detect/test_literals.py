"""The literal that each match of an expression holds: what `in` rules out, no search would have found."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.detect import rules
from memento_skills.detect.literals import compiled, finders, literal_of, searches

_ATOMS = ("a", "Bc", "k", "[ab]", "[^]|]", "(?:a|b)", "(?i:K)", r"\w", r"\.", r"\x41", ".", " ", "{", "(?!a)", "|", "é")
_COUNTS = ("", "?", "*", "+", "{0,2}", "{2}", "{,1}", "*?")
_PATTERNS = st.tuples(
    st.sampled_from(("", "(?i)")), st.lists(st.tuples(st.sampled_from(_ATOMS), st.sampled_from(_COUNTS)), max_size=5)
).map(lambda made: made[0] + "".join(atom + ("" if atom in ("|", "(?!a)") else count) for atom, count in made[1]))
_TABLES = ("fault", "cause", "severity", "aliases", "decisive", "voices")


def _rows() -> list[rules.Rule]:
    tables = rules.load()
    return [row for name in _TABLES for row in getattr(tables, name)]


@given(_PATTERNS, st.text("aAbBcCkK\u212a.{} |1]éÉ\n", max_size=12))
def test_what_is_ruled_out_is_not_found(pattern: str, text: str) -> None:
    (finder,) = finders((pattern,))
    assert finder.may(text) or compiled(pattern).search(text) is None


def test_the_examples_of_the_tables_are_found_as_by_searching_alone() -> None:
    texts = [example.text for row in _rows() for example in row.examples]
    for row in _rows():
        for patterns in (row.text, row.line, row.command, row.not_text):
            for text in texts:
                assert searches(patterns, text) == any(re.search(p, text, re.MULTILINE) for p in patterns)


def test_nearly_every_expression_of_the_tables_has_a_literal() -> None:
    patterns = [p for row in _rows() for p in (*row.text, *row.line, *row.not_text)]
    assert sum(literal_of(p)[0] == "" for p in patterns) < len(patterns) / 20


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("No such file", ("No such file", False)),
        ("(?i)Not Found", ("not found", True)),
        (r"^go\.mod file", ("go.mod file", False)),
        ("ab?cd", ("cd", False)),
        ("(?:xyz|b)ca+", ("ca", False)),
        ("one|two", ("", False)),
        (r"a\x41bcd", ("", False)),
        ("(?s)a.b", ("", False)),
    ],
)
def test_the_literal_of_an_expression(pattern: str, literal: tuple[str, bool]) -> None:
    assert literal_of(pattern) == literal
