"""What a command asks of the pipeline, and what it gets back."""

from __future__ import annotations

from typing import Any, Protocol

from memento_skills.records import LineCount, Record


class Options(Record, frozen=True, kw_only=True):
    """The answers of flags and settings that reading and analysing logs depend on."""

    now: float
    """Seconds since the epoch, set once for a command."""
    home: str
    """The person's home folder."""
    since: float | None = None
    """Seconds since the epoch; None = no bound."""
    until: float | None = None
    skills: tuple[str, ...] = ()
    """Skill libraries; empty = those of the logs' client and project."""
    users: str = ""
    """JSON file `{log file or session: user}`; "" = none."""
    tenant: str = ""
    format: str = ""
    """Name of a reader; "" = told by content."""
    split: float = 0.6
    proposals: int = 5
    seed: int = 0
    mask: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()


class Ingested(Record, frozen=True, kw_only=True):
    """What reading log files into the store did."""

    files: int = 0
    runs: int = 0
    new_runs: int = 0
    duplicates: int = 0
    quarantined: int = 0
    lines: LineCount = LineCount()
    waiting: int = 0
    """Files left for the next call."""

    def public(self) -> dict[str, Any]:
        """The surface of `ingest --json`: every field, zeros too."""
        return {
            "files": self.files,
            "runs": self.runs,
            "new_runs": self.new_runs,
            "duplicates": self.duplicates,
            "quarantined": self.quarantined,
            "lines": public_lines(self.lines),
            "waiting": self.waiting,
        }


class Scanned(Record, frozen=True, kw_only=True):
    """What a scan did: reading, and the counts of what it found and wrote."""

    ingested: Ingested
    failures: int = 0
    patterns: int = 0
    patches: int = 0
    passed: int = 0
    """Patches with the verdict *better*."""
    best: str = ""
    """Id of the patch to show first; "" = none."""

    def public(self) -> dict[str, Any]:
        """The surface of `scan --json` (design, section 4)."""
        return self.ingested.public() | {
            "failures": self.failures,
            "patterns": self.patterns,
            "patches": self.patches,
            "passed": self.passed,
        }


class Progress(Protocol):
    """Told now and then how far long work is; never asked anything."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """`what` in a word or two; `done` of `total` in any unit, `total` 0 = not known."""


def public_lines(lines: LineCount) -> dict[str, int]:
    """Conservation of lines with every field."""
    return {
        "seen": lines.seen,
        "understood": lines.understood,
        "ignored": lines.ignored,
        "quarantined": lines.quarantined,
    }
