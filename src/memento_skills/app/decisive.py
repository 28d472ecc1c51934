"""Which step decided one failed run: a first, plain answer without a model, its candidates with scores.

Failures that did not recover weigh most, graver ones more, earlier ones before later ones; a run without a failure
that anybody recorded has its last step of an agent as its only candidate, and a low confidence.
"""

from __future__ import annotations

from typing import Any

from memento_skills import detect
from memento_skills.app import reading
from memento_skills.app.options import Options
from memento_skills.app.parts import Parts
from memento_skills.errors import BadInput
from memento_skills.records import Failure, Run, Step

_WEIGHT = {1: 1.0, 2: 0.8, 3: 0.6, 4: 0.4}


def decisive(file: str, options: Options) -> dict[str, Any]:
    """The answer of `reflect --run FILE`. Raises BadInput where the file holds no run."""
    results = list(reading.runs_of([file], options, salt=b"nothing is stored by this command"))
    runs = [run for result in results for run in result.runs]
    if not runs:
        reasons = ", ".join(r.reason for r in results if r.reason) or "it holds none"
        raise BadInput("no run can be read", where=file, hint=reasons)
    run = max(runs, key=lambda r: len(r.steps))
    found = detect.failures(run, extra=Parts(options).detectors)
    failures = [f for f in found if f.fault in ("agent", "denial", "user")]
    candidates = _candidates(run, failures)
    failed = run.outcome.label == "failure" or any(f.cost.recovered is False for f in failures)
    best = candidates[0] if candidates else None
    gravest = max(failures, key=_score, default=None)
    return {
        "run": run.id,
        "failed": failed,
        "decisive": {"step": best["step"], "actor": best["actor"], "confidence": best["score"]} if best else None,
        "candidates": candidates,
        "cause": gravest.cause if gravest is not None else "unknown",
        "wrong_decision": _words(run, gravest),
        "missing_information": None,
        "failed_assumption": None,
        "citations": [{"run": run.id, "step": run.steps[f.step].entry, "quote": f.quote} for f in failures[:5]],
    }


def _score(failure: Failure) -> float:
    return _WEIGHT.get(failure.severity, 0.4) * (0.5 if failure.cost.recovered else 1.0)


def _candidates(run: Run, failures: list[Failure]) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for failure in failures:
        step = run.steps[failure.call_step if failure.call_step is not None else failure.step]
        score = round(0.6 * _score(failure), 3)
        if step.entry not in found or found[step.entry]["score"] < score:
            found[step.entry] = {"step": step.entry, "actor": _actor(step), "score": score}
    if not found:
        last = next((s for s in reversed(run.steps) if s.actor == "agent"), None)
        if last is not None:
            found[last.entry] = {"step": last.entry, "actor": _actor(last), "score": 0.1}
    return sorted(found.values(), key=lambda c: (-c["score"], c["step"]))[:10]


def _actor(step: Step) -> str:
    return step.agent or step.actor


def _words(run: Run, failure: Failure | None) -> str:
    if failure is None:
        return "no failure is recorded in this run; the last step of the agent is named for want of better"
    step = run.steps[failure.call_step if failure.call_step is not None else failure.step]
    return f"{step.tool or step.actor}: {failure.kind.replace('_', ' ')} ({failure.cause.replace('_', ' ')})"
