"""The `allowed-tools` of a skill as a set, and whether another set goes beyond it.

A pattern covers another only where that is certain; all else counts as wider. A missing field grants nothing.
"""

from __future__ import annotations

import re

from memento_skills.skilldoc.document import SkillDoc

_FIELD = "allowed-tools"
_TOOL = re.compile(r"[^\s,()]+\([^()]*(?:\([^()]*\)[^()]*)*\)|[^\s,]+")
_SHELL_JOINT = re.compile(r"[;&|<>`$\r\n]|\.\.")


def allowed_tools(doc: SkillDoc) -> frozenset[str]:
    """The tools that the front matter names, each with its pattern: `Read`, `Bash(git add:*)`. Empty where none are.

    Reads what clients read: the specification's space-separated string, commas, and a YAML list.
    """
    value = (doc.front or {}).get(_FIELD)
    if isinstance(value, str):
        return frozenset(_TOOL.findall(value))
    if isinstance(value, list):
        return frozenset(tool for entry in value if isinstance(entry, str) for tool in _TOOL.findall(entry))
    return frozenset()


def widened(before: frozenset[str], after: frozenset[str]) -> frozenset[str]:
    """The tools of `after` that no tool of `before` is certain to cover."""
    return frozenset(tool for tool in after if not any(_covers(have, tool) for have in before))


def _covers(have: str, want: str) -> bool:
    """Whether everything that `want` allows, `have` allows."""
    if have == want:
        return True
    have_name, have_pattern = _parts(have)
    want_name, want_pattern = _parts(want)
    if have_name != want_name:
        return have_pattern is None and have_name.endswith("*") and want_name.startswith(have_name[:-1])
    if have_pattern is None:
        return True
    return want_pattern is not None and _prefix_covers(have_pattern, want_pattern)


def _parts(tool: str) -> tuple[str, str | None]:
    name, opened, pattern = tool.partition("(")
    if not opened or not pattern.endswith(")"):
        return tool, None
    # `Bash()` and `Bash(*)` limit nothing.
    return name, (pattern[:-1] if pattern[:-1] not in {"", "*", ":*", "**"} else None)


def _prefix_covers(have: str, want: str) -> bool:
    """Patterns ending in a star, compared by what comes before it; `git:*` is `git` and `git …`, not `github`."""
    if _SHELL_JOINT.search(want):
        return False
    words = have.endswith(":*")
    stem = have.removesuffix(":*") if words else have.rstrip("*")
    if stem == have or "*" in stem:
        return False
    if not words:
        return want.startswith(stem)
    return want in {stem, stem + ":*"} or want.startswith(stem + " ")
