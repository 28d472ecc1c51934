"""The items of a Codex rollout -> steps: messages, reasoning, calls, results; and the events that repeat messages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from memento_skills.ingest.codex_calls import call_of, words
from memento_skills.ingest.codex_results import result_of
from memento_skills.ingest.codex_rows import Payload
from memento_skills.ingest.codex_session import CodexSession, Place
from memento_skills.ingest.values import text_of
from memento_skills.records import digest

_CWD = re.compile(r"<cwd>([^<\n]{1,4096})</cwd>|^Current working directory: ([^\n]{1,4096})$", re.MULTILINE)
_SKILL = re.compile(r"<skill>\s{0,8}<name>([^<]{1,200})</name>")
_LISTED = re.compile(r"^- ([\w.:-]{1,120}): [^\n]{1,4000}\(file: ([^()\n]{1,1000})\)$", re.MULTILINE)


def item(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    """Take a response item; the kind under which it is counted as ignored, "" where it was understood."""
    kind = payload.type
    if kind == "message":
        return _message(session, payload, place, uid)
    if kind == "reasoning":
        return _reasoning(session, payload, place, uid)
    if kind.endswith("_output"):
        return _result(session, payload, place)
    if kind.endswith("_call"):
        return _call(session, payload, place)
    return f"response_item/{kind or '(no type)'}"[:80]


# -------------------------------------------------------------------------------------------------- messages


def _message(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    text = text_of(payload.content)
    if not text:
        return "response_item/message (empty)"
    if payload.role == "assistant":
        return _says(session, text, place, uid, event=False)
    if payload.role != "user":
        _listed(session, text)
        session.add(session.context(place, uid), "message", "system", text=text, meta=True)
        return ""
    return _typed(session, text, _typed_words(payload.content), place, uid, event=False)


def _typed_words(content: object) -> str:
    """The texts of a message without its images: its event has only these."""
    if isinstance(content, list):
        return "\n".join(p["text"] for p in content if isinstance(p, dict) and isinstance(p.get("text"), str))
    return text_of(content)


def user_event(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    """A person's message as an event."""
    text = text_of(payload.message)
    if not text:
        return "event_msg/user_message (empty)"
    return _typed(session, text, text, place, uid, event=True)


def _typed(session: CodexSession, text: str, bare: str, place: Place, uid: str, *, event: bool) -> str:
    if not session.is_new("user", bare, event=event):
        return f"{'event_msg/user_' if event else 'response_item/'}message (told before)"
    session.asked()
    meta = text.lstrip().startswith(words().meta_starts)
    # a copy of the session repeats the time and the text
    context = session.context(place, digest(uid, text))
    if meta:
        _client_text(session, text)
        _listed(session, text)
    session.add(context, "message", "user", text=text, meta=meta)
    if meta and (skill := _SKILL.match(text.lstrip())):
        session.load_skill(context, skill[1].strip(), "user")
    if not meta:
        session.ask(text)
    return ""


def _client_text(session: CodexSession, text: str) -> None:
    found = _CWD.search(text[:20_000])
    if found and not session.memory.cwd:
        session.memory.cwd = (found[1] or found[2]).strip()


def _listed(session: CodexSession, text: str) -> None:
    for found in _LISTED.finditer(text[:200_000]):
        session.offer(found[1], found[2])


def agent_event(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    """The model's message as an event."""
    text = text_of(payload.message)
    return _says(session, text, place, uid, event=True) if text else "event_msg/agent_message (empty)"


def _says(session: CodexSession, text: str, place: Place, uid: str, *, event: bool) -> str:
    context = session.answering(place, digest(uid, text))
    if not session.is_new("agent", text, event=event):
        return f"{'event_msg/agent_' if event else 'response_item/'}message (told before)"
    session.add(context, "message", "agent", text=text)
    return ""


def _reasoning(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    parts = [*_texts(payload.summary), *_texts(payload.content)]
    context = session.answering(place, digest(uid, parts))
    fresh = [text for text in parts if session.is_new("reasoning", text, event=False)]
    for text in fresh:
        session.add(context, "reasoning", "agent", text=text)
    if fresh:
        return ""
    return "response_item/reasoning (told before)" if parts else "response_item/reasoning (encrypted)"


def reasoning_event(session: CodexSession, payload: Payload, place: Place, uid: str) -> str:
    """A part of the reasoning as an event."""
    text = text_of(payload.text)
    context = session.answering(place, digest(uid, text))
    if not text or not session.is_new("reasoning", text, event=True):
        return "event_msg/agent_reasoning (told before)"
    session.add(context, "reasoning", "agent", text=text)
    return ""


def _texts(parts: object) -> Iterator[str]:
    if isinstance(parts, str):
        yield parts
    for part in parts if isinstance(parts, list) else ():
        text = part.get("text") if isinstance(part, dict) else None
        if isinstance(text, str) and text:
            yield text


# ------------------------------------------------------------------------------------------ calls and results


def _call(session: CodexSession, payload: Payload, place: Place) -> str:
    kind = payload.type
    if kind == "local_shell_call":
        action = payload.action
        command = action.command if action else None
        folder = action.working_directory if action else None
        raw: object = {"command": command, **({"workdir": folder} if folder else {})}
        tool = "local_shell"
    elif kind in ("function_call", "custom_tool_call"):
        tool, raw = payload.name or kind, payload.arguments if kind == "function_call" else payload.input
    else:  # searches and the like that the service runs itself
        tool, raw = kind.removesuffix("_call"), _action(payload)
    call = call_of(tool, raw)
    call_id = payload.call_id or payload.id or f"{session.memory.id}.{place.line}"
    context = session.answering(place, f"{call_id}.call")
    context.cwd = call.cwd or context.cwd
    session.call(context, call.tool, call.args, call_id)
    line = call.args.get("command")
    if isinstance(line, str):
        session.read_skills(call_id, line)
    return ""


def _action(payload: Payload) -> object:
    action = payload.action
    if action is None:
        return payload.arguments
    return {k: v for k in ("type", "query", "url") if (v := getattr(action, k))}


def _result(session: CodexSession, payload: Payload, place: Place) -> str:
    call_id = payload.call_id or ""
    if not call_id:
        return f"response_item/{payload.type} (no call)"[:80]
    session.heard(place.at)
    result = result_of(payload.output, session.ending(call_id))
    context = session.context(place, f"{call_id}.result")
    session.add(
        context, "result", "tool", text=result.text, tool=session.memory.tools.pop(call_id, ""), call_id=call_id,
        status=result.status, exit_code=result.exit_code,
    )  # fmt: skip
    session.loaded_skills(context, call_id, ok=result.status == "ok")
    return ""
