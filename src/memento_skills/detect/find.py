"""A run in, all its failures out."""

from __future__ import annotations

from collections.abc import Iterable

from memento_skills.detect.dialogue import Corrections, Outcomes, RepeatedCalls
from memento_skills.detect.results import (
    ApiErrors,
    Cascades,
    Denials,
    ExitCodes,
    HookBlocks,
    Interruptions,
    Refusals,
    ToolErrors,
)
from memento_skills.detect.rules import Rules, load
from memento_skills.detect.silent import SilentFailures
from memento_skills.interfaces import Detector
from memento_skills.records import Failure, Run


def detectors(rules: Rules | None = None) -> tuple[Detector, ...]:
    """The built-in detectors, in the order in which they are asked."""
    rules = rules or load()
    return (
        RepeatedCalls(rules),
        ToolErrors(rules),
        ExitCodes(rules),
        Denials(rules),
        Refusals(rules),
        HookBlocks(rules),
        Interruptions(rules),
        Cascades(rules),
        ApiErrors(rules),
        Corrections(rules),
        Outcomes(rules),
        SilentFailures(rules),
    )


def failures(run: Run, rules: Rules | None = None, *, extra: Iterable[Detector] = ()) -> tuple[Failure, ...]:
    """All failures of a run by step, one for each call id (the first detector that knows it counts).

    `extra`: detectors of plugins, asked after the built-in ones.
    """
    found: dict[str, Failure] = {}
    for detector in (*detectors(rules), *extra):
        for failure in detector.detect(run):
            found.setdefault(failure.call_id or failure.id, failure)
    return tuple(sorted(found.values(), key=lambda failure: (failure.step, failure.id)))


def unique(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """Each (project, call id) once, the earliest first: forks, resumes and checkpoints repeat calls.

    Failures without a call are told apart by their id. The order is that of time, then of run and step.
    """
    found: dict[tuple[str, str], Failure] = {}
    for failure in sorted(failures, key=_order):
        found.setdefault((failure.project, failure.call_id or failure.id), failure)
    return tuple(found.values())


def _order(failure: Failure) -> tuple[float, str, int, str]:
    return (failure.at if failure.at is not None else float("inf"), failure.run, failure.step, failure.id)
