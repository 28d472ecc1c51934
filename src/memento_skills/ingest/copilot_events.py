"""The events of a Copilot CLI log -> steps and facts of one session. Table of the client's words: `copilot.toml`.

Every function takes one event's data and says whether it told anything.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

import msgspec

from memento_skills.ingest.codex_calls import call_of
from memento_skills.ingest.copilot_rows import Data, Request
from memento_skills.ingest.session import Context, Memory, Session
from memento_skills.ingest.status import classify
from memento_skills.ingest.values import text_of
from memento_skills.records import Usage

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


EVENTS: Mapping[str, Callable[[_Session, Context, Data], bool]] = {
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
"""By type; all other events are ignored and counted by type."""
