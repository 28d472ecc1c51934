"""The rows of a Claude Code log, typed: only the fields that are needed, everything else is skipped unparsed.

In: one line. Out: a `Row`, or `NotReadable` with the reason. A field of an unexpected type does not cost the row: such
a row is decoded a second time, field by field, and the field keeps its default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from memento_skills.ingest.loose import NotReadable, json_of, loosely


class Block(msgspec.Struct, gc=False):
    """One content block of a message: text, thinking, tool_use, tool_result, image, …"""

    type: str = ""
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: Any = None
    tool_use_id: str = ""
    content: str | list[Block | str] | None = None
    is_error: bool | None = None


class Tokens(msgspec.Struct, omit_defaults=True, gc=False):
    """`usage` of a model answer."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class Message(msgspec.Struct, gc=False):
    """`message`: what was said, by a person, the model or a tool."""

    id: str | None = None
    role: str | None = None
    model: str | None = None
    content: str | list[Block | str] | None = None
    usage: Tokens | None = None


class SubRow(msgspec.Struct, gc=False):
    """A sub-agent's row inside a `progress` row."""

    type: str = ""
    uuid: str = ""
    timestamp: str | None = None
    message: Message | None = None
    toolUseResult: ToolUse | str | list[msgspec.Raw] | None = None  # noqa: N815  (the log's own name)


class Progress(msgspec.Struct, gc=False):
    """`data` of a `progress` row."""

    type: str = ""
    message: SubRow | None = None
    agentId: str | None = None  # noqa: N815
    hookName: str | None = None  # noqa: N815


class Attachment(msgspec.Struct, gc=False):
    """`attachment` of an `attachment` row."""

    type: str = ""
    content: Any = None
    prompt: Any = None
    commandMode: str | None = None  # noqa: N815
    filename: str | None = None
    hookName: str | None = None  # noqa: N815
    toolUseID: str | None = None  # noqa: N815
    stderr: str | None = None
    blockingError: Any = None  # noqa: N815
    allowedTools: list[str] | None = None  # noqa: N815


class ToolUse(msgspec.Struct, omit_defaults=True, gc=False):
    """`toolUseResult`: the client's mirror of a result; only its small facts."""

    interrupted: bool | None = None


class Compacted(msgspec.Struct, gc=False):
    """`microcompactMetadata`."""

    compactedToolIds: list[str] = []  # noqa: N815


class Origin(msgspec.Struct, gc=False):
    """`origin` of a user row: who wrote it."""

    kind: str = ""


class ForkedFrom(msgspec.Struct, gc=False):
    """`forkedFrom`: the session that this one was copied from."""

    sessionId: str = ""  # noqa: N815


class Row(msgspec.Struct, gc=False):
    """One line of a log."""

    type: str = ""
    subtype: str | None = None
    uuid: str = ""
    parentUuid: str | None = None  # noqa: N815
    sessionId: str = ""  # noqa: N815
    timestamp: str | None = None
    cwd: str = ""
    gitBranch: str = ""  # noqa: N815
    version: str = ""
    isSidechain: bool | None = None  # noqa: N815
    agentId: str | None = None  # noqa: N815
    isMeta: bool | None = None  # noqa: N815
    isCompactSummary: bool | None = None  # noqa: N815
    isVisibleInTranscriptOnly: bool | None = None  # noqa: N815
    isApiErrorMessage: bool | None = None  # noqa: N815
    toolDenialKind: str | None = None  # noqa: N815
    sourceToolUseID: str | None = None  # noqa: N815
    parentToolUseID: str | None = None  # noqa: N815
    message: Message | None = None
    content: Any = None
    data: Progress | None = None
    attachment: Attachment | None = None
    toolUseResult: ToolUse | str | list[msgspec.Raw] | None = None  # noqa: N815
    microcompactMetadata: Compacted | None = None  # noqa: N815
    origin: Origin | None = None
    forkedFrom: ForkedFrom | None = None  # noqa: N815
    error: Any = None


_decode = msgspec.json.Decoder(Row).decode


def row_of(line: bytes) -> Row | None:
    """The row of one line; None for JSON that is no object. Raises NotReadable with the reason."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raw = json_of(line)
    try:
        return loosely(raw, Row) if isinstance(raw, dict) else None
    except RecursionError:
        raise NotReadable("nested too deeply") from None


# What is left of a line before it is masked: the fields above, as they stand in the line.
_Part = msgspec.Raw | msgspec.UnsetType
_Mirror = ToolUse | str | list[msgspec.Raw] | None | msgspec.UnsetType


class _BlockPart(msgspec.Struct, omit_defaults=True, gc=False):
    type: _Part = msgspec.UNSET
    text: _Part = msgspec.UNSET
    thinking: _Part = msgspec.UNSET
    id: _Part = msgspec.UNSET
    name: _Part = msgspec.UNSET
    input: _Part = msgspec.UNSET
    tool_use_id: _Part = msgspec.UNSET
    content: _Part = msgspec.UNSET
    is_error: _Part = msgspec.UNSET


class _MessagePart(msgspec.Struct, omit_defaults=True, gc=False):
    id: _Part = msgspec.UNSET
    role: _Part = msgspec.UNSET
    model: _Part = msgspec.UNSET
    content: list[_BlockPart] | str | msgspec.UnsetType | None = msgspec.UNSET
    usage: Tokens | msgspec.UnsetType | None = msgspec.UNSET


class _SubPart(msgspec.Struct, omit_defaults=True, gc=False):
    type: _Part = msgspec.UNSET
    uuid: _Part = msgspec.UNSET
    timestamp: _Part = msgspec.UNSET
    message: _MessagePart | msgspec.UnsetType = msgspec.UNSET
    toolUseResult: _Mirror = msgspec.UNSET  # noqa: N815


class _ProgressPart(msgspec.Struct, omit_defaults=True, gc=False):
    type: str = ""
    message: _SubPart | msgspec.UnsetType = msgspec.UNSET
    agentId: _Part = msgspec.UNSET  # noqa: N815
    hookName: _Part = msgspec.UNSET  # noqa: N815


_PARTS = {"type": str, "message": _MessagePart, "data": _ProgressPart, "toolUseResult": _Mirror}
_RowPart = msgspec.defstruct(
    "_RowPart",
    [(name, _PARTS.get(name, msgspec.Raw) | msgspec.UnsetType, msgspec.UNSET) for name in Row.__struct_fields__],
    omit_defaults=True,
    gc=False,
)
_part_of = msgspec.json.Decoder(_RowPart).decode
_encoder = msgspec.json.Encoder()


def trimmed(lines: Sequence[bytes]) -> bytes:
    """The lines with only the fields of `Row`, each ended by a line break; what is no row stays as it is."""
    try:
        return _encoder.encode_lines([_part_of(line) for line in lines])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b"".join([_trimmed_line(line) + b"\n" for line in lines])


def _trimmed_line(line: bytes) -> bytes:
    try:
        return _encoder.encode(_part_of(line))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line
