"""Detectors of failing results: what the status of a call's result tells (`ingest/status.py` sets it)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from memento_skills.detect.build import Found, failure
from memento_skills.detect.rules import Rules, load
from memento_skills.detect.view import View
from memento_skills.records import Failure, FailureKind, Run, Status, Step


class _Results:
    """Base: results with one of `statuses`, each call id once."""

    name: str = ""
    statuses: ClassVar[tuple[Status, ...]]
    kind: ClassVar[FailureKind]

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or load()

    def detect(self, run: Run) -> Iterable[Failure]:
        """All failures of this kind, by step."""
        shown = [step for step in run.steps if step.status in self.statuses and self.accepts(step)]
        if not shown:
            return ()
        view = View(run=run)
        return tuple(failure(view, found, self.rules) for found in self._found(view, shown))

    def accepts(self, step: Step) -> bool:
        """Whether a step with a fitting status is this detector's."""
        return step.kind == "result"

    def _found(self, view: View, shown: Iterable[Step]) -> Iterator[Found]:
        seen: set[str] = set()
        for step in shown:
            if step.call_id and step.call_id in seen:
                continue
            seen.add(step.call_id)
            yield Found(kind=self.kind, detector=self.name, step=step, call=view.calls.get(step.call_id))


class ToolErrors(_Results):
    """A tool answered with an error and no exit code."""

    name: str = "tool-errors@1"
    statuses = ("error", "timeout")
    kind = "tool_error"

    def accepts(self, step: Step) -> bool:
        """Without an exit code, or of no failing one."""
        return step.kind == "result" and not step.exit_code


class ExitCodes(_Results):
    """A command ended with an exit code other than 0."""

    name: str = "exit-codes@1"
    statuses = ("error", "timeout")
    kind = "exit_code"

    def accepts(self, step: Step) -> bool:
        """With an exit code."""
        return step.kind == "result" and bool(step.exit_code)


class Denials(_Results):
    """A permission was not granted."""

    name: str = "denials@1"
    statuses = ("denied_policy",)
    kind = "permission_denied"


class Refusals(_Results):
    """A person refused the call."""

    name: str = "refusals@1"
    statuses = ("denied_user",)
    kind = "refusal"


class HookBlocks(_Results):
    """A hook of the user refused the call."""

    name: str = "hook-blocks@1"
    statuses = ("denied_hook",)
    kind = "hook_block"


class Cascades(_Results):
    """A call was cancelled because a sibling failed."""

    name: str = "cascades@1"
    statuses = ("cascade",)
    kind = "cascade"


class ApiErrors(_Results):
    """The model's service, or a server behind a tool, failed: of a result or in a row of its own."""

    name: str = "api-errors@1"
    statuses = ("api_error",)
    kind = "api_error"

    def accepts(self, step: Step) -> bool:
        """Of any kind of step: results and rows of the client."""
        return step.status in self.statuses


class Interruptions(_Results):
    """A person interrupted: a call, or the answer; the row that only repeats a refusal or interruption counts not."""

    name: str = "interruptions@1"
    statuses = ("interrupted",)
    kind = "interruption"

    def detect(self, run: Run) -> Iterable[Failure]:
        """Interrupted results and interruption rows, by step."""
        view = View(run=run)
        shown = [step for step in run.steps if step.status == "interrupted" or self._row(step)]
        found = [one for one in self._found(view, shown) if not self._repeats(view, one.step)]
        return tuple(failure(view, one, self.rules) for one in found)

    def _found(self, view: View, shown: Iterable[Step]) -> Iterator[Found]:
        for step in shown:
            yield Found(kind=self.kind, detector=self.name, step=step, call=view.calls.get(step.call_id))

    @staticmethod
    def _row(step: Step) -> bool:
        return step.kind in ("message", "notice") and step.text.startswith("[Request interrupted by user")

    def _repeats(self, view: View, step: Step) -> bool:
        """Whether a refusal, an interruption or its row stands among the three steps before a row."""
        if not self._row(step):
            return False
        at = view.positions[step.seq]
        before = view.run.steps[max(at - 3, 0) : at]
        return any(s.status in ("denied_user", "interrupted") or self._row(s) for s in before)
