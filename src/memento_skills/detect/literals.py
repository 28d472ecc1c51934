"""Expressions with the literal text that each of their matches holds: `in` is ten times as fast as a search.

A table has hundreds of expressions and a result seldom holds the words of two of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import NamedTuple

_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
_COUNT = re.compile(r"\{\d*,?\d*\}")
_FLAGS = re.compile(r"\(\?[a-zA-Z]+\)")
_FOLD = "(?i)"


class Finder(NamedTuple):
    """One expression, compiled; `literal` stands in every match ("" where none is known)."""

    literal: str
    folded: bool
    """`literal` is in lower case and stands in the match in any case."""
    search: Callable[[str], re.Match[str] | None]

    def may(self, text: str) -> bool:
        """Whether `text` can hold a match; False is sure."""
        if not self.folded:
            return self.literal in text
        # other letters than ASCII's may fold to them, such as the Kelvin sign
        return not text.isascii() or self.literal in _lower(text)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """A compiled expression; `^` and `$` stand at line ends."""
    return re.compile(pattern, re.MULTILINE)


def first(patterns: tuple[str, ...], text: str) -> re.Match[str] | None:
    """The match of the first expression that is found in `text`."""
    for finder in finders(patterns):
        if finder.may(text) and (found := finder.search(text)):
            return found
    return None


@cache
def finders(patterns: tuple[str, ...]) -> tuple[Finder, ...]:
    """The expressions of one condition; raises `re.error` for one that is none."""
    return tuple(Finder(*literal_of(pattern), compiled(pattern).search) for pattern in patterns)


def searches(patterns: tuple[str, ...], text: str) -> bool:
    """Whether any of the expressions is found in `text`."""
    return first(patterns, text) is not None


def literal_of(pattern: str) -> tuple[str, bool]:
    """The longest text that stands in every match of a valid expression, and whether in any case.

    "" where that cannot be told from the top level of the expression: only what stands outside of groups, classes and
    alternatives is looked at.
    """
    folded = pattern.startswith(_FOLD)
    rest = pattern.removeprefix(_FOLD)
    if _FLAGS.match(rest):
        return "", False
    best, run, at = "", "", 0
    while at < len(rest):
        char, size, kept = _next(rest, at)
        if kept is None:
            return "", False
        if char:
            run += char
        else:
            best, run = max(best, run[: len(run) - (1 - kept)], key=len), ""
        at += size
    best = max(best, run, key=len)
    if folded:
        return (best.lower(), True) if best.isascii() else ("", False)
    return best, False


def _next(pattern: str, at: int) -> tuple[str, int, int | None]:
    """At a place of an expression: a literal character or "", its size, and whether the literal before it is kept.

    The last is None where nothing can be told: at an alternative, or at a character written by its number.
    """
    char = pattern[at]
    if char == "\\":
        return _escaped(pattern[at + 1])
    if char in "[(":
        return "", (_class if char == "[" else _group)(pattern, at) - at, 1
    count = _COUNT.match(pattern, at)
    if count or char in "?*":
        return "", count.end() - at if count else 1, 0
    if char == "|":
        return "", 1, None
    return "" if char in "+.^$" else char, 1, 1


def _escaped(char: str) -> tuple[str, int, int | None]:
    if char in "xuUN" or char.isdigit():  # what follows is no text
        return "", 2, None
    return "" if char.isalnum() else char, 2, 1


def _class(pattern: str, at: int) -> int:
    """Where the class of characters that begins at `at` ends."""
    found = _CLASS.match(pattern, at)
    return found.end() if found else len(pattern)


def _group(pattern: str, at: int) -> int:
    """Where the group that begins at `at` ends."""
    depth = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            at = _class(pattern, at)
            continue
        depth += (char == "(") - (char == ")")
        at += 2 if char == "\\" else 1
        if not depth:
            break
    return at


@lru_cache(maxsize=8)
def _lower(text: str) -> str:
    return text.lower()
