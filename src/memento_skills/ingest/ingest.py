"""A log file -> its runs, masked, with user and project; the whole of it or batch by batch.

Pure reading: nothing is stored here. `read_batches` keeps memory flat for a file of any size, `read_file` puts the
batches together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from memento_skills.errors import UsageError
from memento_skills.ingest import event_folder, framing, project
from memento_skills.ingest.discover import files_under
from memento_skills.ingest.framing import Resume
from memento_skills.ingest.onepass import BOM, Masks, OnePass
from memento_skills.ingest.openhands import OpenHandsReader
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.result import Batch, FileResult, Options
from memento_skills.ingest.sniff import READERS, reader_for, refusal, why_unknown
from memento_skills.records import LineCount, Run, Step

_NO_OPTIONS = Options()


def read_file(
    path: Path | str,
    *,
    masker: Masks,
    options: Options = _NO_OPTIONS,
    format: str | None = None,  # noqa: A002  (the word of the command line)
    start: Resume | None = None,
    readers: Mapping[str, type[BaseReader]] = READERS,
) -> FileResult:
    """Read a log file whole. Bad input is reported in the result; raises UsageError for an unknown `format`."""
    batches = list(read_batches(path, masker=masker, options=options, format=format, start=start, readers=readers))
    last = batches[-1]
    counts, ignored = LineCount(), Counter[str]()
    for batch in batches:
        counts += batch.counts
        ignored.update(batch.ignored)
    return FileResult(
        path=last.file,
        format=last.format,
        reason=last.reason,
        runs=joined([run for batch in batches for run in batch.runs]),
        counts=counts,
        ignored=dict(ignored),
        quarantined=tuple(q for batch in batches for q in batch.quarantined),
        state=last.state,
        waiting=last.waiting,
        bytes=sum(batch.bytes for batch in batches),
        resumed=last.resumed,
    )


def read_tree(
    paths: Sequence[Path | str],
    *,
    masker: Masks,
    options: Options = _NO_OPTIONS,
    format: str | None = None,  # noqa: A002
    readers: Mapping[str, type[BaseReader]] = READERS,
) -> Iterator[FileResult]:
    """Read every log at or below `paths`, newest first. Raises UsageError for an unknown `format` or too many files."""
    for log in files_under([Path(path) for path in paths]):
        yield read_file(log.path, masker=masker, options=options, format=format, readers=readers)


def joined(pieces: Sequence[Run]) -> tuple[Run, ...]:
    """Pieces of runs, in order, put together: the steps of all, the facts of the last, the first task.

    Also for what is known of a run already (a header without steps) and what a grown file added to it.
    """
    steps: dict[str, list[Step]] = {}
    facts: dict[str, Run] = {}
    for piece in pieces:
        steps.setdefault(piece.key, []).extend(piece.steps)
        before = facts.get(piece.key)
        facts[piece.key] = msgspec.structs.replace(piece, task=before.task) if before and before.task else piece
    return tuple(msgspec.structs.replace(run, steps=tuple(steps[key])) for key, run in facts.items())


def read_batches(
    path: Path | str,
    *,
    masker: Masks,
    options: Options = _NO_OPTIONS,
    format: str | None = None,  # noqa: A002
    start: Resume | None = None,
    readers: Mapping[str, type[BaseReader]] = READERS,
) -> Iterator[Batch]:
    """Read a log file part by part, each with the steps since the last part; the final one has `last`.

    Reading goes on at `start` where the file still begins as it did then, else from the beginning (known steps are
    told by their `uid`). Raises UsageError for an unknown `format`; all else is data: `reason`, `quarantined`.
    """
    if format is not None and format not in readers:
        raise UsageError(f"unknown log format {format!r}", hint=f"one of: {', '.join(sorted(readers))}")
    file = Path(path)
    # a name that is no Unicode could not be stored
    shown = project.without_home(str(file).encode("utf-8", "backslashreplace").decode(), options.home)
    reason = refusal(file)
    if reason:
        yield Batch(file=shown, format=None, reason=reason, last=True)
        return
    try:
        head, kind = framing.head_of(file)
        parts = event_folder.parts_of(file) if OpenHandsReader.accepts(b"[" + head) else None
        if parts == ():  # an event that is read with the last one of its folder
            yield Batch(file=shown, format=OpenHandsReader.name, last=True)
            return
        head = b"[" + head if parts else head
        if head.startswith(framing.SQLITE):
            from memento_skills.store import foreign  # loads the database library

            head = foreign.tables_of(file)
        chosen = readers[format] if format else reader_for(head.removeprefix(BOM), readers)
        if chosen is None or (not head and not format):
            yield Batch(file=shown, format=None, reason=why_unknown(head), last=True)
            return
        start = framing.usable(file, start, kind)
        reader = chosen(shown, start.carry if start else "")
        one = OnePass(file, shown, reader, masker, options)
        yield from one.folder(head, parts) if parts else one.batches(head, kind, start)
    except OSError as error:
        yield Batch(file=shown, format=None, reason=(error.strerror or type(error).__name__).lower(), last=True)
