"""Pattern -> lane. The few are few only where others exist; a pattern moves up by itself and never down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from memento_skills.curate.rules import LANES, rules
from memento_skills.records import Failure, Lane, Pattern


def lane(pattern: Pattern, *, users: int, depth: float = 0.0) -> Lane:
    """The highest lane whose rule holds (`lanes.toml`).

    `users` counts all users known, hit or not; `depth` is what `depths` gives for the pattern.
    """
    table = rules()
    if pattern.severity <= table.severe.severity_at_most:
        return "severe"
    few = table.few_users
    hit = len(pattern.users)
    if not hit or users <= hit:
        return "broad"
    small = hit <= few.users_at_most and hit <= few.share_at_most * users
    deep = depth >= few.depth_share * table.weight(pattern.severity) and hit <= few.share_at_most * users
    return "few_users" if small or hit < few.share_below * users or deep else "broad"


def raised(now: Lane, before: Lane | None) -> Lane:
    """The higher of two lanes: only a person moves a pattern down."""
    return now if before is None else min(now, before, key=LANES.index)


def assign(
    patterns: Sequence[Pattern],
    *,
    users: int,
    depths: Mapping[str, float] | None = None,
    before: Mapping[str, Lane] | None = None,
) -> tuple[Pattern, ...]:
    """The patterns with their lanes; `before` gives the lanes of an earlier scan by pattern id."""
    return tuple(
        msgspec.structs.replace(
            p,
            lane=raised(lane(p, users=users, depth=(depths or {}).get(p.id, 0.0)), (before or {}).get(p.id)),
        )
        for p in patterns
    )


def depths(failures: Iterable[Failure], runs: Mapping[str, str]) -> dict[str, float]:
    """By pattern id: severity weight times the mean rate of the (at most three) users it hits hardest.

    `runs` maps every run to its user, failed or not. A user's rate is (failing runs + 1) / (runs + 2), so that one
    failing run of one is not certainty; users that are not hit do not change it.
    """
    totals: dict[str, int] = {}
    for user in runs.values():
        totals[user] = totals.get(user, 0) + 1
    failing: dict[str, set[str]] = {}
    worst: dict[str, int] = {}
    for failure in failures:
        key = failure.signature.id
        failing.setdefault(key, set()).add(failure.run)
        worst[key] = min(worst.get(key, failure.severity), failure.severity)
    return {key: rules().weight(worst[key]) * _hardest(hit, runs, totals) for key, hit in failing.items()}


def _hardest(hit: set[str], runs: Mapping[str, str], totals: Mapping[str, int]) -> float:
    by_user: dict[str, int] = {}
    for run in hit & runs.keys():
        by_user[runs[run]] = by_user.get(runs[run], 0) + 1
    rates = sorted(((n + 1) / (totals[user] + 2) for user, n in by_user.items()), reverse=True)[:3]
    return sum(rates) / len(rates) if rates else 0.0
