"""Ordered migrations, recorded by name; those that are missing run in one transaction. A released one never changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, inspect, select, text

from memento_skills.errors import StoreError
from memento_skills.store import engine, schema

_FIRST = """
CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE files (path TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL) {clustered};
CREATE TABLE runs (
    id {serial}, key TEXT NOT NULL UNIQUE, "user" TEXT NOT NULL, project TEXT NOT NULL,
    started_at DOUBLE PRECISION, steps INTEGER NOT NULL, version TEXT NOT NULL, header TEXT NOT NULL
);
CREATE TABLE archive (key TEXT NOT NULL, chunk INTEGER NOT NULL, payload {blob} NOT NULL, PRIMARY KEY (key, chunk));
CREATE TABLE marks (
    hash BIGINT NOT NULL, run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, at DOUBLE PRECISION,
    PRIMARY KEY (hash, run)
) {clustered};
CREATE TABLE lineages (
    run INTEGER NOT NULL PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE, lineage INTEGER NOT NULL
);
CREATE TABLE quarantined (id TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE failures (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, id TEXT NOT NULL, signature TEXT NOT NULL,
    fault TEXT NOT NULL, at DOUBLE PRECISION, body TEXT NOT NULL, PRIMARY KEY (run, id)
);
CREATE INDEX failures_signature ON failures (signature);
CREATE TABLE patterns (id TEXT NOT NULL PRIMARY KEY, rank INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE audit (
    seq INTEGER NOT NULL PRIMARY KEY, at DOUBLE PRECISION NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
    prev TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE TABLE tombstones (
    kind TEXT NOT NULL, hash TEXT NOT NULL, shape TEXT NOT NULL, PRIMARY KEY (kind, hash)
)
"""

_LEDGER = """
CREATE TABLE {name} (
    seq {serial}, id TEXT NOT NULL UNIQUE, {parent} TEXT NOT NULL{reference},
    redacted INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL
);
CREATE INDEX {name}_{parent} ON {name} ({parent})
"""

_LEDGER_TABLES = (
    ("reflections", "pattern", ""),
    ("patches", "pattern", ""),
    ("verdicts", "patch", "patches"),
    ("decisions", "patch", "patches"),
    ("promotions", "patch", "patches"),
    ("rollbacks", "promotion", "promotions"),
    ("health", "promotion", "promotions"),
)


_RECORD = "CREATE TABLE migrations (name TEXT NOT NULL PRIMARY KEY, at DOUBLE PRECISION NOT NULL)"


def first(dialect: str) -> list[str]:
    """The tables of the first release."""
    types = engine.TYPES[dialect]
    script = _FIRST.format(**types)
    for name, parent, target in _LEDGER_TABLES:
        reference = f" REFERENCES {target} (id)" if target else ""
        script += ";" + _LEDGER.format(name=name, parent=parent, reference=reference, **types)
    return [statement.strip() for statement in script.split(";")]


def grouping(dialect: str) -> list[str]:
    """Rulings on the grouping, and where the patterns of earlier signatures went."""
    types = engine.TYPES[dialect]
    rulings = _LEDGER.format(name="rulings", parent="pattern", reference="", **types)
    moves = "CREATE TABLE moves (why TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY (why, old))"
    return [statement.strip() for statement in (*rulings.split(";"), moves)]


Migration = tuple[str, Callable[[str], list[str]]]

MIGRATIONS: tuple[Migration, ...] = (("2026-11-first", first), ("2026-12-grouping", grouping))
"""Name and what gives the statements for a dialect, in order."""


def migrate(connection: Connection, where: str, now: float, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the database to this version.

    Raises:
        StoreError: the file belongs to another program, or to a newer version of this one.
    """
    known = [name for name, _ in migrations]
    done = _done(connection, where, known)
    if done == known:
        return
    with engine.transaction(connection):
        # read again under the lock: two first openers would both make the tables
        done = _done(connection, where, known)
        if not done:
            connection.execute(text(_RECORD))
        for name, statements in migrations[len(done) :]:
            for statement in statements(connection.dialect.name):
                connection.execute(text(statement))
            connection.execute(schema.migrations.insert(), {"name": name, "at": now})


def _done(connection: Connection, where: str, known: Sequence[str]) -> list[str]:
    tables = inspect(connection).get_table_names()
    if not {"migrations", "marks"} <= set(tables):  # others have migrations too
        if tables:
            raise StoreError("this database is not a Memento store", where=where, hint="name another with --store")
        return []
    done = list(connection.scalars(select(schema.migrations.c.name)))
    if newer := sorted(set(done) - set(known)):
        raise StoreError(
            f"the store is from a newer version ({newer[-1]!r})",
            where=where,
            hint="upgrade memento-skills, or name another file with --store",
        )
    return [name for name in known if name in done]
