"""The queue from the ledger's records: what is open, in which order, and by when."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import msgspec
import pytest
from curate_build import NOW, decision, patch, pattern, verdict
from hypothesis import given, settings
from hypothesis import strategies as st

from memento_skills.curate import Quotas, evidence_hash, queue, reviewable
from memento_skills.records import Check, Decision, Lane, Patch, Pattern, Reach, Scope, Verdict

DAY = 86_400.0


def _many(number: int, lane: Lane = "broad") -> tuple[list[Patch], list[Verdict], list[Pattern]]:
    keys = [f"{lane}{i:03}" for i in range(number)]
    return (
        [patch(k, k) for k in keys],
        [verdict(k, at=NOW - 1000 + i) for i, k in enumerate(keys)],
        [pattern(k, lane) for k in keys],
    )


@pytest.mark.parametrize(
    ("value", "lane", "expected"),
    [
        ("better", "broad", True),
        ("not_enough_evidence", "severe", True),
        ("not_enough_evidence", "few_users", True),
        ("not_enough_evidence", "broad", False),
        ("not_better", "severe", False),
    ],
)
def test_what_is_reviewable_depends_on_verdict_and_lane(value: str, lane: Lane, expected: bool) -> None:
    found = verdict("p", value)  # type: ignore[arg-type]
    assert reviewable(found, lane) is expected
    failed = msgspec.structs.replace(found, checks=(Check(name="secrets", passed=False),))
    assert not reviewable(failed, lane)


def test_a_row_says_what_it_is_about() -> None:
    found = msgspec.structs.replace(verdict("p1"), reach=Reach(runs=4, loaded=1, selected=1))
    (row,) = queue([patch("p1", "x")], [found], [pattern("x", users=("ann", "bob"))], [], now=NOW)
    assert (row.patch, row.skill, row.pattern, row.lane) == ("p1", "table-tool", "x", "broad")
    assert (row.failures, row.users, row.verdict, row.reach, row.new_skill) == (3, 2, "better", 0.5, False)
    assert row.review_by == "2023-11-15"


def test_never_more_than_asked_for() -> None:
    assert len(queue(*_many(30), [], now=NOW, limit=5)) == 5
    assert len(queue(*_many(30), [], now=NOW)) == 30


def test_a_short_first_look_holds_every_lane() -> None:
    parts = [_many(10, lane) for lane in ("broad", "few_users", "severe")]
    patches, verdicts, patterns = ([x for part in parts for x in part[i]] for i in range(3))
    rows = queue(patches, verdicts, patterns, [], now=NOW, limit=5)  # type: ignore[arg-type]
    assert {row.lane for row in rows} == {"severe", "few_users", "broad"}


def test_the_date_is_the_bound_by_age() -> None:
    rows = queue(*_many(100), [], now=NOW)
    assert max(row.review_by for row in rows) == "2023-12-18"  # ceil(100 / 3) = 34 days after 2023-11-14


def test_the_oldest_severe_pattern_of_a_tenant_has_the_date_of_the_ring() -> None:
    patches, verdicts, patterns = _many(60)
    late = pattern("late", "severe", tenants=("small",))
    rows = queue([*patches, patch("l", "late")], [*verdicts, verdict("l", at=NOW)], [*patterns, late], [], now=NOW)
    assert next(row for row in rows if row.patch == "l").review_by == "2023-11-15"


def test_what_was_decided_is_closed() -> None:
    patches, verdicts, patterns = _many(3)
    closed = [decision(patches[0].id, "approve"), decision(patches[1].id, "edit")]
    assert [row.patch for row in queue(patches, verdicts, patterns, closed, now=NOW)] == [patches[2].id]


def test_a_snoozed_item_comes_back_to_its_place() -> None:
    patches, verdicts, patterns = _many(10)
    snoozed = [decision(patches[0].id, "snooze", until=NOW + DAY)]
    quotas = Quotas(severe=1, few_users=1, broad=1, oldest=1)
    asleep = queue(patches, verdicts, patterns, snoozed, now=NOW, quotas=quotas)
    awake = queue(patches, verdicts, patterns, snoozed, now=NOW + 2 * DAY, quotas=quotas)
    assert patches[0].id not in {row.patch for row in asleep}
    assert awake[0].patch == patches[0].id


def test_a_snoozed_older_item_counts_in_the_dates_of_the_younger() -> None:
    patches, verdicts, patterns = _many(4)
    snoozed = [decision(patches[0].id, "snooze", until=NOW + DAY)]
    rows = {row.patch: row.review_by for row in queue(patches, verdicts, patterns, snoozed, now=NOW)}
    assert rows[patches[3].id] == "2023-11-16"


def test_a_rejected_patch_returns_only_with_new_evidence() -> None:
    found = pattern("x")
    rejected = [decision("p1", "reject", reason="wrong", evidence=evidence_hash(found))]
    args = ([patch("p1", "x")], [verdict("p1")])
    assert queue(*args, [found], rejected, now=NOW) == ()
    assert queue(*args, [found], rejected, now=NOW + 365 * DAY) == ()
    assert len(queue(*args, [pattern("x", lineages=4)], rejected, now=NOW)) == 1


def test_only_the_newest_patch_of_a_pattern_is_shown_and_keeps_its_place() -> None:
    patches, verdicts, patterns = _many(6)
    again = patch("again", patches[0].pattern)
    quotas = Quotas(severe=1, few_users=1, broad=1, oldest=1)
    rows = queue([*patches, again], [*verdicts, verdict("again", at=NOW)], patterns, [], now=NOW, quotas=quotas)
    shown = [row.patch for row in rows]
    assert patches[0].id not in shown
    assert shown[0] == "again"


def test_patches_for_different_tenants_are_different_rows() -> None:
    one = patch("p1", "x")
    other = msgspec.structs.replace(patch("p2", "x"), scope=Scope(level="tenant", name="acme"))
    assert len(queue([one, other], [verdict("p1"), verdict("p2")], [pattern("x")], [], now=NOW)) == 2


def test_the_latest_verdict_counts() -> None:
    verdicts = [verdict("p1", at=NOW - 50), verdict("p1", "not_better", at=NOW - 5)]
    assert queue([patch("p1", "x")], verdicts, [pattern("x")], [], now=NOW) == ()


def test_a_claimed_age_in_a_log_does_not_overtake() -> None:
    quotas = Quotas(severe=1, few_users=1, broad=1, oldest=1)
    first, late = pattern("x", "severe"), pattern("y", "severe", first_seen=-1e12)
    rows = queue([patch("a", "x"), patch("b", "y")], [verdict("a", at=NOW - 9), verdict("b", at=NOW - 1)],
                 [late, first], [], now=NOW, quotas=quotas)  # fmt: skip
    assert [row.patch for row in rows] == ["a", "b"]


def test_the_tenant_that_was_served_goes_to_the_back() -> None:
    quotas = Quotas(severe=1, few_users=1, broad=1, oldest=1)
    patterns = [pattern(f"{t}{i}", "severe", tenants=(t,)) for t in ("big", "small") for i in range(4)]
    patches = [patch(p.id, p.id) for p in patterns]
    verdicts = [verdict(p.id, at=NOW - 100 + i) for i, p in enumerate(patterns)]
    served = [decision("big0", "approve")]
    rows = queue(patches, verdicts, patterns, served, now=NOW, quotas=quotas)
    assert rows[1].patch == "small0"  # after the oldest of all, which is the first row


@given(st.lists(st.sampled_from(["severe", "few_users", "broad"]), max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_queue_is_a_function_of_the_records(lanes: list[Lane], dice: random.Random) -> None:
    patterns = [pattern(f"x{i}", lane) for i, lane in enumerate(lanes)]
    patches = [patch(f"p{i}", p.id) for i, p in enumerate(patterns)]
    verdicts = [verdict(p.id, at=NOW - i) for i, p in enumerate(patches)]
    decisions: list[Decision] = [decision(p.id, "approve") for p in patches[::4]]
    expected = queue(patches, verdicts, patterns, decisions, now=NOW)
    for records in (patches, verdicts, patterns, decisions):
        dice.shuffle(records)
    assert queue(patches, verdicts, patterns, decisions, now=NOW) == expected
    assert len(expected) == len(patches) - len(decisions)


ARRIVALS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["severe", "few_users", "broad"]), st.sampled_from("abcde"), st.integers(1, 4)),
        max_size=6,
    ),
    min_size=1,
    max_size=8,
)


@given(ARRIVALS, st.sets(st.integers(0, 30), max_size=5))
@settings(max_examples=60, deadline=None)
def test_every_printed_date_is_kept(days: list[list[tuple[Lane, str, int]]], snoozed: set[int]) -> None:
    quotas = Quotas(severe=1, few_users=1, broad=1, oldest=1)
    patches: list[Patch] = []
    verdicts: list[Verdict] = []
    patterns: list[Pattern] = []
    decisions: list[Decision] = []
    promised: dict[str, str] = {}
    now = NOW
    while True:
        for lane, tenant, severity in days.pop(0) if days else []:
            key = f"k{len(patches):03}"
            patterns.append(pattern(key, lane, severity=severity, tenants=(tenant,)))
            patches.append(patch(key, key))
            verdicts.append(verdict(key, at=now + len(patches) * 1e-3))
        rows = queue(patches, verdicts, patterns, decisions, now=now + 1, quotas=quotas)
        if not rows and not days:
            break
        for row in rows:
            promised.setdefault(row.patch, row.review_by)
        today = datetime.fromtimestamp(now, UTC).date().isoformat()
        for i, row in enumerate(rows[: quotas.total]):
            assert today <= promised.pop(row.patch)
            sleeps = int(row.patch[1:]) in snoozed and not any(d.patch == row.patch for d in decisions)
            until = now + 2.5 * DAY if sleeps else None
            decisions.append(decision(row.patch, "snooze" if sleeps else "approve", now + 2 + i, until=until))
        now += DAY
    assert len(promised) == 0
