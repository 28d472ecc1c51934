"""Points in time as people write them on a command line: `90d` ago, or a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from memento_skills.errors import UsageError

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment(text: str, now: float, *, flag: str = "--since") -> float:
    """Turn `90d`, `12h`, `2026-10-01` or `2026-10-01T12:00` into seconds since the epoch.

    A length of time is counted back from `now`; a date is its first second, UTC, as is a time without a zone.
    Raises UsageError, naming `flag`, for anything else.
    """
    text = text.strip()
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _SECONDS[ago[2]]
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        hint = "write a length such as 90d or 12h, or a date such as 2026-10-01"
        raise UsageError(f"{flag} {text!r} is no point in time", hint=hint) from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def days(text: str, *, flag: str = "--days") -> float:
    """Seconds in a length of time such as `7d`, `2w` or a bare number of days; raises UsageError naming `flag`."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 6:
        return int(text) * 86_400.0
    if ago := _AGO.fullmatch(text):
        return float(int(ago[1]) * _SECONDS[ago[2]])
    raise UsageError(f"{flag} {text!r} is no length of time", hint="write a number of days, or 12h, 7d, 2w")


def day(at: float | None) -> str:
    """The UTC day of a time as YYYY-MM-DD; "" for None or a time no calendar has."""
    if at is None:
        return ""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return ""


def spell(seconds: float) -> str:
    """A length of time for a person: `40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
