"""The audit chain: every way of tampering is found."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_build import NOON, fill, opened, run

from memento_skills.errors import StoreError
from memento_skills.records import AuditEntry
from memento_skills.store import audit


def chain(count: int) -> list[AuditEntry]:
    made: list[AuditEntry] = []
    for seq in range(count):
        prev = made[-1].hash if made else audit.GENESIS
        made.append(audit.link(prev, seq, NOON + seq / 8, "decision", {"id": f"d{seq}", "n": seq}))
    return made


CHAIN = chain(200)


def test_a_whole_chain_has_no_problem() -> None:
    assert audit.verify(CHAIN, [CHAIN[3].hash, audit.GENESIS], count=200) == []
    assert audit.verify([]) == []


def test_a_change_of_any_byte_of_200_entries_is_found() -> None:
    data = audit.dump(CHAIN)
    assert audit.load(data) == (CHAIN, [])
    lines = data.splitlines(keepends=True)
    missed = []
    for number, line in enumerate(lines):
        # a change shows in its own entry or where the next one follows: three entries stand for the chain
        before, after = lines[max(0, number - 1) : number], lines[number + 1 : number + 2]
        whole = audit.verify(CHAIN[max(0, number - 1) : number + 2])
        for at in range(len(line)):
            changed = bytearray(line)
            changed[at] ^= 1 << (number + at) % 8
            entries, problems = audit.load(b"".join([*before, bytes(changed), *after]))
            if not problems and audit.verify(entries) == whole:
                missed.append((number, at))
    assert missed == []


@given(st.integers(0, 199))
def test_a_deleted_entry_is_found(gone: int) -> None:
    assert audit.verify([*CHAIN[:gone], *CHAIN[gone + 1 :]], [CHAIN[-1].hash])


@given(st.integers(0, 199), st.integers(0, 199))
def test_a_changed_order_is_found(a: int, b: int) -> None:
    changed = list(CHAIN)
    changed[a], changed[b] = changed[b], changed[a]
    assert bool(audit.verify(changed)) == (a != b)


@given(st.integers(0, 200))
def test_an_inserted_entry_is_found_even_with_a_hash_of_its_own(at: int) -> None:
    prev = CHAIN[at - 1].hash if at else audit.GENESIS
    more = audit.link(prev, at, NOON, "decision", {"id": "x"})
    assert audit.verify([*CHAIN[:at], more, *CHAIN[at:]], count=200)


@given(st.integers(0, 199))
def test_a_shortened_chain_is_found_by_its_count_and_by_a_head_that_stands_elsewhere(left: int) -> None:
    assert audit.verify(CHAIN[:left], count=200)
    assert audit.verify(CHAIN[:left], [CHAIN[-1].hash])


@given(st.integers(0, 199))
def test_a_chain_made_anew_from_an_entry_on_is_found_by_a_later_head(at: int) -> None:
    changed = CHAIN[:at]
    for entry in CHAIN[at:]:
        prev = changed[-1].hash if changed else audit.GENESIS
        changed.append(audit.link(prev, entry.seq, entry.at, "decision", {"id": "forged"}))
    assert audit.verify(changed, count=200) == []
    assert audit.verify(changed, [CHAIN[-1].hash], count=200)


def test_decisions_promotions_and_rollbacks_enter_the_chain_by_themselves() -> None:
    with opened() as store:
        assert store.audit_head() == audit.GENESIS
        with store.write() as tx:
            fill(tx, run())
            tx.audit("import", {"files": 3})
        kinds = [entry.kind for entry in store.audit_entries()]
        assert kinds == ["decision", "promotion", "rollback", "import"]
        assert store.audit_head() == store.audit_entries()[-1].hash
        assert store.audit_problems([store.audit_head()]) == []


def test_the_chain_holds_no_names_and_no_text() -> None:
    with opened() as store:
        with store.write() as tx:
            fill(tx, run())
        assert b"Ada" not in audit.dump(store.audit_entries())
        assert b"did not help" not in audit.dump(store.audit_entries())


@pytest.mark.parametrize("text", ["a sentence", "/a/path", "made:session-a", "ü", "x" * 129, "a\n"])
def test_text_is_refused_in_the_chain(text: str) -> None:
    with opened() as store, store.write() as tx:
        for body in ({"a": text}, {text: 1}, {"a": [{"b": text}]}):
            with pytest.raises(StoreError, match="text"):
                tx.audit("import", body)


def tamper(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE decisions SET body = replace(body, 'approve', 'reject')", "was edited since"),
        ("UPDATE promotions SET id = 'x'", "not in the audit log"),
        ("DELETE FROM rollbacks", "is gone"),
        ("DELETE FROM audit WHERE seq = 2", "the log was cut"),
        ("DELETE FROM audit", "the log was cut"),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", "was edited"),
        ("UPDATE audit SET kind = 'x' WHERE seq = 1", "was edited"),
        ("UPDATE audit SET body = replace(body, ':', ': ') WHERE seq = 1", "canonical"),
        ("UPDATE audit SET body = 'x' WHERE seq = 1", "damaged"),
        ("UPDATE audit SET seq = 9 WHERE seq = 1", "reordered"),
    ],
)
def test_tampering_with_the_file_is_found(tmp_path: Path, statement: str, said: str) -> None:
    path = tmp_path / "memento.db"
    with opened(path) as store, store.write() as tx:
        fill(tx, run())
    tamper(path, statement)
    with opened(path) as store:
        assert said in "; ".join(store.audit_problems())


@settings(max_examples=20)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.integers() | st.floats(allow_nan=False))))
def test_what_is_appended_verifies_after_it_is_read_back(bodies: list[dict[str, float]]) -> None:
    with opened() as store:
        for body in bodies:
            with store.write() as tx:
                tx.audit("import", body)
        assert store.audit_problems() == []
        entries = store.audit_entries()
        assert audit.load(audit.dump(entries)) == (entries, [])
        assert [entry.seq for entry in entries] == list(range(len(bodies)))


def test_a_clock_of_whole_seconds_verifies() -> None:
    entry = audit.link(audit.GENESIS, 0, 5, "import", {})
    assert audit.verify([msgspec.structs.replace(entry, at=5.0)]) == []
