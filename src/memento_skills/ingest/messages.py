"""One message of a model's conversation, in whichever shape a tracer writes it, as plain parts.

Read: OpenAI chat and Responses items, OpenTelemetry GenAI `parts`, OpenInference, Anthropic blocks, LangChain's
serialised messages, Vercel AI parts. What a part holds beside text, reasoning, calls and results is named in brackets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from memento_skills.ingest.loose import NotReadable, json_of
from memento_skills.ingest.values import arguments_of, text_of

Role = Literal["user", "agent", "system", "tool"]
_ROLES: dict[str, Role] = {
    "user": "user", "human": "user", "humanmessage": "user", "humanmessagechunk": "user",
    "assistant": "agent", "ai": "agent", "model": "agent", "aimessage": "agent", "aimessagechunk": "agent",
    "system": "system", "developer": "system", "systemmessage": "system",
    "tool": "tool", "function": "tool", "toolmessage": "tool", "functionmessage": "tool",
}  # fmt: skip
_ROUNDS = 4  # JSON in JSON, lists in lists
_CALLS = frozenset({"tool_call", "tool_use", "tool-call", "function_call", "server_tool_call", "custom_tool_call"})
_RESULTS = frozenset({
    "tool_call_response", "tool_result", "tool-result", "function_call_output", "server_tool_call_response",
    "custom_tool_call_output",
})  # fmt: skip
_THOUGHTS = frozenset({"reasoning", "thinking", "thought"})


class Part(NamedTuple):
    """A piece of a message."""

    kind: Literal["text", "reasoning", "call", "result"]
    text: str = ""
    tool: str = ""
    args: dict[str, Any] = {}  # noqa: RUF012  (never changed)
    call_id: str = ""
    error: bool | None = None


class Said(NamedTuple):
    """A message."""

    role: Role
    parts: tuple[Part, ...]


def conversation(raw: object) -> list[Said]:
    """The messages in a value: a list of them (also in a list, as JSON text, or under `messages`), or one."""
    for _ in range(_ROUNDS):
        if isinstance(raw, str):
            raw = decoded(raw)
            if isinstance(raw, str):
                return []
        if isinstance(raw, dict):
            inner = next((raw[k] for k in ("messages", "input_messages", "output_messages") if k in raw), None)
            if inner is None:
                break
            raw = inner
        elif isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], list):
            raw = raw[0]
    every = raw if isinstance(raw, list) else [raw]
    return [made for one in every if (made := message(one)) is not None]


def decoded(text: str) -> object:
    """The value of a JSON text that is an object or a list; any other text as it is."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json_of(text.encode("utf-8", "replace"))
    except NotReadable:
        return text


def message(raw: object, role: Role | None = None) -> Said | None:
    """One message; None where the value is none. `role` is what its event's name says."""
    if not isinstance(raw, dict):
        return None
    raw = _unwrapped(raw)
    named = _ROLES.get(_word(raw.get("role")).lower()) or role or _role_of_type(raw)
    if named is None:
        return None
    parts = list(_parts(raw, named))
    return Said(named, tuple(p for p in parts if p.kind != "text" or p.text)) if parts else None


def _unwrapped(raw: dict[str, Any]) -> dict[str, Any]:
    """The message itself where it stands in an envelope of LangChain, OpenInference or a choice."""
    kind = raw.get("id")
    if isinstance(raw.get("kwargs"), dict) and isinstance(kind, list) and kind:
        return {"role": _word(kind[-1]).lower(), **_without_role(raw["kwargs"])}
    if isinstance(raw.get("data"), dict) and "type" in raw:
        return {"role": _word(raw["type"]), **_without_role(raw["data"])}
    inner = raw.get("message")
    if isinstance(inner, dict) and "role" not in raw:
        return _unwrapped_once(inner)
    return raw


def _unwrapped_once(inner: dict[str, Any]) -> dict[str, Any]:
    kind = inner.get("id")
    if isinstance(inner.get("kwargs"), dict) and isinstance(kind, list) and kind:
        return {"role": _word(kind[-1]).lower(), **_without_role(inner["kwargs"])}
    return inner


def _without_role(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in fields.items() if k not in ("role", "type")}


def _role_of_type(raw: dict[str, Any]) -> Role | None:
    kind = _word(raw.get("type")).lower()
    if kind in _CALLS or kind in _THOUGHTS:
        return "agent"
    if kind in _RESULTS:
        return "tool"
    return _ROLES.get(kind)


def _parts(raw: dict[str, Any], role: Role) -> Iterator[Part]:
    if raw.get("reasoning_content"):
        yield Part("reasoning", text_of(raw["reasoning_content"]))
    content = raw.get("parts", raw.get("contents", raw.get("content")))
    kind = _word(raw.get("type"))
    if kind in _CALLS or kind in _RESULTS or kind in _THOUGHTS:
        yield from _part(raw)
    elif role == "tool":
        yield from _answers(raw, content)
    elif isinstance(content, list):
        for piece in content:
            yield from _part(piece)
    elif content is not None:
        yield Part("text", text_of(content))
    for one in _list(raw.get("tool_calls")):
        yield from _call(one)
    if isinstance(raw.get("function_call"), dict):
        yield from _call({"function": raw["function_call"]})


def _answers(raw: dict[str, Any], content: object) -> Iterator[Part]:
    """What a message of a tool holds: results as parts, or its content as the one result."""
    pieces = [p for piece in _list(content) if isinstance(piece, dict) for p in _part(piece)]
    results = [p for p in pieces if p.kind == "result"]
    if results:
        yield from results
        return
    call_id = _word(raw.get("tool_call_id") or raw.get("id"))
    status, flag = raw.get("status"), raw.get("is_error")
    error = flag if isinstance(flag, bool) else True if status == "error" else None
    yield Part("result", text_of(content), _word(raw.get("name")), {}, call_id, error)


def _part(raw: object) -> Iterator[Part]:
    if isinstance(raw, str):
        yield Part("text", raw)
        return
    if not isinstance(raw, dict):
        return
    inner = raw.get("message_content")
    raw = inner if isinstance(inner, dict) else raw
    kind = _word(raw.get("type"))
    if kind in _CALLS:
        yield from _call(raw)
    elif kind in _RESULTS:
        yield _result(raw)
    elif kind in _THOUGHTS:
        names = ("content", "thinking", "reasoning", "text", "summary")
        told = next((raw[name] for name in names if raw.get(name)), None)
        yield Part("reasoning", text_of(told))
    elif isinstance(raw.get("text"), str):
        yield Part("text", raw["text"])
    elif kind in ("text", "output_text", "input_text"):
        yield Part("text", text_of(raw.get("content")))
    else:
        yield Part("text", f"[{kind[:40] or 'part'}]")


def _result(raw: dict[str, Any]) -> Part:
    told = next((raw[k] for k in ("response", "result", "output", "content") if raw.get(k) is not None), None)
    if isinstance(told, dict) and isinstance(told.get("value"), str) and "type" in told:
        told = told["value"]
    flag = raw.get("is_error", raw.get("isError"))
    call_id = raw.get("tool_use_id") or raw.get("toolCallId") or raw.get("call_id") or raw.get("id")
    tool = _word(raw.get("name") or raw.get("toolName"))
    return Part("result", text_of(told), tool, {}, _word(call_id), flag if isinstance(flag, bool) else None)


def _call(raw: object) -> Iterator[Part]:
    if not isinstance(raw, dict):
        return
    inner = raw.get("tool_call")
    raw = inner if isinstance(inner, dict) else raw
    function = raw.get("function")
    body = function if isinstance(function, dict) else raw
    tool = function if isinstance(function, str) else _word(body.get("name") or raw.get("toolName"))
    args = next((body[k] for k in ("arguments", "args", "input") if body.get(k) is not None), None)
    call_id = raw.get("call_id") or raw.get("toolCallId") or raw.get("id")
    if tool:
        yield Part("call", "", tool, arguments_of(args), _word(call_id))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _word(value: object) -> str:
    """A short text; "" for anything else."""
    return value if isinstance(value, str) else str(value) if type(value) is int else ""
