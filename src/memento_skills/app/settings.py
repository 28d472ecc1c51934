"""Settings: flags, then `MEMENTO_*`, then the project's file, then the user's; each value knows where it is from.

The project's file is the nearest `memento.toml`, or `pyproject.toml` with `[tool.memento]`, from the working
directory upwards and never above the repository's root or the home folder. A checked-out project is not
trusted to name code to run or the person who decides: `PERSONAL` keys are refused there.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from memento_skills.errors import UsageError
from memento_skills.records import Record

PREFIX = "MEMENTO_"
PERSONAL = frozenset({"curator", "plugins"})
PATHS = frozenset({"store", "skills", "users"})
SECRET = frozenset({"mask"})
OTHER_VARIABLES = frozenset({"MEMENTO_TEST_DATA", "MEMENTO_BENCH_DATA"})

Share = Annotated[float, msgspec.Meta(ge=0.1, le=0.9)]
Few = Annotated[int, msgspec.Meta(ge=1, le=50)]


class Settings(Record, frozen=True, kw_only=True):
    """What a person may set. Every field is a key of the files, and `MEMENTO_` + its name in capitals."""

    store: str = ""
    """Path of the store; "" = `.memento/store.db` of the project if that folder exists, else the user's."""
    skills: tuple[str, ...] = ()
    """Skill libraries; empty = those of the logs' client and project."""
    users: str = ""
    """JSON file `{log file or session: user}`."""
    tenant: str = ""
    since: str = "90d"
    """How far back this machine's logs are read when `scan` is given no path."""
    split: Share = 0.6
    """Share of the calls, by time, that a backtest learns from."""
    proposals: Few = 5
    """At most so many proposals from one scan."""
    seed: int = 0
    """Of every random draw (bootstrap)."""
    mask: tuple[str, ...] = ()
    """Literal words to mask in logs, besides what is found."""
    curator: str = ""
    """Who decides; "" = the name in the git configuration, else the system's user."""
    plugins: tuple[str, ...] = ()
    """More parts, `group=package.module:Name`, besides those of installed packages."""


class Setting(Record, frozen=True, kw_only=True):
    """One value and where it comes from: `default`, `flag`, a variable's name or a file."""

    name: str
    value: Any
    source: str


class Loaded(Record, frozen=True, kw_only=True):
    """Settings with the source of each."""

    settings: Settings
    sources: dict[str, str]

    def listed(self) -> tuple[Setting, ...]:
        """Every setting in order; the words to mask are only counted, never shown."""
        rows = []
        for name in Settings.__struct_fields__:
            value = getattr(self.settings, name)
            shown = f"({len(value)} hidden)" if name in SECRET and value else value
            rows.append(Setting(name=name, value=shown, source=self.sources.get(name, "default")))
        return tuple(rows)


def load(flags: Mapping[str, Any], env: Mapping[str, str], cwd: Path, home: Path, user_folder: Path) -> Loaded:
    """Merge all sources, the strongest first: flags, `env`, the project's file, the user's `config.toml`.

    Flags that are None were not given. Raises UsageError naming source and key for an unknown key, a wrong
    type, a value out of bounds, a file that is no TOML, or a personal key in a project's file.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, found in (
        (str(user_folder / "config.toml"), _from_file(user_folder / "config.toml", home)),
        _from_project(cwd, home),
        ("", _from_env(env, home)),
        ("flag", {k: v for k, v in flags.items() if v is not None}),
    ):
        for name, value in found.items():
            values[name] = _checked(name, value, source or PREFIX + name.upper())
            sources[name] = source or PREFIX + name.upper()
    return Loaded(settings=Settings(**values), sources=sources)


def unknown_variables(env: Mapping[str, str]) -> tuple[str, ...]:
    """`MEMENTO_*` variables that no setting answers to: they are ignored, and `memento settings` says so."""
    known = {PREFIX + name.upper() for name in Settings.__struct_fields__} | OTHER_VARIABLES
    return tuple(sorted(name for name in env if name.startswith(PREFIX) and name not in known))


def project_file(cwd: Path, home: Path) -> Path | None:
    """The settings file of the project that `cwd` lies in, None where it has none."""
    for folder in (cwd, *cwd.parents):
        if (folder / "memento.toml").is_file():
            return folder / "memento.toml"
        if (folder / "pyproject.toml").is_file() and _table(folder / "pyproject.toml") is not None:
            return folder / "pyproject.toml"
        if folder == home or (folder / ".git").exists():
            return None
    return None


def default_store(cwd: Path, home: Path, state_folder: Path) -> Path:
    """`.memento/store.db` of the nearest folder upwards that has a `.memento`, else one in `state_folder`."""
    for folder in (cwd, *cwd.parents):
        if (folder / ".memento").is_dir():
            return folder / ".memento" / "store.db"
        if folder == home or (folder / ".git").exists():
            break
    return state_folder / "store.db"


def _from_project(cwd: Path, home: Path) -> tuple[str, dict[str, Any]]:
    path = project_file(cwd, home)
    if path is None:
        return "project", {}
    found = _from_file(path, home)
    if personal := sorted(PERSONAL & found.keys()):
        hint = "set it in your own config file or in the environment; a project may not decide it"
        raise UsageError(f"setting {personal[0]!r} is personal", where=str(path), hint=hint)
    return str(path), found


def _table(path: Path) -> dict[str, Any] | None:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        if path.name == "pyproject.toml":
            return None  # another tool's file: that it is broken is for its owner to hear
        raise UsageError("settings file cannot be read", where=str(path), hint=str(error)) from error
    if path.name == "pyproject.toml":
        table = content.get("tool", {}).get("memento")
        return table if isinstance(table, dict) else None
    return content


def _from_file(path: Path, home: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    found = {name.replace("-", "_"): value for name, value in (_table(path) or {}).items()}
    for name in found:
        if name not in Settings.__struct_fields__:
            near = difflib.get_close_matches(name, Settings.__struct_fields__, n=1, cutoff=0.4)
            known = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(Settings.__struct_fields__)
            raise UsageError(f"unknown setting {name!r}", where=str(path), hint=known)
    return {name: _placed(name, value, path.parent, home) for name, value in found.items()}


def _from_env(env: Mapping[str, str], home: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in Settings.__struct_fields__:
        text = env.get(PREFIX + name.upper(), "")
        if not text:
            continue
        many = isinstance(getattr(Settings(), name), tuple)
        # a plugin's name and a word to mask may hold a colon, which separates paths
        between = os.pathsep if name in PATHS else ","
        value: Any = [part for part in text.split(between) if part] if many else text
        found[name] = _placed(name, value, None, home)
    return found


def _placed(name: str, value: object, folder: Path | None, home: Path) -> object:
    """Paths with `~` spelt out, and taken from the file's own folder where they are relative."""
    if name not in PATHS:
        return value
    if isinstance(value, str):
        return _path(value, folder, home)
    if isinstance(value, Sequence):
        return [_path(v, folder, home) if isinstance(v, str) else v for v in value]
    return value


def _path(text: str, folder: Path | None, home: Path) -> str:
    if not text:
        return text
    if text == "~" or text.startswith(("~/", "~\\")):
        return str(home / text[2:])
    return str(folder / text) if folder else text


def _checked(name: str, value: object, source: str) -> object:
    kind = next(field.type for field in msgspec.structs.fields(Settings) if field.name == name)
    try:
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        hint = str(error) if isinstance(error, msgspec.ValidationError) else "it is not text in UTF-8"
        raise UsageError(f"setting {name!r} is {value!r}", where=source, hint=hint) from error
