"""Records that only the store and its callers exchange: how far a file was read, what is known of a run."""

from __future__ import annotations

from typing import Literal

from memento_skills.records import LineCount, Record

Stored = Literal["new", "updated", "unchanged", "forgotten"]
"""What storing a run did; `forgotten` = the run or its user was forgotten, so nothing was stored."""


class FileState(Record, frozen=True, kw_only=True):
    """How far one log file was read, so that a file which grew is read from where it ended."""

    path: str
    """The file as the caller names it; kept as a salted hash once one of its runs is forgotten."""
    size: int
    """Bytes of the file when it was read."""
    mtime_ns: int
    offset: int
    """First byte (decompressed) that was not read yet."""
    seam: str = ""
    """Hash of the last bytes (4 KiB at most) before `offset`: the file still begins as it did."""
    format: str = ""
    counts: LineCount = LineCount()
    runs: tuple[str, ...] = ()
    """Keys of the runs that the file gave."""
    resume: str = ""
    """What the reader wrote down to go on at `offset`; the store does not look into it."""


class KnownRun(Record, frozen=True, kw_only=True):
    """What is already stored of a run, for telling repeats."""

    version: str
    """Hash of header and steps; the same content has the same version however many chunks it came in."""
    steps: int
    uids: frozenset[str]
    call_ids: frozenset[str]


class ForgetReport(Record, frozen=True, kw_only=True):
    """What a forget removed or rewrote."""

    what: Literal["run", "user", "secret"]
    runs: int = 0
    """Runs removed (run, user) or rewritten (secret)."""
    failures: int = 0
    records: int = 0
    """Patterns, reflections, patches and what follows them: removed or rewritten."""
    files: int = 0
    """File states and quarantine notes rewritten."""
    related: tuple[str, ...] = ()
    """Keys of remaining runs which repeat rows of a forgotten one (resumed, forked): they are runs of their own."""
