"""Harbor's `result.json` of a trial -> how the task ended: the verifier's rewards, or the exception."""

from __future__ import annotations

from typing import Any

import msgspec

from memento_skills.ingest.loose import loosely
from memento_skills.records import Outcome


class _Verified(msgspec.Struct):
    rewards: dict[str, Any] | None = None


class _Raised(msgspec.Struct):
    exception_type: str = ""
    exception_message: str = ""


class _Phase(msgspec.Struct):
    verifier_result: _Verified | None = None
    exception_info: _Raised | None = None


class _Trial(msgspec.Struct):
    trial_name: str = ""
    verifier_result: _Verified | None = None
    exception_info: _Raised | None = None
    step_results: list[_Phase] | None = None


def outcome_of(value: object) -> Outcome | None:
    """The outcome that a trial's result tells; None where the value is no such result or tells none.

    The reward named `reward` counts, else the mean of all; a trial is a success at 1. Without rewards an exception is
    a failure. Of a trial in several steps the lowest reward and the first exception count.
    """
    if not isinstance(value, dict) or "trial_name" not in value:
        return None
    trial = loosely(value, _Trial)
    phases = [_Phase(trial.verifier_result, trial.exception_info), *(trial.step_results or ())]
    rewards = [r for phase in phases if (r := _reward(phase.verifier_result)) is not None]
    raised = next((phase.exception_info for phase in phases if phase.exception_info), None)
    reason = f"{raised.exception_type}: {raised.exception_message}"[:300] if raised else ""
    if rewards:
        return Outcome(label="success" if min(rewards) >= 1 else "failure", reward=min(rewards), reason=reason)
    return Outcome(label="failure", reason=reason) if raised else None


def _reward(verified: _Verified | None) -> float | None:
    numbers = {
        k: float(v)
        for k, v in ((verified.rewards if verified else None) or {}).items()
        if isinstance(v, int | float) and not isinstance(v, bool)
    }
    if "reward" in numbers:
        return numbers["reward"]
    return sum(numbers.values()) / len(numbers) if numbers else None
