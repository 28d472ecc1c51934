"""Values that formats write in their own ways: times, texts, arguments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from memento_skills.ingest.loose import NotReadable, json_of

TASK_LENGTH = 2000
"""Characters of `Run.task`."""
_DEPTH = 64
_TOO_DEEP = "(nested too deeply)"


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
    """The words of a content: a string, or parts with `text`; other parts as `[type]`; other values as JSON."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list):
        return "\n".join(text for part in content if (text := _part(part)))
    return json_text(content)


def _part(part: object) -> str:
    if not isinstance(part, dict):
        return part if isinstance(part, str) else ""
    text = part.get("text")
    return text if isinstance(text, str) else f"[{str(part.get('type', 'part'))[:40]}]"


def json_text(value: object) -> str:
    """A value as JSON; what is nested too deeply to be written is said to be so."""
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:
        return _TOO_DEEP


def arguments_of(raw: object) -> dict[str, Any]:
    """Arguments of a call: an object or the JSON of one; anything else, or what is nested too deeply, under `_raw`."""
    if isinstance(raw, dict):
        return raw if _shallow(raw) else {"_raw": json_text(raw)}
    if raw is None or raw == "":
        return {}
    if not isinstance(raw, str):
        return {"_raw": json_text(raw)}
    try:
        value = json_of(raw.encode("utf-8", "replace"))
    except NotReadable:
        return {"_raw": raw}
    return value if isinstance(value, dict) and _shallow(value) else {"_raw": raw}


def _shallow(value: dict[str, Any]) -> bool:
    """Whether a value is nested at most `_DEPTH` deep: every later stage walks through it."""
    layer: list[object] = [value]
    for _ in range(_DEPTH):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return True
    return False


def time_of(value: object) -> float | None:
    """Seconds since the epoch of a number (seconds, or milliseconds where it is that large) or an ISO time."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 < value < 1e11 else value / 1000 if 0 < value < 1e14 else None
    return seconds_of(value) if isinstance(value, str) else None
