"""More logs than there are: copies of real ones under other ids, else they would be told as duplicates.

Of copy k, every UUID (session, row, parent), every message, call and request id (`msg_`, `toolu_`, `req_`) and every
`agentId` is replaced by another one, the same everywhere in the copy, so that rows still refer to each other; dates go
back by 30 days for each copy, clock times stay. Everything else (words, commands, errors, folders) is the original's,
so that failures are the same in kind and a copy costs what the original costs. Copy 0 is the original.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path

DAYS = 30
_IDS = re.compile(
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    rb"|(?:toolu|msg|req)_(?:bdrk_|vrtx_)?[A-Za-z0-9]{8,}"
    rb'|"agentId":"[0-9a-z]+'
    rb"|20[0-9]{2}-[01][0-9]-[0-3][0-9](?=T[0-2][0-9]:)"
)
_CHANGED = 0x9E37


def renamer(copy: int) -> Callable[[bytes], bytes]:
    """What turns the bytes of a log into those of its copy number `copy`."""
    if copy == 0:
        return lambda data: data

    @lru_cache(maxsize=4096)
    def other(found: bytes) -> bytes:
        if found[4:5] == b"-" and len(found) == 10:
            return _earlier(found, copy)
        if found[8:9] == b"-":
            return b"%08x" % ((int(found[:8], 16) + copy * _CHANGED * 0x10001) & 0xFFFFFFFF) + found[8:]
        return found + b"c%d" % copy

    return lambda data: _IDS.sub(lambda match: other(match[0]), data)


def _earlier(day: bytes, copy: int) -> bytes:
    try:
        moved = date.fromisoformat(day.decode()) - timedelta(days=DAYS * copy)
    except (ValueError, OverflowError):  # digits that look like a day
        return day
    return moved.isoformat().encode()


def grown(files: Sequence[Path], base: Path, target: Path, wanted: int) -> list[Path]:
    """Copies of all `files` (below `base`) into `target` until they hold `wanted` bytes; copy 0 first."""
    made: list[Path] = []
    written = 0
    for copy, source in _endless(files):
        if written >= wanted:
            return made
        rename = renamer(copy)
        path = target / source.parent.relative_to(base) / rename(source.name.encode()).decode()
        path.parent.mkdir(parents=True, exist_ok=True)
        data = rename(source.read_bytes())
        if path.exists():
            path = path.with_name(f"copy{copy}-{path.name}")
        path.write_bytes(data)
        written += len(data)
        made.append(path)
    return made


def _endless(files: Sequence[Path]) -> Iterator[tuple[int, Path]]:
    copy = 0
    while True:
        yield from ((copy, file) for file in files)
        copy += 1
