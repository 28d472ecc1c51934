"""OpenHands conversations -> runs: lists of events, as one JSON array, one a line, or in `history` of a result's line.

Both generations are read: V0 (`action` and `observation`) and V1 (`kind`). `Step.entry` counts the events from 0;
`Step.line` is the line, or in a document or a `history` the event's index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import msgspec

from memento_skills.ingest import openhands_v0, openhands_v1
from memento_skills.ingest.entries import one_document
from memento_skills.ingest.event_folder import FOLDER
from memento_skills.ingest.loose import NotReadable, json_of
from memento_skills.ingest.openhands_session import OpenHandsMemory, OpenHandsSession
from memento_skills.ingest.reader import BaseReader
from memento_skills.interfaces import Line
from memento_skills.records import Run

_KINDS = (
    rb"MessageEvent|ActionEvent|ObservationEvent|SystemPromptEvent|UserRejectObservation|AgentErrorEvent"
    rb"|ConversationErrorEvent|ConversationStateUpdateEvent|Condensation"
)
_V1 = re.compile(rb'"kind"\s*:\s*"(?:' + _KINDS + rb')"')
_V0 = re.compile(rb'"(?:action|observation)"\s*:\s*"[a-z_]{2,40}"')
_V0_TOO = re.compile(rb'"source"\s*:\s*"(?:user|agent|environment)"')
_LISTS = ("history", "trajectory", "events")


class OpenHandsReader(BaseReader):
    """Reader of OpenHands' events."""

    name = "openhands@1"
    beside: ClassVar[tuple[str, ...]] = ("../base_state.json",)

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        memory = msgspec.json.decode(carry, type=OpenHandsMemory) if carry else None
        self._loose = OpenHandsSession(memory or OpenHandsMemory(id=self._stem()))
        self._made: list[Run] = []
        self._lists = 0

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where events of either generation stand in a list or in lines of their own; one event is no log."""
        start = head.lstrip()
        if start[:1] not in (b"{", b"["):
            return 0.0
        if _V1.search(head):
            several = start[:1] == b"[" or b"\n" in start.strip() or re.search(rb'"(?:history|events)"', head)
            return 0.9 if several and (b'"source"' in head or b'"tool_name"' in head) else 0.0
        return 0.85 if _V0.search(head) and _V0_TOO.search(head) and b'"timestamp"' in head else 0.0

    @staticmethod
    def document(head: bytes) -> bool:
        """A list, or an object that spans lines."""
        return one_document(head)

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file, or the whole document as one."""
        for line in lines:
            if not line.data.strip():
                self.seen += 1
                self.ignore("(blank)")
                continue
            try:
                self._value(json_of(line.data), line)
            except NotReadable as error:
                self.seen += 1
                self.quarantine(line, error.what)

    def _value(self, value: object, line: Line) -> None:
        if isinstance(value, list):
            self._list(value, line, "")
            return
        held = (
            next((value[k] for k in _LISTS if isinstance(value.get(k), list)), None)
            if isinstance(value, dict)
            else None
        )
        if held is not None and isinstance(value, dict):
            named = value.get("instance_id") or value.get("conversation_id") or value.get("id")
            self._list(held, line, named if isinstance(named, str) else "")
        else:
            self._event(self._loose, value, line, line.number)

    def _list(self, events: list[Any], line: Line, name: str) -> None:
        stem = self._stem()
        session = OpenHandsSession(OpenHandsMemory(id=name or (f"{stem}/{self._lists}" if self._lists else stem)))
        self._lists += 1
        index = 0
        for event in events:
            # the first results files paired each action with its observation
            for one in event if isinstance(event, list) else (event,):
                self._event(session, one, line, index)
                index += 1
        self._made.append(self._run(session))

    def _event(self, session: OpenHandsSession, event: object, line: Line, place: int) -> None:
        self.seen += 1
        if not isinstance(event, dict):
            self.quarantine(line, f"event {session.memory.entry} is no object")
        elif not any(isinstance(event.get(key), str) for key in ("kind", "action", "observation")):
            self.ignore("(no event)")
        elif session.repeated(event.get("id")):
            self.ignore("(repeated event)")
        else:
            read = openhands_v1.take if isinstance(event.get("kind"), str) else openhands_v0.take
            lost = read(session, event, place)
            if lost:
                self.ignore(lost)
            else:
                self.understood += 1
        session.memory.entry += 1

    def runs(self) -> Iterator[Run]:
        """The conversations so far."""
        yield from self._made
        if self._loose.memory.seq:
            yield self._run(self._loose)

    def take(self) -> list[Run]:
        """The conversations since the last `take`; the one of single lines with its new steps."""
        taken = self._made
        self._made = []
        if self._loose.steps:
            taken.append(self._run(self._loose))
            self._loose.let_go()
        return taken

    def carry(self) -> str:
        """What the next events of a file of single lines need, without anybody's words."""
        return msgspec.json.encode(self._loose.carried()).decode() if self._loose.memory.entry else ""

    def _stem(self) -> str:
        """The file's name with its folder: conversations' files share names. Of a folder of events, whose it is."""
        above = self.source.replace("\\", "/").split("/")[:-1]
        if len(above) > 1 and above[-1] == FOLDER and self.fallback_id.removeprefix("event-")[:1].isdecimal():
            return above[-2]
        return "/".join([*above[-1:], self.fallback_id])

    def companion(self, name: str, data: bytes) -> None:
        """The state that lies beside a folder of events: the conversation's folder and model."""
        del name
        state = json_of(data)
        memory = OpenHandsMemory(id="")
        if isinstance(state, dict):
            openhands_v1.opening(memory, state)
        self._made = [
            msgspec.structs.replace(run, cwd=run.cwd or memory.cwd, model=run.model or memory.model)
            for run in self._made
        ]

    def _run(self, session: OpenHandsSession) -> Run:
        return session.run(
            client="openhands", reader=self.name, source=self.source, shared_ids=not session.memory.counted
        )
