"""What all readers share: conservation of lines, and quarantine."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from memento_skills.interfaces import Line
from memento_skills.records import LineCount, Quarantined, Run


class BaseReader(ABC):
    """Counts of lines and the quarantine of one file. Readers add `accepts`, `feed` and `runs`."""

    name = ""
    text: ClassVar[bool] = False
    """Lines of text, not of JSON: the last needs no end to be whole, and a file that grew is read from its start."""
    beside: ClassVar[tuple[str, ...]] = ()
    """Files beside a document, relative to its folder, that tell more of it; each is given to `companion`."""

    @staticmethod
    @abstractmethod
    def accepts(head: bytes) -> float:
        """How sure (0-1) that a file beginning with these bytes is of this format."""

    @staticmethod
    def document(head: bytes) -> bool:
        """Whether a file beginning with these bytes is one JSON document, to be fed as a single line."""
        del head
        return False

    @staticmethod
    def trim(lines: Sequence[bytes]) -> bytes:
        """The same lines with only the fields that this reader takes, each ended by a line break; b"" = as they are.

        Masking is the dearest part of reading: what is not kept need not be masked.
        """
        del lines
        return b""

    def __init__(self, source: str = "", carry: str = "") -> None:
        del carry  # only readers of growing files have one
        self.source = source
        self.fallback_id = source.replace("\\", "/").rsplit("/", 1)[-1].split(".")[0] or "unnamed"
        self.seen = 0
        self.understood = 0
        self.ignored: Counter[str] = Counter()
        self._quarantined: list[Quarantined] = []

    @abstractmethod
    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file."""

    @abstractmethod
    def runs(self) -> Iterator[Run]:
        """What the lines fed so far amount to."""

    @abstractmethod
    def take(self) -> list[Run]:
        """The runs that got new steps or facts since the last `take`, with only these steps; they are let go here."""

    def companion(self, name: str, data: bytes) -> None:  # noqa: B027  (most formats have none)
        """Take the masked bytes of a file that lies `beside` the document; called after `feed`."""

    def carry(self) -> str:
        """What a later reader needs to go on after the lines fed so far; "" where it needs nothing."""
        return ""

    def ignore(self, kind: str) -> None:
        """Count a line that carries nothing for a run."""
        self.ignored[kind] += 1

    def quarantine(self, line: Line, reason: str) -> None:
        """Keep a line out, with where it stands and why."""
        self._quarantined.append(
            Quarantined(
                file=self.source,
                line=line.number,
                offset=line.offset,
                size=len(line.data),
                sha256=hashlib.sha256(line.data).hexdigest(),
                reason=reason,
            )
        )

    def replace_quarantined(self, index: int, entry: Quarantined) -> None:
        """Put a more exact entry in place of one, as the file's bytes are known to the caller only."""
        self._quarantined[index] = entry

    def counts(self) -> LineCount:
        """Conservation of the lines fed so far."""
        return LineCount(
            seen=self.seen,
            understood=self.understood,
            ignored=self.ignored.total(),
            quarantined=len(self._quarantined),
        )

    def quarantined(self) -> Sequence[Quarantined]:
        """What could not be read."""
        return tuple(self._quarantined)
