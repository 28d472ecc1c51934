"""Finding logs: this machine's agent logs, and the files below the paths that a user names, newest first."""

from __future__ import annotations

import os
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import msgspec

from memento_skills.errors import UsageError
from memento_skills.ingest import framing
from memento_skills.ingest.result import LogFile
from memento_skills.ingest.values import seconds_of

MAX_FILES = 200_000
MAX_DEPTH = 16
_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", "__pycache__"})
_TIME = re.compile(rb'"(?:timestamp|ts|created_at)"\s*:\s*"(\d{4}-\d\d-\d\d[T ][^"]{5,30})"')
_HEAD = 1 << 15  # bytes of a file that are searched for its first time


def discover(
    home: Path, *, environ: Mapping[str, str], since: float | None = None, until: float | None = None
) -> list[LogFile]:
    """The session logs of the agents on this machine, newest first.

    `since` and `until` are seconds since the epoch: files written before the one, or begun after the other, are left
    out. `environ` may name another folder of a client (`CLAUDE_CONFIG_DIR`, `CODEX_HOME`, …). Table: `homes.toml`.
    """
    found = [log for place in homes() for log in _logs_of(place, home, environ)]
    return newest_first(
        [
            log
            for log in found
            if (since is None or log.mtime >= since) and (until is None or (first_time(log.path) or log.mtime) <= until)
        ]
    )


class Home(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one client keeps its logs: a row of `homes.toml`."""

    client: str
    folders: tuple[str, ...]
    variable: str = ""
    inside: bool = False
    logs: tuple[str, ...]
    within: str = ""
    endings: tuple[str, ...]


@cache
def homes() -> tuple[Home, ...]:
    """The table of clients' folders."""
    raw = tomllib.loads(files(__package__).joinpath("homes.toml").read_text("utf-8"))
    return msgspec.convert(raw["home"], tuple[Home, ...])


def _logs_of(place: Home, home: Path, environ: Mapping[str, str]) -> list[LogFile]:
    named = environ.get(place.variable) if place.variable else None
    roots = [home / folder for folder in place.folders]
    if named:
        roots = [Path(named) / Path(folder).name for folder in place.folders] if place.inside else [Path(named)]
    found = [path for root in roots for name in place.logs for path in sorted(root.glob(name))]

    def wanted(path: Path) -> bool:
        return path.name.endswith(place.endings) and (not place.within or place.within in path.parts)

    return files_under(found, wanted=wanted)


def files_under(
    paths: Sequence[Path], *, wanted: Callable[[Path], bool] | None = None, limit: int = MAX_FILES
) -> list[LogFile]:
    """Every file at or below `paths`, once each, newest first: by time of change; where several files share one (a
    copied folder), by the first time in them. A path that is no folder is given as it is, readable or not.

    Symbolic links are followed only to what lies below the same path. Raises UsageError for more than `limit`.
    """
    found: dict[str, LogFile] = {}
    for path in paths:
        for file in _below(path) if path.is_dir() else (path,):
            if (wanted is None or wanted(file) or file == path) and str(file) not in found:
                found[str(file)] = _log_file(file)
                if len(found) > limit:
                    raise UsageError(f"more than {limit:,} files", where=str(path), hint="name a folder further down")
    return newest_first(list(found.values()))


def newest_first(logs: Sequence[LogFile]) -> list[LogFile]:
    """The logs by time, the newest first; files of one time of change by the first time that stands in them."""
    shared = Counter(log.mtime for log in logs)

    def age(log: LogFile) -> tuple[float, float, str]:
        inside = first_time(log.path) if shared[log.mtime] > 1 else None
        return (-log.mtime, -(inside or 0.0), log.path)

    return sorted(logs, key=age)


def first_time(path: str) -> float | None:
    """The first time that stands in a log, in seconds since the epoch; None where none is found."""
    try:
        head, _ = framing.head_of(Path(path), _HEAD)
    except OSError:
        return None
    found = _TIME.search(head)
    return seconds_of(found[1].decode("ascii", "replace")) if found else None


def _log_file(path: Path) -> LogFile:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return LogFile(path=str(path), size=0, mtime=0.0)
    return LogFile(path=str(path), size=status.st_size, mtime=status.st_mtime)


def _below(root: Path) -> Iterator[Path]:
    """Files below a folder, folders in order of name; unreadable folders hold nothing."""
    inside = root.resolve()
    entered: set[tuple[int, int]] = set()
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop()
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        for entry in entries:
            kind = _kind(entry, inside)
            if kind == "folder" and depth < MAX_DEPTH and entry.name not in _SKIPPED:
                waiting.append((Path(entry.path), depth + 1))
            elif kind == "file":
                yield Path(entry.path)


def _kind(entry: os.DirEntry[str], inside: Path) -> str:
    """`folder`, `file` or "" for what is neither, or leads out."""
    try:
        if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(inside):
            return ""
        return "folder" if entry.is_dir() else "file" if entry.is_file() else ""
    except (OSError, RuntimeError):
        return ""


def users_from(data: bytes) -> dict[str, str]:
    """The map of `--users FILE`: JSON object, log file or session id -> user. Raises UsageError where it is none."""
    try:
        return msgspec.json.decode(data, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            f"the users file is no JSON object of names: {error}", hint='{"file or session": "user"}'
        ) from None
