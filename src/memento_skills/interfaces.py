"""Where parts attach: the Protocols, on one screen. Implementations and stubs stand beside their stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from memento_skills.records import (
    AuditEntry,
    Failure,
    LineCount,
    Pattern,
    Quarantined,
    Reflection,
    Run,
    Signature,
    SkillRef,
    Verdict,
)


class Line(Protocol):
    """One framed piece of a log file: what a reader is fed."""

    @property
    def number(self) -> int:
        """Line in the file, from 1."""

    @property
    def offset(self) -> int:
        """Byte offset in the decompressed file."""

    @property
    def data(self) -> bytes:
        """The line without its line break, already masked."""


@runtime_checkable
class LogReader(Protocol):
    """Turns the masked lines of one log file into runs. One instance serves one file.

    It never raises for bad input: what it cannot read it reports through `quarantine`.
    """

    name: str
    """Versioned name: `claude-code@1`."""

    @staticmethod
    def accepts(head: bytes) -> float:
        """How sure (0-1) that a file beginning with these (up to 64 KiB) bytes is of this format."""

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file."""

    def runs(self) -> Iterator[Run]:
        """What the lines fed so far amount to: one run for each native session id."""

    def counts(self) -> LineCount:
        """Conservation of the lines fed so far."""

    def quarantined(self) -> Sequence[Quarantined]:
        """What could not be read."""


class Detector(Protocol):
    """Finds failures of one kind in one run. Never raises for a bad run; keeps the order of steps."""

    name: str

    def detect(self, run: Run) -> Iterable[Failure]:
        """All failures of the run that this detector knows, by step."""


class Grouping(Protocol):
    """The explainable grouping key of a failure."""

    name: str

    def signature(self, failure_text: str, tool: str, command: str, status: str) -> Signature:
        """Named parts, each with whether it contributes and why."""


class Reflector(Protocol):
    """Pattern and evidence -> reflection: why it happens, and what would have helped, or why there is none."""

    name: str

    def reflect(self, pattern: Pattern, evidence: Any, runs: Mapping[str, Run]) -> Reflection:  # noqa: ANN401
        """Every claim of the answer is cited literally; `refused` says why no patch can follow.

        `evidence` is `reflect.Evidence`: the table of training calls, and each pattern's episodes in it.
        """


class Archive(Protocol):
    """Compressed runs, by key and version. Written and forgotten in the ledger's own commit."""

    def put(self, key: str, chunk: int, payload: bytes) -> None:
        """Store one compressed chunk of a run; the same (key, chunk) again replaces it."""

    def get(self, key: str) -> Sequence[bytes]:
        """All chunks of a run in order; empty where there is none."""

    def delete(self, key: str) -> None:
        """Remove a run for good."""


class Gate(Protocol):
    """Evidence of all patches of one scan -> verdicts of three values."""

    name: str

    def judge(self, evidence: Sequence[Verdict]) -> list[Verdict]:
        """The same verdicts, in order, with value, reason and corrected p-value set; the number tried counts."""


class Library(Protocol):
    """A skill library: reads for everyone, writes for `promote` alone."""

    def skills(self) -> Sequence[SkillRef]:
        """Every SKILL.md found, sorted by path."""

    def text(self, ref: SkillRef) -> str:
        """The bytes of SKILL.md as text with its line endings; raises BadInput where it is not UTF-8."""


class Audit(Protocol):
    """The hash-chained log of what was decided and done."""

    def append(self, kind: str, body: Mapping[str, Any], at: float) -> AuditEntry:
        """Add one entry to the chain's head."""

    def entries(self) -> Iterator[AuditEntry]:
        """All entries from the first on."""
