"""The guarantees of the schedule, whatever arrives: T1 by age, T2 and T3 by the ring; and the flood."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memento_skills.curate.rules import LANES, Quotas, rules
from memento_skills.curate.schedule import Entry, Served, plan, ring, rounds_by_age, rounds_by_ring
from memento_skills.errors import UsageError
from memento_skills.records import Lane

TENANTS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=2, unique=True).map(tuple)
QUOTAS = st.builds(Quotas, **{lane: st.integers(1, 4) for lane in LANES})
ARRIVAL = st.tuples(st.sampled_from(LANES[:3]), TENANTS, st.floats(0, 100), st.floats(-1e6, 1e6))
ROUNDS = st.lists(st.lists(ARRIVAL, max_size=8), min_size=1, max_size=12)

Arrival = tuple[Lane, tuple[str, ...], float, float]


class Queue:
    """Rounds of arrivals and reviews; round n is at time n."""

    def __init__(self, quotas: Quotas) -> None:
        self.quotas = quotas
        self.open: dict[str, Entry] = {}
        self.served: Served = {}
        self.round = 0
        self.made = 0

    def arrive(self, arrivals: Iterable[Arrival]) -> list[Entry]:
        new = []
        for lane, tenants, score, seen in arrivals:
            self.made += 1
            at = self.round + 0.5 + self.made * 1e-7
            entry = Entry(id=f"{self.made:06}", lane=lane, ring=tenants, arrived=at, active=at, score=score, seen=seen)
            self.open[entry.id] = entry
            new.append(entry)
        return new

    def review(self) -> list[Entry]:
        self.round += 1
        slots, self.served = plan(self.open.values(), self.served, self.quotas, float(self.round))
        return [self.open.pop(slot.id) for slot in slots]


@settings(max_examples=150, deadline=None)
@given(ROUNDS, QUOTAS)
def test_t1_every_pattern_is_reviewed_within_its_bound(rounds: list[list[Arrival]], quotas: Quotas) -> None:
    queue = Queue(quotas)
    bound: dict[str, int] = {}
    pending = list(rounds)
    while pending or queue.open:
        new = queue.arrive(pending.pop(0) if pending else [])
        for entry in new:
            older = sum(other.age < entry.age for other in queue.open.values())
            bound[entry.id] = queue.round + rounds_by_age(older, quotas)
        for entry in queue.review():
            assert queue.round <= bound.pop(entry.id)
    assert bound == {}


@settings(max_examples=150, deadline=None)
@given(ROUNDS, QUOTAS, st.sampled_from(LANES[:2]))
def test_t2_every_tenant_is_served_within_one_turn_of_the_ring(
    rounds: list[list[Arrival]], quotas: Quotas, lane: Lane
) -> None:
    queue = Queue(quotas)
    bound: dict[str, int] = {}
    pending = list(rounds)
    while pending or queue.open:
        queue.arrive(pending.pop(0) if pending else [])
        members = ring(lane, queue.open.values(), queue.served)
        for place, member in enumerate(members, start=1):
            bound.setdefault(member, queue.round + rounds_by_ring(place, quotas.of(lane)))
        reviewed = queue.review()
        for entry in reviewed:
            if entry.lane == lane:
                for member in entry.ring:
                    bound.pop(member, None)
        waiting = {m for e in queue.open.values() if e.lane == lane for m in e.ring}
        assert all(queue.round < due for member, due in bound.items() if member in waiting)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.integers(1, 5), st.integers(1, 20), st.randoms(use_true_random=False))
def test_t3_a_tenant_with_work_gets_its_share(tenants: int, quota: int, rounds: int, dice: random.Random) -> None:
    queue = Queue(Quotas(severe=quota, few_users=1, broad=1, oldest=1))
    got: Counter[str] = Counter()
    for _ in range(rounds):
        backlog = Counter(member for entry in queue.open.values() for member in entry.ring)
        names = [f"t{i}" for i in range(tenants)]
        dice.shuffle(names)
        queue.arrive(("severe", (n,), 0.0, 0.0) for n in names for _ in range(quota + 4 - backlog[n]))
        got.update(member for entry in queue.review() for member in entry.ring)
    assert all(got[f"t{i}"] >= math.floor(rounds * quota / tenants) for i in range(tenants))


@given(ROUNDS, QUOTAS)
@settings(max_examples=60, deadline=None)
def test_every_slot_is_used_and_nothing_is_reviewed_twice(rounds: list[list[Arrival]], quotas: Quotas) -> None:
    queue = Queue(quotas)
    for arrivals in rounds:
        queue.arrive(arrivals)
        waiting = len(queue.open)
        reviewed = [entry.id for entry in queue.review()]
        assert len(reviewed) == len(set(reviewed)) == min(waiting, quotas.total)


@given(st.lists(ARRIVAL, max_size=40), QUOTAS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_records_does_not_matter(arrivals: list[Arrival], quotas: Quotas, dice: random.Random) -> None:
    queue = Queue(quotas)
    entries = queue.arrive(arrivals)
    shuffled = list(entries)
    dice.shuffle(shuffled)
    assert plan(entries, {}, quotas, 1.0) == plan(shuffled, {}, quotas, 1.0)


@given(st.integers(-3, 200))
def test_quotas_keep_their_shares_at_any_capacity(reviews: int) -> None:
    if reviews < 4:
        with pytest.raises(UsageError, match="too few"):
            Quotas.for_capacity(reviews)
        return
    quotas = Quotas.for_capacity(reviews)
    assert quotas.total == reviews
    assert min(quotas.of(lane) for lane in LANES) >= 1


def test_twenty_a_day_are_six_five_six_three() -> None:
    assert Quotas.for_capacity(20) == rules().quotas == Quotas(severe=6, few_users=5, broad=6, oldest=3)


# ------------------------------------------------------------------------------------------- the simulations


def _simulate(days: int, arrivals: Callable[[int, random.Random], list[Arrival]]) -> tuple[Queue, dict[str, int]]:
    """Days until review by id of what was reviewed."""
    dice = random.Random(20261123)
    queue = Queue(Quotas())
    waited: dict[str, int] = {}
    for day in range(days):
        queue.arrive(arrivals(day, dice))
        waited.update({e.id: queue.round - int(e.arrived) for e in queue.review()})
    return queue, waited


def _mixed(_: int, dice: random.Random) -> list[Arrival]:
    """24 a day, 12 % of them from forty small tenants, a third of those severe."""
    new: list[Arrival] = []
    for _ in range(24):
        if dice.random() < 0.12:
            lane: Lane = "severe" if dice.random() < 1 / 3 else "few_users"
            new.append((lane, (f"small{dice.randrange(40)}",), dice.random(), 0.0))
        else:
            new.append(("broad", (f"big{dice.randrange(5)}",), dice.random() * 100, 0.0))
    return new


def _flood(_: int, dice: random.Random) -> list[Arrival]:
    """One tenant with 500 'severe' patterns a day, and two of small tenants."""
    small: list[Arrival] = [("severe", (f"small{dice.randrange(40)}",), 0.0, 0.0) for _ in range(2)]
    return [("severe", ("flood",), 1e6, -1e9) for _ in range(500)] + small


def test_small_tenants_are_not_starved_by_the_many() -> None:
    queue, waited = _simulate(120, _mixed)
    left = [e for e in queue.open.values() if e.ring[0].startswith("small")]
    assert len(left) <= 6  # what came on the last day
    assert len(waited) == 120 * 20


def test_a_flood_of_one_tenant_delays_no_other_by_more_than_a_day() -> None:
    dice = random.Random(20261123)
    queue = Queue(Quotas())
    longest = 0
    for day in range(10):
        queue.arrive(_flood(day, dice))
        small = [queue.round - int(e.arrived) for e in queue.review() if e.ring != ("flood",)]
        longest = max([longest, *small])
    assert [e for e in queue.open.values() if e.ring != ("flood",)] == []
    assert longest <= 1
