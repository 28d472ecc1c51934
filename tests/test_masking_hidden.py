"""Hidden characters are found and shown; ordinary text of any language is left alone."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.masking import hidden_characters, visible


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a\u202eb", "bidi"), ("a\u2066b", "bidi"), ("a\u2069", "bidi"), ("a\u200fb", "bidi"), ("\u061c", "bidi"),
        ("a\u200bb", "zero-width"), ("a\u200db", "zero-width"), ("a\u200cb", "zero-width"), ("\ufeffa", "zero-width"),
        ("a\u2060b", "zero-width"), ("so\xadft", "zero-width"), ("\U000e0041", "tag"), ("a\ufe0f", "selector"),
        ("a\ufe01", "selector"), ("a\U000e0100", "selector"), ("\ue000", "private-use"),
        ("\U0010fffd", "private-use"),
        ("\u0378", "unassigned"), ("\uffff", "unassigned"), ("a\x00", "control"), ("a\x08", "control"),
        ("\x85", "control"), ("a\rb", "control"), ("\x1b[31m", "ansi"), ("\x9b31m", "ansi"),
        ("\u3164", "blank"), ("\u115f", "blank"),
        ("\u2028", "zero-width"), ("\ud800", "surrogate"), ("say\u041dello", "homoglyph"),
    ],
)  # fmt: skip
def test_each_kind_is_found(text: str, kind: str) -> None:
    assert [finding.kind for finding in hidden_characters(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "plain text\nwith\ttabs\r\nand breaks", "日本語 中文 한국어",
        "👩\u200d💻 👨\u200d👩\u200d👧 🏳\ufe0f\u200d🌈 ❤\ufe0f ☎\ufe0e 1\ufe0f⃣",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "می\u200cخواهم", "क्\u200dष", "café e\u0301",
        "עברית العربية", "葛\U000e0100", "Привет мир, ΑΒΓ Δx µs", "→ ✓ ✗ █ ┌─┐ … – “x” \ufffd", "🇩🇪 👍🏽",
    ],
)  # fmt: skip
def test_ordinary_text_is_clean(text: str) -> None:
    assert hidden_characters(text) == []
    assert visible(text, newlines=True) == text


def test_marks_are_readable() -> None:
    assert visible("a\u202eb\x1b[0m\x00\x7f\x9b\U000e0041") == "a‹U+202E›b␛[0m␀␡‹U+009B›‹U+E0041›"


def test_line_breaks_are_kept_only_on_request() -> None:
    assert visible("a\nb\tc") == "a␊b\tc"
    assert visible("a\nb\tc", newlines=True) == "a\nb\tc"
    assert visible("a\r\nb\rc") == "a␍␊b␍c"
    assert visible("a\r\nb\rc", newlines=True) == "a\r\nb␍c"


@given(st.text())
def test_nothing_visible_is_hidden(text: str) -> None:
    shown = visible(text)
    assert hidden_characters(shown) == []
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} and c != "\t"]
    assert visible(shown) == shown


@given(
    st.text(alphabet=st.characters(categories=("L", "Nd", "P", "Zs"), exclude_characters="\u3164\uffa0\u115f\u1160"))
)
def test_letters_digits_and_punctuation_are_never_hidden(text: str) -> None:
    assert [found for found in hidden_characters(text) if found.kind != "homoglyph"] == []
