"""The append-only tables from reflections to health, the failures and patterns: records as canonical JSON.

The same record again changes nothing; the same id with other content is a conflict, except where a forget has
rewritten the stored one: then the stored one stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Table, delete, func, select

from memento_skills.errors import BadInput, StoreError
from memento_skills.records import (
    Decision,
    Failure,
    Fault,
    Health,
    Patch,
    Pattern,
    Promotion,
    Record,
    Reflection,
    Rollback,
    Ruling,
    Verdict,
    digest,
)
from memento_skills.store import codec, schema

R = TypeVar("R", bound=Record)


class Kind(Generic[R]):
    """One kind of ledger record: its table, its form, and the field that refers to what it follows from."""

    def __init__(self, form: type[R], table: Table, parent: str) -> None:
        self.form = form
        self.table = table
        self.parent = parent
        self.name = form.__name__.lower()

    def id_of(self, record: R) -> str:
        """The record's id; where it has none, the hash of its content."""
        return str(getattr(record, "id", "")) or digest(record)


RULINGS = Kind(Ruling, schema.rulings, "pattern")
REFLECTIONS = Kind(Reflection, schema.reflections, "pattern")
PATCHES = Kind(Patch, schema.patches, "pattern")
VERDICTS = Kind(Verdict, schema.verdicts, "patch")
DECISIONS = Kind(Decision, schema.decisions, "patch")
PROMOTIONS = Kind(Promotion, schema.promotions, "patch")
ROLLBACKS = Kind(Rollback, schema.rollbacks, "promotion")
HEALTH = Kind(Health, schema.health, "promotion")

KINDS: tuple[Kind[Any], ...] = (RULINGS, REFLECTIONS, PATCHES, VERDICTS, DECISIONS, PROMOTIONS, ROLLBACKS, HEALTH)
"""In the order in which they follow from each other."""


def add(connection: Connection, kind: Kind[R], record: R) -> bool:
    """Append a record; False where it is stored already.

    Raises:
        StoreError: its id is stored with other content, or what it follows from is not stored.
    """
    key, body = kind.id_of(record), codec.encode(record)
    table = kind.table.c
    known = connection.execute(select(table.body, table.redacted).where(table.id == key)).first()
    if known is None:
        _check_parent(connection, kind, key, getattr(record, kind.parent))
        row = {"id": key, kind.parent: getattr(record, kind.parent), "body": body}
        connection.execute(kind.table.insert(), row)
        return True
    if known.body != body and not known.redacted:
        raise StoreError(
            f"{kind.name} {key!r} is stored with other content",
            hint="the ledger is append-only: give a changed record an id of its own",
        )
    return False


def _check_parent(connection: Connection, kind: Kind[R], key: str, parent: str) -> None:
    for reference in kind.table.c[kind.parent].foreign_keys:
        if connection.scalar(select(reference.column).where(reference.column == parent)) is None:
            raise StoreError(
                f"{kind.name} {key!r} follows from {kind.parent} {parent!r}, which is not stored",
                hint=f"store the {kind.parent} first",
            )


def every(connection: Connection, kind: Kind[R], parent: str | None = None) -> list[R]:
    """All records of a kind, or those that follow from `parent`, in the order they were stored."""
    table = kind.table.c
    rows = select(table.body).order_by(table.seq)
    if parent is not None:
        rows = rows.where(table[kind.parent] == parent)
    return [codec.decode(body, kind.form) for body in connection.scalars(rows).all()]


def one(connection: Connection, kind: Kind[R], prefix: str) -> R:
    """The record with this id or with an id that begins so.

    Raises:
        BadInput: there is none, or more than one.
    """
    return codec.decode(_one_body(connection, kind.table, kind.name, prefix), kind.form)


def _one_body(connection: Connection, table: Table, name: str, prefix: str) -> str:
    begins = func.substr(table.c.id, 1, len(prefix)) == prefix
    wanted = select(table.c.id, table.c.body).where(begins).order_by(table.c.id).limit(3)
    # ids are ASCII; half a surrogate pair from a command line cannot even be asked for
    rows = connection.execute(wanted).all() if prefix.isascii() else []
    exact = [row for row in rows if row.id == prefix]
    if len(exact or rows) == 1 and prefix:
        return str((exact or rows)[0].body)
    if not rows or not prefix:
        raise BadInput(f"there is no {name} {prefix!r}", hint="the lists show the ids")
    found = ", ".join(row.id for row in rows)
    raise BadInput(f"more than one {name} begins with {prefix!r}", where=found, hint="give more of the id")


# ------------------------------------------------------------------------------------ failures and patterns


def add_failures(connection: Connection, failures: Iterable[tuple[int, Failure]]) -> int:
    """Add (run number, failure) pairs; how many were new.

    Raises:
        StoreError: the failure is stored for this run with other content.
    """
    new = []
    seen: dict[tuple[int, str], str] = {}
    table = schema.failures.c
    for run, failure in failures:
        body = codec.encode(failure)
        stored = select(table.body).where(table.run == run, table.id == failure.id)
        known = seen.get((run, failure.id)) or connection.scalar(stored)
        if known is None:
            new.append(_failure_row(run, failure, body))
            seen[run, failure.id] = body
        elif known != body:
            raise StoreError(
                f"failure {failure.id!r} is stored with other content",
                where=failure.run,
                hint="replace_failures takes the findings of a new detector",
            )
    if new:
        connection.execute(schema.failures.insert(), new)
    return len(new)


def replace_failures(connection: Connection, run: int, failures: Sequence[Failure]) -> None:
    """Let `failures` be all failures of a run."""
    connection.execute(delete(schema.failures).where(schema.failures.c.run == run))
    rows = {failure.id: _failure_row(run, failure, codec.encode(failure)) for failure in failures}
    if rows:
        connection.execute(schema.failures.insert(), list(rows.values()))


def _failure_row(run: int, failure: Failure, body: str) -> dict[str, Any]:
    return {
        "run": run, "id": failure.id, "signature": failure.signature.id, "fault": failure.fault,
        "at": failure.at, "body": body,
    }  # fmt: skip


def failures(
    connection: Connection, run: str | None, signature: str | None, fault: Fault | None, since: float | None
) -> list[Failure]:
    """Failures by time. One that several runs repeat (a fork, a checkpoint) is given once, for the smallest key."""
    table = schema.failures.c
    rows = select(table.body).join_from(schema.failures, schema.runs)
    rows = rows.order_by(table.at.is_(None), table.at, schema.runs.c.key, table.id)
    for column, value in ((schema.runs.c.key, run), (table.signature, signature), (table.fault, fault)):
        rows = rows if value is None else rows.where(column == value)
    if since is not None:
        rows = rows.where(table.at >= since)
    found: dict[str, Failure] = {}
    for body in connection.scalars(rows).all():
        failure = codec.decode(body, Failure)
        found.setdefault(failure.id, failure)
    return sorted(found.values(), key=lambda f: (f.at is None, f.at or 0.0, f.run, f.step, f.id))


def set_patterns(connection: Connection, patterns: Sequence[Pattern]) -> None:
    """Let `patterns` be all patterns, in this order."""
    rows = [{"id": p.id, "rank": rank, "body": codec.encode(p)} for rank, p in enumerate(patterns)]
    connection.execute(delete(schema.patterns))
    if rows:
        connection.execute(schema.patterns.insert(), rows)


def patterns(connection: Connection) -> list[Pattern]:
    """All patterns in the order they were set."""
    rows = select(schema.patterns.c.body).order_by(schema.patterns.c.rank)
    return [codec.decode(body, Pattern) for body in connection.scalars(rows).all()]


def pattern(connection: Connection, prefix: str) -> Pattern:
    """The pattern with this id or with an id that begins so. Raises BadInput: none, or more than one."""
    return codec.decode(_one_body(connection, schema.patterns, "pattern", prefix), Pattern)
