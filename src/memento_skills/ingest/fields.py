"""Fields of loose objects: the first of several names that holds something of the wanted type."""

from __future__ import annotations

from typing import Any

from memento_skills.records import Outcome

_PASSED = frozenset({"pass", "passed", "success", "correct", "true", "yes"})
_FAILED = frozenset({"fail", "failed", "failure", "incorrect", "false", "no"})


def first(fields: dict[str, Any], *names: str) -> str:
    """The first of these fields that is a text or a whole number; "" where none is."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
        if type(value) is int:
            return str(value)
    return ""


def any_of(fields: dict[str, Any], *names: str) -> Any:  # noqa: ANN401 - any JSON
    """The first of these fields that is neither missing, null nor empty; None where none is."""
    return next((fields[name] for name in names if fields.get(name) not in (None, "", [], {})), None)


def inner(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """The object under a path of names; an empty one where there is none."""
    value: Any = fields
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def count(fields: dict[str, Any], *names: str) -> int:
    """The first of these fields that is a number of tokens; 0 where none is."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:
            return int(value)
    return 0


def price(value: object) -> float:
    """A price in US dollars as a number or as digits; 0.0 for anything else."""
    if isinstance(value, str):
        try:
            value = float(value[:40])
        except ValueError:
            return 0.0
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9 else 0.0


def score(name: str, value: object, label: str, explanation: str) -> Outcome:
    """One evaluation as an outcome. A number alone tells success or failure only where it is 1 or 0 (or true, false):
    what counts as enough in between is not ours to say.
    """
    word = label.strip().lower()
    reason = ": ".join(filter(None, (name, explanation or label)))[:300]
    number = float(value) if isinstance(value, int | float) and abs(value) < 1e12 else None
    if word in _PASSED or word in _FAILED:
        return Outcome(label="success" if word in _PASSED else "failure", reward=number, reason=reason)
    if number in (0.0, 1.0):
        return Outcome(label="success" if number else "failure", reward=number, reason=reason)
    return Outcome(reward=number, reason=reason)
