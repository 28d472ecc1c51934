"""What a patch is worth: harm that its guard is right on, for each line that every load of the skill then costs.

Counted on later lineages where the lesson was tested on any, else on the calls it was learnt from, and said which.
A failure costs what passed until it recovered (`Failure.cost`); nothing is extrapolated to other users or months.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec

from memento_skills.guards import Row, fires, judge
from memento_skills.records import Counts, Guard, Patch, Worth
from memento_skills.verify.checks import added_lines

Weight = Callable[[int], float]
"""What a failure of a severity (1 worst … 4) counts for, `curate.weight`."""


class Retire(msgspec.Struct, frozen=True):
    """When a rule no longer earns its place."""

    idle_lineages: int
    alpha: float
    overridden_fires: int


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`worth.toml` as a value."""

    seconds_per_step: float
    line: int
    retire: Retire


@cache
def rules() -> Rules:
    """The rules as shipped."""
    text = files("memento_skills.verify").joinpath("worth.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Rules)


def lines_of(patch: Patch) -> int:
    """Lines that a patch adds, blank ones not counted, long ones counted as several; at least 1."""
    size = rules().line
    return max(1, sum(-(-len(line) // size) for line in added_lines(patch.before, patch.after) if line.strip()))


def worth_of(patch: Patch, rows: Sequence[Row], *, held_out: bool, weight: Weight) -> Worth:
    """The harm of the episodes among `rows` that the patch's guard is right on, with the lines it costs."""
    guard = patch.guard
    right = [
        row.failure
        for row in rows
        if guard is not None
        and row.failure is not None
        and fires(guard, row.call)
        and judge(guard.expect, row) == "right"
    ]
    spent = [(f.cost.seconds or f.cost.steps * rules().seconds_per_step) / 60 * weight(f.severity) for f in right]
    return Worth(
        failures=len(right),
        held_out=held_out,
        lines=lines_of(patch),
        minutes=round(sum(f.cost.seconds for f in right) / 60, 3),
        steps=sum(f.cost.steps for f in right),
        tokens=sum(f.cost.tokens for f in right),
        harm=round(sum(spent), 3),
    )


def without_each(guards: Mapping[str, Guard], rows: Sequence[Row]) -> dict[str, Counts]:
    """For each guard, by its key, what all of them together lose on `rows` when it is left out.

    `right`, `wrong`, `false` and `undecidable` count fires that go (a fire that another guard then takes over with the
    same judgement is no loss; one that turns better or worse counts as the difference, so figures may be negative).
    """
    ranked = sorted(guards, key=lambda key: (-guards[key].confidence, guards[key].id, key))
    lost: dict[str, dict[str, int]] = {key: dict.fromkeys(_JUDGED, 0) for key in guards}
    for row in rows:
        speaking = (key for key in ranked if fires(guards[key], row.call))
        first = next(speaking, None)
        if first is None:
            continue
        second = next((key for key in speaking if guards[key].id != guards[first].id), None)
        said = judge(guards[first].expect, row)
        then = judge(guards[second].expect, row) if second is not None else "neutral"
        if said != then:
            _shift(lost[first], said, 1)
            _shift(lost[first], then, -1)
    return {key: Counts(**found) for key, found in lost.items()}


_JUDGED = ("right", "wrong", "undecidable", "false")


def _shift(counts: dict[str, int], judgement: str, by: int) -> None:
    if judgement in counts:
        counts[judgement] += by
