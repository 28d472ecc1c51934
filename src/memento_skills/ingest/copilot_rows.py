"""The events of a Copilot CLI log, typed: only the fields that are needed, everything else is skipped unparsed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from memento_skills.ingest.loose import NotReadable, json_of, loosely


class Folder(msgspec.Struct, gc=False):
    """`context` of a session's start."""

    cwd: str | None = None
    branch: str | None = None


class Request(msgspec.Struct, gc=False):
    """One of `toolRequests` of an answer."""

    toolCallId: str | None = None  # noqa: N815  (the log's own name, as below)
    name: str | None = None
    arguments: Any = None


class Data(msgspec.Struct, gc=False):
    """`data` of an event."""

    # session.*
    sessionId: str | None = None  # noqa: N815
    copilotVersion: str | None = None  # noqa: N815
    context: Folder | None = None
    newModel: str | None = None  # noqa: N815
    selectedModel: str | None = None  # noqa: N815
    remoteSessionId: str | None = None  # noqa: N815
    errorType: str | None = None  # noqa: N815
    message: Any = None
    reason: str | None = None
    # user.message, system.message, assistant.message
    content: Any = None
    source: str | None = None
    messageId: str | None = None  # noqa: N815
    reasoningText: str | None = None  # noqa: N815
    toolRequests: list[Request] | None = None  # noqa: N815
    outputTokens: int | None = None  # noqa: N815
    model: str | None = None
    # tool.*, skill.*, permission.*
    toolCallId: str | None = None  # noqa: N815
    parentToolCallId: str | None = None  # noqa: N815
    toolName: str | None = None  # noqa: N815
    arguments: Any = None
    success: bool | None = None
    result: Any = None
    error: Any = None
    name: str | None = None


class Event(msgspec.Struct, gc=False):
    """One line of a log."""

    type: str = ""
    id: str = ""
    timestamp: str | None = None
    agentId: str | None = None  # noqa: N815
    data: Data | None = None


_decode = msgspec.json.Decoder(Event).decode
_STARTS = re.compile(rb'\{ ?"type": ?"[a-z_.]{1,60}", ?"(?:data|id|timestamp)": ?')
_MOST_STARTS = 16


def event_of(line: bytes) -> Event | None:
    """The event of one line; None for JSON that is no event. Raises NotReadable with the reason."""
    try:
        event = _decode(line)
        if event.data is not None:
            return event
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raw = json_of(line)
    try:
        return loosely(raw, Event) if isinstance(raw, dict) else None
    except RecursionError:
        raise NotReadable("nested too deeply") from None


def glued(line: bytes) -> int:
    """Where in a line that is no JSON a whole event begins, after one that was cut short; 0 where there is none.

    Seen after a resumed session wrote over an event (copilot-cli issue 4098). The quotes of an event inside a string
    are escaped, so what looks like the beginning of one is one.
    """
    for number, found in enumerate(_STARTS.finditer(line)):
        if number >= _MOST_STARTS:
            return 0
        if found.start() and _whole(line[found.start() :]):
            return found.start()
    return 0


def _whole(piece: bytes) -> bool:
    try:
        return isinstance(json_of(piece), dict)
    except NotReadable:
        return False


# What is left of a line before it is masked: the fields above, as they stand in the line.
_Part = msgspec.Raw | msgspec.UnsetType


class _ResultPart(msgspec.Struct, omit_defaults=True, gc=False):
    kind: _Part = msgspec.UNSET
    content: _Part = msgspec.UNSET
    contents: _Part = msgspec.UNSET


_DataPart = msgspec.defstruct(
    "_DataPart",
    [
        (name, (_ResultPart | str | None if name == "result" else msgspec.Raw) | msgspec.UnsetType, msgspec.UNSET)
        for name in Data.__struct_fields__
    ],
    omit_defaults=True,
    gc=False,
)


class _EventPart(msgspec.Struct, omit_defaults=True, gc=False):
    type: _Part = msgspec.UNSET
    id: _Part = msgspec.UNSET
    timestamp: _Part = msgspec.UNSET
    agentId: _Part = msgspec.UNSET  # noqa: N815
    data: _DataPart | msgspec.UnsetType = msgspec.UNSET  # type: ignore[valid-type]


_part_of = msgspec.json.Decoder(_EventPart).decode
_encoder = msgspec.json.Encoder()


def trimmed(lines: Sequence[bytes]) -> bytes:
    """The lines with only the fields of `Event`, each ended by a line break; what is no event stays as it is."""
    return b"".join([_trimmed_line(line) + b"\n" for line in lines])


def _trimmed_line(line: bytes) -> bytes:
    try:
        return _encoder.encode(_part_of(line))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line
