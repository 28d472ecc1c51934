"""Values that formats write in their own ways: times, texts, arguments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from memento_skills.ingest.loose import NotReadable, json_of

TASK_LENGTH = 2000
"""Characters of `Run.task`."""


def seconds_of(timestamp: str | None) -> float | None:
    """Seconds since the epoch of an ISO time (UTC where it names no zone); None where it is none."""
    if not timestamp:
        return None
    try:
        moment = datetime.fromisoformat(timestamp)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def text_of(content: object) -> str:
    """The words of a content: a string, or parts with `text`; other parts as `[type]`."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, Sequence):
        parts = [p if isinstance(p, str) else p.get("text") or f"[{p.get('type', 'part')}]" for p in content if p]
        return "\n".join(p for p in parts if isinstance(p, str))
    return msgspec.json.encode(content).decode()


def arguments_of(raw: object) -> dict[str, Any]:
    """Arguments of a call: an object or the JSON of one; anything else under `_raw`."""
    if isinstance(raw, dict):
        return raw
    if raw is None or raw == "":
        return {}
    if isinstance(raw, str):
        try:
            value = json_of(raw.encode("utf-8", "replace"))
        except NotReadable:
            return {"_raw": raw}
        if isinstance(value, dict):
            return value
        return {"_raw": raw}
    return {"_raw": msgspec.json.encode(raw).decode()}


def time_of(value: object) -> float | None:
    """Seconds since the epoch of a number (seconds, or milliseconds where it is that large) or an ISO time."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 < value < 1e11 else float(value) / 1000 if value < 1e14 else None
    return seconds_of(value) if isinstance(value, str) else None
