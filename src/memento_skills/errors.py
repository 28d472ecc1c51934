"""The one tree of errors. Each carries what went wrong, where, and what to do; the CLI maps them to exit codes.

MementoError          4  the system failed
├── UsageError        2  the command's words are off, or an answer that only a flag can give is missing
├── BadInput          3  input data that cannot be read or does not hold what was asked for
│   └── Ungrounded    3  a claim whose quote is not in its step
├── StaleBase         1  the skill moved on since the patch was seen: verify and approve again
├── CheckFailed       1  a check said no
└── StoreError        4  the store is broken, locked, full or from a newer version
"""

from __future__ import annotations

from typing import ClassVar


class MementoError(Exception):
    """A failure that a person should read in one line."""

    exit_code: ClassVar[int] = 4

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        line = self.what + (f" ({self.where})" if self.where else "")
        return line + (f": {self.hint}" if self.hint else "")


class UsageError(MementoError):
    """Exit 2."""

    exit_code = 2


class BadInput(MementoError):
    """Exit 3."""

    exit_code = 3


class Ungrounded(BadInput):
    """A quote that is not literally in its step."""


class CheckFailed(MementoError):
    """Exit 1."""

    exit_code = 1


class StaleBase(CheckFailed):
    """The skill moved on since it was seen."""


class StoreError(MementoError):
    """Exit 4."""
