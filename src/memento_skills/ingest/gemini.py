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

from memento_skills.ingest import gemini_results
from memento_skills.ingest.gemini_rows import Record, Thought, Tokens, ToolCall, record_of
from memento_skills.ingest.loose import NotReadable, json_of
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.session import Context, Memory, Session, tokens_of
from memento_skills.ingest.values import arguments_of, seconds_of, text_of
from memento_skills.interfaces import Line
from memento_skills.records import Run

_HEADER = re.compile(rb'\s*\{\s*"sessionId"\s*:\s*"[^"]{0,200}"\s*,\s*"projectHash"\s*:')
_RECORD = re.compile(
    rb'\s*\{(?:"\$set":\{|"\$rewindTo":"'
    rb'|"id":"[^"]{0,200}","timestamp":"[^"]{0,60}","type":"(?:user|gemini|info|error|warning)")'
)
_ADDED = "--- Content from referenced files ---"
_STOPPED = "Request cancelled."
_NEAR = 3  # steps within which a refused call makes a person's stop a repetition
_NOTICES = frozenset({"info", "error", "warning"})
_REMEMBERED = 2048
_RECENT = 500  # steps among which the beginning of a message is looked for


class _Known(msgspec.Struct, array_like=True):
    """What of a message became steps already."""

    text: bool = False
    thoughts: int = 0
    tokens: bool = False
    calls: dict[str, bool] = {}
    """Call id -> whether its result is known."""


class GeminiMemory(Memory, msgspec.Struct, omit_defaults=True):
    """What has to be remembered of a Gemini session."""

    messages: dict[str, _Known] = {}
    refused: int = -_NEAR - 1
    """`seq` of the last call that a person refused."""


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
            _remember(known, name).text = True  # the client's summary, not a person's words
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
        known = session.memory.messages.get(record.id) or _remember(session.memory.messages, record.id)
        context.parts = _parts(known)
        if record.type == "gemini":
            _answer(session, context, record, known)
        elif record.type == "user":
            _user(session, context, record, known)
        elif record.type in _NOTICES:
            _notice(session, context, record, known)
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


_Session = Session[GeminiMemory]


def _remember(messages: dict[str, _Known], name: str) -> _Known:
    if len(messages) >= _REMEMBERED:
        del messages[next(iter(messages))]
    known = messages[name] = _Known()
    return known


def _parts(known: _Known) -> int:
    """How many steps a message gave already: the number of the next, so that no two have one id."""
    return 2 * known.text + known.thoughts + len(known.calls) + 2 * sum(known.calls.values())


def _notice(session: _Session, context: Context, record: Record, known: _Known) -> None:
    text = text_of(record.content)
    if known.text or not text:
        return
    known.text = True
    memory = session.memory
    if text.strip() == _STOPPED:
        repeated = memory.seq - memory.refused <= _NEAR
        session.notice(context, text, actor="user", status=None if repeated else "interrupted")
        return
    service = record.type == "error" and gemini_results.is_service(text)
    session.notice(context, text, status="api_error" if service else None)


def _user(session: _Session, context: Context, record: Record, known: _Known) -> None:
    if known.text:
        return
    known.text = True
    parts = [p for p in record.content if not _is_answer(p)] if isinstance(record.content, list) else record.content
    text = text_of(parts)
    if not text:
        return
    typed, mark, added = text.partition(_ADDED)
    shown = text_of(record.displayContent) or typed.rstrip("\n")
    if shown:
        session.add(context, "message", "user", text=shown)
        session.ask(shown)
    if mark:
        session.add(context, "message", "user", text=mark + added, meta=True)


def _is_answer(part: object) -> bool:
    """The result of a call among the parts of a user's message: it stands with its call as well."""
    return isinstance(part, dict) and "functionResponse" in part


def _answer(session: _Session, context: Context, record: Record, known: _Known) -> None:
    memory = session.memory
    memory.model = memory.model or context.model
    session.first = len(session.steps)
    for thought in (record.thoughts or ())[known.thoughts :]:
        session.add(context, "reasoning", "agent", text=_thought(thought))
    known.thoughts = max(known.thoughts, len(record.thoughts or ()))
    text = text_of(record.content)
    if text and not known.text:
        known.text = True
        session.add(context, "message", "agent", text=text)
    calls = record.toolCalls or []
    for number, call in enumerate(calls):
        call.id = call.id or f"{record.id}.{number}"
        if call.id not in known.calls:
            known.calls[call.id] = False
            session.call(context, call.name, arguments_of(call.args), call.id)
    for call in calls:
        _result(session, context, call, known)
    if record.tokens is not None and not known.tokens:
        known.tokens = True
        _count(session, record.tokens, context.message)
    session.first = None


def _thought(thought: Thought) -> str:
    return f"{thought.subject}\n{thought.description}".strip()


def _count(session: _Session, tokens: Tokens, message: str) -> None:
    """Count the tokens of a message on its first step, which may have come with an earlier record of it."""
    steps = session.steps
    first = session.first
    if first is None or first >= len(steps):
        recent = range(max(len(steps) - _RECENT, 0), len(steps))
        session.first = next((index for index in recent if steps[index].message == message), None)
    session.count(tokens_of(tokens.input, tokens.cached, max(tokens.output or 0, 0) + max(tokens.thoughts or 0, 0)))


def _result(session: _Session, context: Context, call: ToolCall, known: _Known) -> None:
    name = call.id or ""
    result = gemini_results.result_of(call)
    if result is None or known.calls.get(name):
        return
    known.calls[name] = True
    session.link(call.agentId or "")
    at = seconds_of(call.timestamp)
    place = msgspec.structs.replace(context, at=at if at is not None else context.at)
    session.add(
        place, "result", "tool", text=result.text, tool=session.memory.tools.pop(name, "") or call.name, call_id=name,
        status=result.status, exit_code=result.exit_code,
    )  # fmt: skip
    context.parts = place.parts
    if result.status == "denied_user":
        session.memory.refused = session.memory.seq
        _one_refusal(session)
        session.add(context, "permission", "user", tool=call.name, call_id=name, status="denied_user")


def _one_refusal(session: _Session) -> None:
    """A person's stop is written before the call that it cancelled: the call alone stands for both."""
    steps = session.steps
    for index in range(max(len(steps) - 2 * _NEAR, 0), len(steps)):
        if steps[index].kind == "notice" and steps[index].text.strip() == _STOPPED:
            steps[index] = msgspec.structs.replace(steps[index], status=None)
