"""Runs in the store: a header row each, their steps in the archive, their marks in the index of lineages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from memento_skills.errors import StoreError
from memento_skills.interfaces import Archive
from memento_skills.records import Run, Step
from memento_skills.store import codec, engine, lineage, schema, scrub
from memento_skills.store.codec import Piece
from memento_skills.store.records import KnownRun, Stored

_IN = 500
"""Values of one IN clause, far below every database's limit on parameters."""


class Runs:
    """Reading and writing of runs over one connection; writes belong to the caller's transaction."""

    def __init__(self, connection: Connection, archive: Archive, salt: bytes) -> None:
        self._connection = connection
        self._archive = archive
        self._marker = lineage.Marker(salt)

    # -------------------------------------------------------------------------------------------- reading

    def header(self, key: str) -> Run | None:
        """The run without its steps."""
        row = self._row(key)
        return codec.decode(row.header, Run) if row else None

    def run(self, key: str) -> Run | None:
        """The run with all its steps."""
        header = self.header(key)
        return self._whole(header) if header else None

    def headers(self) -> list[Run]:
        """All runs without their steps, newest first; runs without a time last, by key."""
        table = schema.runs.c
        newest = select(table.header).order_by(table.started_at.is_(None), table.started_at.desc(), table.key)
        return [codec.decode(body, Run) for body in self._connection.scalars(newest).all()]

    def runs(self, keys: Iterable[str] | None) -> Iterator[Run]:
        """Whole runs one by one, newest first; of `keys` those that are stored, or all."""
        wanted = None if keys is None else set(keys)
        for header in self.headers():
            if wanted is None or header.key in wanted:
                yield self._whole(header)

    def known(self, key: str) -> KnownRun | None:
        """What is stored of a run, for telling repeats; None for a run that is not stored."""
        row = self._row(key)
        if row is None:
            return None
        ids = [ids for piece in self._pieces(key) for ids in codec.ids_of(piece)]
        return KnownRun(
            version=row.version,
            steps=row.steps,
            uids=frozenset(i.uid for i in ids if i.uid),
            call_ids=frozenset(i.call_id for i in ids if i.call_id),
        )

    def first_occurrence(self, project: str, call_ids: Iterable[str]) -> dict[str, str]:
        """Key of the run in which each call first occurs in the project: by time, then by key."""
        wanted = {self._marker.call(call_id): call_id for call_id in call_ids}
        best: dict[int, tuple[bool, float, str]] = {}
        hashes = sorted(wanted)
        for start in range(0, len(hashes), _IN):
            for mark, at, key in self._occurrences(project, hashes[start : start + _IN]):
                found = (at is None, at or 0.0, key)
                best[mark] = min(best.get(mark, found), found)
        return {wanted[mark]: key for mark, (_, _, key) in best.items()}

    def _occurrences(self, project: str, hashes: Sequence[int]) -> Iterator[tuple[int, float | None, str]]:
        marks, runs = schema.marks.c, schema.runs.c
        rows = (
            select(marks.hash, marks.at, runs.key)
            .join_from(schema.marks, schema.runs)
            .where(marks.hash.in_(hashes), runs.project == project)
        )
        for row in self._connection.execute(rows):
            yield row.hash, row.at, row.key

    def problems(self) -> list[str]:
        """Runs whose stored content is not what was stored; reads all of them."""
        table = schema.runs.c
        found = []
        for row in self._connection.execute(select(table.key, table.version, table.header).order_by(table.key)).all():
            try:
                version = codec.version(row.header, (piece.body for piece in self._pieces(row.key)))
            except StoreError as error:
                found.append(f"run {row.key!r}: {error.what}")
                continue
            if version != row.version:
                found.append(f"run {row.key!r} is not what was stored")
        return found

    def _row(self, key: str) -> Row[*tuple[Any, ...]] | None:
        table = schema.runs.c
        columns = select(table.id, table.version, table.steps, table.header)
        return self._connection.execute(columns.where(table.key == key)).first()

    def _pieces(self, key: str) -> list[Piece]:
        return [codec.unpack(payload) for payload in self._archive.get(key)]

    def _whole(self, header: Run) -> Run:
        steps = tuple(step for piece in self._pieces(header.key) for step in codec.steps_of(piece))
        return msgspec.structs.replace(header, steps=steps)

    # -------------------------------------------------------------------------------------------- writing

    def put(self, run: Run, watch: scrub.Watch) -> Stored:
        """Store a whole run; the same content again changes nothing, other content replaces it."""
        run, pieces = watched(run, codec.pieces(run.steps), watch)
        header = codec.header_of(run)
        version = codec.version(header, (piece.body for piece in pieces))
        row = self._row(run.key)
        if row is not None and row.version == version:
            return "unchanged"
        if row is not None:
            self._archive.delete(run.key)
        number = self._put_row(row.id if row else None, run, header, version, len(run.steps))
        for chunk, piece in enumerate(pieces):
            self._archive.put(run.key, chunk, codec.pack(piece))
        self._put_marks(number, run, run.steps)
        return "updated" if row else "new"

    def append(self, header: Run, steps: Sequence[Step], watch: scrub.Watch) -> Stored:
        """Add steps at the end of a stored run and renew its header.

        Raises:
            StoreError: the run is not stored, or `steps` does not begin where the stored ones end.
        """
        row = self._row(header.key)
        if row is None:
            raise StoreError(
                "steps for a run that is not stored", where=header.key, hint="put_run stores its beginning"
            )
        stored = self._pieces(header.key)
        steps = self._unstored(header.key, row.steps, stored, steps)
        grown, pieces = watched(msgspec.structs.replace(header, steps=tuple(steps)), codec.pieces(steps), watch)
        body = codec.header_of(grown)
        version = codec.version(body, (piece.body for piece in (*stored, *pieces)))
        if version == row.version:
            return "unchanged"
        self._put_row(row.id, grown, body, version, row.steps + len(steps))
        for chunk, piece in enumerate(pieces, len(stored)):
            self._archive.put(header.key, chunk, codec.pack(piece))
        self._put_marks(row.id, grown, grown.steps)
        return "updated"

    def _unstored(self, key: str, count: int, stored: list[Piece], steps: Sequence[Step]) -> Sequence[Step]:
        if not steps or steps[0].seq == count:
            return steps
        if steps[0].seq > count:
            raise StoreError(f"step {steps[0].seq} comes after {count} stored ones", where=key, hint="read it again")
        repeated = [step for piece in stored for step in codec.steps_of(piece)][steps[0].seq :][: len(steps)]
        if repeated != list(steps[: len(repeated)]):
            raise StoreError(f"step {steps[0].seq} is stored with other content", where=key, hint="put_run replaces it")
        return steps[len(repeated) :]

    def _put_row(self, number: int | None, run: Run, header: str, version: str, steps: int) -> int:
        row = {
            "key": run.key, "user": run.user, "project": run.project, "started_at": run.started_at,
            "steps": steps, "version": version, "header": header,
        }  # fmt: skip
        if number is None:
            made = self._connection.execute(insert(schema.runs), row).inserted_primary_key
            assert made is not None
            return int(made[0])
        self._connection.execute(update(schema.runs).where(schema.runs.c.id == number), row)
        return number

    def _put_marks(self, number: int, run: Run, steps: Sequence[Step]) -> None:
        found = self._marker.marks(run, steps)
        # in the order of the index, for fewer pages touched
        engine.insert_new(self._connection, schema.marks, [(mark, number, found[mark]) for mark in sorted(found)])

    def add_calls(self, project: str, calls: Iterable[tuple[str, str, float | None]]) -> None:
        """Note calls (call id, run key, time) that are in no stored step; those in steps are noted with them.

        Raises:
            StoreError: a run is not stored, or belongs to another project.
        """
        numbers: dict[str, int] = {}
        rows = []
        for call_id, key, at in calls:
            if key not in numbers:
                numbers[key] = self.number(key, project)
            rows.append((self._marker.call(call_id), numbers[key], at))
        engine.insert_new(self._connection, schema.marks, sorted(rows, key=lambda row: row[:2]))

    def number(self, key: str, project: str | None = None) -> int:
        """The row number of a stored run. Raises StoreError where it is not stored, or is of another project."""
        table = schema.runs.c
        row = self._connection.execute(select(table.id, table.project).where(table.key == key)).first()
        if row is None:
            raise StoreError("a record names a run that is not stored", where=key, hint="store the run first")
        if project is not None and row.project != project:
            raise StoreError("a call is noted for another project than its run's", where=key, hint="name that one")
        return int(row.id)


def watched(run: Run, pieces: list[Piece], watch: scrub.Watch) -> tuple[Run, list[Piece]]:
    """The run and its pieces without secrets that were forgotten before."""
    if not watch:
        return run, pieces
    texts = [codec.raw(msgspec.structs.replace(run, steps=())), *(piece.body for piece in pieces)]
    found = frozenset[str]().union(*(watch.find(data) for data in texts))
    if not found:
        return run, pieces
    cleaned = scrub.clean(run, scrub.Scrub(literals=tuple(v for text in sorted(found) for v in scrub.variants(text))))
    return cleaned, codec.pieces(cleaned.steps)
