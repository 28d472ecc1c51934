"""What stays in memory of a run whose rows are made: a year of logs has more words than a machine has memory.

Of a failing call and of the calls up to its recovery everything stays that learning compares (arguments, cut where
they are long, and the result's status); of any other call its features, and the words by which it may be cited.
Equal feature values are kept once for all runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memento_skills.guards.calls import Call, Features
from memento_skills.records import Step

CITED = 200
"""Characters of a call's words that a citation may take."""
LONGEST = 4_000
"""Characters of an argument that learning compares: whole commands and paths, but no files."""


class Keeper:
    """Cuts calls down; one instance for a table, so that equal values of all its runs are one object."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}
        self._alike: dict[tuple[object, ...], Features] = {}

    def calls(self, sequence: Sequence[Call], windows: Mapping[int, tuple[int, int]]) -> list[Call]:
        """The calls of a run, cut; `windows` = number of a failing call -> calls up to its recoveries."""
        needed = {n for i, (strict, broad) in windows.items() for n in range(i, i + 1 + max(strict, broad))}
        return [self._near(call) if i in needed else self._far(call) for i, call in enumerate(sequence)]

    def _near(self, call: Call) -> Call:
        step, result = call.step, call.result
        args = {name: value[:LONGEST] if isinstance(value, str) else value for name, value in step.args.items()}
        return call._replace(
            step=self._bare(step, args, step.call_id),
            result=None if result is None else Step(seq=result.seq, kind="result", actor="tool", status=result.status),
            features=self._features(call),
        )

    def _far(self, call: Call) -> Call:
        step = call.step
        words = next(((n, v[:CITED]) for n, v in step.args.items() if isinstance(v, str) and v), None)
        return call._replace(
            step=self._bare(step, dict((words,)) if words else {}), result=None, features=self._features(call), heads=()
        )

    def _features(self, call: Call) -> Features:
        known = self._known
        kept: Features = {}
        for name, value in call.features.items():
            if isinstance(value, frozenset) and value not in known:
                value = frozenset(known.setdefault(word, word) for word in value)  # noqa: PLW2901
            kept[name] = known.setdefault(value, value) if isinstance(value, frozenset | str) else value
        # many calls are alike in everything that is known of them: reading a new file, running the tests
        names = tuple(kept)
        return self._alike.setdefault((known.setdefault(names, names), *kept.values()), kept)

    def _bare(self, step: Step, args: dict[str, Any], call_id: str = "") -> Step:
        tool = self._known.setdefault(step.tool, step.tool)
        return Step(seq=step.seq, kind=step.kind, actor=step.actor, tool=tool, call_id=call_id, args=args)
