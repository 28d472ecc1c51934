"""Replaceable parts by entry point: the built-ins come through the same door as everyone else's.

A group for each Protocol: `memento_skills.readers`, `.detectors`, `.reflectors`, `.gates`. A person may name
more in the settings as `group=package.module:Name`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from memento_skills.errors import UsageError
from memento_skills.records import Record

PREFIX = "memento_skills."
GROUPS = ("readers", "detectors", "reflectors", "gates")
OWN = "memento-skills"


class Plugin(Record, frozen=True, kw_only=True):
    """One part as found, whether it loads or not."""

    group: str
    name: str
    """Name of the entry point, or of the object."""
    target: str
    """`package.module:Name`."""
    package: str = ""
    """Distribution that brings it; "settings" for one named there."""
    version: str = ""
    part: str = ""
    """Versioned name of the part itself, such as `claude-code@1`."""
    problem: str = ""
    """Why it cannot be used; "" = it loads."""


class Loaded(Record, frozen=True, kw_only=True):
    """A plugin and the class or function it stands for (None where it does not load)."""

    plugin: Plugin
    made: Any = None


def find(group: str, extra: Sequence[str] = (), points: Iterable[EntryPoint] | None = None) -> tuple[Loaded, ...]:
    """Every part of a group, built-ins first, each loaded or with the reason why not.

    `extra` are the settings' `group=package.module:Name`; `points` replaces what is installed (for tests).
    Raises UsageError for a malformed `extra`.
    """
    found = points if points is not None else entry_points(group=PREFIX + group)
    mine = [_from_point(group, point) for point in found]
    mine.sort(key=lambda plugin: (plugin.package != OWN, plugin.package, plugin.name))
    named = [_from_setting(text) for text in extra]
    mine.extend(plugin for plugin in named if plugin.group == group)
    return tuple(_load(plugin) for plugin in mine)


def listed(extra: Sequence[str] = ()) -> tuple[Plugin, ...]:
    """All parts of all groups, for `memento plugins`."""
    return tuple(loaded.plugin for group in GROUPS for loaded in find(group, extra))


def _from_point(group: str, point: EntryPoint) -> Plugin:
    package = point.dist.name if point.dist else ""
    version = point.dist.version if point.dist else ""
    return Plugin(group=group, name=point.name, target=point.value, package=package, version=version)


def _from_setting(text: str) -> Plugin:
    group, _, target = text.partition("=")
    module, _, name = target.partition(":")
    if group.strip() not in GROUPS or not module or not name:
        hint = f"write group=package.module:Name, group one of {', '.join(GROUPS)}"
        raise UsageError(f"plugin {text!r} cannot be understood", where="setting plugins", hint=hint)
    return Plugin(group=group.strip(), name=name, target=target.strip(), package="settings")


def _load(plugin: Plugin) -> Loaded:
    module, _, name = plugin.target.partition(":")
    try:
        made: Any = importlib.import_module(module)
        for attribute in name.split("."):
            made = getattr(made, attribute)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code: whatever it raises is its problem, named
        problem = f"{type(error).__name__}: {error}".partition("\n")[0]
        return Loaded(plugin=_with(plugin, problem=problem))
    if not callable(made):
        return Loaded(plugin=_with(plugin, problem=f"{name} is no class or function"))
    part = getattr(made, "name", "")
    return Loaded(plugin=_with(plugin, part=part if isinstance(part, str) else ""), made=made)


def _with(plugin: Plugin, **changes: str) -> Plugin:
    from msgspec.structs import replace

    return replace(plugin, **changes)
