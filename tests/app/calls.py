"""What a command called in a test said."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec


class Said(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        """Its one JSON document."""
        return msgspec.json.decode(self.out)


Call = Callable[..., Said]
