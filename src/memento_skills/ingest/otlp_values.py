"""OTLP's own ways of writing values: attributes, times, status, flattened lists."""

from __future__ import annotations

from typing import Any

import msgspec

from memento_skills.ingest.values import seconds_of

_DEEPEST = 32
_WIDEST = 20_000  # keys of one span that are unflattened


def attributes_of(raw: object) -> dict[str, Any]:
    """Attributes as name -> value: OTLP's list of typed values, or an object, nested names joined with dots."""
    if isinstance(raw, list):
        return {
            one["key"]: _value(one.get("value"), 0)
            for one in raw
            if isinstance(one, dict) and isinstance(one.get("key"), str)
        }
    flat: dict[str, Any] = {}
    if isinstance(raw, dict):
        _flatten(raw, "", flat, 0)
    return flat


def _flatten(raw: dict[str, Any], prefix: str, flat: dict[str, Any], depth: int) -> None:
    for key, value in raw.items():
        name = f"{prefix}{key}"
        flat[name] = value
        if isinstance(value, dict) and depth < _DEEPEST:
            _flatten(value, f"{name}.", flat, depth + 1)


def _value(raw: object, depth: int) -> Any:  # noqa: ANN401 - any JSON
    """The value of OTLP's `AnyValue`."""
    if not isinstance(raw, dict) or depth > _DEEPEST:
        return raw
    for name, value in raw.items():
        if name == "arrayValue" and isinstance(value, dict):
            values = value.get("values")
            return [_value(one, depth + 1) for one in values] if isinstance(values, list) else []
        if name == "kvlistValue" and isinstance(value, dict):
            pairs = value.get("values")
            return {
                one["key"]: _value(one.get("value"), depth + 1)
                for one in (pairs if isinstance(pairs, list) else ())
                if isinstance(one, dict) and isinstance(one.get("key"), str)
            }
        if name == "intValue":
            return int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 20 else value
        if name.endswith("Value"):
            return value
    return raw


def unflattened(flat: dict[str, Any], prefix: str) -> list[Any]:
    """The list under `prefix`: `p.0.role`, `p.1.role`, … -> [{"role": …}, …], whatever the numbers are."""
    whole = flat.get(prefix.removesuffix("."))
    if isinstance(whole, list):
        return whole
    tree: dict[str, Any] = {}
    for key in [k for k in flat if k.startswith(prefix)][:_WIDEST]:
        at = tree
        *above, last = key.removeprefix(prefix).split(".", _DEEPEST)
        for name in above:
            inner = at.get(name)
            if not isinstance(inner, dict):
                inner = at[name] = {}
            at = inner
        at.setdefault(last, flat[key])
    made = _lists(tree)
    return made if isinstance(made, list) else []


def _lists(tree: object) -> object:
    """Objects whose names are numbers, at least half of them, as lists in the numbers' order."""
    if not isinstance(tree, dict):
        return tree
    numbers = [key for key in tree if key.isdecimal() and len(key) < 10]
    if numbers and 2 * len(numbers) >= len(tree):
        return [_lists(tree[key]) for key in sorted(numbers, key=int)]
    return {key: _lists(value) for key, value in tree.items()}


def moment(value: object) -> float | None:
    """Seconds since the epoch of nano-, micro- or milliseconds or seconds, as number or digits, or of an ISO time."""
    if isinstance(value, str):
        if not (value.isdecimal() and len(value) < 25):
            return seconds_of(value)
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    for limit, scale in ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9)):
        if value < limit:
            return value / scale
    return None


class Event(msgspec.Struct):
    """One event of a span, or a log record."""

    name: str
    at: float | None
    fields: dict[str, Any]
    body: Any = None


def events_of(raw: object) -> list[Event]:
    """The events of a span."""
    return [
        Event(
            name=str(one.get("name") or ""),
            at=moment(one.get("timeUnixNano", one.get("timestamp"))),
            fields=attributes_of(one.get("attributes")),
        )
        for one in (raw if isinstance(raw, list) else ())
        if isinstance(one, dict)
    ]


def failed(status: object) -> tuple[bool | None, str]:
    """(error flag, message) of a span's status: None where it was left unset."""
    if isinstance(status, str):
        status = {"code": status}
    if not isinstance(status, dict):
        return None, ""
    code = str(status.get("code", status.get("status_code", status.get("statusCode", "")))).upper()
    text = status.get("message", status.get("description"))
    flag = True if code in ("2", "ERROR") or code.endswith("_ERROR") else None
    if code in ("1", "OK") or code.endswith("_OK"):
        flag = False
    return flag, text if isinstance(text, str) else ""
