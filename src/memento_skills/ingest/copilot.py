"""Copilot CLI logs (`~/.copilot/session-state/<session>/events.jsonl`) -> one run for each session.

In: masked lines, an event each. Out: runs whose steps keep the order of the file. Sub-agents' events (`agentId`) are
steps with `agent` set. `success` says whether the tool worked, not the program: its exit code stands at the end of the
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from memento_skills.ingest.copilot_events import EVENTS, CopilotMemory
from memento_skills.ingest.copilot_rows import Event, event_of, glued, trimmed
from memento_skills.ingest.framing import Line as FileLine
from memento_skills.ingest.loose import NotReadable, objects_in
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.session import Context, Session
from memento_skills.ingest.values import seconds_of
from memento_skills.interfaces import Line
from memento_skills.records import Run

_KINDS = re.compile(rb'"(?:session|assistant|user|system|tool|hook|permission|subagent|skill)\.[a-z_]{1,40}"|"abort"')
_BEGINS = re.compile(rb'\s*\{ ?"type": ?"(?:session|assistant|user|system|tool|hook)\.[a-z_]{1,40}", ?"data": ?\{')


class CopilotReader(BaseReader):
    """Reader of Copilot CLI's session logs."""

    name = "copilot@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source)
        self._sessions: dict[str, Session[CopilotMemory]] = {}
        self._last = ""
        if self.fallback_id == "events":  # every session's file has this name, its folder the session's
            self.fallback_id = self.source.replace("\\", "/").split("/")[-2:][0]
        for memory in msgspec.json.decode(carry, type=list[CopilotMemory]) if carry else ():
            session = self._sessions[memory.id] = Session(memory)
            session.changed = False
            self._last = memory.id

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where lines are events of this client: a known type, with data."""
        for row in objects_in(head):
            if "data" in row and "id" in row and _KINDS.fullmatch(bytes(row.get("type", b""))):
                return 0.95
        return 0.9 if _BEGINS.match(head) and b"\n" not in head else 0.0

    @staticmethod
    def trim(lines: Sequence[bytes]) -> bytes:
        """The lines without hooks' inputs, telemetry and the second copies of texts."""
        return trimmed(lines)

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file."""
        for line in lines:
            self.seen += 1
            data = line.data.strip(b"\0 \t\r\n")
            if not data:
                self.ignore("(blank)")
                continue
            try:
                event = event_of(data)
            except NotReadable as error:
                self._broken(line, data, error)
                continue
            self._event(event, line)

    def _broken(self, line: Line, data: bytes, error: NotReadable) -> None:
        """A line that is no JSON; where a whole event follows one that was cut short, it is taken."""
        start = glued(data)
        self.quarantine(line, f"an event was cut short: {error.what}" if start else error.what)
        if start:
            self.seen += 1
            self._event(event_of(data[start:]), FileLine(line.number, line.offset + start, data[start:]))

    def _event(self, event: Event | None, line: Line) -> None:
        if event is None or event.data is None:
            self.ignore("(no event)")
            return
        take = EVENTS.get(event.type)
        if take is None:
            self.ignore(event.type[:80] or "(no type)")
            return
        if event.type == "session.start":
            self._last = event.data.sessionId or self._last or self.fallback_id
        name = self._last or self.fallback_id
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = Session(CopilotMemory(id=name))
        self._last = name
        at = seconds_of(event.timestamp)
        session.saw(at)
        agent = event.agentId or event.data.parentToolCallId or ""
        model = event.data.model or session.memory.turn_model
        uid = event.id or f"{name}.{line.number}"
        context = Context(uid, at, line.number, agent=agent, model=model, cwd=session.memory.cwd)
        if take(session, context, event.data):
            self.understood += 1
            session.memory.entry += 1
        else:
            self.ignore(f"{event.type} (nothing new)")

    def runs(self) -> Iterator[Run]:
        """The sessions, each with the steps since the last `take`."""
        for session in self._sessions.values():
            yield session.run(client="copilot", reader=self.name, source=self.source)

    def take(self) -> list[Run]:
        """The sessions that got new steps or facts, with only the new steps; they are forgotten here."""
        taken = []
        for session in self._sessions.values():
            if session.steps or session.changed:
                taken.append(session.run(client="copilot", reader=self.name, source=self.source))
            session.let_go()
        return taken

    def carry(self) -> str:
        """What a later reader needs to go on after the lines fed so far."""
        last = self._sessions.get(self._last)
        ordered = [s for s in self._sessions.values() if s is not last] + ([last] if last else [])
        return msgspec.json.encode([s.carried() for s in ordered]).decode()
