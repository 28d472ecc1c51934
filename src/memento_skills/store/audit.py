"""The hash-chained log of what was decided and done. It holds hashes and ids and never quotes, so it outlives a forget.

`hash = sha256(canonical JSON of [prev, seq, at, kind, body])`; the first entry's `prev` is 64 zeros. An edit, a
deletion, a reordering or an insertion breaks a link; a shortened log is found by the heads that promotion commits
carry (`anchors`) and by the count that the store keeps apart.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from memento_skills.errors import StoreError
from memento_skills.records import AuditEntry, to_json
from memento_skills.store import codec, schema

GENESIS = "0" * 64

# ids, hashes, names of kinds and versions pass; sentences, paths and `client:session` keys do not
_WORD = re.compile(r"[0-9A-Za-z_.@+-]{0,128}\Z")


def link(prev: str, seq: int, at: float, kind: str, body: Mapping[str, Any]) -> AuditEntry:
    """The entry that follows the one with hash `prev`."""
    at = float(at)  # the store gives a float back, and 5 and 5.0 have different hashes
    return AuditEntry(seq=seq, at=at, kind=kind, body=dict(body), prev=prev, hash=_hash(prev, seq, at, kind, body))


def _hash(prev: str, seq: int, at: float, kind: str, body: Mapping[str, Any]) -> str:
    return hashlib.sha256(to_json([prev, seq, at, kind, body])).hexdigest()


def verify(entries: Sequence[AuditEntry], anchors: Sequence[str] = (), *, count: int | None = None) -> list[str]:
    """Everything that is wrong with a chain, one line each; empty when it is whole.

    Args:
        entries: the chain in stored order.
        anchors: heads that stand elsewhere, such as in promotion commits: each must be in the chain.
        count: how many entries there were, where that is known.
    """
    problems = []
    prev = GENESIS
    for place, entry in enumerate(entries):
        if entry.seq != place:
            problems.append(f"entry {entry.seq} stands where entry {place} belongs: deleted, inserted or reordered")
        if entry.prev != prev:
            problems.append(f"entry {entry.seq} does not follow the one before it: deleted, inserted or reordered")
        if entry.hash != _hash(entry.prev, entry.seq, entry.at, entry.kind, entry.body):
            problems.append(f"entry {entry.seq} was edited: its content does not give its hash")
        prev = entry.hash
    hashes = {GENESIS, *(entry.hash for entry in entries)}
    problems += [
        f"head {anchor[:12]} is not in the chain: the log was cut or replaced"
        for anchor in anchors
        if anchor not in hashes
    ]
    if count is not None and count != len(entries):
        problems.append(f"{len(entries)} entries where {count} were written: the log was cut or extended")
    return problems


def dump(entries: Sequence[AuditEntry]) -> bytes:
    """The chain as JSON lines, for a copy elsewhere."""
    return b"".join(to_json(entry) + b"\n" for entry in entries)


def load(data: bytes) -> tuple[list[AuditEntry], list[str]]:
    """Entries of `dump`, and a problem for each line that is not exactly what `dump` writes."""
    entries, problems = [], []
    for number, line in enumerate(data.split(b"\n")[:-1] if data else (), 1):
        try:
            entry = msgspec.json.decode(line, type=AuditEntry)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            problems.append(f"line {number} cannot be read: {error}")
            continue
        if to_json(entry) != line:
            problems.append(f"line {number} was edited: it is not in canonical form")
        entries.append(entry)
    if data and not data.endswith(b"\n"):
        problems.append("the last line has no end: the log was cut")
    return entries, problems


class Chain:
    """The `Audit` protocol over a connection; `append` belongs to the transaction that the caller opened."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, kind: str, body: Mapping[str, Any], at: float) -> AuditEntry:
        """Add one entry to the chain's head.

        Raises:
            StoreError: the body holds more than numbers and words (ids, hashes, names): text would be a quote.
        """
        _refuse_text(kind, {"kind": kind, **body})
        table = schema.audit.c
        last = self._connection.execute(select(table.seq, table.hash).order_by(table.seq.desc()).limit(1)).first()
        entry = link(last.hash if last else GENESIS, last.seq + 1 if last else 0, at, kind, body)
        row = {"seq": entry.seq, "at": entry.at, "kind": kind, "prev": entry.prev, "hash": entry.hash}
        self._connection.execute(schema.audit.insert(), {**row, "body": codec.encode(entry.body)})
        return entry

    def entries(self) -> Iterator[AuditEntry]:
        """All entries from the first on. Raises StoreError where a row cannot be read as one."""
        for row in self._connection.execute(select(schema.audit).order_by(schema.audit.c.seq)).all():
            body = codec.decode(row.body, dict[str, Any])
            if codec.encode(body) != row.body:
                raise StoreError(f"audit entry {row.seq} was edited: it is not in canonical form")
            yield AuditEntry(seq=row.seq, at=row.at, kind=row.kind, body=body, prev=row.prev, hash=row.hash)

    def head(self) -> str:
        """Hash of the last entry; 64 zeros for an empty chain."""
        table = schema.audit.c
        return self._connection.scalar(select(table.hash).order_by(table.seq.desc()).limit(1)) or GENESIS

    def count(self) -> int:
        """Number of entries."""
        return self._connection.scalar(select(func.count()).select_from(schema.audit)) or 0


def _refuse_text(kind: str, value: object) -> None:
    if isinstance(value, Mapping):
        for name, part in value.items():
            _refuse_text(kind, name)
            _refuse_text(kind, part)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_text(kind, part)
    elif isinstance(value, str) and not _WORD.match(value):
        raise StoreError(
            f"the audit entry {kind!r} holds text", hint="keep text out of the chain: put an id or a hash there"
        )
