"""Runs connected by shared call, row or session ids: the unit of every split and interval."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, delete, func, select

from memento_skills.records import Run, Step
from memento_skills.store import schema
from memento_skills.store.scrub import FORGOTTEN


class Marker:
    """Makes marks: salted 63-bit hashes of native ids, so that the index itself tells nothing of the log."""

    def __init__(self, salt: bytes) -> None:
        # copying a begun hash costs half of beginning one, and there are 100 and more for each MB of log
        self._row = hashlib.blake2b(b"row\0", digest_size=8, key=salt)
        self._call = hashlib.blake2b(b"call\0", digest_size=8, key=salt)
        self._session = hashlib.blake2b(b"session\0", digest_size=8, key=salt)

    def call(self, call_id: str) -> int:
        """The mark of a call id."""
        return _mark(self._call, call_id)

    def marks(self, run: Run, steps: Iterable[Step]) -> dict[int, float | None]:
        """What connects a run with others, each with its first time: its session and links, calls and user's rows.

        A stretch that one session copies from another holds a message of a person or a call, so the ids of other rows
        would add nothing but three quarters of the index, which is random and therefore dear to write.
        """
        session, row, call = self._session, self._row, self._call
        found = {_mark(session, f"{run.client}\0{name}"): run.started_at for name in (run.id, *run.links)}
        found.pop(_mark(session, f"{run.client}\0{FORGOTTEN}"), None)  # two forgotten origins are not the same
        for step in steps if run.shared_ids else ():
            if step.uid and step.kind == "message" and step.actor == "user":
                found.setdefault(_mark(row, step.uid), step.at)
            if step.call_id:
                found.setdefault(_mark(call, step.call_id), step.at)
        return found


def _mark(begun: hashlib.blake2b, name: str) -> int:
    hashed = begun.copy()
    hashed.update(name.encode("utf-8", "surrogatepass"))
    return int.from_bytes(hashed.digest(), "big") >> 1


def components(keys: dict[int, str], shared: Iterable[tuple[int, int]]) -> dict[int, int]:
    """The lineage of each run: the connected run with the smallest key.

    Args:
        keys: key of every run by its number.
        shared: (mark, run) pairs, in the order of marks.
    """
    parent = dict.fromkeys(keys, -1)

    def root(run: int) -> int:
        while parent[run] >= 0:
            if parent[parent[run]] >= 0:
                parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    before: tuple[int, int] | None = None
    for mark_, run in shared:
        if before is not None and before[0] == mark_:
            a, b = root(before[1]), root(run)
            if a != b:
                low, high = (a, b) if keys[a] < keys[b] else (b, a)
                parent[high] = low
        before = (mark_, run)
    return {run: root(run) for run in keys}


def compute(connection: Connection) -> tuple[dict[int, str], dict[int, int]]:
    """Read the index and connect the runs: their keys, and the lineage of each, by number."""
    keys = {row.id: row.key for row in connection.execute(select(schema.runs.c.id, schema.runs.c.key))}
    return keys, components(keys, _shared(connection))


def names(keys: dict[int, str], lineages: dict[int, int]) -> dict[str, str]:
    """Lineage by run, both as keys."""
    return {keys[run]: keys[first] for run, first in lineages.items()}


def _shared(connection: Connection) -> Iterator[tuple[int, int]]:
    table = schema.marks.c
    twice = select(table.hash).group_by(table.hash).having(func.count() > 1).subquery()
    rows = select(table.hash, table.run).join(twice, twice.c.hash == table.hash).order_by(table.hash, table.run)
    for row in connection.execute(rows):
        yield row.hash, row.run


def save(connection: Connection, lineages: dict[int, int]) -> None:
    """Keep the answer for the next process."""
    connection.execute(delete(schema.lineages))
    if lineages:
        rows = [{"run": run, "lineage": lineage} for run, lineage in lineages.items()]
        connection.execute(schema.lineages.insert(), rows)


def saved(connection: Connection) -> dict[str, str]:
    """The kept answer: lineage by run key."""
    run, first = schema.runs.alias(), schema.runs.alias()
    joined = schema.lineages.join(run, run.c.id == schema.lineages.c.run)
    rows = select(run.c.key, first.c.key).select_from(joined.join(first, first.c.id == schema.lineages.c.lineage))
    return {row[0]: row[1] for row in connection.execute(rows)}
