"""The replaceable parts that a command works with: the built-in ones, and those of plugins behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from memento_skills.app.options import Options
from memento_skills.app.plugins import OWN, find
from memento_skills.errors import UsageError
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.sniff import READERS
from memento_skills.interfaces import Detector, Gate, Reflector
from memento_skills.reflect import TemplateReflector
from memento_skills.verify.verdict import ExactBinomial


class Parts(NamedTuple):
    """What reads, detects, reflects and judges."""

    readers: Mapping[str, type[BaseReader]]
    """By the name that `--format` takes."""
    detectors: tuple[Detector, ...]
    """Of plugins, asked after the built-in ones."""
    reflectors: tuple[Reflector, ...]
    """Asked in order; the first that gives a guard speaks for the pattern."""
    gate: Gate


def parts(options: Options) -> Parts:
    """The parts for these settings. Raises UsageError for a plugin that cannot be loaded, naming it."""
    gates = _foreign("gates", options)
    return Parts(
        dict(READERS) | {reader.name.split("@", 1)[0]: reader for reader in _foreign("readers", options)},
        tuple(make() for make in _foreign("detectors", options)),
        (*(make() for make in _foreign("reflectors", options)), TemplateReflector()),
        gates[-1]() if gates else ExactBinomial(),
    )


def _foreign(group: str, options: Options) -> list[Any]:
    """What others bring to a group. Our own come through the same door, but in an order of their own."""
    found = []
    for loaded in find(group, options.plugins):
        if loaded.plugin.problem:
            raise UsageError(f"plugin {loaded.plugin.target} cannot be used", where=group, hint=loaded.plugin.problem)
        if loaded.plugin.package != OWN:
            found.append(loaded.made)
    return found
