"""Bytes of a log file -> blocks of whole lines with their place in the file.

In: a file that is plain, gzip (any number of members), zstd or a zipped log, told by its first bytes. Out: blocks of
about 1 MiB of whole lines, what could not be framed, and the tail. Everything streams: a line of any length and an
archive that unpacks to any size cost one bounded buffer.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import msgspec
import zstandard

from memento_skills.ingest.zipped import lines_in
from memento_skills.records import Quarantined, Record

BLOCK = 1 << 20
"""Bytes of one block, about."""
LINE_CAP = 16 << 20
"""Bytes of the longest line that is read; a longer one is quarantined."""
SEAM = 4096
"""Bytes before the offset whose hash proves that a grown file still has the same beginning."""
ZSTD_WINDOW = 128 << 20
"""Bytes of the largest zstd window that is accepted."""
_ZSTD_STEP = 1024  # one zstd block of 4 bytes may unpack to 128 KiB: small steps keep a bomb's output bounded

SQLITE = b"SQLite format 3\0"
"""The first bytes of a SQLite database: no lines, `store.foreign` reads it."""

Compression = Literal["plain", "gzip", "zstd", "zip"]


class Resume(Record, frozen=True, kw_only=True):
    """Where reading a file stopped, and what its reader has to remember to go on there."""

    offset: int = 0
    """Bytes consumed."""
    line: int = 0
    """Lines consumed."""
    seam: str = ""
    """Hash of the last `SEAM` bytes before the offset."""
    open_line: bool = False
    """The last consumed line had no line break yet; one that follows belongs to it."""
    carry: str = ""
    """The reader's own memory (JSON): open calls, next numbers, facts of each session."""


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line of a log file, as readers get it (see `interfaces.Line`)."""

    number: int
    offset: int
    data: bytes


class Block(NamedTuple):
    """Whole lines in a row. `tail` marks the last line of the file without a line break."""

    data: bytes
    lines: list[bytes]
    """The lines of `data` without their line breaks."""
    offset: int
    line: int
    """Number of the first line, from 1."""
    tail: bool = False


class Unframed(NamedTuple):
    """A piece that is no line: too long, or an archive that ends or breaks early."""

    line: int
    offset: int
    size: int
    sha256: str
    reason: str
    closed: bool = True
    """A line break followed it."""

    def record(self, file: str) -> Quarantined:
        """The quarantine entry of this piece, for the file under the name `file`."""
        return Quarantined(
            file=file, line=self.line, offset=self.offset, size=self.size, sha256=self.sha256, reason=self.reason
        )


def compression_of(head: bytes) -> Compression:
    """How a file that begins with `head` is compressed."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    return "zstd" if head.startswith(b"\x28\xb5\x2f\xfd") else "plain"


def head_of(path: Path, size: int = 1 << 16) -> tuple[bytes, Compression]:
    """The first `size` decompressed bytes of a file and its compression. Raises OSError."""
    with path.open("rb") as source:
        kind = compression_of(source.peek(4)[:4])
        head = b""
        for chunk in _chunks(source, kind, [], size):
            head += chunk
            if len(head) >= size:
                break
    return head[:size], kind


def whole(path: Path, kind: Compression, cap: int) -> tuple[bytes, list[str]]:
    """The decompressed file, cut to a little more than `cap` bytes, and why it ended early. Raises OSError."""
    faults: list[str] = []
    held: list[bytes] = []
    size = 0
    with path.open("rb") as source:
        for chunk in _chunks(source, kind, faults):
            held.append(chunk)
            size += len(chunk)
            if size > cap:
                break
    return b"".join(held), faults


def seam_of(path: Path, offset: int) -> str:
    """Hash of the up to `SEAM` bytes before `offset` of a plain file. Raises OSError."""
    start = max(0, offset - SEAM)
    with path.open("rb") as source:
        source.seek(start)
        return hashlib.blake2b(source.read(offset - start), digest_size=16).hexdigest()


def usable(path: Path, start: Resume | None, kind: Compression) -> Resume | None:
    """`start` where the file can be read on from there (plain, not shorter, same seam), else None. Raises OSError."""
    if start is None or kind != "plain" or not start.offset or path.stat().st_size < start.offset:
        return None
    return start if seam_of(path, start.offset) == start.seam else None


def blocks(path: Path, kind: Compression, start: Resume | None = None) -> Iterator[Block | Unframed]:
    """Blocks of whole lines of a file from `start` on, in order; a last block with `tail` where it ends without one.

    Raises OSError where the file cannot be read at all.
    """
    with path.open("rb") as source:
        offset, line = (start.offset, start.line + 1) if start else (0, 1)
        source.seek(offset)
        if start and start.open_line:
            offset += _skip_line_break(source)
        faults: list[str] = []
        framer = _Framer(offset, line)
        for chunk in _chunks(source, kind, faults):
            yield from framer.push(chunk)
        yield from framer.finish()
        for reason in faults:
            yield Unframed(framer.line, framer.offset, 0, hashlib.sha256(b"").hexdigest(), reason)


def _skip_line_break(source: BinaryIO) -> int:
    """Step over the line break that ends a line which was consumed without one."""
    here = source.tell()
    ahead = source.read(2)
    width = 2 if ahead == b"\r\n" else 1 if ahead[:1] == b"\n" else 0
    source.seek(here + width)
    return width


class _Framer:
    """Cuts a stream of chunks at line breaks; holds at most `LINE_CAP` bytes back."""

    def __init__(self, offset: int, line: int) -> None:
        self.offset, self.line = offset, line
        self._held: list[bytes] = []
        self._size = 0
        self._skipped: hashlib._Hash | None = None  # of an over-long line

    def push(self, chunk: bytes) -> Iterator[Block | Unframed]:
        """Take the next bytes; give the whole lines that they complete."""
        if self._skipped is not None:
            end = chunk.find(b"\n")
            self._skip(chunk if end < 0 else chunk[:end])
            if end < 0:
                return
            yield self._too_long(1)
            chunk = chunk[end + 1 :]
        cut = chunk.rfind(b"\n") + 1
        if cut:
            yield self._take(b"".join((*self._held, chunk[:cut])))
            self._held, self._size = [], 0
        if cut < len(chunk):
            self._hold(chunk[cut:])

    def finish(self) -> Iterator[Block | Unframed]:
        """What is left at the end of the stream."""
        if self._skipped is not None:
            yield self._too_long(0)
        elif self._size:
            data = b"".join(self._held)
            yield Block(data, [data], self.offset, self.line, tail=True)

    def _take(self, data: bytes) -> Block:
        lines = data.split(b"\n")
        lines.pop()  # what follows the last line break
        block = Block(data, lines, self.offset, self.line)
        self.offset += len(data)
        self.line += len(lines)
        return block

    def _hold(self, piece: bytes) -> None:
        self._held.append(piece)
        self._size += len(piece)
        if self._size > LINE_CAP:
            self._skipped = hashlib.sha256()
            held, self._held, self._size = self._held, [], 0
            for part in held:
                self._skip(part)

    def _skip(self, piece: bytes) -> None:
        assert self._skipped is not None
        self._skipped.update(piece)
        self._size += len(piece)

    def _too_long(self, line_break: int) -> Unframed:
        assert self._skipped is not None
        reason = f"line longer than {LINE_CAP >> 20} MiB"
        piece = Unframed(self.line, self.offset, self._size, self._skipped.hexdigest(), reason, bool(line_break))
        self.offset += self._size + line_break
        self.line += 1
        self._skipped, self._size = None, 0
        return piece


def _chunks(source: BinaryIO, kind: Compression, faults: list[str], size: int = BLOCK) -> Iterator[bytes]:
    """Decompressed pieces of about `size` bytes; why an archive ended early goes to `faults`."""
    if kind == "gzip":
        return _gunzip(source, faults, size)
    if kind == "zstd":
        return _unzstd(source, faults, size)
    if kind == "zip":
        return lines_in(source, faults, size)
    return iter(lambda: source.read(size), b"")


def _gunzip(source: BinaryIO, faults: list[str], limit: int) -> Iterator[bytes]:
    member, fresh = zlib.decompressobj(wbits=31), True
    rest = b""
    while data := rest or source.read(limit >> 2):
        try:
            piece = member.decompress(data, limit)
        except zlib.error as error:
            # zero bytes or junk after a whole member are padding to gzip(1) as well
            if not fresh or data.strip(b"\0"):
                faults.append(f"gzip: {error}")
            return
        fresh = False
        if piece:
            yield piece
        rest = member.unconsumed_tail
        if member.eof:
            rest = member.unused_data
            member, fresh = zlib.decompressobj(wbits=31), True
    if not fresh and (piece := member.flush()):
        yield piece
    if not fresh and not member.eof:
        faults.append("gzip: ends before its end mark; what was readable is kept")


def _unzstd(source: BinaryIO, faults: list[str], limit: int) -> Iterator[bytes]:
    library = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    frame, fresh = library.decompressobj(), True
    held: list[bytes] = []
    size = 0
    rest = b""
    while data := rest or source.read(_ZSTD_STEP):
        try:
            piece = frame.decompress(data)
        except zstandard.ZstdError as error:
            faults.append(f"zstd: {error}")
            fresh = True
            break
        rest, fresh = b"", False
        held.append(piece)
        size += len(piece)
        if size >= limit:
            yield from _sliced(b"".join(held))
            held, size = [], 0
        if frame.eof:
            rest = frame.unused_data
            frame, fresh = library.decompressobj(), True
    if size:
        yield from _sliced(b"".join(held))
    if not fresh:
        faults.append("zstd: ends before its end mark; what was readable is kept")


def _sliced(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), BLOCK):
        yield data[start : start + BLOCK]


def whole_object(data: bytes) -> bool:
    """Whether `data` is one complete JSON object: then a missing line break does not mean a missing rest."""
    if not data.rstrip().endswith(b"}"):
        return False
    try:
        msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
