"""The built-in precondition checks: a baseline, read from `builtin.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from memento_skills.records import Condition, Expect, Guard


@cache
def builtin() -> tuple[Guard, ...]:
    """All of them, with origin `builtin`."""
    table = tomllib.loads((files(__package__) / "builtin.toml").read_text("utf-8"))
    return tuple(
        Guard(
            conditions=tuple(Condition(feature=f, op=op, value=v) for f, op, v in entry["conditions"]),
            expect=Expect(**entry["expect"]),
            advice=entry["advice"],
            origin="builtin",
            confidence=entry["confidence"],
        )
        for entry in table["guard"]
    )
