"""Patches of one skill that contradict each other, or go to the same place: found, and said in review."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, NamedTuple

from memento_skills.guards import Row, fires
from memento_skills.records import Condition, Expect, Guard, Patch

Kind = Literal["contradiction", "same place"]
_EXAMPLES = 1
"""Calls on which two guards must speak together before their alternatives are compared."""


class Conflict(NamedTuple):
    """Two patches and what is between them."""

    one: str
    other: str
    kind: Kind
    why: str


def conflicts(patches: Sequence[Patch], rows: Sequence[Row]) -> list[Conflict]:
    """All conflicts among patches, in the order of their ids; `rows` tell which guards speak about the same call."""
    found: list[Conflict] = []
    for one, other in combinations(sorted(patches, key=lambda p: p.id), 2):
        if (one.skill.library, one.skill.path) != (other.skill.library, other.skill.path):
            continue
        if one.scope != other.scope and "base" not in (one.scope.level, other.scope.level):
            continue
        if one.guard is not None and other.guard is not None and contradict(one.guard.expect, other.guard.expect):
            why = _meeting(one.guard, other.guard, rows)
            if why:
                found.append(Conflict(one.id, other.id, "contradiction", why))
        if one.before and one.before == other.before and _place(one) == _place(other):
            found.append(Conflict(one.id, other.id, "same place", "after one is promoted the other is written anew"))
    return found


def contradict(one: Expect, other: Expect) -> bool:
    """Whether no single call can do what both ask for."""
    if {one.form, other.form} == {"with", "without"}:
        return one.flag == other.flag
    if one.form != other.form:
        return False
    if one.form == "cwd":
        return one.path != other.path
    if one.form == "with":
        return one.flag == other.flag and bool(one.value and other.value) and one.value != other.value
    if one.form == "instead":
        return _instead(one) != _instead(other) and not _refines(one, other) and not _refines(other, one)
    return False


def _instead(expect: Expect) -> tuple[object, ...]:
    return expect.tool, expect.argv_prefix, expect.args


def _refines(one: Expect, other: Expect) -> bool:
    """`go test ./...` does what `go test` asks for."""
    return (
        one.tool == other.tool
        and one.args == other.args
        and one.argv_prefix[: len(other.argv_prefix)] == other.argv_prefix
    )


def _meeting(one: Guard, other: Guard, rows: Sequence[Row]) -> str:
    """Why two guards are about the same situation; "" where they are not, as far as the rows and conditions tell."""
    both = sum(fires(one, row.call) and fires(other, row.call) for row in rows)
    if both >= _EXAMPLES:
        return f"both speak up at {both} {'call' if both == 1 else 'calls'} of the logs and ask for opposite things"
    if any(_implies(a, b) or _implies(b, a) for a in _situations(one) for b in _situations(other)):
        return "one is about a part of the other's situation, and they ask for opposite things"
    return ""


def _situations(guard: Guard) -> tuple[tuple[Condition, ...], ...]:
    return (guard.conditions, *guard.also)


def _implies(one: tuple[Condition, ...], other: tuple[Condition, ...]) -> bool:
    return set(other) <= set(one)


def _place(patch: Patch) -> int:
    """Index of the first line in which the two texts differ."""
    before, after = patch.before.splitlines(), patch.after.splitlines()
    return next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
