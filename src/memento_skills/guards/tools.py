"""What a tool does, and which of its arguments is the path, the command, the text: from `tools.toml`."""

from __future__ import annotations

import posixpath
import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from memento_skills.guards.patches import changes
from memento_skills.shell import Command, commands

_TABLE: dict[str, Any] = tomllib.loads((files(__package__) / "tools.toml").read_text("utf-8"))
_ROLE: dict[str, str] = {name: role for role, names in _TABLE["roles"].items() for name in names}
_ARGUMENTS: dict[str, list[str]] = _TABLE["arguments"]
CHANGES_FILES = frozenset(_TABLE["changes_files"]["heads"])
"""Heads of shell commands that may rewrite files in place."""
KEEP_FOLDER = frozenset(_TABLE["shells"]["keep_folder"])
"""Shell tools in which an earlier `cd` still holds."""
_RUNNERS = frozenset(_TABLE["changes_files"]["runners"])


COSMETIC = frozenset(_TABLE["options"]["cosmetic"])
"""Options that change what a program prints, not what it does."""


def changer(head: str) -> str:
    """The words under which a command (its first two words) that may rewrite files is known; "" for any other."""
    program = head.split(" ", 1)[0]
    if head in CHANGES_FILES or program in _RUNNERS:
        return head
    return program if program in CHANGES_FILES else ""


def role(tool: str) -> str:
    """read, edit, patch, write, shell, search, or "" for a tool that is not in the table."""
    return _ROLE.get(tool, "")


def argument(args: dict[str, Any], what: str) -> str:
    """The text of the first argument that plays the part `what` (path, command, patch, old, new, content), else ""."""
    for name in _ARGUMENTS[what]:
        value = args.get(name)
        if isinstance(value, str):
            return value
        if what == "command" and isinstance(value, list):
            return " ".join(str(v) for v in value)
    return ""


def place(tool: str, args: dict[str, Any]) -> str:
    """The path that a call works on as it is written, of a patch its first file; "" where there is none."""
    if role(tool) == "patch":
        found = changes(argument(args, "patch"))
        if found:
            return found[0].path
    return argument(args, "path")


@lru_cache(maxsize=256)
def parsed(line: str) -> tuple[Command, ...]:
    """The simple commands of a line. A call is looked at when it is made and when its result comes: parsed once."""
    return commands(line)


_DRIVE = re.compile(r"^[A-Za-z]:[\\/]|^[A-Za-z]:$")


@lru_cache(maxsize=65536)
def normal(path: str, cwd: str = "") -> str:
    """`path` as an absolute, normalised path with `/`; relative to `cwd` where it is not absolute."""
    if "\\" in path and (_DRIVE.match(path) or "/" not in path):
        path = path.replace("\\", "/")
    if not absolute(path) and cwd:
        path = f"{cwd}/{path}"
    return posixpath.normpath(path) if path else ""


def absolute(path: str) -> bool:
    """POSIX, home (`~`), Windows drive or UNC paths."""
    return path.startswith(("/", "~", "\\\\")) or bool(_DRIVE.match(path))


def under_root(path: str, root: str) -> str:
    """`path` written relative to the project's root (`<root>/a/b`), or unchanged where it lies outside."""
    if root and path == root:
        return "<root>"
    if root and path.startswith(root.rstrip("/") + "/"):
        return "<root>/" + path[len(root.rstrip("/")) + 1 :]
    return path
