"""The archive in the ledger's own file: compressed chunks of runs in one table, written in the ledger's commit."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from memento_skills.store import engine, schema


class SqlArchive:
    """The `Archive` protocol over a connection; every call belongs to the transaction that the caller opened."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, key: str, chunk: int, payload: bytes) -> None:
        """Store one compressed chunk of a run; the same (key, chunk) again replaces it."""
        engine.upsert(
            self._connection, schema.archive, {"key": key, "chunk": chunk, "payload": payload}, ("key", "chunk")
        )

    def get(self, key: str) -> Sequence[bytes]:
        """All chunks of a run in order; empty where there is none."""
        table = schema.archive.c
        rows = select(table.payload).where(table.key == key).order_by(table.chunk)
        return [bytes(row.payload) for row in self._connection.execute(rows)]

    def delete(self, key: str) -> None:
        """Remove a run for good; removing what is not there is no error."""
        self._connection.execute(delete(schema.archive).where(schema.archive.c.key == key))
