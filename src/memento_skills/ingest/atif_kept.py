"""What ATIF has no field for, kept under `extra.memento`: written by `to_atif`, given back by the reader.

In the trajectory: `{"version": 1, "run": header without steps}`. In each step (`steps`), call and result: the fields of
our step without the text and arguments that ATIF itself carries, and `order`, its position among the run's steps.
"""

from __future__ import annotations

from typing import Any

import msgspec

from memento_skills.ingest.values import arguments_of, text_of
from memento_skills.records import Run, Step

VERSION = 1
KEY = "memento"
_WRONG_SHAPE = (AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError)


def kept_run(run: Run) -> dict[str, Any]:
    """The header of a run for `Trajectory.extra`."""
    header: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(run, steps=()))
    return {KEY: {"version": VERSION, "run": header}}


def kept_step(step: Step, order: int, shown: str, *, args: bool = True) -> dict[str, Any]:
    """The fields of a step beside its text, where ATIF carries that as `shown`; with its arguments or without."""
    fields: dict[str, Any] = msgspec.to_builtins(step)
    fields.pop("text", None)
    if not args:
        fields.pop("args", None)
    if step.text != shown:
        fields["text"] = step.text
    return {"order": order, **fields}


def restored(trajectory: dict[str, Any]) -> Run | None:
    """The run that `to_atif` made this of; None where it is another's, or what was kept has been changed."""
    memory = _kept(trajectory)
    if not isinstance(memory, dict) or memory.get("version") != VERSION or not isinstance(memory.get("run"), dict):
        return None
    subs = trajectory.get("subagent_trajectories")
    try:
        header = msgspec.convert(memory["run"], Run)
        found = [p for part in [trajectory, *(subs if isinstance(subs, list) else [])] for p in _pieces(part)]
        found.sort(key=lambda piece: piece[0])
        return msgspec.structs.replace(header, steps=tuple(msgspec.convert(fields, Step) for _, fields in found))
    except (msgspec.ValidationError, *_WRONG_SHAPE):
        return None


def _kept(holder: object) -> Any:  # noqa: ANN401 - any JSON
    extra = holder.get("extra") if isinstance(holder, dict) else None
    return extra.get(KEY) if isinstance(extra, dict) else None


def _pieces(trajectory: Any) -> list[tuple[int, dict[str, Any]]]:  # noqa: ANN401 - any JSON
    """(order, fields of a step) of everything in a trajectory. Raises what a wrong shape raises."""
    found: list[tuple[int, dict[str, Any]]] = []

    def keep(fields: dict[str, Any], **native: object) -> None:
        found.append((int(fields["order"]), {**native, **{k: v for k, v in fields.items() if k != "order"}}))

    for step in trajectory["steps"]:
        memory = _kept(step)
        for name, text in (("message", step.get("message")), ("reasoning", step.get("reasoning_content"))):
            if memory and name in memory:
                keep(memory[name], text=text_of(text))
        for call in step.get("tool_calls") or ():
            if _kept(call):
                keep(_kept(call), args=arguments_of(call.get("arguments")))
        for result in (step.get("observation") or {}).get("results") or ():
            if _kept(result):
                keep(_kept(result), text=text_of(result.get("content")))
    return found
