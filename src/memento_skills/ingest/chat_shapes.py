"""The shapes of chat logs: only the fields that are taken; labels of the answer are not among them."""

from __future__ import annotations

from typing import Any

import msgspec


class Function(msgspec.Struct):
    """`function` of a tool call."""

    name: str = ""
    arguments: Any = None


class ToolCall(msgspec.Struct):
    """One of `tool_calls`."""

    id: str | None = None
    function: Function | None = None


class ChatMessage(msgspec.Struct):
    """One entry of a conversation."""

    role: str = ""
    content: Any = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    timestamp: Any = None
    is_error: bool | None = None


class Info(msgspec.Struct):
    """`info` of a run."""

    exit_status: str | None = None


class Conversation(msgspec.Struct):
    """One run, whatever the format calls its messages."""

    messages: list[Any] | None = None
    traj: list[Any] | None = None
    history: list[Any] | None = None
    id: str | int | None = None
    session_id: str | None = None
    conversation_id: str | None = None
    task_id: str | int | None = None
    trial: int | str | None = None
    reward: float | None = None
    info: Info | None = None
    model: str | None = None
    user: str | None = None
    question: str | None = None
