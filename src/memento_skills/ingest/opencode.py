"""OpenCode sessions -> runs: `opencode export` files (one JSON document, or one a line) and `opencode.db` databases.

A session is `{info, messages: [{info, parts}]}`. The unit of conservation is the part (a message without parts counts
as one): the part types that give no step stand in `ignored` by name, unknown ones with the client's version.
`Step.line` and `Step.entry` are the message's index in `messages`, from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from memento_skills.ingest.framing import SQLITE
from memento_skills.ingest.loose import NotReadable, json_of, loosely
from memento_skills.ingest.opencode_message import MessageReader, SessionSteps
from memento_skills.ingest.opencode_shapes import Message, MessageInfo, Session, SessionInfo
from memento_skills.ingest.opencode_v2 import as_message, is_row
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.values import TASK_LENGTH
from memento_skills.interfaces import Line
from memento_skills.records import Run

_INFO = re.compile(rb'\{\s*"info"\s*:\s*\{')
_FIELDS = re.compile(rb'"(?:projectID|directory|slug|sessionID|messageID)"\s*:')


class OpenCodeReader(BaseReader):
    """Reader of OpenCode's sessions."""

    name = "opencode@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        self._made: list[Run] = []

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where an object begins with a session's `info`, or holds messages with `info` and `parts`, and of a
        database (see `store.foreign.tables_of`) with its tables.
        """
        if head.startswith(SQLITE):
            return 0.9 if {b"session", b"session_v2"} & set(head.split(b"\n")) else 0.0
        start = head.lstrip()
        if start[:1] != b"{" or not _FIELDS.search(head):
            return 0.0
        if _INFO.match(start):
            return 0.9 if b'"messages"' in head or b'"directory"' in head else 0.0
        return 0.7 if _INFO.search(head) and b'"messages"' in head and b'"parts"' in head else 0.0

    @staticmethod
    def document(head: bytes) -> bool:
        """An object that does not end in its first line; a database is given session by session."""
        if head.startswith(SQLITE):
            return False
        first, line_break, _ = head.lstrip().partition(b"\n")
        return not (line_break and first.rstrip().endswith(b"}"))

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next sessions, one a line."""
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
            if isinstance(value, dict) and isinstance(value.get("messages"), list):
                self._session(value, line)
            else:
                self.seen += 1
                self.ignore("(no session)")

    def runs(self) -> Iterator[Run]:
        """The sessions so far."""
        yield from self._made

    def take(self) -> list[Run]:
        """The sessions since the last `take`."""
        taken, self._made = self._made, []
        return taken

    # ------------------------------------------------------------------------------------------ one session

    def _session(self, raw: dict[str, Any], line: Line) -> None:
        session = loosely(raw, Session)
        info = session.info or SessionInfo()
        steps = SessionSteps(info)
        for index, entry in enumerate(session.messages or ()):
            if isinstance(entry, dict):
                message = as_message(entry) if is_row(entry) else entry
                self._message(loosely(message, Message), steps, index, line)
            else:
                self.seen += 1
                self.quarantine(line, f"message {index} is no object")
        steps.close()
        self._made.append(self._run(info, steps))

    def _message(self, message: Message, steps: SessionSteps, index: int, line: Line) -> None:
        reader = MessageReader(steps, message.info or MessageInfo(), index)
        parts = message.parts or []
        if not parts:
            self.seen += 1
            self._count(reader.bare(), "(message without parts)")
        reader.begin(parts)
        for number, part in enumerate(parts):
            self.seen += 1
            if not isinstance(part, dict):
                self.quarantine(line, f"part {number} of message {index} is no object")
                continue
            lost = reader.part(part, number)
            self._count(not lost, lost)
        if parts:
            reader.end()

    def _count(self, understood: bool, lost: str) -> None:
        if understood:
            self.understood += 1
        else:
            self.ignore(lost)

    def _run(self, info: SessionInfo, steps: SessionSteps) -> Run:
        return Run(
            id=info.id or steps.session_id or self.fallback_id,
            client="opencode",
            reader=self.name,
            client_version=info.version,
            model=steps.model,
            cwd=steps.cwd,
            started_at=min(steps.times, default=None),
            ended_at=max(steps.times, default=None),
            task=steps.task[:TASK_LENGTH],
            skills_loaded=tuple(dict.fromkeys(steps.skills)),
            links=tuple(origin for origin in (info.parentID, info.forkID) if origin),
            shared_ids=steps.unique_ids,
            sources=(self.source,),
            steps=tuple(msgspec.structs.replace(step, seq=seq) for seq, step in enumerate(steps.made)),
        )
