"""The shapes of OpenHands' events, of both generations: only the fields that are taken."""

from __future__ import annotations

from typing import Any

import msgspec


class Response(msgspec.Struct):
    """`model_response` of a call's metadata."""

    id: str = ""
    model: str = ""


class CallMetadata(msgspec.Struct):
    """`tool_call_metadata` (V0)."""

    tool_call_id: str = ""
    function_name: str = ""
    model_response: Response | None = None


class V0Event(msgspec.Struct):
    """An action or an observation (V0)."""

    id: int | str | None = None
    timestamp: Any = None
    source: str = ""
    message: str = ""
    action: str | None = None
    observation: str | None = None
    args: dict[str, Any] | None = None
    extras: dict[str, Any] | None = None
    content: Any = None
    cause: int | str | None = None
    tool_call_metadata: CallMetadata | None = None


class Function(msgspec.Struct):
    """`function` of a tool call in the provider's own shape."""

    name: str = ""
    arguments: Any = None


class ToolCall(msgspec.Struct):
    """`tool_call` of an action (V1)."""

    name: str = ""
    arguments: Any = None
    function: Function | None = None


class LlmMessage(msgspec.Struct):
    """`llm_message` of a message (V1)."""

    role: str = ""
    content: Any = None
    reasoning_content: str | None = None


class V1Event(msgspec.Struct):
    """An event (V1), of any kind."""

    kind: str = ""
    id: str = ""
    timestamp: Any = None
    source: str = ""
    tool_name: str | None = None
    tool_call_id: str | None = None
    tool_call: ToolCall | None = None
    action: dict[str, Any] | None = None
    action_id: str | None = None
    thought: Any = None
    reasoning_content: str | None = None
    llm_response_id: str | None = None
    llm_message: LlmMessage | None = None
    activated_skills: list[str] | None = None
    sender: str | None = None
    observation: dict[str, Any] | None = None
    rejection_reason: str = ""
    rejection_source: str = ""
    error: str = ""
    code: str = ""
    detail: str = ""
    reason: str | None = None
    blocked: bool | None = None
    hook_event_type: str = ""
    hook_command: str = ""
    key: str = ""
    value: Any = None
