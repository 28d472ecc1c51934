"""Does a promoted rule still earn its place? Told by later lineages and by what agents did when its guard spoke up.

A rule that is heeded fires less, so silence alone says nothing: a rule is idle only where the tools and commands that
it is about were not called at all any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from memento_skills.guards import Row, fires, holds, judge
from memento_skills.records import Condition, Guard, Record
from memento_skills.stats import binomial_tail
from memento_skills.verify.worth import Retire, rules

SUBJECT = frozenset(("tool", "command", "extension", "under"))
"""Features that say what a rule is about, whether or not it is heeded."""


class Earned(Record, frozen=True, kw_only=True):
    """What a rule met since it was promoted."""

    lineages: int = 0
    """That began after the promotion."""
    met: int = 0
    """Calls on what it is about."""
    right: int = 0
    wrong: int = 0
    false: int = 0
    stopped: int = 0
    """Calls that the hook stopped once for it."""
    overridden: int = 0
    """Of these, made again as they were."""


def earned(guard: Guard, rows: Sequence[Row], since: float, events: Mapping[str, int] | None = None) -> Earned:
    """What the guard met in lineages that lie wholly after `since` (seconds since the epoch).

    `events` counts the hook's events `stopped` and `overridden` of this rule.
    """
    old = {row.lineage for row in rows if row.at < since}
    later = [row for row in rows if row.lineage not in old]
    subjects = [tuple(c for c in s if c.feature in SUBJECT) for s in (guard.conditions, *guard.also)]
    judged = [judge(guard.expect, row) for row in later if fires(guard, row.call)]
    found = events or {}
    return Earned(
        lineages=len({row.lineage for row in later}),
        met=sum(_about(subjects, row) for row in later),
        right=judged.count("right"),
        wrong=judged.count("wrong"),
        false=judged.count("false"),
        stopped=found.get("stopped", 0),
        overridden=found.get("overridden", 0),
    )


def _about(subjects: Iterable[Sequence[Condition]], row: Row) -> bool:
    """Whether a call is on what the rule is about; a situation that names nothing is about every call."""
    return any(all(holds(c, row.call.features) for c in subject) for subject in subjects)


def no_longer(found: Earned, limits: Retire | None = None) -> str:
    """Why the rule should go, with the figures; "" where it earns its place or too little is known."""
    limits = limits or rules().retire
    lost, decided = found.wrong + found.false, found.right + found.wrong + found.false
    if lost > found.right and binomial_tail(lost, decided) <= limits.alpha:
        return f"since it was promoted it spoke up rightly {found.right} times, wrongly or needlessly {lost} times"
    if found.stopped >= limits.overridden_fires and 2 * found.overridden > found.stopped:
        return f"agents made the call again as it was in {found.overridden} of the {found.stopped} times it stopped one"
    if found.lineages >= limits.idle_lineages and not found.met:
        return f"nothing that it is about was called in {found.lineages} later lineages"
    return ""
