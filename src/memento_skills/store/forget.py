"""Erasing a run, a user or a secret from every table. What stays are tombstones and the audit's hashes.

Erasing a run removes its rows, its archive and its failures; whatever quotes it is rewritten, with FORGOTTEN in
place of the quote and of the run's key. A pattern that was seen in forgotten runs alone goes, with what was
derived from it; where a person has decided on a patch of it, the records stay as shells. Erasing a secret rewrites
every text that holds it. Rows rewritten are flagged `redacted`: they no longer match the hash in the audit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Table, delete, select, update

from memento_skills.errors import UsageError
from memento_skills.interfaces import Archive
from memento_skills.records import Claim, Failure, Patch, Pattern, Quarantined, Record, Reflection, Run
from memento_skills.store import codec, engine, ledger, lineage, meta, schema, scrub
from memento_skills.store.records import FileState, ForgetReport
from memento_skills.store.scrub import FORGOTTEN, Scrub

R = TypeVar("R", bound=Record)

SHORTEST_SECRET = 4
"""Characters: a shorter literal stands in too many innocent words."""

_IN = 500


def forget_runs(
    connection: Connection, archive: Archive, salt: bytes, keys: Collection[str], user: str = ""
) -> ForgetReport:
    """Remove runs, and the name of their user where one is given; `keys` need not be stored (tombstones only)."""
    table = schema.runs.c
    stored = {
        row.key: row for row in connection.execute(select(table.id, table.key, table.header)).all() if row.key in keys
    }
    headers = [codec.decode(row.header, Run) for row in stored.values()]
    numbers = sorted(row.id for row in stored.values())
    related = _related(connection, numbers)
    orphans = _orphans(connection, numbers)
    ids = {name: FORGOTTEN for header in headers for name in (header.key, header.id)}
    what = Scrub(
        exact=ids | dict.fromkeys(keys, FORGOTTEN),
        people=frozenset({user} - {""}),
        runs=frozenset(keys),
    )
    failures = _remove(connection, archive, list(stored), numbers)
    records = _remove_orphans(connection, orphans) + _rewrite_ledger(connection, what)
    _rewrite_headers(connection, archive, what)
    _rewrite_failures(connection, what)
    files = _blank_files(connection, set(keys), {source for header in headers for source in header.sources})
    _tombstone(connection, [("run", scrub.fingerprint(salt, "run", key), "") for key in keys])
    if user:
        _tombstone(connection, [("user", scrub.fingerprint(salt, "user", user), "")])
    return ForgetReport(
        what="user" if user else "run",
        runs=len(stored),
        failures=failures,
        records=records,
        files=files,
        related=related,
    )


def forget_secret(connection: Connection, archive: Archive, salt: bytes, literal: str) -> ForgetReport:
    """Replace a literal in every text of the store.

    Raises:
        UsageError: the literal is shorter than SHORTEST_SECRET.
    """
    if len(literal.strip()) < SHORTEST_SECRET:
        raise UsageError(
            f"a secret of {len(literal)} characters stands in too much else",
            hint=f"give {SHORTEST_SECRET} characters or more",
        )
    what = Scrub(literals=scrub.variants(literal))
    changed = sum(_rewrite_run(connection, archive, salt, row, what) for row in _rows(connection, schema.runs, "id"))
    failures, renamed = _rewrite_failures(connection, what)
    records = _rewrite_ledger(connection, what, renamed)
    files = _rewrite(connection, schema.files, "path", FileState, what) + _rewrite(
        connection, schema.quarantined, "id", Quarantined, what
    )
    meta.clean_notes(connection, what)
    _tombstone(connection, [("secret", scrub.fingerprint(salt, "secret", v), scrub.shape(v)) for v in what.literals])
    return ForgetReport(what="secret", runs=changed, failures=failures, records=records, files=files)


def _tombstone(connection: Connection, rows: Sequence[tuple[str, str, str]]) -> None:
    engine.insert_new(connection, schema.tombstones, rows)


# -------------------------------------------------------------------------------------------- of a run or user


def _related(connection: Connection, numbers: Sequence[int]) -> tuple[str, ...]:
    """Runs that stay and share a mark with one that goes."""
    mine, other = schema.marks.alias(), schema.marks.alias()
    found: set[str] = set()
    for start in range(0, len(numbers), _IN):
        some = numbers[start : start + _IN]
        pairs = mine.join(other, mine.c.hash == other.c.hash).join(schema.runs, schema.runs.c.id == other.c.run)
        rows = select(schema.runs.c.id, schema.runs.c.key).select_from(pairs).where(mine.c.run.in_(some)).distinct()
        found |= {row.key for row in connection.execute(rows) if row.id not in set(numbers)}
    return tuple(sorted(found))


def _orphans(connection: Connection, numbers: Sequence[int]) -> set[str]:
    """Signatures that were seen in these runs alone."""
    gone, kept = set[str](), set[str]()
    for row in connection.execute(select(schema.failures.c.run, schema.failures.c.signature).distinct()):
        (gone if row.run in set(numbers) else kept).add(row.signature)
    return gone - kept


def _remove(connection: Connection, archive: Archive, keys: Sequence[str], numbers: Sequence[int]) -> int:
    failures = 0
    for key, number in zip(keys, numbers, strict=True):
        archive.delete(key)
        failures += connection.execute(delete(schema.failures).where(schema.failures.c.run == number)).rowcount
    for start in range(0, len(numbers), _IN):
        some = numbers[start : start + _IN]
        # once for all of them: the index is by mark, so each of these reads it whole
        connection.execute(delete(schema.marks).where(schema.marks.c.run.in_(some)))
        connection.execute(delete(schema.runs).where(schema.runs.c.id.in_(some)))
    connection.execute(delete(schema.lineages))
    return failures


def _remove_orphans(connection: Connection, orphans: Collection[str]) -> int:
    """Remove patterns without a remaining failure, and undecided patches and reflections of them."""
    count = 0
    for pattern in sorted(orphans):
        count += connection.execute(delete(schema.patterns).where(schema.patterns.c.id == pattern)).rowcount
        kept: set[str] = set()
        for patch in ledger.every(connection, ledger.PATCHES, pattern):
            if _decided(connection, patch.id):
                kept.add(patch.reflection)
                _put_body(connection, schema.patches, "id", patch.id, _patch_shell(patch))
            else:
                connection.execute(delete(schema.verdicts).where(schema.verdicts.c.patch == patch.id))
                connection.execute(delete(schema.patches).where(schema.patches.c.id == patch.id))
            count += 1
        for reflection in ledger.every(connection, ledger.REFLECTIONS, pattern):
            if reflection.id in kept:
                _put_body(connection, schema.reflections, "id", reflection.id, _reflection_shell(reflection))
            else:
                connection.execute(delete(schema.reflections).where(schema.reflections.c.id == reflection.id))
            count += 1
    return count


def _decided(connection: Connection, patch: str) -> bool:
    tables = (schema.decisions, schema.promotions)
    return any(connection.scalar(select(t.c.id).where(t.c.patch == patch).limit(1)) is not None for t in tables)


def _patch_shell(patch: Patch) -> Patch:
    text = dict.fromkeys(("before", "after", "diff", "rule"), FORGOTTEN)
    return msgspec.structs.replace(patch, **text, rationale=(), guard=None, chips=())


def _reflection_shell(reflection: Reflection) -> Reflection:
    return msgspec.structs.replace(
        reflection,
        wrong_decision=Claim(text=FORGOTTEN, citations=()),
        missing_information=None,
        failed_assumption=None,
        guard=None,
        facts={},
    )


def _rewrite_headers(connection: Connection, archive: Archive, what: Scrub) -> None:
    """Runs that stay may name a forgotten one as their origin."""
    for row in _rows(connection, schema.runs, "id"):
        header = codec.decode(row.header, Run)
        links = tuple(FORGOTTEN if link in what.exact else link for link in header.links)
        if links != header.links:
            body = codec.encode(msgspec.structs.replace(header, links=links))
            version = codec.version(body, (codec.unpack(payload).body for payload in archive.get(row.key)))
            columns = {"header": body, "version": version}
            connection.execute(update(schema.runs).where(schema.runs.c.id == row.id), columns)


def _blank_files(connection: Connection, keys: Collection[str], sources: Collection[str]) -> int:
    """Keep how far a file was read (its key is a salted hash), without its name; the same for quarantine notes."""
    paths, count = set(sources), 0
    for row in _rows(connection, schema.files, "path"):
        state = codec.decode(row.body, FileState)
        if not set(state.runs) & set(keys):
            continue
        paths.add(state.path)
        left = tuple(key for key in state.runs if key not in keys)
        blank_state = msgspec.structs.replace(state, path=FORGOTTEN, runs=left, resume="")
        _put_body(connection, schema.files, "path", row.path, blank_state)
        count += 1
    for row in _rows(connection, schema.quarantined, "id"):
        note = codec.decode(row.body, Quarantined)
        if note.file in paths:
            _put_body(connection, schema.quarantined, "id", row.id, blank_note(note))
            count += 1
    return count


def blank_note(note: Quarantined) -> Quarantined:
    """A quarantine note that tells only that and where there was something."""
    return msgspec.structs.replace(note, file=FORGOTTEN, sha256="", reason=FORGOTTEN)


# -------------------------------------------------------------------------------------------------- rewriting


def _rewrite_run(
    connection: Connection, archive: Archive, salt: bytes, row: Row[*tuple[Any, ...]], what: Scrub
) -> bool:
    header = codec.decode(row.header, Run)
    pieces = [codec.unpack(payload) for payload in archive.get(row.key)]
    wanted = [literal.encode("utf-8", "surrogatepass") for literal in what.literals]
    texts = [row.header.encode(), *(piece.body for piece in pieces)]
    if not any(literal in text for text in texts for literal in wanted):
        return False
    steps = tuple(step for piece in pieces for step in codec.steps_of(piece))
    new = scrub.clean(msgspec.structs.replace(header, steps=steps), what)
    archive.delete(row.key)
    pieces = codec.pieces(new.steps)
    for chunk, piece in enumerate(pieces):
        archive.put(new.key, chunk, codec.pack(piece))
    body = codec.header_of(new)
    columns = {
        "key": new.key, "user": new.user, "project": new.project, "header": body,
        "version": codec.version(body, (piece.body for piece in pieces)),
    }  # fmt: skip
    connection.execute(update(schema.runs).where(schema.runs.c.id == row.id), columns)
    found = lineage.Marker(salt).marks(new, new.steps)
    engine.insert_new(connection, schema.marks, [(mark, row.id, found[mark]) for mark in sorted(found)])
    return True


def _rewrite_failures(connection: Connection, what: Scrub) -> tuple[int, dict[str, str]]:
    """Rewrite the failures; also the new id of each signature whose text changed."""
    count, renamed = 0, dict[str, str]()
    table = schema.failures.c
    for row in connection.execute(select(table.run, table.id, table.body)).all():
        old = codec.decode(row.body, Failure)
        new = scrub.clean(old, what)
        if new is old:
            continue
        if new.lineage == FORGOTTEN:
            new = msgspec.structs.replace(new, lineage="")
        if new.signature.id != old.signature.id:
            renamed[old.signature.id] = new.signature.id
        columns = {"id": new.id, "signature": new.signature.id, "body": codec.encode(new)}
        connection.execute(update(schema.failures).where(table.run == row.run, table.id == row.id), columns)
        count += 1
    return count, renamed


def _rewrite_ledger(connection: Connection, what: Scrub, renamed: dict[str, str] | None = None) -> int:
    """Rewrite patterns and ledger; records follow a pattern whose signature was renamed."""
    moved = dict(renamed or {})
    count = 0
    for row in _rows(connection, schema.patterns, "id"):
        old = codec.decode(row.body, Pattern)
        new = scrub.clean(old, what)
        if new is not old:
            new = msgspec.structs.replace(new, id=new.signature.id if old.id == old.signature.id else old.id)
            moved[old.id] = new.id
            connection.execute(
                update(schema.patterns).where(schema.patterns.c.id == row.id), {"id": new.id, "body": codec.encode(new)}
            )
            count += 1
    what = msgspec.structs.replace(what, exact={**what.exact, **{old: new for old, new in moved.items() if old != new}})
    for kind in ledger.KINDS:
        for row in _rows(connection, kind.table, "seq"):
            old = codec.decode(row.body, kind.form)
            new = _keep_id(old, scrub.clean(old, what))
            if new is not old:
                _put_body(connection, kind.table, "seq", row.seq, new, {kind.parent: getattr(new, kind.parent)})
                count += 1
    return count


def _keep_id(old: R, new: R) -> R:
    """Ids of ledger records are hashes that others refer to: no literal touches them."""
    names = [name for name in ("id", "patch", "promotion", "decision", "verdict", "reflection") if hasattr(old, name)]
    changed = {name: getattr(old, name) for name in names if getattr(old, name) != getattr(new, name)}
    return msgspec.structs.replace(new, **changed) if changed else new


def _rewrite(connection: Connection, table: Table, key: str, form: type[Record], what: Scrub) -> int:
    count = 0
    for row in _rows(connection, table, key):
        old = codec.decode(row.body, form)
        new = scrub.clean(old, what)
        if new is not old:
            _put_body(connection, table, key, getattr(row, key), new)
            count += 1
    return count


def _rows(connection: Connection, table: Table, order: str) -> Iterator[Row[*tuple[Any, ...]]]:
    yield from connection.execute(select(table).order_by(table.c[order])).all()


def _put_body(
    connection: Connection,
    table: Table,
    key: str,
    value: int | str,
    record: Record,
    columns: dict[str, Any] | None = None,
) -> None:
    row = {"body": codec.encode(record), **(columns or {})}
    if "redacted" in table.c:
        row["redacted"] = 1
    connection.execute(update(table).where(table.c[key] == value), row)
