"""The audit chain vouches for decisions, promotions and rollbacks by the hash of each: is it still that one?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from memento_skills.records import AuditEntry, Decision, Promotion, Rollback
from memento_skills.store import codec, ledger, scrub

VOUCHED: tuple[ledger.Kind[Any], ...] = (ledger.DECISIONS, ledger.PROMOTIONS, ledger.ROLLBACKS)


def body(salt: bytes, record: Decision | Promotion | Rollback) -> dict[str, Any]:
    """What the chain keeps of a record: ids, words of closed sets, the actor as a salted hash, the content's hash."""
    facts: dict[str, Any] = {"id": record.id, "sha256": _sha256(codec.encode(record))}
    if isinstance(record, Decision):
        facts |= {"patch": record.patch, "action": record.action, "reason": record.reason or ""}
    elif isinstance(record, Promotion):
        facts |= {"patch": record.patch, "decision": record.decision, "commit": record.commit}
    else:
        facts |= {"promotion": record.promotion, "commit": record.commit}
    if not isinstance(record, Promotion):
        facts["actor"] = scrub.fingerprint(salt, "actor", record.curator)
    return facts


def problems(connection: Connection, entries: Sequence[AuditEntry]) -> list[str]:
    """Records that differ from what the chain vouches for, that it does not know, or that are gone."""
    found = []
    for kind in VOUCHED:
        vouched = {entry.body.get("id"): entry.body.get("sha256") for entry in entries if entry.kind == kind.name}
        table = kind.table.c
        stored = {row.id: row for row in connection.execute(select(table.id, table.body, table.redacted)).all()}
        for key, row in stored.items():
            if key not in vouched:
                found.append(f"{kind.name} {key!r} is not in the audit log")
            elif not row.redacted and _sha256(row.body) != vouched[key]:
                found.append(f"{kind.name} {key!r} was edited since the audit log vouched for it")
        found += [f"{kind.name} {key!r} of the audit log is gone" for key in vouched if key not in stored]
    return found


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
