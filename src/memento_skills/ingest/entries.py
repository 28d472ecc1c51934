"""Readers of files that are one JSON document or JSON lines, and whose unit is an entry of the log, not a line."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator

from memento_skills.ingest.loose import NotReadable, json_of
from memento_skills.ingest.reader import BaseReader
from memento_skills.interfaces import Line
from memento_skills.records import Run


def one_document(head: bytes) -> bool:
    """Whether a file beginning with `head` is one JSON document: a list, or an object that spans lines."""
    first, line_break, _ = head.lstrip().partition(b"\n")
    if not first.startswith(b"{"):
        return True
    return bool(line_break) and not first.rstrip().endswith(b"}")


class EntryReader(BaseReader):
    """Decodes each line and hands its value on; keeps the runs made until they are taken."""

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        self.made: list[Run] = []

    @staticmethod
    def document(head: bytes) -> bool:
        """Whether a file beginning with these bytes is one JSON document."""
        return one_document(head)

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file, or the whole document as one."""
        for line in lines:
            if not line.data.strip():
                self.seen += 1
                self.ignore("(blank)")
                continue
            try:
                value = json_of(line.data)
            except NotReadable as error:
                self.seen += 1
                self.quarantine(line, error.what)
                continue
            self.value(value, line)

    @abstractmethod
    def value(self, value: object, line: Line) -> None:
        """Take the JSON value of one line; every entry in it is counted."""

    def skip(self, kind: str) -> None:
        """Count an entry that carries nothing for a run."""
        self.seen += 1
        self.ignore(kind)

    def refuse(self, line: Line, reason: str) -> None:
        """Count an entry that cannot be read."""
        self.seen += 1
        self.quarantine(line, reason)

    def took(self) -> None:
        """Count an entry that gave a step or a fact."""
        self.seen += 1
        self.understood += 1

    def runs(self) -> Iterator[Run]:
        """The runs so far that were not taken."""
        yield from self.made

    def take(self) -> list[Run]:
        """The runs since the last `take`."""
        taken, self.made = self.made, []
        return taken
