"""Which patches are held up now: a query over the ledger, never a stored status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from memento_skills import curate
from memento_skills.app.options import Options
from memento_skills.records import Decision, Patch, QueueItem, Verdict
from memento_skills.store.store import Store

VERSION = "analysis@1"
"""Of learning and testing: another one makes the next scan analyse again."""
LAST_SCAN = "last_scan"
"""Note of the store: time of the last analysis."""


class Held(NamedTuple):
    """A patch with its latest verdict."""

    patch: Patch
    verdict: Verdict


def current(store: Store) -> list[Held]:
    """The patches that the last scan, or a curator since, gave a verdict; the rest is history."""
    since = float(store.note(LAST_SCAN) or 0.0)
    latest = {v.patch: v for v in store.verdicts()}
    return [Held(p, latest[p.id]) for p in store.patches() if p.id in latest and latest[p.id].at >= since]


def queue_of(store: Store, options: Options, limit: int | None = None) -> tuple[QueueItem, ...]:
    """The reviewable proposals in their order. Decisions on earlier patches count: a rejection outlives its patch."""
    held = {h.patch.id for h in current(store)}
    decided = {d.patch for d in store.decisions()}
    patches = [p for p in store.patches() if p.id in held or p.id in decided]
    answers = standing(store.decisions())
    patches, answers = curate.followed(patches, answers, store.moved())
    items = curate.queue(patches, store.verdicts(), store.patterns(), answers, now=options.now)
    return tuple(i for i in items if i.patch in held)[:limit]


def standing(decisions: Iterable[Decision]) -> list[Decision]:
    """The latest decision on each patch, in order: an earlier one was taken back or overtaken by it."""
    latest = {decision.patch: decision for decision in sorted(decisions, key=lambda d: d.at)}
    return sorted(latest.values(), key=lambda d: d.at)
