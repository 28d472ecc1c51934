"""OpenHands V0 events -> steps: `{id, source, action, args}` and `{id, source, observation, content, cause}`."""

from __future__ import annotations

from typing import Any

from memento_skills.ingest.loose import NotReadable, json_of, loosely
from memento_skills.ingest.openhands_session import OpenHandsSession, shell_ended, words
from memento_skills.ingest.openhands_shapes import V0Event
from memento_skills.ingest.session import Context
from memento_skills.ingest.status import StatusOf, classify, says_error
from memento_skills.ingest.values import text_of, time_of

_CALLS = frozenset({
    "run", "run_ipython", "read", "write", "edit", "browse", "browse_interactive", "delegate", "call_tool_mcp", "push",
    "send_pr", "task_tracking",
})  # fmt: skip
"""Actions that are tool calls even without the provider's metadata."""
_QUIET = frozenset({
    "system", "recall", "null", "agent_state_changed", "change_agent_state", "condensation_request", "success",
    "think", "message", "stream",
})  # fmt: skip
_OWN = frozenset({
    "thought", "confirmation_state", "security_risk", "hidden", "blocking", "is_static", "is_confirmed", "impl_source",
    "keep_prompt", "translated_ipython_code", "final_thought", "image_urls", "file_urls", "wait_for_response",
    "return_all", "include_extra",
})  # fmt: skip
"""Fields that the client adds to a call's arguments."""
_STOPS = frozenset({"stopped", "paused"})


def take(session: OpenHandsSession, raw: dict[str, Any], line: int) -> str:
    """Make the steps of one event; the name under which it is counted as ignored, "" where it was understood."""
    event = loosely(raw, V0Event)
    name = str(event.id) if event.id is not None else f"at {session.memory.entry}"
    at = time_of(event.timestamp)
    session.saw(at)
    metadata = event.tool_call_metadata
    response = metadata.model_response if metadata else None
    if response and response.model:
        session.memory.model = session.memory.model or response.model
    context = Context(f"{session.memory.id}:{name}", at, line, message=response.id if response else "")
    if event.action is not None:
        return _action(session, context, event, name)
    return _observation(session, context, event)


def _action(session: OpenHandsSession, context: Context, event: V0Event, name: str) -> str:
    action, args = event.action or "", event.args or {}
    metadata = event.tool_call_metadata
    if action == "message":
        return _message(session, context, event)
    state = args.get("agent_state")
    if action == "condensation":
        session.notice(context, "compact_boundary")
    elif action == "change_agent_state" and event.source == "user" and isinstance(state, str) and state in _STOPS:
        session.notice(context, f"agent {state}", actor="user", status="interrupted")
    elif action in ("think", "finish", "reject") and event.source != "user":
        text = text_of(args.get("final_thought") or args.get("thought") or event.message)
        if not text.strip():
            return f"(empty {action})"
        session.add(context, "reasoning" if action == "think" else "message", "agent", text=text)
    elif action in _CALLS or (metadata and metadata.tool_call_id):
        _call(session, context, event, name)
    else:
        return action[:40] if action in _QUIET else f"action {action[:40]!r}"
    return ""


def _call(session: OpenHandsSession, context: Context, event: V0Event, name: str) -> None:
    action, args, metadata = event.action or "", event.args or {}, event.tool_call_metadata
    if event.source == "user":  # a person's own command
        session.add(context, "message", "user", text=f"! {text_of(args.get('command') or action)}", meta=True)
        return
    thought = args.get("thought")
    if isinstance(thought, str) and thought.strip():
        session.add(context, "message", "agent", text=thought)
    given = {key: value for key, value in args.items() if key not in _OWN and value is not None}
    tool = (metadata.function_name if metadata else "") or str(
        args.get("name") or "" if action == "call_tool_mcp" else ""
    )
    session.begin(context, name, tool or action, given, metadata.tool_call_id if metadata else "")


def _message(session: OpenHandsSession, context: Context, event: V0Event) -> str:
    text = text_of((event.args or {}).get("content")) or event.message
    if not text.strip():
        return "(empty message)"
    if event.source == "user":
        session.ask(text)
        session.add(context, "message", "user", text=text)
    elif event.source == "environment":
        session.add(context, "message", "system", text=text, meta=True)
    else:
        session.add(context, "message", "agent", text=text)
    return ""


def _observation(session: OpenHandsSession, context: Context, event: V0Event) -> str:
    kind, extras, text = event.observation or "", event.extras or {}, text_of(event.content)
    metadata = event.tool_call_metadata
    native = metadata.tool_call_id if metadata else ""
    cause = str(event.cause) if event.cause is not None else ""
    context.message = ""
    if kind == "agent_state_changed":
        return _state(session, context, extras)
    if kind == "condense":
        session.notice(context, "compact_boundary")
        return ""
    answers = kind not in _QUIET and (bool(native) or cause in session.memory.calls)
    if not answers and kind == "error":
        session.notice(context, text, status=_service(text))
        return ""
    if not answers:
        return kind[:40] if kind in _QUIET else f"observation {kind[:40]!r} without a call"
    if kind == "user_rejected":
        session.refused(context, native, cause, text, "denied_user")
        return ""
    known = extras.get("metadata")
    shell = known if isinstance(known, dict) else {}
    session.stands_in(shell.get("working_dir"))
    tool = metadata.function_name if metadata else ""
    session.end(context, native, cause, text, _ended(kind, text, extras, shell), tool)
    return ""


def _ended(kind: str, text: str, extras: dict[str, Any], shell: dict[str, Any]) -> StatusOf:
    if kind == "error":
        return classify(text, error=True)
    if kind in words().shells:
        return shell_ended(text, shell.get("exit_code", extras.get("exit_code")))
    if kind == "mcp" and _mcp_failed(text):
        return classify(text, error=True)
    if kind in ("read", "edit", "write") and says_error(text):
        return classify(text, error=True)
    if extras.get("error") is True:  # a page that could not be opened
        return StatusOf("error", None, "log:error")
    return StatusOf("ok", None, "")


def _mcp_failed(text: str) -> bool:
    try:
        answer = json_of(text[: 1 << 20].encode("utf-8", "replace"))
    except NotReadable:
        return False
    return isinstance(answer, dict) and answer.get("isError") is True


def _state(session: OpenHandsSession, context: Context, extras: dict[str, Any]) -> str:
    state, reason = extras.get("agent_state"), text_of(extras.get("reason"))
    if state in ("error", "rate_limited"):
        session.notice(
            context, reason or str(state), status=_service(reason) or ("api_error" if state != "error" else None)
        )
        return ""
    return "agent_state_changed"


def _service(text: str) -> Any:  # noqa: ANN401  (a status or None)
    """Whether an error of no call is one of the model's service."""
    return "api_error" if classify(text, error=True).status == "api_error" else None
