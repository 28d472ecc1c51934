"""Progress of long work: one line on stderr, rewritten at most ten times a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from memento_skills.app.options import Progress


def quiet(what: str, done: int, total: int) -> None:
    """Say nothing."""


def terminal(stream: TextIO, monotonic: Callable[[], float]) -> Progress:
    """A progress line on `stream`; the last call of a piece of work (`done` = `total`) wipes it."""
    last = -1.0

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        now = monotonic()
        if total and done >= total:
            stream.write("\r\x1b[K")
        elif now - last < 0.1:
            return
        else:
            last = now
            stream.write("\r\x1b[K" + line(what, done, total))
        stream.flush()

    return tell


def line(what: str, done: int, total: int) -> str:
    """`reading ━━━━━━────── 52 %`, or a count where the total is not known."""
    if total <= 0:
        return f"{what} {done:,}"
    filled = min(24, done * 24 // total)
    return f"{what} {'━' * filled}{'─' * (24 - filled)} {min(100, done * 100 // total):3} %"
