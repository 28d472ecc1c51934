"""Which skill libraries a client has used in a project: the project's own folders first, then the user's."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

MAX_UP = 32
"""Folders looked at from the working directory upwards."""


class _Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    project: tuple[str, ...]
    user: tuple[str, ...]
    system: tuple[str, ...] = ()


@cache
def _clients() -> dict[str, _Client]:
    data = files("memento_skills.read").joinpath("clients.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(data), dict[str, _Client])


def clients() -> tuple[str, ...]:
    """Names of the clients whose folders are known, sorted."""
    return tuple(sorted(name for name in _clients() if name != "default"))


def library_for(client: str, project_cwd: str, home: Path) -> list[Path]:
    """Skill folders of that client that exist on this machine, the one that wins first.

    `project_cwd` is a working directory as a log states it: the home folder may stand as `~`, it may be of another
    system, or made up; what is not an existing absolute folder gives no project library. Links stay as they are.
    """
    known = _clients()
    paths = known.get(client, known["default"])
    found: dict[Path, Path] = {}
    for folder in _candidates(paths, project_cwd, home):
        if _is_folder(folder):
            found.setdefault(folder.resolve(), folder)
    return list(found.values())


def new_library_for(client: str, project_cwd: str, home: Path) -> Path:
    """Where the first skill of a project goes when it has no library yet: below its repository's root, else the user's.

    The folder need not exist.
    """
    known = _clients()
    paths = known.get(client, known["default"])
    ups = list(_upwards(project_cwd, home))
    if ups and _is_folder(ups[0]):
        return ups[-1] / paths.project[0]
    return home / paths.user[0]


def _candidates(paths: _Client, project_cwd: str, home: Path) -> Iterator[Path]:
    for folder in _upwards(project_cwd, home):
        yield from (folder / name for name in paths.project)
    yield from (home / name for name in paths.user)
    yield from (Path(name) for name in paths.system)


def _upwards(project_cwd: str, home: Path) -> Iterator[Path]:
    """From the working directory up to its repository's root; without a repository, the directory alone."""
    start = _expand(project_cwd, home)
    if start is None:
        return
    above = [start, *start.parents][:MAX_UP]
    root = next((i for i, folder in enumerate(above) if _exists(folder / ".git") and folder != home), 0)
    yield from above[: root + 1]


def _expand(cwd: str, home: Path) -> Path | None:
    """The folder a log's cwd stands for on this machine; None where it cannot stand for one."""
    text = cwd.replace("\\", "/") if cwd.startswith("~\\") else cwd
    path = home / text[2:] if text.startswith("~/") else (home if text == "~" else Path(text))
    odd = not text or "\0" in text or text.startswith(("//", "\\\\")) or ".." in path.parts
    return None if odd or not path.is_absolute() else path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for this system, a folder we may not look into
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
