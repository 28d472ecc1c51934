"""`codex exec --json`: a stream of events -> the steps of one session. It has no times, and item ids count a start."""

from __future__ import annotations

import re
import shlex
from typing import Any, NamedTuple

from memento_skills.ingest.codex_calls import call_of
from memento_skills.ingest.codex_results import Ending, result_of
from memento_skills.ingest.codex_rows import Item, Row
from memento_skills.ingest.codex_session import CodexSession, Place
from memento_skills.ingest.values import arguments_of, text_of

_SHELL = re.compile(r"(?:/[\w./-]{1,200}/)?(?:bash|zsh|sh) -l?c ")
_LINE = 20_000  # characters of a command that is taken apart
_OVER = frozenset({"completed", "failed", "declined"})


class _Made(NamedTuple):
    tool: str
    args: object


def started(session: CodexSession, place: Place) -> None:
    """The client began, or went on with, a session."""
    memory = session.memory
    memory.starts += 1
    session.changed = True
    if memory.starts > 1:
        memory.tools = {}
        session.asked()
        session.notice(session.context(place, _uid(session, place)), "resume")


def take(session: CodexSession, row: Row, place: Place) -> str:
    """Take one row; the kind under which it is counted as ignored, "" where it was understood."""
    session.memory.starts = max(session.memory.starts, 1)
    if row.type == "turn.completed":
        session.spend_turn(row.usage)
        session.asked()
        return ""
    if row.type in ("turn.failed", "error"):
        text = _message_of(row.error if row.error is not None else row.message)
        session.asked()
        session.notice(session.context(place, _uid(session, place)), text or row.type, status="api_error")
        return ""
    if row.item is None or not row.type.startswith("item."):
        return row.type[:80]
    return _item(session, row.item, place, over=row.type == "item.completed")


def _uid(session: CodexSession, place: Place) -> str:
    return f"{session.memory.id}.{session.memory.starts}.{place.line}"


def _message_of(error: object) -> str:
    inner = error.get("message") if isinstance(error, dict) else error
    return inner if isinstance(inner, str) else text_of(inner)


def _item(session: CodexSession, item: Item, place: Place, *, over: bool) -> str:
    kind = item.type or item.item_type
    if kind in ("agent_message", "assistant_message", "reasoning", "plan"):
        if not over or not item.text:
            return f"item/{kind} (begun)"
        session.add(
            session.answering(place, _uid(session, place)), "reasoning" if kind == "reasoning" else "message", "agent",
            text=item.text,
        )  # fmt: skip
        return ""
    if kind == "error":
        session.notice(session.context(place, _uid(session, place)), item.message or kind)
        return ""
    made = _made(item, kind)
    if made is None:
        return f"item/{kind or '(no type)'}"[:80]
    return _work(session, item, made, place, over=over)


def _made(item: Item, kind: str) -> _Made | None:
    if kind == "command_execution":
        return _Made("shell", {"command": _command(item.command)})
    if kind == "file_change":
        listed = item.changes if isinstance(item.changes, list) else []
        paths = [c["path"] for c in listed if isinstance(c, dict) and isinstance(c.get("path"), str)]
        return _Made("apply_patch", {**({"path": paths[0]} if paths else {}), "paths": paths})
    if kind == "mcp_tool_call":
        return _Made(f"mcp__{item.server or ''}__{item.tool or ''}", arguments_of(item.arguments))
    if kind == "collab_tool_call":
        return _Made(item.tool or kind, {"prompt": item.prompt} if item.prompt else {})
    return _Made("web_search", {"query": item.query or ""}) if kind == "web_search" else None


def _command(command: object) -> object:
    """A line that was quoted from words, as these words again; anything else as it is."""
    if isinstance(command, str) and len(command) <= _LINE and _SHELL.match(command):
        try:
            return shlex.split(command)
        except ValueError:
            return command
    return command


def _work(session: CodexSession, item: Item, made: _Made, place: Place, *, over: bool) -> str:
    memory = session.memory
    for other in item.receiver_thread_ids or ():
        session.link(other)
    name = item.id or f"{memory.id}.{place.line}"
    call_id = f"{name}#{memory.starts}" if memory.starts > 1 else name
    known = call_id in memory.tools
    if not known:
        call = call_of(made.tool, made.args)
        session.call(session.answering(place, f"{_uid(session, place)}.call"), call.tool, call.args, call_id)
    if not over:
        return f"item/{item.type} (going on)" if known else ""
    failed = item.status == "failed" or item.error is not None
    ending = Ending(item.exit_code, True if failed else None, item.status == "declined")
    result = result_of(_output(item), ending)
    session.heard(place.at)
    session.add(
        session.context(place, f"{_uid(session, place)}.result"), "result", "tool", text=result.text,
        tool=memory.tools.pop(call_id, ""), call_id=call_id, status=result.status, exit_code=result.exit_code,
    )  # fmt: skip
    return ""


def _output(item: Item) -> Any:  # noqa: ANN401  (whatever the tool gave)
    if item.error is not None:
        return _message_of(item.error)
    if item.aggregated_output is not None:
        return item.aggregated_output
    if isinstance(item.result, dict):
        return item.result.get("content", item.result)
    return item.result if item.result is not None else item.status if item.status in _OVER else ""
