"""Heads of the audit chain that promotion and rollback commits carry: found again to tell a shortened log."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from memento_skills.errors import MementoError
from memento_skills.promote.git import Git
from memento_skills.promote.place import locate, own_place

_FORMAT = (
    "%(trailers:key=Memento-Patch,valueonly,separator=%x20)%x00%(trailers:key=Memento-Audit,valueonly,separator=%x20)"
)
_LOOK_FOR = "SKILL.md"


def anchors(root: Path, state: Path, patches: Collection[str]) -> tuple[str, ...]:
    """Every head that a commit about one of `patches` carries, in whichever repositories the library has or had.

    The library's history is asked, not the store: a store that was cut short, or replaced by an older copy of itself,
    has forgotten its promotions. Commits of other stores are told by their patches and left out.

    Args:
        root: the library's folder.
        state: Memento's own folder.
        patches: ids of the store's patches.
    """
    found: dict[str, None] = {}
    for place in (own_place, locate):  # a library may have become a repository since
        try:
            git = place(root, _LOOK_FOR, state).git
            lines = _trailers(git)
        except MementoError:  # the library was moved or is no repository: nothing to compare with there
            continue
        for line in lines:
            patch, _, head = line.partition("\0")
            if patch.strip() in patches and _is_head(head.strip()):
                found[head.strip()] = None
    return tuple(found)


def _trailers(git: Git) -> list[str]:
    return git.text("log", "--all", "--grep=^Memento-Audit: ", f"--format={_FORMAT}").splitlines()


def _is_head(text: str) -> bool:
    """64 hexadecimal digits, not the zeros of an empty chain."""
    return len(text) == 64 and set(text) <= set("0123456789abcdef") and set(text) != {"0"}
