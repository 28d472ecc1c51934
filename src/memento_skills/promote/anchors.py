"""Heads of the audit chain that promotion and rollback commits carry: found again to tell a shortened log."""

from __future__ import annotations

from pathlib import Path

from memento_skills.errors import MementoError
from memento_skills.promote.place import locate, own_place

TRAILER = "Memento-Audit"


def anchor(root: Path, path: str, state: Path, commit: str) -> str:
    """The chain's head as the commit carries it; "" where repository or commit are not there any more.

    Args:
        root: the library's folder.
        path: the skill's file in it.
        state: Memento's own folder.
        commit: the promotion's or rollback's commit.
    """
    for find in (own_place, locate):  # a library may have become a repository since
        try:
            git = find(root, path, state).git
            if git.commit_of(commit):
                return _head(git.text("show", "-s", f"--format=%(trailers:key={TRAILER},valueonly)", commit))
        except MementoError:  # the library was moved or the branch deleted: nothing to compare with there
            continue
    return ""


def _head(text: str) -> str:
    value = text.strip()
    return value if len(value) == 64 and set(value) <= set("0123456789abcdef") else ""
