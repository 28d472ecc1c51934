"""The store: one file with the ledger, the archive of runs, and the audit chain. The only door to any of it.

Reading is on `Store`; everything that writes takes place in `with store.write() as tx:`, one commit point.
One `Store` serves one thread; processes may share the file.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from sqlalchemy import Connection, select

from memento_skills.errors import StoreError
from memento_skills.interfaces import Archive
from memento_skills.records import (
    AuditEntry,
    Decision,
    Failure,
    Fault,
    Health,
    Patch,
    Pattern,
    Promotion,
    Quarantined,
    Reflection,
    Rollback,
    Ruling,
    Run,
    Verdict,
)
from memento_skills.store import audit, codec, engine, ledger, lineage, meta, migrations, moves, schema, scrub, vouch
from memento_skills.store.archive import SqlArchive
from memento_skills.store.records import FileState, KnownRun
from memento_skills.store.runs import Runs
from memento_skills.store.tx import Tx

Clock = Callable[[], float]


def open_store(path: Path | str, *, clock: Clock, salt: bytes | None = None) -> Store:
    """Open the store at `path` (`:memory:` for one that is gone afterwards); made, mode 0600, where it is missing.

    Args:
        path: the database file.
        clock: seconds since the epoch, for what is recorded with a time.
        salt: secret of a new store (16 bytes or more), random by default; an existing store keeps its own.

    Raises:
        StoreError: from a newer version, in use, damaged, not a store, or not permitted.
    """
    where = str(path)
    connection = engine.connect(where)
    try:
        migrations.migrate(connection, where, clock())
        return Store(connection, where, clock, salt)
    except BaseException:
        engine.close(connection)
        raise


class Store:
    """Readers of everything, and `write`. See `open_store`."""

    def __init__(self, connection: Connection, where: str, clock: Clock, salt: bytes | None = None) -> None:
        self._connection = connection
        self._where = where
        self._clock = clock
        self._archive: Archive = SqlArchive(connection)
        self.salt = self._salt(salt)
        self._runs = Runs(connection, self._archive, self.salt)
        self._chain = audit.Chain(connection)
        self._finish_erasing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        engine.close(self._connection)

    @property
    def path(self) -> str:
        """Where the store is, as it was opened."""
        return self._where

    def note(self, name: str) -> str:
        """A small fact that the app keeps (`tx.put_note`); "" where it was never put."""
        return meta.get(self._connection, meta.NOTE + name)

    def data_version(self) -> str:
        """Changes with every commit that changes runs."""
        return meta.get(self._connection, meta.DATA, "0")

    # --------------------------------------------------------------------------------------------- writing

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """One commit point: all of what the block writes is stored when it ends, or nothing where it raises.

        Raises:
            StoreError: another process writes for more than 10 seconds, the disk is full, or a write is already open.
        """
        if engine.in_transaction(self._connection):
            raise StoreError("a write is already open", where=self._where, hint="use the one that is open")
        with engine.transaction(self._connection):
            tx = Tx(self._connection, self._archive, self._runs, self._chain, self.salt, self._clock)
            try:
                yield tx
                tx.finish()
            finally:
                tx.closed = True
        if tx.erases:
            self._erase()

    def _erase(self) -> None:
        engine.erase_freed(self._connection, self._where)
        meta.put(self._connection, meta.ERASE, "")

    def _finish_erasing(self) -> None:
        # a kill between the commit of a forget and its last step; while another process reads, it waits for the next
        if self.erasing:
            with suppress(StoreError):
                self._erase()

    def _salt(self, salt: bytes | None) -> bytes:
        known = meta.get(self._connection, meta.SALT)
        if not known:
            with engine.transaction(self._connection):
                known = meta.get(self._connection, meta.SALT) or (salt or secrets.token_bytes(32)).hex()
                meta.put(self._connection, meta.SALT, known)
        return bytes.fromhex(known)

    # ---------------------------------------------------------------------------------------- files and runs

    def file(self, path: str) -> FileState | None:
        """How far the file was read; None for one that was not."""
        return self.files([path]).get(path)

    def files(self, paths: Iterable[str] | None = None) -> dict[str, FileState]:
        """How far files were read, by path: those of `paths` that were, or all whose names are not forgotten."""
        table = schema.files.c
        if paths is None:
            found = (codec.decode(body, FileState) for body in self._connection.scalars(select(table.body)).all())
            return {state.path: state for state in found if state.path != scrub.FORGOTTEN}
        wanted = {scrub.fingerprint(self.salt, "file", path): path for path in paths}
        hashes, result = sorted(wanted), dict[str, FileState]()
        for start in range(0, len(hashes), 500):
            rows = select(table.path, table.body).where(table.path.in_(hashes[start : start + 500]))
            for row in self._connection.execute(rows).all():
                state = codec.decode(row.body, FileState)
                result[wanted[row.path]] = msgspec.structs.replace(state, path=wanted[row.path])
        return result

    def run(self, key: str) -> Run | None:
        """The run with all its steps; None where it is not stored."""
        return self._runs.run(key)

    def run_header(self, key: str) -> Run | None:
        """The run without its steps; None where it is not stored."""
        return self._runs.header(key)

    def headers(self) -> list[Run]:
        """All runs without their steps, newest first."""
        return self._runs.headers()

    def runs(self, keys: Iterable[str] | None = None) -> Iterator[Run]:
        """Whole runs, one in memory at a time, newest first: those of `keys` that are stored, or all."""
        return self._runs.runs(keys)

    def known(self, key: str) -> KnownRun | None:
        """What is stored of a run, for telling repeats; None where it is not stored."""
        return self._runs.known(key)

    def forgotten(self, key: str, user: str = "") -> bool:
        """Whether this run, or this user, was forgotten: neither is ever stored again."""
        dead = meta.tombstones(self._connection)
        return meta.is_forgotten(self.salt, dead, key, user)

    def first_occurrence(self, project: str, call_ids: Iterable[str]) -> dict[str, str]:
        """Key of the run in which each (stored) call first occurs in the project: by time, then by key."""
        return self._runs.first_occurrence(project, call_ids)

    def lineages(self) -> dict[str, str]:
        """The lineage of each run, named by the smallest key in it; computed once for each version of the data."""
        if meta.get(self._connection, meta.LINEAGES) == self.data_version():
            return lineage.saved(self._connection)
        if engine.in_transaction(self._connection):
            return self._save_lineages()
        try:
            with engine.transaction(self._connection):
                return self._save_lineages()
        except StoreError:
            # keeping the answer is a convenience: a full disk or a long writer must not hinder reading
            return lineage.names(*lineage.compute(self._connection))

    def _save_lineages(self) -> dict[str, str]:
        keys, lineages = lineage.compute(self._connection)
        lineage.save(self._connection, lineages)
        meta.put(self._connection, meta.LINEAGES, self.data_version())
        return lineage.names(keys, lineages)

    def quarantined(self) -> list[Quarantined]:
        """Everything that could not be read, by file and line."""
        bodies = self._connection.scalars(select(schema.quarantined.c.body)).all()
        found = [codec.decode(body, Quarantined) for body in bodies]
        return sorted(found, key=lambda note: (note.file, note.line, note.offset))

    # ------------------------------------------------------------------------------------ failures to health

    def failures(
        self,
        run: str | None = None,
        *,
        signature: str | None = None,
        fault: Fault | None = None,
        since: float | None = None,
    ) -> list[Failure]:
        """Failures by time; one that several runs repeat (a fork, a checkpoint) is given once.

        Args:
            run: only those of this run key (all of them, repeated elsewhere or not).
            signature: only those of this pattern.
            fault: only those of this fault.
            since: only those at or after this time (seconds since the epoch).
        """
        return ledger.failures(self._connection, run, signature, fault, since)

    def patterns(self) -> list[Pattern]:
        """All patterns in the order in which they were set."""
        return ledger.patterns(self._connection)

    def pattern(self, id_or_prefix: str) -> Pattern:
        """One pattern, also by an id that it had before. Raises BadInput where none, or more than one, begins so."""
        return ledger.pattern(self._connection, self.moved().get(id_or_prefix, id_or_prefix))

    def rulings(self) -> list[Ruling]:
        """What people said about the grouping, latest last."""
        return ledger.every(self._connection, ledger.RULINGS)

    def moves(self, why: str) -> dict[str, str]:
        """Ids that moved for one reason (`store.moves`), one step each."""
        return moves.of(self._connection, why)

    def moved(self) -> dict[str, str]:
        """Ids of patterns, and hashes of their evidence, of earlier groupings: each with what it is now."""
        return moves.followed(moves.of(self._connection, why) for why in (moves.RULING, moves.VERSION, moves.EVIDENCE))

    def reflections(self, pattern: str | None = None) -> list[Reflection]:
        """Reflections, of one pattern or all, latest last."""
        return ledger.every(self._connection, ledger.REFLECTIONS, pattern)

    def reflection(self, id_or_prefix: str) -> Reflection:
        """One reflection. Raises BadInput where no id, or more than one, begins so."""
        return ledger.one(self._connection, ledger.REFLECTIONS, id_or_prefix)

    def patches(self, pattern: str | None = None) -> list[Patch]:
        """Patches, of one pattern or all, latest last."""
        return ledger.every(self._connection, ledger.PATCHES, pattern)

    def patch(self, id_or_prefix: str) -> Patch:
        """One patch. Raises BadInput where no id, or more than one, begins so."""
        return ledger.one(self._connection, ledger.PATCHES, id_or_prefix)

    def verdicts(self, patch: str | None = None) -> list[Verdict]:
        """Verdicts, of one patch or all, latest last."""
        return ledger.every(self._connection, ledger.VERDICTS, patch)

    def decisions(self, patch: str | None = None) -> list[Decision]:
        """Decisions, on one patch or all, latest last."""
        return ledger.every(self._connection, ledger.DECISIONS, patch)

    def promotions(self, patch: str | None = None) -> list[Promotion]:
        """Promotions, of one patch or all, latest last."""
        return ledger.every(self._connection, ledger.PROMOTIONS, patch)

    def promotion(self, id_or_prefix: str) -> Promotion:
        """One promotion. Raises BadInput where no id, or more than one, begins so."""
        return ledger.one(self._connection, ledger.PROMOTIONS, id_or_prefix)

    def rollbacks(self, promotion: str | None = None) -> list[Rollback]:
        """Rollbacks, of one promotion or all, latest last."""
        return ledger.every(self._connection, ledger.ROLLBACKS, promotion)

    def health(self, promotion: str | None = None) -> list[Health]:
        """Health, of one promotion or all, latest last."""
        return ledger.every(self._connection, ledger.HEALTH, promotion)

    # ------------------------------------------------------------------------------------------ audit, file

    def audit_entries(self) -> list[AuditEntry]:
        """The audit chain from its first entry on. Raises StoreError where a row cannot be read as one."""
        return list(self._chain.entries())

    def audit_head(self) -> str:
        """Hash of the chain's last entry; 64 zeros for an empty chain. A promotion's commit carries it."""
        return self._chain.head()

    def audit_problems(self, anchors: Sequence[str] = ()) -> list[str]:
        """Everything wrong with the chain, and with decisions, promotions and rollbacks that it vouches for.

        Args:
            anchors: heads that stand elsewhere, in the promotions' commits.
        """
        try:
            entries = self.audit_entries()
        except StoreError as error:
            return [str(error)]
        count = int(meta.get(self._connection, meta.AUDITED, "0"))
        return audit.verify(entries, anchors, count=count) + vouch.problems(self._connection, entries)

    @property
    def erasing(self) -> bool:
        """Whether old pages of a forget are still to be overwritten (another process was reading)."""
        return meta.get(self._connection, meta.ERASE) != ""

    def problems(self) -> list[str]:
        """What is wrong with the file: pages, references, runs that changed; empty when sound. Reads all of it."""
        return engine.problems(self._connection) or self._runs.problems()
