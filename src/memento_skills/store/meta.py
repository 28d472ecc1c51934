"""Small facts of the store by name, and the tombstones."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select

from memento_skills.store import engine, schema, scrub

SALT = "salt"
DATA = "data version"
"""Grows with every commit that changes runs."""
LINEAGES = "lineages of data version"
AUDITED = "audit entries"
ERASE = "erase freed pages"
NOTE = "note "
"""Names of the app's own facts begin so."""


def get(connection: Connection, name: str, default: str = "") -> str:
    """The fact, or `default` where it was never put."""
    table = schema.meta.c
    value = connection.scalar(select(table.value).where(table.name == name))
    return default if value is None else value


def put(connection: Connection, name: str, value: str) -> None:
    """Set the fact."""
    engine.upsert(connection, schema.meta, {"name": name, "value": value}, ("name",))


def clean_notes(connection: Connection, what: scrub.Scrub) -> None:
    """Take what is to be forgotten out of the app's notes."""
    table = schema.meta.c
    for row in connection.execute(select(table.name, table.value).where(table.name.startswith(NOTE))).all():
        value = scrub.clean(row.value, what)
        if value != row.value:
            put(connection, row.name, value)


def tombstones(connection: Connection) -> dict[str, dict[str, str]]:
    """Shapes by fingerprint, by kind (run, user, secret)."""
    found: dict[str, dict[str, str]] = {"run": {}, "user": {}, "secret": {}}
    for row in connection.execute(select(schema.tombstones)).all():
        found[row.kind][row.hash] = row.shape
    return found


def is_forgotten(salt: bytes, dead: Mapping[str, Mapping[str, str]], key: str, user: str = "") -> bool:
    """Whether the run or its user has a tombstone."""
    if dead["run"] and scrub.fingerprint(salt, "run", key) in dead["run"]:
        return True
    return bool(user and dead["user"]) and scrub.fingerprint(salt, "user", user) in dead["user"]
