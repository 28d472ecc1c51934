"""Where patterns went: ids of an earlier grouping, and those under which the same failures stand now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, select

from memento_skills.store import engine, schema

VERSION, RULING, EVIDENCE = "version", "ruling", "evidence"
"""Why something moved."""
_HOPS = 50


def put(connection: Connection, why: str, moved: Mapping[str, str]) -> None:
    """Note what moved; a later word on the same id counts, one that leads to itself is dropped."""
    for old, new in moved.items():
        forget(connection, why, (old,))
        if old != new:
            engine.upsert(connection, schema.moves, {"why": why, "old": old, "new": new}, ("why", "old"))


def forget(connection: Connection, why: str, olds: Iterable[str]) -> None:
    """Take back what was noted of these ids."""
    table = schema.moves.c
    connection.execute(delete(schema.moves).where(table.why == why, table.old.in_(list(olds))))


def of(connection: Connection, why: str) -> dict[str, str]:
    """What moved for that reason, one step each."""
    table = schema.moves.c
    rows = connection.execute(select(table.old, table.new).where(table.why == why).order_by(table.old)).all()
    return {row.old: row.new for row in rows}


def followed(steps: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Every old id with the one that it leads to in the end; of several reasons the earlier given leads first."""
    tables = list(steps)
    return {old: end for old in {o for t in tables for o in t} if (end := _end(old, tables)) != old}


def _end(start: str, tables: list[Mapping[str, str]]) -> str:
    at, seen = start, {start}
    for _ in range(_HOPS):
        new = next((table[at] for table in tables if at in table), at)
        if new in seen:
            break
        seen.add(new)
        at = new
    return at
