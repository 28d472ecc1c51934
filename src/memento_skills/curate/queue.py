"""Verdicts -> the curator's queue, in the order in which to look, with the date by which each is looked at.

Status is computed, never stored: a patch is open when its latest verdict is reviewable and no decision closed it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from memento_skills.curate.refile import evidence_hash, refile_allowed
from memento_skills.curate.rules import Quotas, rules
from memento_skills.curate.schedule import Entry, Served, plan, ring, rounds_by_age, rounds_by_ring
from memento_skills.records import Decision, Lane, Patch, Pattern, QueueItem, Verdict


@dataclass(frozen=True, kw_only=True)
class _Open:
    patch: Patch
    verdict: Verdict
    pattern: Pattern
    entry: Entry


def queue(
    patches: Iterable[Patch],
    verdicts: Iterable[Verdict],
    patterns: Iterable[Pattern],
    decisions: Iterable[Decision],
    *,
    now: float,
    limit: int | None = None,
    quotas: Quotas | None = None,
) -> tuple[QueueItem, ...]:
    """The open proposals, at most `limit` of them, in the order of the rounds that guarantee every lane its share.

    `now` is in seconds since the epoch. `review_by` is the latest day (UTC) on which an item is reviewed if the
    quotas' number of reviews is done every day; it holds whatever arrives later. The lanes are the patterns' own.
    """
    share = quotas or rules().quotas
    ledger = _Ledger(patches, verdicts, patterns, decisions)
    waiting = ledger.waiting(now)
    scores = _scores(waiting)
    items = {item.patch.id: _scored(item, scores[item.patch.id]) for item in waiting}
    awake = [item.entry for item in items.values() if item.entry.active <= now]
    served = ledger.served()
    due = _due([item.entry for item in items.values()], awake, served, share)
    ordered = _in_rounds(awake, served, share, now, limit)
    return tuple(_item(items[key], due[key], now) for key in ordered)


def reviewable(verdict: Verdict, lane: Lane) -> bool:
    """*Better*, or *not enough evidence* in the lanes of the few; and no check (specification, secrets) failed."""
    if not all(check.passed for check in verdict.checks):
        return False
    return verdict.value == "better" or (verdict.value == "not_enough_evidence" and lane in {"severe", "few_users"})


class _Ledger:
    """The records by what the queue asks of them."""

    def __init__(
        self,
        patches: Iterable[Patch],
        verdicts: Iterable[Verdict],
        patterns: Iterable[Pattern],
        decisions: Iterable[Decision],
    ) -> None:
        self.patches = {patch.id: patch for patch in patches}
        self.patterns = {pattern.id: pattern for pattern in patterns}
        self.decisions = sorted(decisions, key=lambda d: (d.at, d.id))
        self.last = {decision.patch: decision for decision in self.decisions}
        self.verdicts: dict[str, list[Verdict]] = {}
        for verdict in sorted(verdicts, key=lambda v: v.at):
            self.verdicts.setdefault(verdict.patch, []).append(verdict)

    def waiting(self, now: float) -> list[_Open]:
        """Open and snoozed patches: for each pattern, kind and scope the newest one."""
        newest: dict[object, Patch] = {}
        for patch in self.patches.values():
            if patch.id in self.verdicts and patch.pattern in self.patterns:
                key = (patch.pattern, patch.kind, patch.scope)
                newest[key] = max(newest.get(key, patch), patch, key=lambda p: (self.verdicts[p.id][-1].at, p.id))
        return [item for patch in newest.values() if (item := self._open(patch, now)) is not None]

    def served(self) -> Served:
        """When each member of each lane's ring last had a decision."""
        times: dict[tuple[Lane, str], float] = {}
        for decision in self.decisions:
            patch = self.patches.get(decision.patch)
            pattern = self.patterns.get(patch.pattern) if patch else None
            for member in _members(pattern) if pattern else ():
                assert pattern is not None
                times[pattern.lane, member] = decision.at
        return times

    def _open(self, patch: Patch, now: float) -> _Open | None:
        pattern, verdict = self.patterns[patch.pattern], self.verdicts[patch.id][-1]
        decision = self.last.get(patch.id)
        evidence = evidence_hash(pattern)
        closed = decision is not None and decision.action in {"approve", "edit"}
        if closed or not reviewable(verdict, pattern.lane):
            return None
        if not refile_allowed(patch, evidence, self.patches, self.decisions):
            return None
        arrived = self._arrived(pattern)
        woken = (decision.until or 0.0) if decision is not None and decision.action == "snooze" else 0.0
        entry = Entry(
            id=patch.id,
            lane=pattern.lane,
            ring=_members(pattern),
            arrived=arrived,
            seen=pattern.first_seen or 0.0,
            active=max(arrived, woken),
        )
        # an item cannot arrive in the future: a clock that was set back must not hide it
        if entry.active > now and not woken:
            entry = _at(entry, now)
        return _Open(patch=patch, verdict=verdict, pattern=pattern, entry=entry)

    def _arrived(self, pattern: Pattern) -> float:
        """When the pattern first had something to review; a rewritten patch keeps the place of the one before it."""
        return min(
            verdict.at
            for patch in self.patches.values()
            if patch.pattern == pattern.id
            for verdict in self.verdicts.get(patch.id, ())
            if reviewable(verdict, pattern.lane)
        )


def _members(pattern: Pattern) -> tuple[str, ...]:
    """Whose turn a pattern takes: its tenants, where none are known its users."""
    if any(pattern.tenants):
        return tuple(sorted(f"tenant:{name}" for name in pattern.tenants))
    return tuple(sorted(f"user:{name}" for name in pattern.users)) or ("",)


def _at(entry: Entry, active: float, score: float = 0.0) -> Entry:
    return Entry(
        id=entry.id,
        lane=entry.lane,
        ring=entry.ring,
        arrived=entry.arrived,
        seen=entry.seen,
        active=active,
        score=score,
    )


def _scored(item: _Open, score: float) -> _Open:
    return _Open(
        patch=item.patch,
        verdict=item.verdict,
        pattern=item.pattern,
        entry=_at(item.entry, item.entry.active, score),
    )


def _scores(items: Sequence[_Open]) -> dict[str, float]:
    """0-100 by patch: the rank of the harm that it comes before for each line that it adds; of equals (nothing was
    measured) half by breadth (runs hit), half by depth (episodes for each user hit), weighted by severity."""
    patterns = {item.pattern.id: item.pattern for item in items}
    weights = {key: rules().weight(p.severity) for key, p in patterns.items()}
    breadth = _ranks({key: (weights[key] * p.runs,) for key, p in patterns.items()})
    depth = _ranks({key: (weights[key] * p.episodes / max(len(p.users), 1),) for key, p in patterns.items()})
    wide = {item.patch.id: (breadth[item.pattern.id] + depth[item.pattern.id]) / 2 for item in items}
    ranked = _ranks({item.patch.id: (item.verdict.worth.per_line, wide[item.patch.id]) for item in items})
    return {key: 100 * rank for key, rank in ranked.items()}


def _ranks(values: Mapping[str, tuple[float, ...]]) -> dict[str, float]:
    """Each value's rank among the different values, from 0 to 1."""
    levels = sorted(set(values.values()))
    place = {value: (i + 1) / len(levels) for i, value in enumerate(levels)}
    return {key: place[value] for key, value in values.items()}


def _in_rounds(entries: Sequence[Entry], served: Served, quotas: Quotas, now: float, limit: int | None) -> list[str]:
    left = {entry.id: entry for entry in entries}
    wanted = len(left) if limit is None else min(limit, len(left))
    ordered: list[str] = []
    at = now
    while len(ordered) < wanted:
        slots, served = plan(left.values(), served, quotas, at)
        ordered.extend(slot.id for slot in slots)
        for slot in slots:
            del left[slot.id]
        at += 86_400.0
    return ordered[:wanted]


def _due(waiting: Sequence[Entry], awake: Sequence[Entry], served: Served, quotas: Quotas) -> dict[str, int]:
    """Rounds within which each item is reviewed; snoozed items count, for they come back to their place."""
    by_age = sorted(waiting, key=lambda entry: entry.age)
    rounds = {entry.id: rounds_by_age(older, quotas) for older, entry in enumerate(by_age)}
    members = ring("severe", awake, served)
    oldest = {member: min((e for e in awake if e.lane == "severe" and member in e.ring), key=lambda e: e.age)
              for member in members}  # fmt: skip
    for entry in oldest.values():
        rounds[entry.id] = min(rounds[entry.id], rounds_by_ring(len(members), quotas.severe))
    return rounds


def _item(item: _Open, rounds: int, now: float) -> QueueItem:
    pattern, patch = item.pattern, item.patch
    day = datetime.fromtimestamp(now, UTC).date() + timedelta(days=min(rounds, 36_500))
    reach = item.verdict.reach.share
    return QueueItem(
        patch=patch.id,
        skill=patch.skill.name,
        pattern=pattern.id,
        title=pattern.title,
        lane=pattern.lane,
        severity=pattern.severity,
        failures=pattern.failures,
        users=len(pattern.users),
        verdict=item.verdict.value,
        reach=None if reach is None or math.isnan(reach) else reach,
        review_by=day.isoformat(),
        score=item.entry.score,
        scope=patch.scope,
        new_skill=patch.kind == "create",
        worth=item.verdict.worth,
    )
