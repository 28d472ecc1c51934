"""Progress of long work: one line on stderr, rewritten at most ten times a second, wiped before anything is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

WIPE = "\r\x1b[K"


class Line:
    """The line on `stream`; silent where `stream` is None. Implements `Progress`."""

    def __init__(self, stream: TextIO | None, monotonic: Callable[[], float]) -> None:
        self._stream = stream
        self._monotonic = monotonic
        self._last = -1.0
        self._what = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say how far `what` is; a new piece of work is said at once."""
        now = self._monotonic()
        if self._stream is None or (what == self._what and now - self._last < 0.1):
            return
        self._last, self._what = now, what
        self._stream.write(WIPE + words(what, done, total))
        self._stream.flush()

    def wipe(self) -> None:
        """Leave the line empty; nothing where nothing was said."""
        if self._stream is not None and self._what:
            self._stream.write(WIPE)
            self._stream.flush()
            self._what = ""


def words(what: str, done: int, total: int) -> str:
    """`reading ━━━━━━────── 52 %`, a count where the total is not known, or the word alone."""
    if total <= 0:
        return f"{what} {done:,}" if done else f"{what} …"
    filled = min(24, done * 24 // total)
    return f"{what} {'━' * filled}{'─' * (24 - filled)} {min(100, done * 100 // total):3} %"
