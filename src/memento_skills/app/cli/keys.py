"""Single keys from a terminal, without readline: termios, and msvcrt on Windows."""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator
from typing import Self

NAMES = {
    "\r": "enter", "\n": "enter", " ": "space", "\t": "tab", "\x1b": "escape",
    "\x1b[A": "up", "\x1b[B": "down", "\x1bOA": "up", "\x1bOB": "down",
    "\x1b[5~": "pageup", "\x1b[6~": "pagedown",
}  # fmt: skip
WINDOWS = {"H": "up", "P": "down", "I": "pageup", "Q": "pagedown"}


def name(sequence: str) -> str:
    """A key's name: its character, or `up`, `enter`, … ; an unknown sequence is `?key`."""
    if sequence in NAMES:
        return NAMES[sequence]
    return sequence if len(sequence) == 1 and sequence.isprintable() else "?key"


class Keyboard:
    """Keys of the terminal on stdin, one by one, inside `with`; afterwards the terminal is as it was before."""

    def __enter__(self) -> Self:
        self._take()
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def read(self) -> str:
        """Wait for a key; "" after half a second without one, so that the screen can follow a resize."""
        return _windows_key() if sys.platform == "win32" else _unix_key(sys.stdin.fileno())

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """The terminal as other programs expect it, for an editor."""
        self._give_back()
        try:
            yield
        finally:
            self._take()

    def _take(self) -> None:
        if sys.platform != "win32":
            import termios
            import tty

            self._before = termios.tcgetattr(sys.stdin.fileno())
            tty.setcbreak(sys.stdin.fileno())

    def _give_back(self) -> None:
        if sys.platform != "win32":
            import termios

            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, self._before)


def _unix_key(descriptor: int) -> str:
    if not select.select([descriptor], [], [], 0.5)[0]:
        return ""
    data = os.read(descriptor, 1)
    if not data:
        return "q"  # the terminal is gone
    if data == b"\x1b":
        while select.select([descriptor], [], [], 0.03)[0] and len(data) < 8:
            data += os.read(descriptor, 1)
            if len(data) > 2 and (data[-1:].isalpha() or data.endswith(b"~")):
                break
    while data[0] >= 0xC0 and len(data) < 4:
        data += os.read(descriptor, 1)
        with contextlib.suppress(UnicodeDecodeError):
            return name(data.decode())
    return name(data.decode("utf-8", "replace"))


def _windows_key() -> str:
    if sys.platform != "win32":
        raise RuntimeError("keys are read through msvcrt only on Windows")
    import msvcrt
    import time

    for _ in range(25):
        if msvcrt.kbhit():
            first = msvcrt.getwch()
            return WINDOWS.get(msvcrt.getwch(), "?key") if first in "\x00\xe0" else name(first)
        time.sleep(0.02)
    return ""
