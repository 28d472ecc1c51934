"""A process that writes to a store until it is killed, and says what was acknowledged: for the tests of faults."""

from __future__ import annotations

import os
import random
from pathlib import Path

from store_build import NOON, failure, opened, run

from memento_skills.records import Run
from memento_skills.store import FileState, Store

BATCH = 3


def numbered(number: int, count: int = 9) -> Run:
    noise = random.Random(number).randbytes(number * 997 % 2000).hex()
    return run(f"{number:05}", count=count, started_at=NOON + number, text=noise)


def write_batch(store: Store, first: int, count: int = BATCH) -> None:
    """Runs in two pieces, with their failure, file state and audit entry, in one commit."""
    with store.write() as tx:
        for number in range(first, first + count):
            whole = numbered(number)
            tx.put_run(numbered(number, 5))
            tx.append_steps(whole.key, whole.steps[5:], whole)
            tx.add_failures([failure(whole)])
            tx.put_file(FileState(path=f"/logs/{number}", size=1, mtime_ns=1, offset=number, runs=(whole.key,)))
            tx.audit("import", {"number": number})


def write_until_killed(path: Path, said: Path, first: int) -> None:
    """Write batch after batch; each number stands in `said` only after its commit."""
    out = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with opened(path) as store:
        while True:
            write_batch(store, first)
            first += BATCH
            os.write(out, b"%d\n" % first)


def write_some(path: Path, first: int, count: int) -> None:
    with opened(path) as store:
        for number in range(first, first + count):
            write_batch(store, number, 1)


def assert_whole(store: Store, count: int) -> None:
    """The store holds exactly the first `count` numbered runs, each with all that belongs to it, once."""
    assert store.problems() == []
    assert store.audit_problems() == []
    found = {one.key: one for one in store.runs()}
    assert len(store.headers()) == len(found)
    assert found == {numbered(n).key: numbered(n) for n in range(count)}
    assert [f.run for f in store.failures()] == [numbered(n).key for n in range(count)]
    assert sorted(entry.body["number"] for entry in store.audit_entries()) == list(range(count))
    assert {path: state.offset for path, state in store.files().items()} == {f"/logs/{n}": n for n in range(count)}
    assert store.lineages() == {key: key for key in found}
