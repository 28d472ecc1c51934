"""One round of reviews: quotas for four lanes, a ring of tenants, and the age of every pattern. Pure.

What it guarantees (held by property tests), if all the slots of each round are really spent:
T1 a pattern with b - 1 older open ones is reviewed within ceil(b / q_oldest) rounds, whatever arrives later;
T2 a tenant among T in a lane's ring waits at most ceil(T / q) rounds for its next review in that lane;
T3 over m rounds a tenant with work throughout gets at least floor(m * q / T) reviews in that lane.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from memento_skills.curate.rules import LANES, Quotas
from memento_skills.records import Lane, Record


class Entry(Record, frozen=True, kw_only=True):
    """One open item as the schedule sees it."""

    id: str
    lane: Lane
    ring: tuple[str, ...] = ("",)
    """Who takes a turn with it: its tenants, or its users where no tenant is known."""
    arrived: float
    """When it came into the queue, by our clock: logs may claim any age, and must not overtake by it."""
    seen: float = 0.0
    """First seen according to the log: orders items that arrived together."""
    active: float = 0.0
    """When it last became open (arrival or the end of a snooze)."""
    score: float = 0.0

    @property
    def age(self) -> tuple[float, float, str]:
        """Oldest first."""
        return self.arrived, self.seen, self.id


Served = Mapping[tuple[Lane, str], float]
"""When each member of a lane's ring was last served."""


class Slot(Record, frozen=True, kw_only=True):
    """One review of a round, and the share it was taken from."""

    id: str
    share: Lane


def plan(entries: Iterable[Entry], served: Served, quotas: Quotas, now: float) -> tuple[tuple[Slot, ...], Served]:
    """The reviews of one round in the order to do them, and who was served when.

    Any first part of the round holds the lanes in proportion to their quotas. Unused slots flow on to the others.
    """
    left = {entry.id: entry for entry in entries}
    after = dict(served)
    picked: list[tuple[float, int, Slot]] = []
    spare = 0
    for share in _FIRST:  # the oldest choose first: T1 depends on no other lane
        wanted = quotas.of(share)
        for turn in range(wanted):
            entry = _next(share, left, after)
            if entry is None:
                spare += wanted - turn
                break
            _serve(entry, left, after, now + turn * 1e-6)
            picked.append(((turn + 1) / wanted, _FIRST.index(share), Slot(id=entry.id, share=share)))
    ordered = [slot for _, _, slot in sorted(picked, key=lambda p: p[:2])]
    return (*ordered, *_flow_on(spare, left, after, now)), after


def rounds_by_age(older: int, quotas: Quotas) -> int:
    """T1: rounds within which an item with `older` open items before it is reviewed."""
    return math.ceil((older + 1) / quotas.oldest)


def rounds_by_ring(members: int, quota: int) -> int:
    """T2: rounds within which a member of a ring of that size is served next."""
    return math.ceil(members / quota)


def ring(lane: Lane, entries: Iterable[Entry], served: Served) -> list[str]:
    """The members with open items in a lane, the one to be served next first.

    A member stands where it was last put to the back: when it was served, or when it came with work after a pause.
    """
    since: dict[str, float] = {}
    for entry in entries:
        if entry.lane == lane:
            for member in entry.ring:
                since[member] = min(since.get(member, math.inf), entry.active)
    return sorted(since, key=lambda m: (max(since[m], served.get((lane, m), -math.inf)), m))


_FIRST: tuple[Lane, ...] = ("oldest", "severe", "few_users", "broad")
"""The shares by turn: they choose in this order, and of equal claims in a round the first one goes first."""


def _next(share: Lane, left: Mapping[str, Entry], served: Served) -> Entry | None:
    if share == "oldest":
        return min(left.values(), key=lambda e: e.age, default=None)
    mine = [entry for entry in left.values() if entry.lane == share]
    if share == "broad":
        return min(mine, key=lambda e: (-e.score, *e.age), default=None)
    members = ring(share, mine, served)
    if not members:
        return None
    own = [entry for entry in mine if members[0] in entry.ring]
    return min(own, key=lambda e: e.age if share == "severe" else (-e.score, *e.age))


def _serve(entry: Entry, left: dict[str, Entry], served: dict[tuple[Lane, str], float], at: float) -> None:
    del left[entry.id]
    for member in entry.ring:
        served[entry.lane, member] = at


def _flow_on(spare: int, left: dict[str, Entry], served: dict[tuple[Lane, str], float], now: float) -> Sequence[Slot]:
    slots: list[Slot] = []
    while len(slots) < spare and left:
        for share in LANES:
            entry = _next(share, left, served) if len(slots) < spare else None
            if entry is not None:
                _serve(entry, left, served, now + 1e-3 + len(slots) * 1e-6)
                slots.append(Slot(id=entry.id, share=share))
    return slots
