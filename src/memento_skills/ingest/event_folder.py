"""Conversations kept as a folder of files, one event each: OpenHands' `<conversation>/events/event-00007-<id>.json`,
and `<conversation>/events/7.json` of its first generation.

The last file of the folder stands for all of it: when an event is added, there is a new last file, and the folder is
read again (known steps are told by their ids). The others are parts of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

_NAME = re.compile(r"(?:event-)?(\d{1,9})(?:-[\w-]{1,80})?\.json")
FOLDER = "events"


def parts_of(file: Path) -> tuple[Path, ...] | None:
    """All files of the folder in order where `file` is its last, none where it is another of them; None where `file`
    is no such file.
    """
    if file.parent.name != FOLDER or not _NAME.fullmatch(file.name):
        return None
    try:
        names = _names(file.parent, file.parent.stat().st_mtime_ns)
    except OSError:
        return None
    return tuple(file.parent / name for name in names) if names and names[-1] == file.name else ()


@lru_cache(maxsize=8)
def _names(folder: Path, changed: int) -> tuple[str, ...]:
    """The folder's event files by number; listed once as long as the folder stays as it is."""
    del changed
    found = [match for entry in folder.iterdir() if (match := _NAME.fullmatch(entry.name))]
    return tuple(match[0] for match in sorted(found, key=lambda match: (int(match[1]), match[0])))
