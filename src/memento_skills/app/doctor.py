"""What `memento doctor` finds: the program, its store, git, agent logs, skill libraries and extras."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from memento_skills import __version__
from memento_skills.errors import MementoError
from memento_skills.records import Record

State = Literal["ok", "warning", "missing"]

RETENTION_DAYS = 30
"""Days after which Claude Code deletes transcripts unless `cleanupPeriodDays` says otherwise (its settings page)."""
LOG_PLACES = (
    ("Claude Code", ".claude/projects", "CLAUDE_CONFIG_DIR", "projects"),
    ("Codex", ".codex/sessions", "CODEX_HOME", "sessions"),
    ("OpenCode", ".local/share/opencode", "", ""),
    ("Gemini CLI", ".gemini/tmp", "", ""),
    ("Copilot CLI", ".copilot/session-state", "", ""),
)
READ = frozenset({"Claude Code", "Codex", "Gemini CLI", "Copilot CLI"})
"""Clients whose own logs a reader of this version understands."""
LIBRARY_PLACES = (".claude/skills", ".agents/skills", ".codex/skills", ".config/opencode/skills", ".gemini/skills")
_REQUIRED = re.compile(r"[A-Za-z0-9._-]+")
COUNT_LIMIT = 20_000
"""Files looked at in one log folder: doctor answers at once, a home folder may be huge."""


class Finding(Record, frozen=True, kw_only=True):
    """One line: what was looked at, how it is, and what to do about it."""

    name: str
    state: State
    detail: str
    hint: str = ""


class Place(Record, frozen=True, kw_only=True):
    """Where doctor looks; everything it needs to know about the machine comes from here."""

    home: Path
    cwd: Path
    store: Path
    env: Mapping[str, str]
    skills: tuple[str, ...] = ()


def examine(place: Place) -> tuple[Finding, ...]:
    """All findings, in a fixed order. Reads only; never raises for what it finds."""
    return (
        _python(),
        _git(place.env),
        *_store(place.store),
        *_logs(place),
        *_libraries(place),
        *_extras(),
    )


def _python() -> Finding:
    found = f"memento {__version__}, Python {platform.python_version()} on {platform.system()} ({sys.executable})"
    return Finding(name="python", state="ok", detail=found)


def _git(env: Mapping[str, str]) -> Finding:
    path = shutil.which("git", path=env.get("PATH"))
    if path is None:
        hint = "install git: a promotion is a commit"
        return Finding(name="git", state="missing", detail="git is not on the PATH", hint=hint)
    return Finding(name="git", state="ok", detail=path)


def _store(path: Path) -> list[Finding]:
    if not path.exists():
        return [Finding(name="store", state="ok", detail=f"none yet; it will be {path}"), _writable(path)]
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    from memento_skills.store.migrations import MIGRATIONS

    if problem := _broken(path):
        hint = "restore a copy of the file; what it holds can be ingested again, decisions cannot"
        return [Finding(name="store", state="missing", detail=f"{path}, {size}: {problem}", hint=hint)]
    detail = f"{path}, {size}, version {MIGRATIONS[-1][0]}, intact"
    return [Finding(name="store", state="ok", detail=detail), _writable(path)]


def _broken(path: Path) -> str:
    """What is wrong with a store file; "" when it is sound."""
    from memento_skills.store.store import open_store

    try:
        with open_store(path, clock=lambda: 0.0) as store:
            return "; ".join(store.problems())
    except MementoError as error:
        return str(error)


def _writable(path: Path) -> Finding:
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    probe = path if path.exists() else folder
    if not os.access(probe, os.W_OK) or not os.access(folder, os.W_OK):
        hint = "give yourself the right to write there, or name another place with --store"
        return Finding(name="write permission", state="missing", detail=f"cannot write {probe}", hint=hint)
    free = shutil.disk_usage(folder).free
    if free < 200_000_000:
        hint = "make room: ingesting stops cleanly when the disk is full, but it stops"
        return Finding(name="write permission", state="warning", detail=f"{free / 1e6:.0f} MB free", hint=hint)
    return Finding(name="write permission", state="ok", detail=f"can write {probe}, {free / 1e9:.0f} GB free")


def _logs(place: Place) -> list[Finding]:
    found = []
    for client, default, variable, below in LOG_PLACES:
        told = place.env.get(variable, "") if variable else ""
        folder = Path(told) / below if told else place.home / default
        files, size = _weigh(folder)
        if files:
            detail = f"{folder}: {files:,} files, {size / 1e6:,.0f} MB"
            hint = "" if client in READ else "this version has no reader for them"
            found.append(Finding(name=f"logs of {client}", state="ok", detail=detail, hint=hint))
            if client == "Claude Code":
                found.append(_retention(folder.parent))
    return found or [
        Finding(name="logs", state="warning", detail="no agent logs found", hint="name them: memento scan PATH")
    ]


def _weigh(folder: Path) -> tuple[int, int]:
    files = size = 0
    for base, _, names in os.walk(folder):
        for name in names:
            if not name.endswith((".jsonl", ".json")):
                continue
            try:
                size += (Path(base) / name).stat().st_size
            except OSError:
                continue  # gone meanwhile: the client is running
            files += 1
            if files >= COUNT_LIMIT:
                return files, size
    return files, size


def _retention(folder: Path) -> Finding:
    name = "retention of Claude Code"
    try:
        told = json.loads((folder / "settings.json").read_bytes())
    except FileNotFoundError:
        told = {}
    except (OSError, ValueError) as error:
        return Finding(name=name, state="warning", detail=f"{folder / 'settings.json'} cannot be read: {error}")
    days = told.get("cleanupPeriodDays", RETENTION_DAYS) if isinstance(told, dict) else RETENTION_DAYS
    if not isinstance(days, (int, float)) or days < 90:
        detail = f"transcripts are deleted after {days} days"
        hint = f'scan at least that often, or set "cleanupPeriodDays": 365 in {folder / "settings.json"}'
        return Finding(name=name, state="warning", detail=detail, hint=hint)
    return Finding(name=name, state="ok", detail=f"transcripts are kept for {days} days")


def _libraries(place: Place) -> list[Finding]:
    roots = [Path(s) for s in place.skills] or [b / p for b in (place.cwd, place.home) for p in LIBRARY_PLACES]
    found = []
    for root in dict.fromkeys(roots):
        if not root.is_dir():
            continue
        skills = sum(1 for _ in root.glob("*/SKILL.md"))
        writable = os.access(root, os.W_OK)
        found.append(
            Finding(
                name="skill library",
                state="ok" if writable else "warning",
                detail=f"{root}: {skills} skills",
                hint="" if writable else "no permission to write: patches cannot be promoted there",
            )
        )
    hint = "a first promotion makes .claude/skills in the project"
    return found or [Finding(name="skill library", state="ok", detail="none found", hint=hint)]


def _extras() -> list[Finding]:
    """One line for each optional extra that this version declares: whether all its packages are there."""
    try:
        declared = distribution("memento-skills")
    except PackageNotFoundError:
        return [Finding(name="extras", state="warning", detail="not installed as a package: extras are not known")]
    found = []
    for extra in declared.metadata.get_all("Provides-Extra") or ():
        wanted = [_REQUIRED.match(r) for r in declared.requires or () if f"extra == '{extra}'" in r.replace('"', "'")]
        absent = sorted(name[0] for name in wanted if name and not _installed(name[0]))
        detail = f"missing: {', '.join(absent)}" if absent else "installed"
        hint = f"pip install 'memento-skills[{extra}]'" if absent else ""
        found.append(Finding(name=f"extra {extra}", state="warning" if absent else "ok", detail=detail, hint=hint))
    return found


def _installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True


def needed_is_missing(findings: tuple[Finding, ...]) -> bool:
    """Whether something that the program cannot do without is missing or broken."""
    return any(finding.state == "missing" for finding in findings)


def public(findings: tuple[Finding, ...]) -> list[dict[str, str]]:
    """The surface of `doctor --json`."""
    return [{"name": f.name, "state": f.state, "detail": f.detail, "hint": f.hint} for f in findings]
