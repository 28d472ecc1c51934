"""OpenHands V1 events -> steps: `{kind: "ActionEvent" | "ObservationEvent" | …, id, source, timestamp, …}`."""

from __future__ import annotations

from typing import Any

from memento_skills.ingest.loose import loosely
from memento_skills.ingest.openhands_session import OpenHandsMemory, OpenHandsSession, shell_ended
from memento_skills.ingest.openhands_shapes import V1Event
from memento_skills.ingest.session import Context
from memento_skills.ingest.status import StatusOf, classify
from memento_skills.ingest.values import arguments_of, text_of, time_of

_QUIET = frozenset({
    "SystemPromptEvent", "ConversationStateUpdateEvent", "CondensationRequest", "CondensationSummaryEvent",
    "TokenEvent", "LLMCompletionLogEvent", "StreamingDeltaEvent",
})  # fmt: skip
_OWN = frozenset({"kind", "security_risk", "summary"})
"""Fields that the client adds to a call's arguments."""


def take(session: OpenHandsSession, raw: dict[str, Any], line: int) -> str:
    """Make the steps of one event; the name under which it is counted as ignored, "" where it was understood."""
    event = loosely(raw, V1Event)
    at = time_of(event.timestamp)
    session.saw(at)
    uid = event.id or f"{session.memory.id}:at {session.memory.entry}"
    context = Context(uid, at, line, message=event.llm_response_id or "", agent=event.sender or "")
    if event.kind in ("MessageEvent", "ActionEvent"):
        return _says(session, context, event)
    if event.kind in ("ObservationEvent", "UserRejectObservation", "AgentErrorEvent"):
        _answer(session, context, event)
        return ""
    return _aside(session, context, event)


def _says(session: OpenHandsSession, context: Context, event: V1Event) -> str:
    """A message, or a call with the thoughts before it."""
    if event.kind == "MessageEvent":
        message = event.llm_message
        text = text_of(message.content) if message else ""
        if event.source != "agent":
            return _person(session, context, event, text)
        thinking = message.reasoning_content if message else None
    else:
        thinking, text = event.reasoning_content, text_of(event.thought)
    if thinking:
        session.add(context, "reasoning", "agent", text=thinking)
    if text.strip():
        session.add(context, "message", "agent", text=text)
    if event.kind == "ActionEvent":
        return _call(session, context, event)
    return "" if thinking or text.strip() else "(empty message)"


def _person(session: OpenHandsSession, context: Context, event: V1Event, text: str) -> str:
    person = event.source == "user"
    if text.strip():
        # a sender is another agent, which asks this one
        session.add(
            context, "message", "user" if person else "system", text=text, meta=not person or bool(event.sender)
        )
        if person:
            session.ask(text)
    for skill in event.activated_skills or ():
        session.load_skill(context, skill, "user")
    return "" if text.strip() or event.activated_skills else "(empty message)"


def _call(session: OpenHandsSession, context: Context, event: V1Event) -> str:
    tool = event.tool_name or ""
    if tool == "finish" and event.action:
        said = text_of(event.action.get("message"))
        if said.strip():
            session.add(context, "message", "agent", text=said)
        return ""
    native = event.tool_call
    args = {k: v for k, v in (event.action or {}).items() if k not in _OWN and v is not None}
    if event.action is None and native is not None:  # a call that could not be made: only the provider's own is kept
        args = arguments_of(native.arguments if native.function is None else native.function.arguments)
    session.begin(context, event.id, tool or (native.name if native else ""), args, event.tool_call_id or "")
    return ""


def _answer(session: OpenHandsSession, context: Context, event: V1Event) -> None:
    native, action = event.tool_call_id or "", event.action_id or ""
    if event.kind == "UserRejectObservation":
        hook = event.rejection_source == "hook"
        session.refused(context, native, action, event.rejection_reason, "denied_hook" if hook else "denied_user")
        return
    if event.kind == "AgentErrorEvent":
        session.end(context, native, action, event.error, classify(event.error, error=True), event.tool_name or "")
        return
    told = event.observation or {}
    if event.tool_name == "finish":
        return
    known = told.get("metadata")
    shell = known if isinstance(known, dict) else {}
    session.stands_in(shell.get("working_dir"))
    session.end(context, native, action, _text(told, shell), _ended(told, shell), event.tool_name or "")


def _text(told: dict[str, Any], shell: dict[str, Any]) -> str:
    body = told.get("content")
    text = text_of(body if body is not None else told.get("output", told.get("error")))
    return f"{text_of(shell.get('prefix'))}{text}{text_of(shell.get('suffix'))}"


def _ended(told: dict[str, Any], shell: dict[str, Any]) -> StatusOf:
    """How a call ended: by the exit code where there is one (a command that fails is no error of its tool)."""
    text = _text(told, shell)
    if "exit_code" in told or "exit_code" in shell:
        code = told.get("exit_code")
        ended = shell_ended(text, shell.get("exit_code") if code is None else code, timeout=told.get("timeout") is True)
        if ended.status not in ("ok", "unknown") or told.get("is_error") is not True:
            return ended
    if told.get("is_error") is True or (isinstance(told.get("error"), str) and told["error"]):
        return classify(text, error=True)
    return StatusOf("ok", None, "")


def opening(memory: OpenHandsMemory, state: dict[str, Any]) -> None:
    """The state that a conversation begins with names it, its model and its folder."""
    agent, place = state.get("agent"), state.get("workspace")
    model = agent.get("llm") if isinstance(agent, dict) else None
    told = {
        "id": state.get("id"),
        "cwd": place.get("working_dir") if isinstance(place, dict) else None,
        "model": model.get("model") if isinstance(model, dict) else None,
    }
    for field, value in told.items():
        if isinstance(value, str) and value:
            setattr(memory, field, value)


def _aside(session: OpenHandsSession, context: Context, event: V1Event) -> str:
    """What is neither said nor called: stops, errors of the conversation, hooks, condensations."""
    kind = event.kind
    if kind in ("PauseEvent", "InterruptEvent"):
        session.notice(context, event.reason or kind, actor="user", status="interrupted")
    elif kind == "ConversationErrorEvent":
        session.notice(context, f"{event.code}: {event.detail}", status="api_error")
    elif kind == "HookExecutionEvent":
        said = f": {event.reason}" if event.reason else ""
        state = "blocked" if event.blocked else "ran"
        session.notice(context, f"hook {event.hook_event_type} {state} ({event.hook_command}){said}")
    elif kind == "Condensation":
        session.notice(context, "compact_boundary")
    elif event.key == "full_state" and isinstance(event.value, dict) and not session.memory.seq:
        opening(session.memory, event.value)
    elif kind == "ConversationStateUpdateEvent" and event.key == "execution_status" and event.value == "error":
        session.notice(context, "the conversation ended in an error")
    else:
        return kind if kind in _QUIET else f"event {kind[:40]!r}"
    return ""
