"""What a patch in the form of the `apply_patch` tool changes: files, and for each the lines it relies on and writes.

The form is that of Codex, which OpenCode and others took over: `*** Update File: PATH`, then hunks whose lines begin
with a space (context), `-` (removed) or `+` (added). Pure, linear in the text, never raises.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

LONGEST = 400_000
"""Characters of a patch that are looked at."""


class Change(NamedTuple):
    """One file of a patch."""

    path: str
    how: str
    """Add, Update, Delete or Move."""
    old: str
    """Lines that must stand in the file: context and removed ones."""
    new: str
    """Lines that stand there afterwards: context and added ones."""


@lru_cache(maxsize=64)
def changes(patch: str) -> tuple[Change, ...]:
    """The files of a patch in order; () for a text that is none."""
    found: list[Change] = []
    path, how, old, new = "", "", [], []  # type: tuple[str, str, list[str], list[str]]
    for line in patch[:LONGEST].split("\n"):
        if line.startswith("*** "):
            head, colon, rest = line[4:].partition(" File: ")
            if colon and head in ("Add", "Update", "Delete"):
                if path:
                    found.append(Change(path, how, "\n".join(old), "\n".join(new)))
                path, how, old, new = rest.strip(), head, [], []
        elif path and line[:1] in (" ", "-", "+"):
            if line[0] != "+":
                old.append(line[1:])
            if line[0] != "-":
                new.append(line[1:])
    if path:
        found.append(Change(path, how, "\n".join(old), "\n".join(new)))
    return tuple(found)
