"""Logs in a zip archive (Inspect's `.eval`) -> lines: the header first, then one sample a line.

Every member is read in bounded steps and nothing is unpacked to disk, so names in the archive mean nothing. A member
that is too large, encrypted, broken or packed in a way that is not known is left out, and said.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
import zstandard

MEMBER_CAP = 64 << 20
"""Bytes of the largest member that is read, unpacked: that of a log which is one document."""
WHOLE_CAP = 1 << 30
"""Bytes of all members together, unpacked."""
MEMBERS = 20_000
"""Members of the largest archive that is read."""
_HEADERS = ("header.json", "_journal/start.json")
_SAMPLES = "samples/"
_ZSTD = 93  # how Inspect packs by now; the standard library knows it from Python 3.14 on
_WINDOW = 128 << 20


def lines_in(source: BinaryIO, faults: list[str], size: int) -> Iterator[bytes]:
    """The log in an archive as lines; why a part is missing goes to `faults`. Any other archive's bytes as they are.

    `size` is the number of bytes of those. Raises OSError where the file cannot be read.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = _members(archive)
            read = 0
            for line in _lines(archive, source, members, faults):
                read += 1
                yield line
            if read:
                return
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        faults.append(f"zip: {error}")
    source.seek(0)
    yield from iter(lambda: source.read(size), b"")


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The header and the samples, in this order; none where it is no log, or too many to be one."""
    every = archive.infolist()
    named = {info.filename: info for info in every}
    header = next((named[name] for name in _HEADERS if name in named), None)
    samples = [info for info in every if info.filename.startswith(_SAMPLES) and info.filename.endswith(".json")]
    if header is None or len(every) > MEMBERS:
        return []
    return [header, *samples]


_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, zstandard.ZstdError, struct.error, EOFError,
    RuntimeError,  # encrypted, or packed in a way that is not known
)  # fmt: skip


def _unpacked(archive: zipfile.ZipFile, source: BinaryIO, info: zipfile.ZipInfo) -> bytes:
    """A member, or a little more than `MEMBER_CAP` bytes of it. Raises one of `_BROKEN`."""
    if info.compress_type != _ZSTD or info.flag_bits & 1:
        with archive.open(info) as member:
            return member.read(MEMBER_CAP + 1)
    source.seek(info.header_offset)
    mark, name, extra = struct.unpack("<4s22xHH", source.read(30))
    if mark != b"PK\x03\x04":
        raise zipfile.BadZipFile("Bad magic number for file header")
    source.seek(name + extra, io.SEEK_CUR)
    packed = io.BytesIO(source.read(min(info.compress_size, MEMBER_CAP + 1)))
    with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(packed, read_across_frames=True) as stream:
        data = stream.read(MEMBER_CAP + 1)
    if len(data) <= MEMBER_CAP and zlib.crc32(data) != info.CRC:
        raise zipfile.BadZipFile("Bad CRC-32")
    return bytes(data)


def _lines(
    archive: zipfile.ZipFile, source: BinaryIO, members: list[zipfile.ZipInfo], faults: list[str]
) -> Iterator[bytes]:
    whole = 0
    for number, info in enumerate(members):
        try:
            data = _unpacked(archive, source, info)
        except (*_BROKEN, ValueError) as error:
            faults.append(f"zip: member {number}: {error}")
            continue
        whole += len(data)
        if len(data) > MEMBER_CAP or whole > WHOLE_CAP:
            faults.append(f"zip: member {number} is larger than {MEMBER_CAP >> 20} MiB, or all are than a GiB")
            if whole > WHOLE_CAP:
                return
            continue
        try:
            line = msgspec.json.format(data, indent=-1)
        except (msgspec.DecodeError, RecursionError) as error:
            faults.append(f"zip: member {number} is no JSON: {error}")
            continue
        yield line.replace(b"\n", b" ") + b"\n"
