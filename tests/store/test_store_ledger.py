"""The ledger: append-only, idempotent, and refusing what contradicts it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from store_build import NOON, citation, dumped, failure, fill, opened, patch, pattern, run, signature, verdict

from memento_skills.errors import BadInput, StoreError
from memento_skills.store import Tx


def test_a_filled_ledger_gives_back_every_record_of_the_loop() -> None:
    a, b = run("a"), run("b", started_at=NOON + 1)
    with opened() as store:
        with store.write() as tx:
            made = fill(tx, a, b)
        assert store.failures() == [failure(a), failure(b)]
        assert [p.id for p in store.patterns()] == [signature().id]
        assert [r.pattern for r in store.reflections(signature().id)] == [signature().id]
        assert store.reflection("reflection-").pattern == signature().id
        assert store.promotion("promotion-").patch == made.id
        assert store.patches() == [made] == store.patches(signature().id)
        assert [v.patch for v in store.verdicts(made.id)] == [made.id]
        assert [d.patch for d in store.decisions(made.id)] == [made.id]
        assert [p.patch for p in store.promotions(made.id)] == [made.id]
        promotion = store.promotions()[0].id
        assert [r.promotion for r in store.rollbacks(promotion)] == [promotion]
        assert [h.promotion for h in store.health(promotion)] == [promotion]
        assert (store.verdicts("none"), store.decisions("none"), store.patches("none")) == ([], [], [])


def test_filling_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memento.db"
    with opened(path) as store:
        with store.write() as tx:
            fill(tx, run())
        before = dumped(path)
        with store.write() as tx:
            fill(tx, run())
        assert dumped(path) == before


ADDERS: dict[str, Callable[[Tx], Callable[[Any], bool]]] = {
    "reflections": lambda tx: tx.add_reflection,
    "patches": lambda tx: tx.add_patch,
    "verdicts": lambda tx: tx.add_verdict,
    "decisions": lambda tx: tx.add_decision,
    "promotions": lambda tx: tx.add_promotion,
    "rollbacks": lambda tx: tx.add_rollback,
}
CHANGES = {
    "reflections": {"owner": "x"},
    "patches": {"rule": "x"},
    "verdicts": {"reason": "x"},
    "decisions": {"action": "reject"},
    "promotions": {"branch": "x"},
    "rollbacks": {"reason": "x"},
}


@pytest.mark.parametrize("kind", ADDERS)
def test_the_same_id_with_other_content_is_a_conflict(kind: str) -> None:
    with opened() as store, store.write() as tx:
        fill(tx, run())
        record = getattr(store, kind)()[0]
        assert ADDERS[kind](tx)(record) is False
        with pytest.raises(StoreError, match="other content"):
            ADDERS[kind](tx)(msgspec.structs.replace(record, **CHANGES[kind]))
        assert getattr(store, kind)() == [record]


def test_a_record_that_follows_from_nothing_stored_is_refused() -> None:
    cited = citation(run())
    with opened() as store, store.write() as tx, pytest.raises(StoreError, match="store the patch first"):
        tx.add_verdict(verdict(patch(cited), cited))


def test_the_latest_verdict_comes_last() -> None:
    a = run()
    with opened() as store, store.write() as tx:
        made = fill(tx, a)
        tx.add_verdict(verdict(made, citation(a), id="0", value="not_better"))
        assert [v.value for v in store.verdicts(made.id)] == ["better", "not_better"]


def test_an_id_may_be_shortened_while_it_stays_unique() -> None:
    cited = citation(run())
    with opened() as store, store.write() as tx:
        for name in ("abc1", "abc2", "abc", "xyz"):
            tx.add_patch(patch(cited, id=name))
        assert store.patch("x").id == "xyz"
        assert store.patch("abc").id == "abc"
        for prefix, message in (("ab", "more than one patch"), ("q", "no patch"), ("", "no patch"), ("%", "no patch")):
            with pytest.raises(BadInput, match=message):
                store.patch(prefix)


def test_patterns_keep_the_order_in_which_they_are_set() -> None:
    first, second = pattern("x"), pattern("y")
    with opened() as store:
        with store.write() as tx:
            tx.set_patterns([first, second])
            tx.set_patterns([second, first])
        assert store.patterns() == [second, first]
        assert store.pattern(first.id[:9]) == first
        with pytest.raises(BadInput):
            store.pattern("none")


def test_failures_are_found_by_run_signature_fault_and_time() -> None:
    a = run("a", count=7)
    found = [
        failure(a, 2, sign="x"),
        failure(a, 4, sign="y", fault="service"),
        failure(a, 6, sign="x", fault="service"),
    ]
    with opened() as store, store.write() as tx:
        tx.put_run(a)
        assert tx.add_failures(reversed(found)) == 3
        assert tx.add_failures(found) == 0
        assert store.failures(a.key) == found
        assert store.failures("made:none") == []
        assert store.failures(signature=signature("x").id) == [found[0], found[2]]
        assert store.failures(fault="service") == found[1:]
        assert store.failures(since=NOON + 4, signature=signature("x").id) == [found[2]]


def test_a_failure_that_a_fork_repeats_is_told_once_whatever_the_order() -> None:
    a, fork = run("a"), run("b", steps=run("a").steps)
    for order in ((a, fork), (fork, a)):
        with opened() as store, store.write() as tx:
            for one in order:
                tx.put_run(one)
                tx.add_failures([failure(one)])
            assert store.failures() == [failure(a)]
            assert store.failures(fork.key) == [failure(fork)]


def test_a_new_detector_replaces_the_failures_of_a_run() -> None:
    a = run("a", count=7)
    with opened() as store, store.write() as tx:
        tx.put_run(a)
        tx.add_failures([failure(a, 2), failure(a, 4)])
        with pytest.raises(StoreError, match="other content"):
            tx.add_failures([failure(a, 2, detector="made@2")])
        tx.replace_failures(a.key, [failure(a, 2, detector="made@2")])
        assert store.failures() == [failure(a, 2, detector="made@2")]
        with pytest.raises(StoreError, match="another run"):
            tx.replace_failures(a.key, [failure(run("b"))])
        tx.replace_failures(a.key, [])
        tx.set_patterns([])
        assert (store.failures(), store.patterns()) == ([], [])


def test_a_failure_of_a_run_that_is_not_stored_is_refused() -> None:
    with opened() as store, store.write() as tx, pytest.raises(StoreError, match="not stored"):
        tx.add_failures([failure(run())])
