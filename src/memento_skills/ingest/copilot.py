"""Copilot CLI logs (`~/.copilot/session-state/<session>/events.jsonl`) -> one run for each session.

In: masked lines, an event each. Out: runs whose steps keep the order of the file. Sub-agents' events (`agentId`) are
steps with `agent` set. `success` says whether the tool worked, not the program: its exit code stands at the end of the
text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec

from memento_skills.ingest.codex_calls import call_of
from memento_skills.ingest.copilot_rows import Data, Event, Request, event_of, glued, trimmed
from memento_skills.ingest.framing import Line as FileLine
from memento_skills.ingest.loose import NotReadable, objects_in
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.session import Context, Memory, Session
from memento_skills.ingest.status import classify
from memento_skills.ingest.values import seconds_of, text_of
from memento_skills.interfaces import Line
from memento_skills.records import Run, Usage

_KINDS = re.compile(rb'"(?:session|assistant|user|system|tool|hook|permission|subagent|skill)\.[a-z_]{1,40}"|"abort"')
_BEGINS = re.compile(rb'\s*\{ ?"type": ?"(?:session|assistant|user|system|tool|hook)\.[a-z_]{1,40}", ?"data": ?\{')
_EXIT = re.compile(r"\s*<[^<>\n]{0,120}(?:exited|completed) with exit code (-?\d{1,10})>\s*\Z")
_TAIL = 400  # characters at the end of a result in which its exit code stands
_LISTED = re.compile(r"<skill>\s{0,20}<name>([^<\n]{1,120})</name>")
_REMEMBERED = 256
_TOKENS = 1 << 53


class CopilotMemory(Memory, msgspec.Struct, omit_defaults=True):
    """What has to be remembered of a Copilot session."""

    answers: dict[str, str] = {}
    """Call id -> permission that was not given."""
    turn_model: str = ""


class _Editor(msgspec.Struct, frozen=True):
    name: frozenset[str]
    commands: dict[str, str]


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    typed_sources: frozenset[str]
    by_person: tuple[str, ...]
    editor: _Editor


@cache
def _words() -> _Words:
    return msgspec.convert(tomllib.loads(files(__package__).joinpath("copilot.toml").read_text("utf-8")), _Words)


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
        take = _EVENTS.get(event.type)
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


_Session = Session[CopilotMemory]

# ---------------------------------------------------------------------------------------- facts of the session


def _start(session: _Session, context: Context, data: Data) -> bool:
    del context
    memory = session.memory
    memory.version = data.copilotVersion or memory.version
    _folder(session, data)
    session.changed = True
    return True


def _folder(session: _Session, data: Data) -> None:
    memory = session.memory
    if data.context is not None:
        memory.cwd = memory.cwd or data.context.cwd or ""
        memory.branch = memory.branch or data.context.branch or ""
    if data.selectedModel:
        memory.turn_model = data.selectedModel


def _resume(session: _Session, context: Context, data: Data) -> bool:
    _folder(session, data)
    session.notice(context, "resume")
    return True


def _model(session: _Session, context: Context, data: Data) -> bool:
    del context
    session.memory.turn_model = data.newModel or session.memory.turn_model
    return True


def _compacted(session: _Session, context: Context, data: Data) -> bool:
    if data.success is False:
        return False
    session.notice(context, "compact_boundary")
    return True


def _error(session: _Session, context: Context, data: Data) -> bool:
    session.notice(context, text_of(data.message) or data.errorType or "error", status="api_error")
    return True


def _aborted(session: _Session, context: Context, data: Data) -> bool:
    session.notice(context, f"abort: {(data.reason or '')[:200]}", actor="user", status="interrupted")
    return True


def _handoff(session: _Session, context: Context, data: Data) -> bool:
    del context
    session.link(data.remoteSessionId or "")
    return True


# ------------------------------------------------------------------------------------------------- messages


def _user(session: _Session, context: Context, data: Data) -> bool:
    text = text_of(data.content)
    if not text:
        return False
    meta = bool(context.agent) or (data.source or "user") not in _words().typed_sources
    session.add(context, "message", "user", text=text, meta=meta)
    if not meta:
        session.ask(text)
    return True


def _system(session: _Session, context: Context, data: Data) -> bool:
    text = text_of(data.content)
    for found in _LISTED.finditer(text[:400_000]):
        if found[1] not in session.memory.listed:
            session.memory.listed.append(found[1])
    session.add(context, "message", "system", text=text, meta=True)
    return True


def _answer(session: _Session, context: Context, data: Data) -> bool:
    memory = session.memory
    if not memory.model and not context.agent:
        memory.model = context.model
    context.message = data.messageId or context.uid
    session.first = len(session.steps)
    if data.reasoningText:
        session.add(context, "reasoning", "agent", text=data.reasoningText)
    if text := text_of(data.content):
        session.add(context, "message", "agent", text=text)
    for request in data.toolRequests or ():
        _call(session, context, request)
    if data.outputTokens and len(session.steps) > session.first:
        session.count(Usage(output=min(max(data.outputTokens, 0), _TOKENS)))
    session.first = None
    return True


# ------------------------------------------------------------------------------------------ calls and results


def _call(session: _Session, context: Context, request: Request) -> None:
    call = call_of(request.name or "", request.arguments)
    tool, args = call.tool, call.args
    editor = _words().editor
    command = args.get("command")
    if tool in editor.name and isinstance(command, str) and command in editor.commands:
        rest = {k: v for k, v in args.items() if k != "command"}
        tool, args = editor.commands[command], {**rest, "_tool": tool, "_command": command}
    session.call(context, tool, args, request.toolCallId or f"{context.uid}.{context.parts}")


def _begun(session: _Session, context: Context, data: Data) -> bool:
    """A call that its answer told before; one that no answer told stands for itself."""
    call_id = data.toolCallId or ""
    if not call_id or call_id in session.memory.tools:
        return False
    context.message = call_id
    _call(session, context, Request(toolCallId=call_id, name=data.toolName, arguments=data.arguments))
    return True


def _over(session: _Session, context: Context, data: Data) -> bool:
    call_id = data.toolCallId or ""
    text = _text_of_result(data)
    found = _EXIT.search(text[-_TAIL:])
    code = int(found[1]) if found else None
    if found:
        rest = text[: len(text[:-_TAIL]) + found.start()]
        text = rest if rest.strip() else found[0].strip()
    denial = session.memory.answers.pop(call_id, "")
    worked = data.success is not False
    failed = not worked or bool(code)
    ended = classify(text, error=failed, denial=denial if not worked else "")
    session.add(
        context, "result", "tool", text=text, tool=session.memory.tools.pop(call_id, ""), call_id=call_id,
        status=ended.status, exit_code=code,
    )  # fmt: skip
    return True


def _text_of_result(data: Data) -> str:
    error, result = data.error, data.result
    if data.success is False and error is not None:
        message = error.get("message") if isinstance(error, dict) else error
        return text_of(message if message is not None else error)
    if isinstance(result, dict):
        return text_of(result.get("content", result.get("contents")))
    return text_of(result)


def _permission(session: _Session, context: Context, data: Data) -> bool:
    kind = data.result.get("kind") if isinstance(data.result, dict) else data.result
    if not isinstance(kind, str):
        return False
    answers = session.memory.answers
    if kind.startswith("denied") and data.toolCallId:
        if len(answers) >= _REMEMBERED:
            del answers[next(iter(answers))]
        answers[data.toolCallId] = kind[:100]
    person = kind.startswith(_words().by_person)
    session.add(
        context, "permission", "user" if person else "system", text=kind[:200], call_id=data.toolCallId or "", meta=True
    )
    return True


def _skill(session: _Session, context: Context, data: Data) -> bool:
    if not data.name:
        return False
    session.load_skill(context, data.name, "agent")
    return True


_EVENTS: Mapping[str, Callable[[_Session, Context, Data], bool]] = {
    "session.start": _start,
    "session.resume": _resume,
    "session.model_change": _model,
    "session.compaction_complete": _compacted,
    "session.truncation": _compacted,
    "session.error": _error,
    "session.handoff": _handoff,
    "abort": _aborted,
    "user.message": _user,
    "system.message": _system,
    "system.notification": _system,
    "assistant.message": _answer,
    "tool.execution_start": _begun,
    "tool.execution_complete": _over,
    "permission.completed": _permission,
    "skill.invoked": _skill,
}
