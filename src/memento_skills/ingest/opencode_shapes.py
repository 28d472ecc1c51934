# ruff: noqa: N815  (field names are the format's)
"""The shapes of OpenCode's sessions: only the fields that are taken. Times are milliseconds since the epoch."""

from __future__ import annotations

from typing import Any

import msgspec


class Time(msgspec.Struct):
    """`time` of a session, message, part or tool state."""

    created: float | None = None
    updated: float | None = None
    completed: float | None = None
    start: float | None = None
    end: float | None = None


class Cache(msgspec.Struct):
    """`tokens.cache`."""

    read: int = 0
    write: int = 0


class Tokens(msgspec.Struct):
    """`tokens` of a model answer; reasoning is paid for as output."""

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cache: Cache | None = None


class Revert(msgspec.Struct):
    """`revert` of a session: the person took the messages from this one on back."""

    messageID: str = ""


class SessionModel(msgspec.Struct):
    """`model` of a user's message."""

    modelID: str = ""
    id: str = ""


class SessionInfo(msgspec.Struct):
    """`info` of a session."""

    id: str = ""
    directory: str = ""
    parentID: str | None = None
    forkID: str | None = None
    version: str = ""
    time: Time | None = None
    revert: Revert | None = None


class Place(msgspec.Struct):
    """`path` of an assistant's message."""

    cwd: str = ""


class ErrorData(msgspec.Struct):
    """`data` of a message's error."""

    message: str = ""


class MessageError(msgspec.Struct):
    """`error` of an assistant's message or of a retry."""

    name: str = ""
    message: str = ""
    data: ErrorData | None = None


class MessageInfo(msgspec.Struct):
    """`info` of a message."""

    id: str = ""
    sessionID: str = ""
    role: str = ""
    time: Time | None = None
    modelID: str = ""
    model: SessionModel | None = None
    agent: str = ""
    path: Place | None = None
    cost: float | None = None
    tokens: Tokens | None = None
    error: MessageError | None = None


class ToolState(msgspec.Struct):
    """`state` of a tool part."""

    status: str = ""
    input: Any = None
    raw: str = ""
    output: Any = None
    error: Any = None
    metadata: dict[str, Any] | None = None
    time: Time | None = None


class Part(msgspec.Struct):
    """One part of a message, of any type."""

    id: str = ""
    type: str = ""
    text: str = ""
    synthetic: bool | None = None
    ignored: bool | None = None
    time: Time | None = None
    callID: str = ""
    tool: str = ""
    state: ToolState | None = None
    tokens: Tokens | None = None
    cost: float | None = None
    prompt: str = ""
    error: MessageError | None = None


class Message(msgspec.Struct):
    """A message with its parts."""

    info: MessageInfo | None = None
    parts: list[Any] | None = None


class Session(msgspec.Struct):
    """An exported session."""

    info: SessionInfo | None = None
    messages: list[Any] | None = None
