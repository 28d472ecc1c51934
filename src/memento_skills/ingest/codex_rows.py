"""The rows of a Codex log, typed: only the fields that are needed, everything else is skipped unparsed.

In: one line of a rollout (`{timestamp, type, payload}`), of an older rollout (items without an envelope) or of
`codex exec --json` (`{type, item}`). Out: a `Row`, or `NotReadable` with the reason. A field of an unexpected type
keeps its default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from memento_skills.ingest.loose import NotReadable, json_of, loosely


class Git(msgspec.Struct, gc=False):
    """`git` of a session's first row."""

    branch: str | None = None


class Tokens(msgspec.Struct, omit_defaults=True, gc=False):
    """Tokens; `input_tokens` includes the cached ones, `output_tokens` those of the reasoning."""

    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None


class TokenInfo(msgspec.Struct, omit_defaults=True, gc=False):
    """`info` of a `token_count` event."""

    total_token_usage: Tokens | None = None
    last_token_usage: Tokens | None = None


class Action(msgspec.Struct, gc=False):
    """`action` of a `local_shell_call` or a `web_search_call`."""

    type: str | None = None
    command: Any = None
    working_directory: str | None = None
    query: str | None = None
    url: str | None = None


class Payload(msgspec.Struct, gc=False):
    """`payload` of a rollout row, and the item of an older rollout."""

    type: str = ""
    id: str | None = None
    call_id: str | None = None
    # session_meta, turn_context
    cwd: str | None = None
    cli_version: str | None = None
    git: Git | None = None
    source: Any = None
    forked_from_id: str | None = None
    model: str | None = None
    approval_policy: Any = None
    sandbox_policy: Any = None
    # response items
    role: str | None = None
    content: Any = None
    summary: Any = None
    name: str | None = None
    arguments: Any = None
    input: Any = None
    output: Any = None
    status: Any = None
    action: Action | None = None
    # events
    message: Any = None
    text: Any = None
    reason: str | None = None
    info: TokenInfo | None = None
    exit_code: int | None = None
    success: bool | None = None
    result: Any = None
    codex_error_info: Any = None


class Item(msgspec.Struct, gc=False):
    """`item` of `codex exec --json`."""

    id: str | None = None
    type: str = ""
    item_type: str = ""
    """What `type` was called in the first versions."""
    text: str | None = None
    message: str | None = None
    command: Any = None
    aggregated_output: str | None = None
    exit_code: int | None = None
    status: str | None = None
    changes: Any = None
    server: str | None = None
    tool: str | None = None
    arguments: Any = None
    result: Any = None
    error: Any = None
    query: str | None = None
    prompt: str | None = None
    receiver_thread_ids: list[str] | None = None


class Row(msgspec.Struct, gc=False):
    """One line of a log."""

    type: str = ""
    timestamp: str | None = None
    payload: Payload | None = None
    item: Item | None = None
    thread_id: str | None = None
    usage: Tokens | None = None
    error: Any = None
    message: Any = None
    record_type: str | None = None


_decode = msgspec.json.Decoder(Row).decode


def row_of(line: bytes) -> Row | None:
    """The row of one line; None for JSON that is no object. Raises NotReadable with the reason."""
    try:
        row = _decode(line)
        if row.payload is not None or row.item is not None or _is_event(row):
            return row
        raw = json_of(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raw = json_of(line)
    if not isinstance(raw, dict):
        return None
    try:
        row = loosely(raw, Row)
        if row.payload is None and row.item is None and not _is_event(row) and "payload" not in raw:
            row = _bare(raw)
    except RecursionError:
        raise NotReadable("nested too deeply") from None
    return row


def _is_event(row: Row) -> bool:
    """Whether a row is an event of `codex exec --json` without an item."""
    return "." in row.type or (row.type == "error" and row.message is not None)


def _bare(raw: dict[str, Any]) -> Row:
    """A row of an older rollout: the first names the session, the others are response items without an envelope."""
    payload = loosely(raw, Payload)
    if not payload.type and payload.id and "instructions" in raw:
        kind = "session_meta"
    else:
        kind = "response_item" if payload.type else ""
    record = raw.get("record_type")
    stamp = raw.get("timestamp")
    return Row(
        type=kind,
        payload=payload,
        timestamp=stamp if isinstance(stamp, str) else None,
        record_type=record if isinstance(record, str) else None,
    )


# What is left of a line before it is masked: the fields above, as they stand in the line.
_Part = msgspec.Raw | msgspec.UnsetType


def _parts(name: str, of: type[msgspec.Struct], special: dict[str, Any]) -> type[msgspec.Struct]:
    fields = [(f, special.get(f, msgspec.Raw) | msgspec.UnsetType, msgspec.UNSET) for f in of.__struct_fields__]
    return msgspec.defstruct(name, fields, omit_defaults=True, gc=False)


_PayloadPart = _parts("_PayloadPart", Payload, {"type": str})
_RowPart = _parts("_RowPart", Row, {"type": str, "payload": _PayloadPart})
_part_of = msgspec.json.Decoder(_RowPart).decode
_encoder = msgspec.json.Encoder()
_MIRRORS = frozenset({"compacted", "world_state"})
"""Rows whose payload repeats what stood in the log before."""


def trimmed(lines: Sequence[bytes]) -> bytes:
    """The lines with only the fields of `Row`, each ended by a line break; what is no row stays as it is."""
    return b"".join([_trimmed_line(line) + b"\n" for line in lines])


def _trimmed_line(line: bytes) -> bytes:
    try:
        part: Any = _part_of(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line
    payload = part.payload
    if payload is msgspec.UNSET or not part.type:
        return line
    if part.type in _MIRRORS:
        part.payload = _PayloadPart()
    elif payload.type == "reasoning" and payload.content is not msgspec.UNSET and bytes(payload.content) == b"null":
        payload.content = msgspec.UNSET
    return _encoder.encode(part)
