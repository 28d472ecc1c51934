"""Log files -> the store: every batch of a file is one commit with the place to go on from, so a kill loses nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from memento_skills import detect
from memento_skills.app.grouping import Groups
from memento_skills.app.options import Ingested, Options, Progress
from memento_skills.app.parts import Parts
from memento_skills.errors import BadInput
from memento_skills.ingest import result
from memento_skills.ingest.discover import discover, files_under
from memento_skills.ingest.framing import Resume
from memento_skills.ingest.ingest import read_batches, read_file
from memento_skills.ingest.result import Batch
from memento_skills.interfaces import Detector
from memento_skills.masking import Masker
from memento_skills.records import LineCount, Run, Step
from memento_skills.store.records import FileState
from memento_skills.store.store import Store
from memento_skills.store.tx import Tx

COMMIT_BYTES = 32 << 20
"""Decompressed bytes of log that one commit holds, about."""


class LogFile(NamedTuple):
    """A file to read, with what tells whether it changed."""

    path: Path
    size: int
    mtime_ns: int


def masker_of(store_salt: bytes, options: Options) -> Masker:
    """The masker of a store with the user's own literals."""
    return Masker(salt=store_salt, extra_literals=options.mask)


def reader_options(options: Options) -> result.Options:
    """What readers are told: users, tenant, home. Raises BadInput for a users file that cannot be read."""
    users: dict[str, str] = {}
    if options.users:
        try:
            users = msgspec.json.decode(Path(options.users).read_bytes(), type=dict[str, str])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(
                "the users file cannot be read",
                where=options.users,
                hint='it must be JSON, {"file or session": "user"}',
            ) from error
    return result.Options(users=users, system_user=_system_user(), tenant=options.tenant, home=options.home)


def _system_user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user id, as in some containers
        return ""


def find(paths: Sequence[str], options: Options) -> list[LogFile]:
    """The files to read, newest first: those below `paths`, or this machine's agent logs where there are none.

    Raises BadInput for a path that does not exist or holds no file.
    """
    if not paths:
        logs = discover(Path(options.home), environ=os.environ, since=options.since, until=options.until)
        return [f for log in logs if (f := _stat(Path(log.path))) is not None]
    logs = files_under([Path(p) for p in paths])
    if not logs:
        raise BadInput("no log file found", where=", ".join(paths), hint="name a log file or a folder with logs")
    return [f for log in logs if (f := _stat(Path(log.path))) is not None]


def _stat(path: Path) -> LogFile | None:
    try:
        facts = path.stat()
    except OSError:  # gone since it was listed
        return None
    return LogFile(path, facts.st_size, facts.st_mtime_ns)


def into_store(
    store: Store, files: Sequence[LogFile], options: Options, progress: Progress, *, enough: Callable[[], bool]
) -> Ingested:
    """Read what is new in `files` into the store; unchanged files cost one look-up.

    Stops once `enough()` says so, between files or within one that can be read on from there: what is left is counted
    as `waiting` and read on the next call.
    """
    used = Parts(options)
    intake = _Intake(store, store.files([_name(f) for f in files]), used)
    masker, told = masker_of(store.salt, options), reader_options(options)
    for number, file in enumerate(files):
        progress("reading", number, len(files))
        state = intake.known.get(_name(file))
        if state is not None and (state.size, state.mtime_ns) == (file.size, file.mtime_ns):
            intake.add(Ingested(files=1, lines=state.counts))
            continue
        if enough():
            intake.commit()
            intake.add(Ingested(waiting=1))
            continue
        start = msgspec.json.decode(state.resume, type=Resume) if state is not None and state.resume else None
        for batch in read_batches(
            file.path, masker=masker, options=told, format=options.format or None, start=start, readers=used.readers
        ):
            intake.take(file, batch)
            if batch.state.seam and not batch.last and enough():
                intake.add(Ingested(waiting=1))
                break
    intake.commit()
    states = [intake.known.get(_name(f)) for f in files]
    if files and all(s is not None and not s.format for s in states):
        raise BadInput(
            f"no agent log among {len(files)} files", where=str(files[0].path), hint=intake.reason or "see --format"
        )
    return intake.total


def _name(file: LogFile) -> str:
    return os.path.abspath(file.path)  # noqa: PTH100  (a link is a name of its own, `resolve` would follow it)


class _Intake:
    """Batches on their way into the store, one commit for about COMMIT_BYTES of them."""

    def __init__(self, store: Store, known: dict[str, FileState], parts: Parts) -> None:
        self.parts = parts
        self.store = store
        self.known = known
        self._counted = Ingested()
        self._fates: dict[str, set[str]] = {}
        """What became of each run, batch by batch: new, updated, unchanged, forgotten."""
        self._groups = Groups(store)
        self.reason = ""
        """Why a file was no log, the last one."""
        self._begun: set[str] = set()
        self._pending: list[tuple[LogFile, Batch]] = []
        self._size = 0

    def add(self, more: Ingested) -> None:
        """Count."""
        self._counted = Ingested(
            **{name: getattr(self._counted, name) + getattr(more, name) for name in Ingested.__struct_fields__}
        )

    @property
    def total(self) -> Ingested:
        """What was counted: each run once however many files and batches hold it, each line of a file however often
        the file was read before.
        """
        fates = self._fates.values()
        return msgspec.structs.replace(
            self._counted,
            runs=len(fates),
            new_runs=sum("new" in f for f in fates),
            duplicates=sum(f == {"unchanged"} for f in fates),
            quarantined=self._counted.lines.quarantined,
        )

    def take(self, file: LogFile, batch: Batch) -> None:
        """One more batch; commits when there are enough."""
        self.reason = batch.reason or self.reason
        self._pending.append((file, batch))
        self._size += batch.bytes
        if self._size >= COMMIT_BYTES:
            self.commit()

    def commit(self) -> None:
        """Everything taken so far is stored, or nothing of it."""
        if not self._pending:
            return
        with self.store.write() as tx:
            for file, batch in self._pending:
                self._store(tx, file, batch)
        self._pending, self._size = [], 0

    def _store(self, tx: Tx, file: LogFile, batch: Batch) -> None:
        for run in batch.runs:
            self._fates.setdefault(run.key, set()).add(_put(self.store, tx, run, self.parts.detectors, self._groups))
        for note in batch.quarantined:
            tx.add_quarantined(note)
        earlier = self.known.get(_name(file)) if batch.resumed and _name(file) not in self._begun else None
        state = self._state(file, batch)
        tx.put_file(state)
        self.known[state.path] = state
        lines = batch.counts + earlier.counts if earlier is not None else batch.counts
        self.add(Ingested(files=int(batch.last), lines=lines))

    def _state(self, file: LogFile, batch: Batch) -> FileState:
        name = _name(file)
        before = self.known.get(name) if batch.resumed or name in self._begun else None
        self._begun.add(name)
        return FileState(
            path=name,
            # a file with more batches to come is noted as changed, so that after a kill the next call goes on
            size=file.size if batch.last else -1,
            mtime_ns=file.mtime_ns if batch.last else -1,
            offset=batch.state.offset,
            seam=batch.state.seam,
            format=batch.format or "",
            counts=batch.counts + before.counts if before is not None else batch.counts,
            runs=tuple(sorted({r.key for r in batch.runs} | set(before.runs if before is not None else ()))),
            resume=msgspec.json.encode(batch.state).decode(),
        )


def _put(store: Store, tx: Tx, run: Run, detectors: Sequence[Detector], groups: Groups) -> str:
    """Store a run or the steps that are new in it, and its failures as the detectors see it whole."""
    known = store.known(run.key)
    if known is None:
        stored = tx.put_run(run)
    else:
        fresh = [s for s in run.steps if s.uid not in known.uids]
        if not fresh:
            return "unchanged"
        stored = tx.append_steps(run.key, _renumbered(fresh, known.steps), _merged(store.run_header(run.key), run))
    whole = run if known is None else store.run(run.key)
    if whole is not None and stored in ("new", "updated"):
        tx.replace_failures(run.key, groups(detect.failures(whole, extra=detectors)))
    return stored


def _renumbered(steps: Sequence[Step], start: int) -> list[Step]:
    return [msgspec.structs.replace(s, seq=start + i) for i, s in enumerate(steps)]


def _merged(before: Run | None, now: Run) -> Run:
    """The header after more of a run was read: the first known start, task and project stay."""
    if before is None:
        return now
    sources = tuple(dict.fromkeys((*before.sources, *now.sources)))
    return msgspec.structs.replace(
        now,
        started_at=min((t for t in (before.started_at, now.started_at) if t is not None), default=None),
        ended_at=max((t for t in (before.ended_at, now.ended_at) if t is not None), default=None),
        task=before.task or now.task,
        project=before.project or now.project,
        cwd=before.cwd or now.cwd,
        user=before.user or now.user,
        tenant=now.tenant or before.tenant,
        skills_listed=tuple(dict.fromkeys((*before.skills_listed, *now.skills_listed))),
        skills_loaded=tuple(dict.fromkeys((*before.skills_loaded, *now.skills_loaded))),
        links=tuple(dict.fromkeys((*before.links, *now.links))),
        sources=sources,
    )


def runs_of(paths: Sequence[str], options: Options, *, salt: bytes) -> Iterator[result.FileResult]:
    """Read files without storing anything, newest first."""
    masker, told = masker_of(salt, options), reader_options(options)
    known, reason, files = False, "", find(paths, options)
    readers = Parts(options).readers
    for file in files:
        found = read_file(file.path, masker=masker, options=told, format=options.format or None, readers=readers)
        known, reason = known or found.format is not None, found.reason or reason
        yield found
    if not known and files:
        raise BadInput(f"no agent log among {len(files)} files", where=str(files[0].path), hint=reason)


def lineages_of(runs: Iterable[Run]) -> dict[str, str]:
    """Lineages of runs that are not in a store: connected by shared call ids and links, named by the smallest key."""
    parent: dict[str, str] = {}
    owner: dict[str, str] = {}

    def root(key: str) -> str:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    def join(a: str, b: str) -> None:
        a, b = sorted((root(a), root(b)))
        parent[b] = a

    every = list(runs)
    for run in every:
        parent.setdefault(run.key, run.key)
    for run in every:
        steps = run.steps if run.shared_ids else ()
        marks = [f"call {s.call_id}" for s in steps if s.kind == "call" and s.call_id]
        for mark in (*marks, *(f"uid {s.uid}" for s in steps if s.uid)):
            join(run.key, owner.setdefault(mark, run.key))
        for link in run.links:
            if (other := f"{run.client}:{link}") in parent:
                join(run.key, other)
    return {key: root(key) for key in parent}


def formats(states: Iterable[FileState]) -> dict[str, tuple[int, LineCount]]:
    """Files and lines of each format."""
    found: dict[str, tuple[int, LineCount]] = {}
    for state in states:
        files, lines = found.get(state.format or "unknown", (0, LineCount()))
        found[state.format or "unknown"] = (files + 1, lines + state.counts)
    return found
