"""Gemini CLI logs (`~/.gemini/tmp/<project>/chats/`) -> one run for each session.

A file is a header and records, one a line, or (older) one JSON document; both hold the same messages. A record is
written again when its calls have ended: what is new in it becomes steps. In a document the unit of conservation is the
message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from memento_skills.ingest import gemini_messages
from memento_skills.ingest.gemini_messages import GeminiMemory
from memento_skills.ingest.gemini_rows import Record, record_of
from memento_skills.ingest.loose import NotReadable, json_of
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.session import Context, Session
from memento_skills.ingest.values import seconds_of
from memento_skills.interfaces import Line
from memento_skills.records import Run

_HEADER = re.compile(rb'\s*\{\s*"sessionId"\s*:\s*"[^"]{0,200}"\s*,\s*"projectHash"\s*:')
_RECORD = re.compile(
    rb'\s*\{(?:"\$set":\{|"\$rewindTo":"'
    rb'|"id":"[^"]{0,200}","timestamp":"[^"]{0,60}","type":"(?:user|gemini|info|error|warning)")'
)
_NOTICES = frozenset({"info", "error", "warning"})


class GeminiReader(BaseReader):
    """Reader of Gemini CLI's session logs."""

    name = "gemini@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source)
        self._sessions: dict[str, Session[GeminiMemory]] = {}
        self._last = ""
        for memory in msgspec.json.decode(carry, type=list[GeminiMemory]) if carry else ():
            session = self._sessions[memory.id] = Session(memory)
            session.changed = False
            self._last = memory.id

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where a session and the hash of its project begin the file, or its records do."""
        return 0.95 if _HEADER.match(head) else 0.7 if _RECORD.match(head) else 0.0

    @staticmethod
    def document(head: bytes) -> bool:
        """An object that does not end in its first line."""
        first, line_break, _ = head.lstrip().partition(b"\n")
        return not (line_break and first.rstrip().endswith(b"}"))

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file, or the whole document as one."""
        for line in lines:
            if not line.data.strip():
                self.seen += 1
                self.ignore("(blank)")
                continue
            try:
                raw = json_of(line.data)
                self._value(raw, line)
            except NotReadable as error:
                self.seen += 1
                self.quarantine(line, error.what)

    def _value(self, raw: object, line: Line) -> None:
        if not isinstance(raw, dict):
            self.seen += 1
            self.ignore("(no object)")
            return
        record = record_of(raw)
        if record.messages is not None and record.sessionId:
            self._header(record)
            session = self._session()
            for index, message in enumerate(record.messages):
                self.seen += 1
                self._message(session, message, line, index, f"entry {index} is no message")
            return
        self.seen += 1
        if record.rewind is not None:
            self._rewind(self._session(), record.rewind, line)
        elif record.set is not None:
            self._set(self._session(), record.set.messages, line)
        elif record.sessionId and not record.id:
            self._header(record)
            self.understood += 1
        else:
            self._message(self._session(), raw, line, line.number, "a record without an id")

    def _session(self, name: str = "") -> Session[GeminiMemory]:
        name = name or self._last or self.fallback_id
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = Session(GeminiMemory(id=name))
        self._last = name
        return session

    def _header(self, record: Record) -> None:
        again = record.sessionId in self._sessions
        session = self._session(record.sessionId or "")
        session.saw(seconds_of(record.startTime))
        session.changed = True
        if again:
            return
        folders = self.source.replace("\\", "/").split("/")
        if record.kind == "subagent" and len(folders) > 2 and folders[-2] != "chats":
            session.link(folders[-2])  # a sub-agent's file lies in a folder named after its parent

    def _rewind(self, session: Session[GeminiMemory], to: str, line: Line) -> None:
        """A person took messages back: the model does not know any more what it was shown since."""
        self.understood += 1
        context = Context(f"{session.memory.id}.{line.number}", None, line.number)
        session.notice(context, f"clear: rewound to {to[:100]}")
        session.memory.entry += 1

    def _set(self, session: Session[GeminiMemory], messages: list[Any] | None, line: Line) -> None:
        """Facts of the session; where its messages are rewritten, those that were dropped were summed up."""
        if messages is None:
            self.ignore("$set")
            return
        self.understood += 1
        known = session.memory.messages
        ids = {m["id"] for m in messages if isinstance(m, dict) and isinstance(m.get("id"), str)}
        if any(name not in ids for name in known):
            context = Context(f"{session.memory.id}.{line.number}", None, line.number)
            session.notice(context, "compact_boundary")
        for name in ids - known.keys():
            gemini_messages.remember(known, name).text = True  # the client's summary, not a person's words
        session.memory.entry += 1

    def _message(self, session: Session[GeminiMemory], raw: object, line: Line, place: int, reason: str) -> None:
        record = record_of(raw) if isinstance(raw, dict) else None
        if record is None or not record.id:
            self.quarantine(line, reason)
            return
        at = seconds_of(record.timestamp)
        session.saw(at)
        context = Context(record.id, at, place, message=record.id, model=record.model or "")
        before = session.memory.seq
        known = session.memory.messages.get(record.id) or gemini_messages.remember(session.memory.messages, record.id)
        context.parts = gemini_messages.parts_of(known)
        if record.type == "gemini":
            gemini_messages.answer(session, context, record, known)
        elif record.type == "user":
            gemini_messages.user(session, context, record, known)
        elif record.type in _NOTICES:
            gemini_messages.notice(session, context, record, known)
        else:
            self.ignore(f"type {record.type[:40]!r}")
            return
        if session.memory.seq == before:
            self.ignore(f"{record.type} (nothing new)")
        else:
            self.understood += 1
            session.memory.entry += 1

    def runs(self) -> Iterator[Run]:
        """The sessions, each with the steps since the last `take`."""
        for session in self._sessions.values():
            yield session.run(client="gemini", reader=self.name, source=self.source)

    def take(self) -> list[Run]:
        """The sessions that got new steps or facts, with only the new steps; they are forgotten here."""
        taken = []
        for session in self._sessions.values():
            if session.steps or session.changed:
                taken.append(session.run(client="gemini", reader=self.name, source=self.source))
            session.let_go()
        return taken

    def carry(self) -> str:
        """What a later reader needs to go on after the lines fed so far."""
        last = self._sessions.get(self._last)
        ordered = [s for s in self._sessions.values() if s is not last] + ([last] if last else [])
        return msgspec.json.encode([s.carried() for s in ordered]).decode()
