"""Advice for errors whose remedy is known: rules written by hand, without a guard and so without a test on logs.

Used only where contrast teaches nothing. Nothing of a log is said in them; the quotes show that the error repeats.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from memento_skills.records import Citation, Claim, Pattern, Reflection, digest

PREFIX = "handbook/"
MIN_LINEAGES = 2
UNTESTED = (
    "written from knowledge of the error, not learnt from these logs; it has no guard, so that no log can test it"
)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("memento_skills.reflect") / "handbook.toml").read_text("utf-8"))


def topics() -> dict[str, dict[str, str]]:
    """Title and description of the handbook's own new skills."""
    return dict(_table()["topics"])


def advice(name: str, pattern: Pattern, quotes: Sequence[Citation]) -> Reflection | None:
    """The handbook's reflection of a repeated pattern, by reflector `name`; None where it has nothing to say."""
    entry = next((e for e in _table()["entry"] if _error(pattern) in e["errors"].split()), None)
    if entry is None or pattern.lineages < MIN_LINEAGES or not quotes:
        return None
    cited = tuple(quotes)
    made = Reflection(
        id="",
        pattern=pattern.id,
        reflector=name,
        template=PREFIX + entry["name"],
        cause=pattern.cause,
        remedy="skill",
        wrong_decision=Claim(text=entry["wrong"], citations=cited),
        missing_information=Claim(text=entry["missing"], citations=cited),
        failed_assumption=Claim(text=entry["assumed"], citations=cited[:1]),
        facts={"rule": entry["rule"], "topic": entry["topic"]},
    )
    return Reflection(**{f: getattr(made, f) for f in made.__struct_fields__} | {"id": digest("reflection", made)})


def _error(pattern: Pattern) -> str:
    """The kind of error in the pattern's signature, "" where it is free text."""
    return next((p.text for p in pattern.signature.parts if p.name == "error" and p.contributes), "").partition(" ")[0]
