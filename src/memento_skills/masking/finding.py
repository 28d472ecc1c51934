"""What a search found: its kind and its place, never its value."""

from __future__ import annotations

from memento_skills.records import Record


class Finding(Record, frozen=True, kw_only=True):
    """A secret, a piece of personal data or a hidden character: characters `start` up to `end` of the text."""

    kind: str
    start: int
    end: int
