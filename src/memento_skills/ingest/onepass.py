"""One pass over one log file: blocks are trimmed, masked and fed to the reader; its runs come out in batches."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, count
from pathlib import Path
from typing import Protocol

import msgspec

from memento_skills.ingest import framing, project
from memento_skills.ingest.framing import Block, Line, Resume, Unframed
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.result import Batch, Options
from memento_skills.ingest.sniff import refusal
from memento_skills.masking import HomePrefix, HomePrefixes, home_prefixes
from memento_skills.records import LineCount, Quarantined, Run

DOCUMENT_CAP = 64 << 20
"""Bytes of the longest log that is one JSON document."""
COMPANION_CAP = 4 << 20
"""Bytes of the largest file beside a log that is read with it."""
BOM = b"\xef\xbb\xbf"
_CWD = re.compile(rb'"cwd": ?"((?:[^"\\]|\\.){1,4096})"')


class Masks(Protocol):
    """The part of `masking.Masker` that reading needs."""

    def mask_block(self, block: bytes, homes: HomePrefixes) -> bytes:
        """A block of whole JSON lines with secrets and personal data replaced; as many lines as before."""


class OnePass:
    """One pass over one file."""

    def __init__(self, file: Path, shown: str, reader: BaseReader, masker: Masks, options: Options) -> None:
        self._file, self._shown, self._reader = file, shown, reader
        self._masker, self._options = masker, options
        self._absolute = file.absolute()
        self._home = ""
        self._cwd = ""
        self._homes: dict[tuple[bytes, ...], HomePrefix] = {}
        self._owners: dict[tuple[str, str], tuple[str, str]] = {}
        self._counts, self._ignored, self._told = LineCount(), Counter[str](), 0
        self._unframed: list[Quarantined] = []
        self._all_unframed = 0
        self._size = 0

    def batches(self, head: bytes, kind: framing.Compression, start: Resume | None) -> Iterator[Batch]:
        """All batches of the file."""
        self._resumed = start is not None
        self._find_home(head)
        if head.startswith(framing.SQLITE):
            yield from self._database()
            return
        if self._reader.document(head.removeprefix(BOM)):
            yield from self._document(kind)
            return
        here = start or Resume()
        waiting, held = 0, 0
        for piece in framing.blocks(self._file, kind, start):
            if isinstance(piece, Unframed):
                self._keep_out(piece)
                end = piece.offset + piece.size + piece.closed
                here = Resume(offset=end, line=piece.line, open_line=not piece.closed)
                continue
            if piece.tail and not self._reader.text and not framing.whole_object(piece.data):
                if kind == "plain":
                    waiting = len(piece.data)
                else:
                    digest = hashlib.sha256(piece.data).hexdigest()
                    reason = "the file ends in the middle of a line"
                    self._keep_out(Unframed(piece.line, piece.offset, len(piece.data), digest, reason))
                continue
            self._take(piece)
            here = Resume(
                offset=piece.offset + len(piece.data),
                line=piece.line + len(piece.lines) - 1,
                open_line=piece.tail,
            )
            held += len(piece.data)
            if held >= self._options.batch:
                held = 0
                yield self._batch(self._stamped(here, kind))
        self._companions()
        yield self._batch(self._stamped(here, kind), waiting=waiting, last=True)

    def _stamped(self, here: Resume, kind: framing.Compression) -> Resume:
        if kind != "plain" or self._reader.text:
            return msgspec.structs.replace(here, seam="", carry="")
        seam = framing.seam_of(self._file, here.offset)
        return msgspec.structs.replace(here, seam=seam, carry=self._reader.carry())

    def _database(self) -> Iterator[Batch]:
        """A SQLite database: its sessions as the lines of a log, all of them each time (ids tell what is known)."""
        from memento_skills.store import foreign  # loads the database library

        for number, piece in enumerate(foreign.sessions(self._file), 1):
            if isinstance(piece, bytes):
                self._take(Block(piece, [piece], 0, number))
            else:
                self._keep_out(Unframed(number, 0, 0, hashlib.sha256(b"").hexdigest(), piece))
            if self._size >= self._options.batch:
                yield self._batch(Resume())
        yield self._batch(Resume(), last=True)

    def folder(self, head: bytes, parts: Sequence[Path]) -> Iterator[Batch]:
        """All batches of a folder of files that hold one event each (`event_folder`): one list of events."""
        self._resumed = False
        self._find_home(head)
        events: list[bytes] = []
        size = 0
        for number, part in enumerate(parts, 1):
            data = b"" if refusal(part) else framing.whole(part, "plain", DOCUMENT_CAP)[0]
            size += len(data)
            reason = f"a folder of more than {DOCUMENT_CAP >> 20} MiB" if size > DOCUMENT_CAP else ""
            try:
                compact = msgspec.json.format(data, indent=-1)
            except (msgspec.DecodeError, RecursionError) as error:
                reason = f"{part.name[:80]} is not JSON: {error}"
            if reason:
                self._keep_out(Unframed(number, 0, len(data), hashlib.sha256(data).hexdigest(), reason))
            else:
                events.append(compact)
        joined = b"[" + b",".join(events) + b"]"
        self._take(Block(joined, [joined], 0, 1))
        self._companions()
        yield self._batch(Resume(), last=True)

    def _document(self, kind: framing.Compression) -> Iterator[Batch]:
        data, faults = framing.whole(self._file, kind, DOCUMENT_CAP)
        digest = hashlib.sha256(data).hexdigest()
        if len(data) > DOCUMENT_CAP:
            reason = f"one JSON document of more than {DOCUMENT_CAP >> 20} MiB"
            self._keep_out(Unframed(1, 0, len(data), digest, reason))
            data = b""
        for fault in faults:
            self._keep_out(Unframed(1, len(data), 0, digest, fault))
        data = data.removeprefix(BOM)
        if data.strip() and not faults:
            try:
                compact = msgspec.json.format(data, indent=-1) if b"\n" in data else data
            except (msgspec.DecodeError, RecursionError) as error:
                self._keep_out(Unframed(1, 0, len(data), digest, f"not JSON: {error}"))
            else:
                self._take(Block(compact, [compact], 0, 1))
                self._companions()
        yield self._batch(Resume(offset=len(data)), last=True)

    def _companions(self) -> None:
        """Hand over the files that lie beside the document, as far as they are small regular files."""
        for name in self._reader.beside:
            path = self._absolute.parent / name
            if refusal(path) or path.stat().st_size > COMPANION_CAP:
                continue
            data = path.read_bytes()
            try:
                compact = msgspec.json.format(data, indent=-1)
            except (msgspec.DecodeError, RecursionError):
                continue  # it belongs to something else
            if _is_utf8(compact):
                self._reader.companion(name, self._masker.mask_block(compact, tuple(self._homes.values())))

    def _keep_out(self, piece: Unframed) -> None:
        self._unframed.append(piece.record(self._shown))

    def _take(self, block: Block) -> None:
        self._size += len(block.data)
        if not self._cwd:
            self._find_home(block.data)
        raw = block.lines
        if block.line == 1:
            raw[0] = raw[0].removeprefix(BOM)
        masked = self._masked(block)
        known = len(self._reader.quarantined())
        self._reader.feed(_placed(raw, masked, block))
        self._mend_quarantine(known, raw, block)

    def _masked(self, block: Block) -> list[bytes]:
        """The lines of a block, masked; lines that are no UTF-8 stay as they are, for the reader to refuse."""
        data = self._reader.trim(block.lines) or block.data
        self._homes.update((home.forms, home) for home in home_prefixes(data))
        homes = tuple(self._homes.values())
        if _is_utf8(data):
            masked = _split(self._masker.mask_block(data, homes))
            if len(masked) == len(block.lines):
                return masked
        return [self._masker.mask_block(line, homes) if _is_utf8(line) else line for line in block.lines]

    def _mend_quarantine(self, known: int, raw: list[bytes], block: Block) -> None:
        """The hash and size of a quarantined line are those of the file's bytes, not of the masked ones."""
        entries = self._reader.quarantined()
        for i in range(known, len(entries)):
            line = raw[entries[i].line - block.line]
            self._reader.replace_quarantined(
                i, msgspec.structs.replace(entries[i], size=len(line), sha256=hashlib.sha256(line).hexdigest())
            )

    def _find_home(self, data: bytes) -> None:
        found = _CWD.search(data)
        if not found:
            return
        try:
            self._cwd = msgspec.json.decode(b'"' + found[1] + b'"', type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        self._home = project.home_of(self._cwd)

    def _batch(self, state: Resume, *, waiting: int = 0, last: bool = False) -> Batch:
        counts, ignored = self._reader.counts(), Counter(self._reader.ignored)
        entries = self._reader.quarantined()[self._told :]
        fresh, unframed = _minus(counts, self._counts), len(self._unframed)
        whole = fresh + LineCount(seen=unframed, quarantined=unframed)
        batch = Batch(
            file=self._shown,
            format=self._reader.name,
            runs=tuple(self._owned(run) for run in self._reader.take()),
            counts=whole,
            ignored=dict(ignored - self._ignored),
            quarantined=(*entries, *self._unframed),
            state=state,
            waiting=waiting,
            bytes=self._size,
            resumed=self._resumed,
            last=last,
        )
        self._counts, self._ignored, self._told = counts, ignored, self._told + len(entries)
        self._unframed, self._size = [], 0
        return batch

    def _owned(self, run: Run) -> Run:
        """The run with user, tenant and project; its directories with `~` for the home folder."""
        owner = self._owners.get((run.id, run.cwd))
        if owner is None:
            cwd = self._home + run.cwd[1:] if run.cwd.startswith("~") else run.cwd or self._cwd
            options = self._options
            user = run.user or project.user_of(
                cwd, file=self._absolute, session=run.id, users=options.users, system_user=options.system_user
            )
            place = run.project or project.project_of(cwd, file=self._absolute)
            home = project.home_of(cwd) or options.home
            owner = self._owners[run.id, run.cwd] = (user, project.without_home(place, home))
        return msgspec.structs.replace(
            run,
            user=owner[0],
            project=owner[1],
            tenant=run.tenant or self._options.tenant,
            cwd=project.without_home(run.cwd, project.home_of(run.cwd)),
        )


def _split(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _placed(raw: list[bytes], masked: list[bytes], block: Block) -> Iterator[Line]:
    ends = accumulate((len(line) + 1 for line in raw), initial=block.offset)
    return map(Line, count(block.line), ends, masked)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _minus(now: LineCount, before: LineCount) -> LineCount:
    return LineCount(
        seen=now.seen - before.seen,
        understood=now.understood - before.understood,
        ignored=now.ignored - before.ignored,
        quarantined=now.quarantined - before.quarantined,
    )
