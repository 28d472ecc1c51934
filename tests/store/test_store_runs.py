"""Runs in and out: nothing lost, nothing twice, whatever the order and the pieces."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_build import NOON, dumped, opened, run, steps, without_steps

from memento_skills.errors import BadInput, StoreError
from memento_skills.records import LineCount, Quarantined, Run, Step
from memento_skills.store import FileState, Store, codec

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
any_steps = st.lists(
    st.builds(
        Step,
        seq=st.just(0),
        kind=st.sampled_from(["message", "call", "result"]),
        actor=st.sampled_from(["user", "agent", "tool"]),
        text=st.text(),
        args=st.dictionaries(st.text(), json_values, max_size=3),
        call_id=st.text(max_size=5),
        uid=st.text(max_size=5),
        at=st.none() | st.floats(0, 4e9),
    ),
    max_size=6,
).map(lambda found: tuple(msgspec.structs.replace(step, seq=seq) for seq, step in enumerate(found)))


@given(any_steps)
def test_a_run_comes_back_as_it_was_put(found: tuple[Step, ...]) -> None:
    with opened() as store:
        made = run(steps=found)
        with store.write() as tx:
            assert tx.put_run(made) == "new"
        assert store.run(made.key) == made


@given(any_steps, st.integers(1, 200))
def test_the_encoding_does_not_depend_on_how_it_is_cut(found: tuple[Step, ...], limit: int) -> None:
    whole, cut = codec.pieces(found), codec.pieces(found, limit)
    assert tuple(step for piece in cut for step in codec.steps_of(codec.unpack(codec.pack(piece)))) == found
    assert b"".join(piece.body for piece in cut) == b"".join(piece.body for piece in whole)


@settings(max_examples=30)
@given(st.integers(0, 8), st.integers(0, 8))
def test_a_run_in_two_goes_is_the_run_in_one(first: int, more: int) -> None:
    whole = run(count=first + more)
    with opened() as store, store.write() as tx:
        tx.put_run(msgspec.structs.replace(whole, steps=whole.steps[:first]))
        tx.append_steps(whole.key, whole.steps[first:], whole)
        assert store.run(whole.key) == whole
        assert tx.put_run(whole) == "unchanged"


def test_the_same_run_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memento.db"
    with opened(path) as store:
        with store.write() as tx:
            tx.put_run(run())
        before = dumped(path)
        with store.write() as tx:
            assert tx.put_run(run()) == "unchanged"
        assert dumped(path) == before


def test_a_run_with_other_content_is_a_new_version_and_not_a_second_run() -> None:
    with opened() as store:
        with store.write() as tx:
            tx.put_run(run())
            assert tx.put_run(run(reader="made@2", count=5)) == "updated"
        assert [(one.reader, len(one.steps)) for one in store.runs()] == [("made@2", 5)]


def test_runs_twice_and_shuffled_give_the_same_answers() -> None:
    made = [run(name, started_at=NOON + place) for place, name in enumerate("abcdef")]
    made += [run("g", steps=steps(4, "a")), run("h", links=("session-b",))]
    answers = []
    for seed in range(4):
        shuffled = made * 2
        random.Random(seed).shuffle(shuffled)
        with opened() as store:
            with store.write() as tx:
                for one in shuffled:
                    tx.put_run(one)
            first = store.first_occurrence("project", [f"call-{name}-1" for name in "abcdef"])
            answers.append((store.headers(), list(store.runs()), store.lineages(), first))
    assert all(answer == answers[0] for answer in answers)


def test_what_is_known_of_a_run_are_its_row_and_call_ids() -> None:
    with opened() as store:
        with store.write() as tx:
            tx.put_run(run(count=4))
        known = store.known("made:session-a")
        assert known is not None
        assert known.steps == 4
        assert known.uids == {f"row-a-{seq}" for seq in range(4)}
        assert known.call_ids == {"call-a-1", "call-a-3"}
        assert store.known("made:other") is None


def test_steps_that_are_stored_already_are_passed_over() -> None:
    with opened() as store, store.write() as tx:
        tx.put_run(run(count=4))
        longer = run(count=7)
        assert tx.append_steps(longer.key, longer.steps[2:], longer) == "updated"
        assert tx.append_steps(longer.key, longer.steps[5:], longer) == "unchanged"
        assert store.run(longer.key) == longer


def test_steps_that_contradict_the_stored_ones_are_refused() -> None:
    with opened() as store, store.write() as tx:
        tx.put_run(run(count=4))
        with pytest.raises(StoreError, match="other content"):
            tx.append_steps("made:session-a", steps(3, "b", first=3), run())


def test_steps_with_a_gap_before_them_are_refused() -> None:
    with opened() as store, store.write() as tx:
        tx.put_run(run(count=4))
        with pytest.raises(StoreError, match="step 6 comes after 4"):
            tx.append_steps("made:session-a", steps(2, "a", first=6), run())


def test_steps_of_a_run_that_is_not_stored_are_refused() -> None:
    with opened() as store, store.write() as tx, pytest.raises(StoreError, match="not stored"):
        tx.append_steps("made:session-a", steps(2), run())


def test_runs_come_newest_first_and_those_without_a_time_last() -> None:
    with opened() as store:
        with store.write() as tx:
            for name, at in (("a", NOON), ("b", None), ("c", NOON + 2), ("d", NOON + 1)):
                tx.put_run(run(name, started_at=at))
        assert [one.id[-1] for one in store.headers()] == ["c", "d", "a", "b"]
        assert [one.id[-1] for one in store.runs(["made:session-a", "made:session-c", "made:none"])] == ["c", "a"]
        assert store.run_header("made:session-a") == without_steps(run("a"))
        assert store.run_header("made:none") is None
        assert store.run("made:none") is None


def test_a_long_run_is_stored_in_bounded_chunks(tmp_path: Path) -> None:
    long = run(steps=tuple(Step(seq=i, kind="message", actor="user", text=str(i) * 200_000) for i in range(100)))
    assert len(codec.pieces(long.steps)) > 3
    with opened(tmp_path / "memento.db") as store:
        with store.write() as tx:
            tx.put_run(long)
        assert store.run(long.key) == long


def test_integers_beyond_64_bits_are_kept() -> None:
    big = run(steps=(Step(seq=0, kind="call", actor="agent", args={"n": 10**30, "m": [-(2**63) - 1, 10**9000]}),))
    with opened() as store, store.write() as tx:
        tx.put_run(big)
        assert store.run(big.key) == big
        assert tx.put_run(big) == "unchanged"


def test_text_that_is_no_unicode_is_refused_and_the_rest_of_the_write_goes_on() -> None:
    broken = run("b", steps=(Step(seq=0, kind="message", actor="user", text="\ud800"),))
    with opened() as store:
        with store.write() as tx:
            tx.put_run(run("a"))
            with pytest.raises(BadInput):
                tx.put_run(broken)
            tx.put_run(run("c"))
        assert {one.id for one in store.headers()} == {"session-a", "session-c"}


def test_arguments_nested_too_deep_are_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with opened() as store, store.write() as tx, pytest.raises(BadInput):
        tx.put_run(run(steps=(Step(seq=0, kind="call", actor="agent", args={"a": deep}),)))
    while deep:  # taken apart by hand, or the interpreter would recurse
        deep = deep[0]


@pytest.mark.parametrize("name", ["'; DROP TABLE runs; --", "a%_\\", "\0", "\u202e", "\U0010ffff", "x" * 10_000])
def test_hostile_names_are_stored_as_they_are(name: str) -> None:
    made = run(id=name, project=name, user=name)
    with opened() as store:
        with store.write() as tx:
            tx.put_run(made)
        assert store.run(made.key) == made
        assert store.lineages() == {made.key: made.key}


def test_nothing_of_a_write_that_fails_is_stored() -> None:
    def half(store: Store) -> None:
        with store.write() as tx:
            tx.put_run(run())
            tx.append_steps("made:none", (), run("none"))

    with opened() as store:
        with pytest.raises(StoreError):
            half(store)
        assert store.headers() == []
        assert store.lineages() == {}


def test_a_write_that_has_ended_writes_no_more() -> None:
    with opened() as store:
        with store.write() as tx:
            tx.put_run(run())
        with pytest.raises(StoreError, match="has ended"):
            tx.put_run(run("b"))


def test_a_write_within_a_write_is_refused() -> None:
    with opened() as store, store.write(), pytest.raises(StoreError, match="already open"), store.write():
        pass


def test_what_a_write_has_stored_is_seen_before_it_ends() -> None:
    with opened() as store, store.write() as tx:
        tx.put_run(run())
        assert store.known("made:session-a") is not None
        assert store.lineages() == {"made:session-a": "made:session-a"}


def test_a_file_state_is_renewed_and_found_by_its_path() -> None:
    first = FileState(path="/logs/a.jsonl", size=10, mtime_ns=1, offset=10, counts=LineCount(seen=1, understood=1))
    grown = msgspec.structs.replace(first, size=20, offset=20)
    with opened() as store:
        with store.write() as tx:
            tx.put_file(first)
            tx.put_file(grown)
        assert store.file("/logs/a.jsonl") == grown
        assert store.file("/logs/b.jsonl") is None
        assert store.files() == {"/logs/a.jsonl": grown} == store.files(["/logs/a.jsonl", "/logs/b.jsonl"])


def test_a_quarantine_note_is_kept_once() -> None:
    notes = [
        Quarantined(file="b", line=1, offset=0, size=3, sha256="0", reason="no JSON"),
        Quarantined(file="a", line=2, offset=9, size=3, sha256="0", reason="no JSON"),
    ]
    with opened() as store:
        with store.write() as tx:
            for note in notes * 2:
                tx.add_quarantined(note)
        assert store.quarantined() == [notes[1], notes[0]]


def test_the_first_occurrence_of_a_call_is_the_earliest_in_its_project() -> None:
    early, late = run("a", steps=steps(2, "x")), run("b", steps=steps(2, "x"))
    elsewhere = run("c", project="other", steps=steps(2, "x"))
    with opened() as store:
        with store.write() as tx:
            for one in (late, elsewhere, early):
                tx.put_run(one)
            tx.add_calls("project", [("call-y", late.key, NOON + 5), ("call-y", early.key, NOON + 6)])
        found = store.first_occurrence("project", ["call-x-1", "call-y", "call-z"])
        assert found == {"call-x-1": early.key, "call-y": late.key}
        assert store.first_occurrence("other", ["call-x-1"]) == {"call-x-1": elsewhere.key}


def test_a_call_for_another_project_or_an_unknown_run_is_refused() -> None:
    with opened() as store, store.write() as tx:
        tx.put_run(run())
        with pytest.raises(StoreError, match="another project"):
            tx.add_calls("other", [("c", "made:session-a", None)])
        with pytest.raises(StoreError, match="not stored"):
            tx.add_calls("project", [("c", "made:session-b", None)])


def lineages(*made: Run) -> dict[str, str]:
    with opened() as store:
        with store.write() as tx:
            for one in made:
                tx.put_run(one)
        found = store.lineages()
        assert store.lineages() == found
        return {key[-1]: lineage[-1] for key, lineage in found.items()}


def test_runs_that_share_nothing_are_lineages_of_their_own() -> None:
    assert lineages(run("a"), run("b")) == {"a": "a", "b": "b"}


def test_shared_calls_rows_and_links_connect_runs() -> None:
    call = Step(seq=0, kind="call", actor="agent", call_id="call-a-1")
    row = Step(seq=0, kind="message", actor="user", uid="row-d-0")
    made = (run("a"), run("b", steps=(call,)), run("c", links=("session-b",)), run("d"), run("e", steps=(row,)))
    assert lineages(*made) == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d"}


def test_a_result_whose_call_was_cut_off_connects_too() -> None:
    result = Step(seq=0, kind="result", actor="tool", call_id="call-a-1", uid="row")
    assert lineages(run("a"), run("b", steps=(result,))) == {"a": "a", "b": "a"}


def test_two_runs_that_name_the_same_missing_origin_are_one_lineage() -> None:
    assert lineages(run("b", links=("gone",)), run("a", links=("gone",))) == {"a": "a", "b": "a"}


def test_the_same_session_id_in_another_client_is_no_link() -> None:
    assert lineages(run("a"), run("b", client="other", links=("session-a",))) == {"a": "a", "b": "b"}


def test_lineages_follow_runs_that_come_later(tmp_path: Path) -> None:
    with opened(tmp_path / "memento.db") as store, opened(tmp_path / "memento.db") as other:
        with store.write() as tx:
            tx.put_run(run("b"))
        assert store.lineages() == {"made:session-b": "made:session-b"}
        with other.write() as tx:
            tx.put_run(run("a", links=("session-b",)))
        assert set(store.lineages().values()) == {"made:session-a"}


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_lineages_are_the_connected_components(links: list[tuple[int, int]]) -> None:
    made = [run(str(i), links=tuple(f"session-{b}" for a, b in links if a == i)) for i in range(10)]
    expected = {i: i for i in range(10)}
    for _ in range(10):
        for a, b in links:
            expected[a] = expected[b] = min(expected[a], expected[b])
    assert lineages(*made) == {str(i): str(lineage) for i, lineage in expected.items()}
