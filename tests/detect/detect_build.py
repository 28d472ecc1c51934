"""Small builders of runs: a conversation told call by call, with a clock that ticks ten seconds a step."""

from __future__ import annotations

from typing import Any

import msgspec

from memento_skills.detect import failures
from memento_skills.records import Actor, Failure, Outcome, Run, Status, Step, StepKind, Usage

START = 1_760_000_000.0


class Told:
    """A run under construction."""

    def __init__(self, name: str = "s1", **fields: Any) -> None:
        self.fields: dict[str, Any] = {
            "project": "p",
            "user": "ann",
            "model": "claude-sonnet-4-5",
            "client": "claude-code",
        }
        self.fields |= {"id": name, **fields}
        self.steps: list[Step] = []

    def add(self, kind: StepKind, actor: Actor, **fields: Any) -> Step:
        step = Step(
            seq=len(self.steps),
            kind=kind,
            actor=actor,
            at=START + 10.0 * len(self.steps),
            line=len(self.steps) + 1,
            **fields,
        )
        self.steps.append(step)
        return step

    def says(self, text: str, **fields: Any) -> Told:
        self.add("message", "user", text=text, **fields)
        return self

    def answers(self, text: str) -> Told:
        self.add("message", "agent", text=text)
        return self

    def calls(
        self,
        tool: str,
        args: dict[str, Any],
        text: str = "ok",
        status: Status = "ok",
        exit_code: int | None = None,
        **fields: Any,
    ) -> Told:
        call_id = f"{self.fields['id']}-c{len(self.steps)}"
        usage = Usage(input=100, output=50, cache_read=1000, cache_write=10)
        self.add("call", "agent", tool=tool, args=args, call_id=call_id, usage=usage, **fields)
        self.add("result", "tool", tool=tool, text=text, call_id=call_id, status=status, exit_code=exit_code, **fields)
        return self

    def bash(self, command: str, text: str = "ok", exit_code: int = 0, **fields: Any) -> Told:
        status: Status = "error" if exit_code else "ok"
        shown = f"Exit code {exit_code}\n{text}" if exit_code else text
        return self.calls("Bash", {"command": command}, shown, status, exit_code or None, **fields)

    def fails(self, tool: str, args: dict[str, Any], text: str, status: Status = "error") -> Told:
        return self.calls(tool, args, f"<tool_use_error>{text}</tool_use_error>" if status == "error" else text, status)

    def run(self, **fields: Any) -> Run:
        known = {"reader": "test@1", "sources": ("log.jsonl",), **self.fields, **fields}
        return Run(steps=tuple(self.steps), **known)

    def failures(self, **fields: Any) -> tuple[Failure, ...]:
        return failures(self.run(**fields))

    def one(self, **fields: Any) -> Failure:
        found = self.failures(**fields)
        assert len(found) == 1, [(f.kind, f.quote) for f in found]
        return found[0]


def bash_failure(command: str, text: str, exit_code: int = 1, **fields: Any) -> Failure:
    """The one failure of a run with one failing command."""
    return Told(**fields).bash(command, text, exit_code).one()


def edit_failure(text: str, tool: str = "Edit", **fields: Any) -> Failure:
    """The one failure of a run with one failing edit."""
    return Told(**fields).fails(tool, {"file_path": "/p/a.py", "old_string": "x", "new_string": "y"}, text).one()


def as_failed(run: Run) -> Run:
    """The same run with a label."""
    return msgspec.structs.replace(run, outcome=Outcome(label="failure", reward=0.0, reason="wrong refund"))
