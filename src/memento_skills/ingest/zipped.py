"""Logs in a zip archive (Inspect's `.eval`) -> lines: the header first, then one sample a line.

Every member is read in bounded steps and nothing is unpacked to disk, so names in the archive mean nothing. A member
that is too large, encrypted, broken or packed in a way that is not known is left out, and said.
"""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

MEMBER_CAP = 16 << 20
"""Bytes of the largest member that is read, unpacked (the longest line)."""
WHOLE_CAP = 1 << 30
"""Bytes of all members together, unpacked."""
MEMBERS = 20_000
"""Members of the largest archive that is read."""
_HEADERS = ("header.json", "_journal/start.json")
_SAMPLES = "samples/"


def lines_in(source: BinaryIO, faults: list[str], size: int) -> Iterator[bytes]:
    """The log in an archive as lines; why a part is missing goes to `faults`. Any other archive's bytes as they are.

    `size` is the number of bytes of those. Raises OSError where the file cannot be read.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = _members(archive)
            if members:
                yield from _lines(archive, members, faults)
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


def _lines(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], faults: list[str]) -> Iterator[bytes]:
    whole = 0
    for number, info in enumerate(members):
        try:
            with archive.open(info) as member:
                data = member.read(MEMBER_CAP + 1)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError) as error:
            # RuntimeError: encrypted; NotImplementedError, one of these, a packing that is not known
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
