"""What reading a log file is given, and what it gives back."""

from __future__ import annotations

import msgspec

from memento_skills.ingest.framing import Resume
from memento_skills.records import LineCount, Quarantined, Record, Run


class Options(Record, frozen=True, kw_only=True):
    """What the caller knows about the logs, for users, tenants and shown paths."""

    users: dict[str, str] = msgspec.field(default_factory=dict)
    """`--users FILE`: log file (relative to any folder above it) or session id -> user."""
    system_user: str = ""
    tenant: str = ""
    home: str = ""
    """This machine's home folder, shown as `~`."""
    batch: int = 8 << 20
    """Decompressed bytes after which a batch is handed over, about."""


class Batch(Record, frozen=True, kw_only=True):
    """A part of a file: its runs with the steps since the last batch."""

    file: str
    """The file as it was given, the home folder as `~`."""
    format: str | None
    """Versioned name of the reader; None = nothing was read, and `reason` says why."""
    reason: str = ""
    runs: tuple[Run, ...] = ()
    counts: LineCount = LineCount()
    """Of this batch."""
    ignored: dict[str, int] = msgspec.field(default_factory=dict)
    """Ignored lines of this batch by type."""
    quarantined: tuple[Quarantined, ...] = ()
    state: Resume = Resume()
    """Where to go on after this batch."""
    waiting: int = 0
    """Bytes of an unfinished last line that wait for their rest."""
    bytes: int = 0
    """Decompressed bytes of this batch."""
    resumed: bool = False
    """The file was read on from the given `Resume`; false = from its beginning."""
    last: bool = False


class FileResult(Record, frozen=True, kw_only=True):
    """A whole file: its batches put together."""

    path: str
    format: str | None
    reason: str = ""
    runs: tuple[Run, ...] = ()
    counts: LineCount = LineCount()
    ignored: dict[str, int] = msgspec.field(default_factory=dict)
    quarantined: tuple[Quarantined, ...] = ()
    state: Resume = Resume()
    waiting: int = 0
    bytes: int = 0
    resumed: bool = False


class LogFile(Record, frozen=True, kw_only=True):
    """A log found on disk."""

    path: str
    size: int
    mtime: float
    """Seconds since the epoch."""
