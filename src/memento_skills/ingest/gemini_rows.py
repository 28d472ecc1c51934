"""The records of a Gemini CLI log, typed: only the fields that are taken."""

from __future__ import annotations

from typing import Any

import msgspec

from memento_skills.ingest.loose import NotReadable, loosely


class Thought(msgspec.Struct, gc=False):
    """One of `thoughts`."""

    subject: str = ""
    description: str = ""


class Tokens(msgspec.Struct, gc=False):
    """`tokens`: `input` includes the cached ones, `thoughts` come beside `output`."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None
    thoughts: int | None = None


class ToolCall(msgspec.Struct, gc=False):
    """One of `toolCalls`, with its result once it has ended."""

    id: str | None = None
    name: str = ""
    args: Any = None
    result: Any = None
    resultDisplay: Any = None  # noqa: N815  (the log's own name, as below)
    status: str = ""
    timestamp: str | None = None
    agentId: str | None = None  # noqa: N815


class Update(msgspec.Struct, gc=False):
    """`$set`: facts of the session, or its messages as the client has them now."""

    sessionId: str | None = None  # noqa: N815
    messages: list[Any] | None = None


class Record(msgspec.Struct, gc=False):
    """A message, the header of a session, `$set`, `$rewindTo`, or a whole older file."""

    # header, whole file
    sessionId: str | None = None  # noqa: N815
    projectHash: str | None = None  # noqa: N815
    kind: str | None = None
    startTime: str | None = None  # noqa: N815
    messages: list[Any] | None = None
    # message
    id: str | None = None
    timestamp: str | None = None
    type: str = ""
    content: Any = None
    displayContent: Any = None  # noqa: N815
    toolCalls: list[ToolCall] | None = None  # noqa: N815
    thoughts: list[Thought] | None = None
    tokens: Tokens | None = None
    model: str | None = None
    # changes
    set: Update | None = None
    rewind: str | None = None


def record_of(raw: dict[str, Any]) -> Record:
    """The record of one JSON object. Raises NotReadable where it is nested too deeply."""
    try:
        record = loosely(raw, Record)
        if isinstance(raw.get("$set"), dict):
            record.set = loosely(raw["$set"], Update)
    except RecursionError:
        raise NotReadable("nested too deeply") from None
    rewind = raw.get("$rewindTo")
    record.rewind = rewind if isinstance(rewind, str) else None
    return record
