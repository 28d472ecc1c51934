"""Characters that a reader does not see: found, and made visible."""

from __future__ import annotations

import functools
import re
import unicodedata

from memento_skills.masking.finding import Finding

# What ordinary text never needs is matched in one go; joiners and selectors depend on their neighbours.
_SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U0010ffff]"
)
# Cyrillic and Greek letters with the shape of a Latin one; suspect only in a word that has Latin letters as well.
_LOOKALIKES = "аеорсухіјѕԁһԛԝАВЕЅІЈКМНОРСТУХԌԚԜΑΒΕΖΗΙΚΜΝΟΡΤΥΧοϲ"
_LOOKALIKE = re.compile(f"[{_LOOKALIKES}]")
_WORD = re.compile(r"\w+")
_LATIN = re.compile("[A-Za-z]")
_LETTERS_WITH_JOINERS = ("ARABIC", "SYRIAC", "MONGOLIAN", "N'KO")
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_INDIC = range(0x0900, 0x0E00)
_TAG_BASE, _TAG_END = "\U0001f3f4", "\U000e007f"


def hidden_characters(text: str) -> list[Finding]:
    """Every control, bidirectional, zero-width, tag, private-use, blank or unassigned character with its place.

    Newline, tab and carriage return before a newline are text. So are a joiner or a selector inside an emoji, the
    tags of a regional flag, and joiners between letters of scripts that are written with them.
    Returns one `Finding` a character; `kind` is control, ansi, bidi, zero-width, tag, selector, private-use,
    blank, surrogate, unassigned, or homoglyph: a Cyrillic or Greek letter of Latin shape within a Latin word.
    """
    return [Finding(kind=kind, start=i, end=i + 1) for i, kind in _hidden(text)]


def visible(text: str, *, newlines: bool = False) -> str:
    """The text with every hidden character as a visible mark: `‹U+202E›`, control characters as `␛`.

    With `newlines` true, line breaks stay line breaks; else they are marked as well (`␊`), so that the result is one
    line. Tabs stay. The result holds nothing that a terminal would act on.
    """
    out: list[str] = []
    last = 0
    for i, _ in _hidden(text, newlines=not newlines):
        out.append(text[last:i])
        out.append(_mark(text[i]))
        last = i + 1
    if not out:
        return text
    out.append(text[last:])
    return "".join(out)


def _mark(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"‹U+{code:04X}›"


def _hidden(text: str, *, newlines: bool = False) -> list[tuple[int, str]]:
    if text.isascii():
        spots = [m.start() for m in _SUSPECT.finditer(text)]
    else:
        spots = [i for i, c in enumerate(text) if _suspect(c)]
    found = [(i, kind) for i in spots if not (newlines and text[i] == "\r") and (kind := _kind(text, i))]
    if _LOOKALIKE.search(text) is not None:
        found += [(i, "homoglyph") for i in _lookalikes(text)]
        found.sort()
    if newlines:
        found += [(i, "control") for i, c in enumerate(text) if c in "\n\r"]
        found.sort()
    return found


def _lookalikes(text: str) -> list[int]:
    mixed = (word for word in _WORD.finditer(text) if _LATIN.search(word[0]))
    return [word.start() + m.start() for word in mixed for m in _LOOKALIKE.finditer(word[0])]


@functools.lru_cache(maxsize=8192)
def _suspect(char: str) -> bool:
    return char not in "\n\t" and (
        _SUSPECT.match(char) is not None or unicodedata.category(char) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    )


def _kind(text: str, i: int) -> str:
    """The kind of the suspect character at `i`, "" where it is in its place."""
    char, before = text[i], text[i - 1 : i]
    after = text[i + 1 : i + 2]
    code = ord(char)
    if char == "\r":
        return "" if after == "\n" else "control"
    if char in "\x1b\x9b":
        return "ansi"
    if 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return "" if _selector_in_place(char, before) else "selector"
    if char in (_ZWJ, _ZWNJ):
        return "" if _joiner_in_place(before, after, text[i - 2 : i - 1]) else "zero-width"
    if 0xE0000 <= code <= 0xE007F:
        return "" if _flag(text, i) else "tag"
    return _kind_alone(char)


def _kind_alone(char: str) -> str:
    if unicodedata.bidirectional(char) in {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}:
        return "bidi"
    if char in "\u200e\u200f\u061c":
        return "bidi"
    if char in _BLANK:
        return "blank"
    if _shown_format(char):
        return ""
    kinds = {"Cc": "control", "Cf": "zero-width", "Co": "private-use", "Cn": "unassigned", "Cs": "surrogate"}
    return kinds.get(unicodedata.category(char), "zero-width" if _SUSPECT.match(char) else "")


def _shown_format(char: str) -> bool:
    """Some format characters have a glyph: the object replacement, Arabic number signs and the like."""
    return char in "\ufffc\ufffd" or (unicodedata.category(char) == "Cf" and 0x0600 <= ord(char) <= 0x08E2)


def _pictograph(char: str) -> bool:
    if not char:
        return False
    return (
        unicodedata.category(char) in {"So", "Sk", "Sm"}
        or char in "#*0123456789‼⁉〰〽"
        or 0x1F3FB <= ord(char) <= 0x1F3FF
    )


def _selector_in_place(char: str, before: str) -> bool:
    """FE0E and FE0F after a pictograph; other selectors after an ideograph or a mathematical sign."""
    if not before:
        return False
    if char in "\ufe0e\ufe0f":
        return _pictograph(before)
    ideograph = unicodedata.name(before, "").startswith("CJK")
    return ideograph or (char == "\ufe00" and unicodedata.category(before) == "Sm")


def _joiner_in_place(before: str, after: str, earlier: str) -> bool:
    """Between two emoji (the first perhaps with a selector), or between letters of a script that joins."""
    if before == "\ufe0f":
        before = earlier
    if _pictograph(before) and _pictograph(after):
        return True
    return _joins(before) and (_joins(after) or not after.isalpha())


def _joins(char: str) -> bool:
    if not char:
        return False
    return ord(char) in _INDIC or unicodedata.name(char, "").startswith(_LETTERS_WITH_JOINERS)


def _flag(text: str, i: int) -> bool:
    """Is the tag at `i` in the sequence of a regional flag (black flag, up to six tags, the end tag)?"""
    begin = i
    while begin > 0 and 0xE0000 <= ord(text[begin]) <= 0xE007F and i - begin < 8:
        begin -= 1
    return (
        text[begin] == _TAG_BASE
        and re.match("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}" + _TAG_END, text[begin + 1 :]) is not None
    )
