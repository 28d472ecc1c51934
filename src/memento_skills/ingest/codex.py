"""Codex logs -> one run for each session: rollouts (`~/.codex/sessions/…/rollout-*.jsonl`) and `codex exec --json`.

In: masked lines. Out: runs whose steps keep the order of the file. What stands in the log twice, as a response item and
as an event, is one step. A forked session's file repeats its origin's first row: it becomes a link.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from memento_skills.ingest import codex_exec, codex_items
from memento_skills.ingest.codex_calls import words
from memento_skills.ingest.codex_results import ending_of
from memento_skills.ingest.codex_rows import Payload, Row, row_of, trimmed
from memento_skills.ingest.codex_session import CodexMemory, CodexSession, Place
from memento_skills.ingest.loose import NotReadable, objects_in
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.values import seconds_of
from memento_skills.interfaces import Line
from memento_skills.records import Run, digest

_ROLLOUT = frozenset(
    b'"%s"' % kind for kind in (b"session_meta", b"turn_context", b"response_item", b"event_msg", b"compacted")
)
_STREAM = re.compile(rb'"(?:thread\.started|turn\.(?:started|completed|failed)|item\.(?:started|updated|completed))"')
_BEGINS = re.compile(
    rb'\s*\{"timestamp":"[^"]{10,40}","type":"(?:session_meta|response_item|event_msg|turn_context|compacted)"'
)
_NAMED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
_OLD_ITEMS = frozenset(
    b'"%s"' % kind
    for kind in (b"message", b"reasoning", b"function_call", b"function_call_output", b"local_shell_call")
)


class CodexReader(BaseReader):
    """Reader of Codex's session logs."""

    name = "codex@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source)
        self._sessions: dict[str, CodexSession] = {}
        self._last = ""
        named = _NAMED.search(self.fallback_id)
        self._file_id = named[0] if named else self.fallback_id
        for memory in msgspec.json.decode(carry, type=list[CodexMemory]) if carry else ():
            session = self._sessions[memory.id] = CodexSession(memory)
            session.changed = False
            self._last = memory.id

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where lines are rows of this client, of either shape or of its first versions."""
        for number, row in enumerate(objects_in(head)):
            kind = bytes(row.get("type", b""))
            if (kind in _ROLLOUT and "payload" in row) or _STREAM.fullmatch(kind):
                return 0.95
            if "record_type" in row or (not number and {"id", "timestamp", "instructions"} <= row.keys()):
                return 0.9
            if kind in _OLD_ITEMS and ("call_id" in row or "summary" in row) and "sessionId" not in row:
                return 0.8
        return 0.9 if _BEGINS.match(head) and b"\n" not in head else 0.0

    @staticmethod
    def trim(lines: Sequence[bytes]) -> bytes:
        """The lines without the client's mirrors of outputs, its instructions and encrypted reasoning."""
        return trimmed(lines)

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file."""
        for line in lines:
            self.seen += 1
            if not line.data.strip():
                self.ignore("(blank)")
                continue
            try:
                row = row_of(line.data)
            except NotReadable as error:
                self.quarantine(line, error.what)
                continue
            if row is None:
                self.ignore("(no object)")
                continue
            ignored = self._row(row, line)
            if ignored:
                self.ignore(ignored)
            else:
                self.understood += 1

    def runs(self) -> Iterator[Run]:
        """The sessions, each with the steps since the last `take`."""
        for session in self._sessions.values():
            yield self._run(session)

    def take(self) -> list[Run]:
        """The sessions that got new steps or facts, with only the new steps; they are forgotten here."""
        taken = []
        for session in self._sessions.values():
            if session.steps or session.changed:
                taken.append(self._run(session))
            session.let_go()
        return taken

    def carry(self) -> str:
        """What a later reader needs to go on after the lines fed so far."""
        last = self._sessions.get(self._last)
        ordered = [s for s in self._sessions.values() if s is not last] + ([last] if last else [])
        return msgspec.json.encode([s.carried() for s in ordered]).decode()

    def _run(self, session: CodexSession) -> Run:
        return session.run(client="codex", reader=self.name, source=self.source, shared_ids=not session.memory.starts)

    def _session(self, session_id: str = "") -> CodexSession:
        name = session_id or self._last or self._file_id
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = CodexSession(CodexMemory(id=name))
        self._last = name
        return session

    def _row(self, row: Row, line: Line) -> str:
        """Take one row; the kind under which it is counted as ignored, "" where it was understood."""
        place = Place(seconds_of(row.timestamp), line.number)
        if "." in row.type or row.type == "error":
            return self._stream_row(row, place)
        payload = row.payload
        if payload is None:
            return row.type or "(no type)"
        if row.type == "session_meta":
            return self._meta(payload, place)
        take = _ROWS.get(row.type)
        if take is None:
            return row.record_type or row.type or "(no type)"
        session = self._session()
        session.saw(place.at)
        uid = digest(row.timestamp, row.type, payload.type) if row.timestamp else f"{session.memory.id}.{line.number}"
        ignored = take(session, payload, place, uid)
        if not ignored:
            session.memory.entry += 1
        return ignored

    def _meta(self, payload: Payload, place: Place) -> str:
        """The first row of a session; in a forked session's file its origin's follows."""
        name = payload.id or ""
        current = self._sessions.get(self._last)
        if current is not None and name in current.memory.links:
            return "session_meta (of the origin)"
        if current is not None and name == current.memory.id and current.memory.entry:
            current.saw(place.at)
            current.notice(current.context(place, f"{name}.{place.line}"), "resume")
        session = self._session(name)
        session.saw(place.at)
        memory = session.memory
        memory.cwd = memory.cwd or payload.cwd or ""
        memory.version = payload.cli_version or memory.version
        memory.branch = memory.branch or (payload.git.branch if payload.git else None) or ""
        session.link(payload.forked_from_id or "")
        for parent in _parents(payload.source):
            session.link(parent)
        session.changed = True
        return ""

    def _stream_row(self, row: Row, place: Place) -> str:
        if row.type == "thread.started":
            session = self._session(row.thread_id or "")
            codex_exec.started(session, place)
            return ""
        session = self._session()
        ignored = codex_exec.take(session, row, place)
        if not ignored:
            session.memory.entry += 1
        return ignored


def _parents(source: object) -> Iterator[str]:
    """Sessions that a sub-agent's first row names as the one that started it."""
    layer = [source]
    for _ in range(3):
        layer = [inner for value in layer if isinstance(value, dict) for inner in (value, *value.values())]
    for value in layer:
        parent = value.get("parent_thread_id") if isinstance(value, dict) else None
        if isinstance(parent, str):
            yield parent


def _turn(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    """Folder, model and permissions of a turn."""
    memory = session.memory
    memory.turn_model = payload.model or memory.turn_model
    memory.model = memory.model or memory.turn_model
    memory.folder = payload.cwd or memory.folder
    memory.cwd = memory.cwd or memory.folder
    session.permissions(place, uid, payload.approval_policy, payload.sandbox_policy)
    return ""


def _compacted(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    del payload
    if not session.is_new("compacted", "", event=False):
        return "compacted (told before)"
    session.asked()
    session.notice(session.context(place, uid), "compact_boundary")
    return ""


def _event(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    """What only events tell; the rest is counted by name."""
    kind = payload.type
    take = _EVENTS.get(kind)
    if take is not None:
        return take(session, payload, place, uid)
    if kind.endswith("_end") and payload.call_id in session.memory.tools:
        session.end(payload.call_id, ending_of(payload.exit_code, payload.success, payload.status, payload.result))
        return ""
    return f"event_msg/{kind or '(no type)'}"[:80]


def _tokens(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    del place, uid
    session.spend(payload.info)
    return "" if payload.info else "event_msg/token_count (limits)"


def _context_compacted(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    if not session.is_new("compacted", "", event=True):
        return f"event_msg/{payload.type} (told before)"
    session.asked()
    session.notice(session.context(place, uid), "compact_boundary")
    return ""


def _failed(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    text = payload.message if isinstance(payload.message, str) else payload.type
    service = _error_name(payload.codex_error_info) not in words().events.not_service
    session.notice(session.context(place, uid), text or payload.type, status="api_error" if service else None)
    return ""


def _aborted(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    reason = payload.reason or "interrupted"
    by_person = reason in words().events.by_person
    session.asked()
    session.notice(
        session.context(place, uid), f"turn_aborted: {reason[:200]}", actor="user" if by_person else "system",
        status="interrupted" if by_person else None,
    )  # fmt: skip
    return ""


def _error_name(info: object) -> str:
    if isinstance(info, dict):
        return next((str(key) for key in info), "")
    return info if isinstance(info, str) else ""


_Take = Callable[[CodexSession, Payload, Place, str], str]
_ROWS: Mapping[str, _Take] = {
    "response_item": codex_items.item,
    "event_msg": _event,
    "turn_context": _turn,
    "compacted": _compacted,
}
_EVENTS: Mapping[str, _Take] = {
    "user_message": codex_items.user_event,
    "agent_message": codex_items.agent_event,
    "agent_reasoning": codex_items.reasoning_event,
    "token_count": _tokens,
    "turn_aborted": _aborted,
    "context_compacted": _context_compacted,
    "error": _failed,
    "stream_error": _failed,
}
