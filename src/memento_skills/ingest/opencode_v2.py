"""The second form of OpenCode's messages (rows of `session_message`) as messages with `info` and `parts`.

There a row is `{id, type, time, …}`: user, assistant (with `content`), shell, skill, compaction, idle and others.
"""

from __future__ import annotations

from typing import Any


def is_row(entry: dict[str, Any]) -> bool:
    """Whether an entry of `messages` has this form."""
    return "info" not in entry and isinstance(entry.get("type"), str)


def as_message(row: dict[str, Any]) -> dict[str, Any]:
    """A row as `{"info", "parts"}`. What a row type has no part for keeps its own name as the part's type."""
    kind = row["type"]
    info: dict[str, Any] = {"id": row.get("id"), "role": "user", "time": row.get("time")}
    if kind == "assistant":
        return {"info": _assistant(row, info), "parts": _content(row)}
    if kind in ("user", "synthetic", "system"):
        return _with(info, {"type": "text", "text": row.get("text"), "synthetic": kind != "user"})
    if kind == "idle" and row.get("outcome") == "interrupted":
        return {"info": {**info, "error": {"name": "MessageAbortedError"}}, "parts": []}
    part = {"type": kind}
    if kind == "shell":
        part = {"type": "text", "text": f"! {row.get('command')}", "synthetic": True}
    elif kind == "skill":
        part["text"] = row.get("name") or row.get("skill")
    elif kind == "compaction" and row.get("status") == "failed":
        part = {"type": "retry", "error": _error(row.get("error"))}
    return _with(info, part)


def _with(info: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    return {"info": info, "parts": [part]}


def _assistant(row: dict[str, Any], info: dict[str, Any]) -> dict[str, Any]:
    model = row.get("model")
    return {
        **info,
        "role": "assistant",
        "modelID": model.get("id") if isinstance(model, dict) else None,
        "tokens": row.get("tokens"),
        "cost": row.get("cost"),
        "error": _error(row["error"]) if isinstance(row.get("error"), dict) else None,
    }


def _content(row: dict[str, Any]) -> list[Any]:
    content = row.get("content")
    parts = [_part(part) for part in content] if isinstance(content, list) else []
    retry = row.get("retry")
    if isinstance(retry, dict):
        parts.insert(0, {"type": "retry", "error": _error(retry.get("error"))})
    return parts


def _part(part: Any) -> Any:  # noqa: ANN401  (whatever stands in the list)
    if not isinstance(part, dict) or part.get("type") != "tool":
        return part
    state = part.get("state")
    times = part.get("time")
    return {
        "type": "tool",
        "callID": part.get("id"),
        "tool": part.get("name"),
        "state": _state(state, times if isinstance(times, dict) else {}) if isinstance(state, dict) else {},
    }


def _state(state: dict[str, Any], times: dict[str, Any]) -> dict[str, Any]:
    metadata = state.get("metadata")
    if not isinstance(metadata, dict):
        metadata = state.get("structured")
    error = state.get("error")
    given = state.get("input")
    return {
        "status": state.get("status"),
        "input": given if isinstance(given, dict) else None,
        "raw": given if isinstance(given, str) else "",
        "output": state.get("content"),
        "error": error.get("message") if isinstance(error, dict) else error,
        "metadata": metadata,
        "time": {"start": times.get("ran") or times.get("created"), "end": times.get("completed")},
    }


def _error(error: object) -> dict[str, Any]:
    """The client's own word for a person who stopped it is `aborted`."""
    known = error if isinstance(error, dict) else {}
    kind = str(known.get("type") or known.get("name") or "error")[:80]
    return {"name": "MessageAbortedError" if kind == "aborted" else kind, "message": known.get("message")}
