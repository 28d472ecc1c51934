"""A run as an ATIF trajectory (Harbor's RFC 0001), for other programs and for our own reader, which restores it.

An agent's turn (reasoning, message, calls of one answer) is one ATIF step, and the results of its calls stand in it,
however late they came. A result without a call, and what no person or agent said, are system steps. Sub-agents are
embedded trajectories. What ATIF has no field for stands under `extra.memento` (`atif_kept.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

from memento_skills.ingest.atif_kept import KEY, kept_run, kept_step
from memento_skills.records import Run, Step, Usage

AtifVersion = Literal["1.7", "1.8"]
_WORKED = (None, "ok", "unknown")


def to_atif(run: Run, version: AtifVersion = "1.7") -> dict[str, Any]:
    """The trajectory of a run as JSON values; reading it gives the same run."""
    parts: dict[str, _Part] = {"": _Part(run)}
    for order, step in enumerate(run.steps):
        parts.setdefault(step.agent, _Part(run)).take(step, order)
    main = parts.pop("")
    whole: dict[str, Any] = {
        "schema_version": f"ATIF-v{version}",
        "session_id": run.id,
        "trajectory_id": run.id,
        "agent": _agent(run),
        "steps": main.steps,
        "final_metrics": _totals(run.steps, len(main.steps)),
        "extra": kept_run(run),
    }
    if parts:
        whole["subagent_trajectories"] = [
            {
                "schema_version": f"ATIF-v{version}",
                "session_id": run.id,
                "trajectory_id": name,
                "agent": _agent(run),
                "steps": part.steps,
            }
            for name, part in parts.items()
        ]
    return whole


def _agent(run: Run) -> dict[str, Any]:
    named: dict[str, Any] = {"name": run.client, "version": run.client_version or "unknown"}
    if run.model:
        named["model_name"] = run.model
    return named


class _Part:
    """The ATIF steps of one agent while they are made."""

    def __init__(self, run: Run) -> None:
        self.steps: list[dict[str, Any]] = []
        self._model = run.model
        self._turn: dict[str, Any] | None = None
        self._message = ""
        self._holder: dict[str, tuple[dict[str, Any], str]] = {}
        """Our call id -> the ATIF step that has the call, and its id there."""

    def take(self, step: Step, order: int) -> None:
        """Add one of our steps."""
        if step.actor == "agent" and step.kind in ("message", "reasoning", "call"):
            self._spoken(step, order)
        elif step.kind == "result":
            self._result(step, order)
        else:
            shown = step.text or (f"Skill loaded: {step.tool}" if step.kind == "skill" else "")
            source = "user" if step.actor == "user" else "system"
            made = self._new(source, step, shown)
            made["extra"] = {KEY: {"message": kept_step(step, order, shown)}}
            self._turn = None

    def _new(self, source: str, step: Step, message: str) -> dict[str, Any]:
        made: dict[str, Any] = {"step_id": len(self.steps) + 1, "source": source, "message": message}
        if (at := _iso(step.at)) is not None:
            made["timestamp"] = at
        self.steps.append(made)
        return made

    def _spoken(self, step: Step, order: int) -> None:
        turn = self._turn
        slot = {"message": "message", "reasoning": "reasoning_content"}.get(step.kind, "")
        if turn is None or not self._belongs(turn, step, slot):
            turn = self._turn = self._new("agent", step, "")
            self._message = step.message
            if step.model and step.model != self._model:
                turn["model_name"] = step.model
        if step.usage is not None and "metrics" not in turn:
            turn["metrics"] = _metrics(step.usage)
        if step.kind == "call":
            self._call(turn, step, order)
            return
        turn[slot] = step.text
        turn.setdefault("extra", {}).setdefault(KEY, {})[step.kind] = kept_step(step, order, step.text)

    def _belongs(self, turn: dict[str, Any], step: Step, slot: str) -> bool:
        """Whether a step is of the answer that `turn` holds, and its place there is free."""
        if step.message != self._message or (not step.message and "observation" in turn):
            return False
        if turn.get("model_name", self._model) != (step.model or self._model):
            return False
        return not slot or step.kind not in turn.get("extra", {}).get(KEY, {})

    def _call(self, turn: dict[str, Any], step: Step, order: int) -> None:
        calls = turn.setdefault("tool_calls", [])
        taken = {call["tool_call_id"] for call in calls}
        name = step.call_id or f"call-{order}"
        while name in taken:
            name += "'"
        extra = {KEY: kept_step(step, order, "", args=False)}
        calls.append({"tool_call_id": name, "function_name": step.tool, "arguments": step.args, "extra": extra})
        self._holder[step.call_id] = (turn, name)

    def _result(self, step: Step, order: int) -> None:
        made: dict[str, Any] = {"content": step.text, "extra": {KEY: kept_step(step, order, step.text)}}
        if step.status not in _WORKED:
            made["extra"]["tool_result_is_error"] = True
        holder = self._holder.get(step.call_id)
        if holder is None:
            turn, self._turn = self._new("system", step, ""), None
        else:
            turn, made["source_call_id"] = holder
        turn.setdefault("observation", {"results": []})["results"].append(made)


def _iso(at: float | None) -> str | None:
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def _metrics(usage: Usage) -> dict[str, Any]:
    """ATIF counts cached tokens among those of the prompt."""
    made: dict[str, Any] = {
        "prompt_tokens": usage.input + usage.cache_read + usage.cache_write,
        "completion_tokens": usage.output,
        "cached_tokens": usage.cache_read,
    }
    if usage.usd:
        made["cost_usd"] = usage.usd
    return made


def _totals(steps: Iterable[Step], count: int) -> dict[str, Any]:
    spent = [_metrics(step.usage) for step in steps if step.usage is not None]
    made: dict[str, Any] = {"total_steps": count}
    if spent:
        made["total_prompt_tokens"] = sum(one["prompt_tokens"] for one in spent)
        made["total_completion_tokens"] = sum(one["completion_tokens"] for one in spent)
        made["total_cached_tokens"] = sum(one["cached_tokens"] for one in spent)
        if usd := sum(one.get("cost_usd", 0.0) for one in spent):
            made["total_cost_usd"] = usd
    return made
