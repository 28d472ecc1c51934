"""Lines of text that a run has seen: by these it is told whether an edit quotes what was displayed.

A line counts without its indentation and without what tools put before it: line numbers, `file:12:` of searches, the
signs of a diff. Lines of fewer than four characters say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SHORTEST = 4
LONGEST = 400
MOST = 400_000
"""Lines remembered of one run."""

_BEFORE = re.compile(r"\s*(?:[^\s:]{1,300}:)?\d{1,7}(?:→|\t|\||:|-)\s?|\s{0,4}[+-]")


def telling(text: str) -> list[str]:
    """The lines of a text that say something, without indentation."""
    return [line for raw in text.split("\n") if SHORTEST <= len(line := raw.strip()) <= LONGEST]


class Lines:
    """The lines seen so far, as hashes."""

    __slots__ = ("_known", "_waiting")

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._waiting: list[str] = []
        """Texts that nobody asked about yet: most runs never fail an edit of text that was not read as a file."""

    def see(self, text: str) -> None:
        """These lines were displayed or written."""
        if text:
            self._waiting.append(text)

    def unseen(self, lines: Iterable[str]) -> list[str]:
        """Those of `lines` (as `telling` gives them) that were not seen."""
        self._look()
        return [line for line in lines if hash(line) not in self._known]

    def _look(self) -> None:
        waiting, self._waiting = self._waiting, []
        for text in waiting:
            for line in telling(text) if len(self._known) < MOST else ():
                self._known.add(hash(line))
                if before := _BEFORE.match(line):
                    self._known.add(hash(line[before.end() :].strip()))
