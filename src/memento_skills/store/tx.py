"""Everything that writes: the object of `with store.write() as tx:`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, select

from memento_skills.errors import StoreError, UsageError
from memento_skills.interfaces import Archive
from memento_skills.records import (
    AuditEntry,
    Decision,
    Failure,
    Health,
    Patch,
    Pattern,
    Promotion,
    Quarantined,
    Record,
    Reflection,
    Rollback,
    Ruling,
    Run,
    Step,
    Verdict,
    digest,
)
from memento_skills.store import audit, codec, engine, forget, ledger, meta, moves, schema, scrub, vouch
from memento_skills.store.records import FileState, ForgetReport, Stored
from memento_skills.store.runs import Runs

R = TypeVar("R", bound=Record)
V = TypeVar("V", Decision, Promotion, Rollback)


class Tx:
    """Writes of one commit. Nothing is stored before the block ends; nothing at all where it raises."""

    def __init__(
        self,
        connection: Connection,
        archive: Archive,
        runs: Runs,
        chain: audit.Chain,
        salt: bytes,
        clock: Callable[[], float],
    ) -> None:
        self.closed = False
        self.erases = False
        self._connection = connection
        self._archive = archive
        self._runs = runs
        self._chain = chain
        self._salt = salt
        self._clock = clock
        self._grown = False
        self._load_tombstones()

    def _load_tombstones(self) -> None:
        self._dead = meta.tombstones(self._connection)
        self._watch = scrub.Watch(self._salt, self._dead["secret"])

    def _open(self) -> Connection:
        if self.closed:
            raise StoreError("this write has ended", hint="use what `with store.write()` gives inside its block")
        return self._connection

    def finish(self) -> None:
        """Called by the store at the end of the block, before the commit."""
        if self._grown:
            version = int(meta.get(self._connection, meta.DATA, "0")) + 1
            meta.put(self._connection, meta.DATA, str(version))

    # ---------------------------------------------------------------------------------------- files and runs

    def put_note(self, name: str, value: str) -> None:
        """Keep a small fact of the app, by name; no text of a log."""
        meta.put(self._open(), meta.NOTE + name, value)

    def put_file(self, state: FileState) -> None:
        """Note how far a file was read; the file's last note counts."""
        key = scrub.fingerprint(self._salt, "file", state.path)
        runs = tuple(run for run in state.runs if not meta.is_forgotten(self._salt, self._dead, run))
        if runs != state.runs:
            # what the reader wrote down may name the run: without it the file, if it grows, is read from its beginning
            state = msgspec.structs.replace(state, path=scrub.FORGOTTEN, runs=runs, resume="")
        engine.upsert(self._open(), schema.files, {"path": key, "body": codec.encode(self._safe(state))}, ("path",))

    def put_run(self, run: Run) -> Stored:
        """Store a whole run: its header and, compressed, all its steps; its calls are noted with it.

        Returns what was done: the same content again changes nothing, other content replaces the run, a forgotten
        run (or a run of a forgotten user) is not stored.

        Raises:
            BadInput: a text of the run is no Unicode, or nested too deep to be written.
        """
        self._open()
        if meta.is_forgotten(self._salt, self._dead, run.key, run.user):
            return "forgotten"
        return self._grew(self._runs.put(self._unlinked(run), self._watch))

    def append_steps(self, key: str, steps: Sequence[Step], header: Run) -> Stored:
        """Add steps at the end of a stored run, and renew its header (its own steps are not looked at).

        Steps that are stored already are passed over where they are the same.

        Raises:
            StoreError: the run is not stored, or `steps` neither continues nor repeats the stored ones.
            BadInput: a text is no Unicode, or nested too deep to be written.
        """
        self._open()
        if header.key != key:
            raise StoreError(f"the header of {header.key!r} is for another run", where=key, hint="give its own header")
        if meta.is_forgotten(self._salt, self._dead, key, header.user):
            return "forgotten"
        return self._grew(self._runs.append(self._unlinked(header), steps, self._watch))

    def _unlinked(self, run: Run) -> Run:
        """The run without the names of forgotten runs that it comes from."""
        if not (run.links and self._dead["run"]):
            return run
        gone = {link for link in run.links if meta.is_forgotten(self._salt, self._dead, f"{run.client}:{link}")}
        links = tuple(scrub.FORGOTTEN if link in gone else link for link in run.links)
        return msgspec.structs.replace(run, links=links) if gone else run

    def _grew(self, stored: Stored) -> Stored:
        self._grown = self._grown or stored != "unchanged"
        return stored

    def add_calls(self, project: str, calls: Iterable[tuple[str, str, float | None]]) -> None:
        """Note calls (call id, run key, seconds since the epoch) that stand in no stored step.

        Calls of steps are noted with their run; noting one again changes nothing.

        Raises:
            StoreError: a run is not stored, or its project is another one.
        """
        self._open()
        alive = [call for call in calls if not meta.is_forgotten(self._salt, self._dead, call[1])]
        if alive:
            self._runs.add_calls(project, alive)
            self._grown = True

    def add_quarantined(self, note: Quarantined) -> None:
        """Note a piece of input that could not be read; the same piece again changes nothing."""
        path = scrub.fingerprint(self._salt, "file", note.file)
        state = self._open().scalar(select(schema.files.c.body).where(schema.files.c.path == path))
        if state is not None and codec.decode(state, FileState).path == scrub.FORGOTTEN:
            note = forget.blank_note(note)
        key = digest(path, note.line, note.offset, note.reason)
        engine.insert_new(self._connection, schema.quarantined, [(key, codec.encode(self._safe(note)))])

    # ------------------------------------------------------------------------------------ failures to health

    def add_failures(self, failures: Iterable[Failure]) -> int:
        """Add failures of stored runs; how many were new. Those of forgotten runs are passed over.

        Raises:
            StoreError: a run is not stored, or a failure is stored for its run with other content.
        """
        return ledger.add_failures(self._open(), list(self._numbered(failures)))

    def replace_failures(self, run: str, failures: Iterable[Failure]) -> None:
        """Let `failures` be all failures of the run, as a new detector sees them.

        Raises:
            StoreError: the run is not stored, or a failure is of another run.
        """
        self._open()
        if meta.is_forgotten(self._salt, self._dead, run):
            return
        found = [self._safe(failure) for failure in failures]
        for failure in found:
            if failure.run != run:
                raise StoreError(f"failure {failure.id!r} is of another run", where=failure.run, hint="give its run's")
        ledger.replace_failures(self._connection, self._runs.number(run), found)

    def _numbered(self, failures: Iterable[Failure]) -> Iterable[tuple[int, Failure]]:
        numbers: dict[str, int] = {}
        for failure in failures:
            if meta.is_forgotten(self._salt, self._dead, failure.run, failure.user):
                continue
            if failure.run not in numbers:
                numbers[failure.run] = self._runs.number(failure.run)
            yield numbers[failure.run], self._safe(failure)

    def set_patterns(self, patterns: Iterable[Pattern]) -> None:
        """Let `patterns` be all patterns, in this order."""
        ledger.set_patterns(self._open(), [self._safe(pattern) for pattern in patterns])

    def add_reflection(self, reflection: Reflection) -> bool:
        """Append; False where it is stored already. Raises StoreError: its id is stored with other content."""
        return ledger.add(self._open(), ledger.REFLECTIONS, self._safe(reflection))

    def add_patch(self, patch: Patch) -> bool:
        """Append; False where it is stored already. Raises StoreError: its id is stored with other content."""
        return ledger.add(self._open(), ledger.PATCHES, self._safe(patch))

    def add_ruling(self, ruling: Ruling) -> bool:
        """Append, with its audit entry; False where it is stored already.

        Raises:
            StoreError: its id is stored with other content.
        """
        added = ledger.add(self._open(), ledger.RULINGS, self._safe(ruling))
        if added:
            named = {"ruling": ruling.id, "what": ruling.kind, "pattern": ruling.pattern, "undoes": ruling.undoes}
            into = ruling.into.id if ruling.into else ""
            self.audit("ruling", {**named, "into": into, "part": ruling.part})
        return added

    def put_moves(self, why: str, moved: Mapping[str, str]) -> None:
        """Note which pattern ids (or evidence hashes) lead to which others now; `why` as in `moves`."""
        moves.put(self._open(), why, moved)

    def forget_moves(self, why: str, olds: Iterable[str]) -> None:
        """Take back what was noted of these ids."""
        moves.forget(self._open(), why, olds)

    def add_verdict(self, verdict: Verdict) -> bool:
        """Append; False where it is stored already. Raises StoreError: a conflict, or an unknown patch."""
        return ledger.add(self._open(), ledger.VERDICTS, self._safe(verdict))

    def add_decision(self, decision: Decision) -> bool:
        """Append, with its audit entry; False where it is stored already.

        Raises:
            StoreError: its id is stored with other content, or its patch is not stored.
        """
        return self._vouched(ledger.DECISIONS, decision)

    def add_promotion(self, promotion: Promotion) -> bool:
        """Append, with its audit entry; False where it is stored already.

        Raises:
            StoreError: its id is stored with other content, or its patch is not stored.
        """
        return self._vouched(ledger.PROMOTIONS, promotion)

    def add_rollback(self, rollback: Rollback) -> bool:
        """Append, with its audit entry; False where it is stored already.

        Raises:
            StoreError: its id is stored with other content, or its promotion is not stored.
        """
        return self._vouched(ledger.ROLLBACKS, rollback)

    def add_health(self, health: Health) -> bool:
        """Append; False where it is stored already. Raises StoreError: its promotion is not stored."""
        return ledger.add(self._open(), ledger.HEALTH, self._safe(health))

    def _vouched(self, kind: ledger.Kind[V], record: V) -> bool:
        record = self._safe(record)
        added = ledger.add(self._open(), kind, record)
        if added:
            self.audit(kind.name, vouch.body(self._salt, record))
        return added

    def _safe(self, record: R) -> R:
        """The record without secrets that were forgotten before."""
        if not self._watch:
            return record
        found = self._watch.find(codec.raw(record))
        if not found:
            return record
        return scrub.clean(
            record, scrub.Scrub(literals=tuple(v for text in sorted(found) for v in scrub.variants(text)))
        )

    # ----------------------------------------------------------------------------------------- audit, forget

    def audit(self, kind: str, body: Mapping[str, Any]) -> AuditEntry:
        """Add an entry to the audit chain. Decisions, promotions, rollbacks and forgets add theirs by themselves.

        Raises:
            StoreError: the body holds text; only numbers, ids, hashes and single words go into the chain.
        """
        connection = self._open()
        entry = self._chain.append(kind, body, self._clock())
        meta.put(connection, meta.AUDITED, str(entry.seq + 1))
        return entry

    def forget_run(self, key: str) -> ForgetReport:
        """Erase a run for good, and everything that quotes it; it is never stored again.

        A run that is not stored gets its tombstone all the same. The file is rewritten after the commit.
        """
        report = forget.forget_runs(self._open(), self._archive, self._salt, {key})
        return self._forgot(report, scrub.fingerprint(self._salt, "run", key))

    def forget_user(self, user: str) -> ForgetReport:
        """Erase all runs of a user for good, and the user's name; no run of that user is ever stored again.

        Raises:
            UsageError: no user is named.
        """
        if not user:
            raise UsageError("no user is named", hint="give the user as the report shows it")
        rows = select(schema.runs.c.key).where(schema.runs.c.user == user)
        keys = set(self._open().scalars(rows).all())
        report = forget.forget_runs(self._connection, self._archive, self._salt, keys, user)
        return self._forgot(report, scrub.fingerprint(self._salt, "user", user))

    def forget_secret(self, literal: str) -> ForgetReport:
        """Replace a literal by FORGOTTEN in every text of the store, and in what is stored later.

        Raises:
            UsageError: the literal is too short to be told from other text.
        """
        report = forget.forget_secret(self._open(), self._archive, self._salt, literal)
        return self._forgot(report, scrub.fingerprint(self._salt, "secret", literal))

    def _forgot(self, report: ForgetReport, subject: str) -> ForgetReport:
        counts = {name: getattr(report, name) for name in ("runs", "failures", "records", "files")}
        self.audit("forget", {"what": report.what, "subject": subject, **counts})
        meta.put(self._connection, meta.ERASE, "pending")
        self.erases = self._grown = True
        self._load_tombstones()
        return report
