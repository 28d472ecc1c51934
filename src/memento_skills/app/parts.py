"""The replaceable parts that a command works with: the built-in ones, and those of plugins behind them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from memento_skills.app.options import Options
from memento_skills.app.plugins import OWN, find
from memento_skills.errors import UsageError

if TYPE_CHECKING:
    from memento_skills.ingest.reader import BaseReader
    from memento_skills.interfaces import Detector, Gate, Reflector


class Parts:
    """What reads, detects, reflects and judges; each is loaded when it is first asked for.

    Every part raises UsageError, naming the plugin, where one cannot be loaded.
    """

    def __init__(self, options: Options) -> None:
        self._options = options

    @cached_property
    def readers(self) -> Mapping[str, type[BaseReader]]:
        """By the name that `--format` takes."""
        from memento_skills.ingest.sniff import READERS

        return dict(READERS) | {reader.name.split("@", 1)[0]: reader for reader in self._foreign("readers")}

    @cached_property
    def detectors(self) -> tuple[Detector, ...]:
        """Of plugins, asked after the built-in ones."""
        return tuple(make() for make in self._foreign("detectors"))

    @cached_property
    def reflectors(self) -> tuple[Reflector, ...]:
        """Asked in order; the first that gives a guard speaks for the pattern."""
        from memento_skills.reflect import TemplateReflector

        return (*(make() for make in self._foreign("reflectors")), TemplateReflector())

    @cached_property
    def gate(self) -> Gate:
        """The last one that a plugin brings, else our own."""
        from memento_skills.verify.verdict import ExactBinomial

        gates = self._foreign("gates")
        return gates[-1]() if gates else ExactBinomial()

    def _foreign(self, group: str) -> list[Any]:
        """What others bring to a group. Our own come through the same door, but in an order of their own."""
        found = []
        for loaded in find(group, self._options.plugins):
            if loaded.plugin.problem:
                hint = loaded.plugin.problem
                raise UsageError(f"plugin {loaded.plugin.target} cannot be used", where=group, hint=hint)
            if loaded.plugin.package != OWN:
                found.append(loaded.made)
        return found
