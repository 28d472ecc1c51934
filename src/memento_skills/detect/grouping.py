"""Failures in, patterns out: episodes (lineage, signature), lanes, shares, costs, examples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from memento_skills.detect.find import unique
from memento_skills.detect.rules import Rules, load
from memento_skills.detect.titles import remedy, title
from memento_skills.records import Citation, Cost, Failure, Lane, Pattern

EXAMPLES = 5
"""Examples of a pattern."""
FEW = 5
"""Users of a pattern up to which it can be in the lane of the few."""


def with_lineages(failures: Iterable[Failure], lineages: Mapping[str, str]) -> tuple[Failure, ...]:
    """Failures unique by (project, call id), each with its lineage: that of its run, else the run itself."""
    return tuple(
        msgspec.structs.replace(failure, lineage=lineages.get(failure.run, failure.run)) for failure in unique(failures)
    )


def episodes(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """The first failure of each (lineage, signature), in the order given: the unit that measures count."""
    found: dict[tuple[str, str], Failure] = {}
    for failure in failures:
        found.setdefault((failure.lineage or failure.run, failure.signature.id), failure)
    return tuple(found.values())


def patterns(
    failures: Iterable[Failure], lineages: Mapping[str, str], *, now: float, rules: Rules | None = None
) -> tuple[Pattern, ...]:
    """All patterns, agents' and denials first, then the user's, then the rest; by episodes within each.

    `now` (seconds, UTC) bounds `first_seen` and `last_seen`: a clock that ran ahead is not believed.
    """
    rules = rules or load()
    members: dict[str, list[Failure]] = defaultdict(list)
    known = with_lineages(failures, lineages)
    for failure in known:
        members[failure.signature.id].append(failure)
    lines = {key: len({f.lineage for f in group}) for key, group in members.items()}
    repeated = sum(count for count in lines.values() if count >= 2)
    users = {failure.user for failure in known}
    found = (
        _pattern(
            group, share=lines[key] / repeated if lines[key] >= 2 else 0.0, all_users=len(users), now=now, rules=rules
        )
        for key, group in members.items()
    )
    return tuple(sorted(found, key=_order))


_RANK = {"agent": 0, "denial": 0, "user": 1, "service": 2, "work": 3, "cascade": 4}


def _order(pattern: Pattern) -> tuple[int, int, int, str]:
    return (_RANK[pattern.fault], -pattern.lineages, -pattern.failures, pattern.id)


def _pattern(group: Sequence[Failure], *, share: float, all_users: int, now: float, rules: Rules) -> Pattern:
    first = group[0]
    severity = min(failure.severity for failure in group)
    users = tuple(sorted({failure.user for failure in group}))
    times = [min(failure.at, now) for failure in group if failure.at is not None]
    cause = Counter(failure.cause for failure in group).most_common(1)[0][0]
    leading = next(failure for failure in group if failure.cause == cause)
    count = len({failure.lineage for failure in group})
    return Pattern(
        id=first.signature.id,
        signature=first.signature,
        title=title(leading, rules, once=count < 2),
        cause=cause,
        remedy=remedy(leading, rules),
        fault=Counter(failure.fault for failure in group).most_common(1)[0][0],
        severity=severity,
        lane=lane(severity, len(users), all_users),
        failures=len(group),
        episodes=count,
        runs=len({failure.run for failure in group}),
        lineages=count,
        users=users,
        tenants=tuple(sorted({failure.tenant for failure in group} - {""})),
        projects=tuple(sorted({failure.project for failure in group})),
        skills=tuple(sorted({failure.skill for failure in group} - {""})),
        first_seen=min(times, default=None),
        last_seen=max(times, default=None),
        share=round(share, 6),
        cost=total(group),
        examples=examples(group),
    )


def lane(severity: int, users: int, all_users: int) -> Lane:
    """severe: severity 1. few_users: at most `FEW` users and less than half of all. broad: the rest."""
    if severity == 1:
        return "severe"
    return "few_users" if users <= FEW and 2 * users < all_users else "broad"


def total(failures: Iterable[Failure]) -> Cost:
    """The cost of failures together, recovered where all were.

    Stretches of one run that overlap (a second failure before the first recovered) count once: of a later failure only
    the part beyond what is counted, in proportion to its steps.
    """
    steps, seconds, tokens, usd, recovered = 0, 0.0, 0.0, 0.0, True
    covered: dict[str, int] = {}
    for failure in sorted(failures, key=lambda f: (f.run, _span(f))):
        start, end = _span(failure)
        begun = max(start, min(covered.get(failure.run, start), end))
        covered[failure.run] = max(covered.get(failure.run, end), end)
        cost, part = failure.cost, (end - begun) / (end - start) if end > start else 0.0
        steps, seconds = steps + end - begun, seconds + part * cost.seconds
        tokens, usd = tokens + part * cost.tokens, usd + part * cost.usd
        recovered = recovered and cost.recovered
    return Cost(steps=steps, seconds=round(seconds, 3), tokens=round(tokens), usd=round(usd, 6), recovered=recovered)


def _span(failure: Failure) -> tuple[int, int]:
    """First and last step that a failure's cost covers, about: a correction costs what came before it."""
    if failure.kind == "correction":
        return failure.step - failure.cost.steps, failure.step
    start = failure.step if failure.call_step is None else failure.call_step
    return start, start + failure.cost.steps


def examples(group: Iterable[Failure]) -> tuple[Citation, ...]:
    """Up to `EXAMPLES` quotes: one a user first, then one a lineage, then what is left."""
    ordered = list(group)
    chosen: dict[str, Failure] = {}
    for field in ("user", "lineage", "id"):
        seen = {getattr(failure, field) for failure in chosen.values()}
        for failure in ordered:
            if len(chosen) < EXAMPLES and getattr(failure, field) not in seen:
                seen.add(getattr(failure, field))
                chosen.setdefault(failure.id, failure)
    return tuple(Citation(run=f.run, step=f.step, quote=f.quote) for f in chosen.values())
