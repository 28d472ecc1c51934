"""SWE-agent's trajectories (`.traj`) -> runs.

A file is one JSON document `{environment, trajectory, history, info}`. `trajectory` tells what was done, step by step:
thought, action, observation, state. `history` is what the model was shown: the task is read from it, and the native
calls of agents with tool calls; its demonstrations, and what `trajectory` tells better, are ignored and counted.
Where a file has a history only, that is read. `Step.entry` is the index in `trajectory` (or in that history).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec.structs import replace

from memento_skills.ingest.building import Building, Place
from memento_skills.ingest.entries import EntryReader
from memento_skills.ingest.fields import first, inner
from memento_skills.ingest.loose import loosely
from memento_skills.ingest.messages import decoded
from memento_skills.ingest.swe_rules import called, ended, header, outcome, run_id
from memento_skills.ingest.values import arguments_of, text_of
from memento_skills.interfaces import Line

_WHOLE = re.compile(rb'"trajectory"\s*:\s*\[')
_STEP = re.compile(rb'"(?:action|thought|response|observation)"\s*:\s*"')
_OTHERS = re.compile(rb'"(?:schema_version|instance_trajectory|sessionId|traceId|tool_call_metadata)"\s*:')
_SHOWN = re.compile(rb'"history"\s*:\s*\[')
_ENTRY = re.compile(rb'"(?:message_type|is_demo)"\s*:')
_PROMPT = re.compile(r"\n\(Open file: [^\n]{0,1000}\)\n\(Current directory: [^\n]{0,1000}\)\n[a-z]{0,20}-?\$\s*\Z")


class _Function(msgspec.Struct):
    name: str = ""
    arguments: Any = None


class _Call(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None


class _Shown(msgspec.Struct):
    """An entry of `history`."""

    role: str = ""
    content: Any = None
    thought: str | None = None
    action: str | None = None
    agent: str | None = None
    message_type: str | None = None
    is_demo: bool | None = None
    tool_calls: list[_Call] | None = None
    tool_call_ids: list[str] | None = None


class _Done(msgspec.Struct):
    """An entry of `trajectory`."""

    thought: str | None = None
    action: str | None = None
    observation: Any = None
    response: Any = None
    state: Any = None
    tool_calls: list[_Call] | None = None
    tool_call_ids: list[str] | None = None


class _Info(msgspec.Struct):
    exit_status: str | None = None
    submission: str | None = None
    swe_agent_version: str | None = None


class _File(msgspec.Struct):
    environment: str | None = None
    trajectory: list[Any] | None = None
    history: list[Any] | None = None
    info: _Info | None = None
    replay_config: Any = None


class SweAgentReader(EntryReader):
    """Reader of SWE-agent's `.traj` files."""

    name = "swe-agent@1"

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where a trajectory of actions and observations begins, or a history of its own kind."""
        if head.lstrip()[:1] != b"{" or _OTHERS.search(head):
            return 0.0
        if _WHOLE.search(head) and _STEP.search(head):
            return 0.85
        return 0.85 if _SHOWN.search(head) and _ENTRY.search(head) else 0.0

    def value(self, value: object, line: Line) -> None:
        """Take one trajectory."""
        if not isinstance(value, dict) or not (value.get("trajectory") or value.get("history")):
            self.skip("(no trajectory)")
            return
        file = loosely(value, _File)
        reading = _Reading(self, line)
        shown = [loosely(e, _Shown) if isinstance(e, dict) else None for e in file.history or ()]
        if file.trajectory:
            self._done(file.trajectory, shown, reading, line)
        else:
            for index, entry in enumerate(shown):
                self._count(reading.shown(entry, index), line, index)
        info, config = file.info or _Info(), decoded(file.replay_config) if isinstance(file.replay_config, str) else {}
        agent = inner(config if isinstance(config, dict) else inner(value, "replay_config"), "agent")
        named = first(agent, "name")
        begin = next((s.text for s in reading.building.made if s.actor == "agent"), "")
        marks = (file.environment, named, reading.building.task, begin)
        run = header(self.name, "swe-agent", self.source)
        self.made.append(
            reading.building.finish(
                replace(
                    run,
                    id=run_id(self.source, self.fallback_id, *marks),
                    client_version=info.swe_agent_version or "",
                    model=first(inner(agent, "model"), "name"),
                    cwd=reading.cwd,
                    outcome=outcome(info.exit_status or "", info.submission),
                )
            )
        )

    def _done(self, trajectory: list[Any], shown: list[_Shown | None], reading: _Reading, line: Line) -> None:
        calls: list[_Shown] = []
        began = False
        for index, entry in enumerate(shown):
            if entry is None:
                self.refuse(line, f"entry {index} of the history is no object")
            elif entry.is_demo:
                self.skip("(demonstration)")
            elif began or entry.role == "assistant":
                began = True
                if entry.role == "assistant" and entry.action is not None:
                    calls.append(entry)
                self.skip("(history, told by the trajectory)")
            else:
                self._count(reading.shown(entry, 0), line, index)
        for index, raw in enumerate(trajectory):
            step = loosely(raw, _Done) if isinstance(raw, dict) else None
            native = next((i for i, c in enumerate(calls[:3]) if step and _same(c.action, step.action)), None)
            if step is not None and native is not None:
                step.tool_calls = step.tool_calls or calls[native].tool_calls
                del calls[: native + 1]
            self._count(step is not None and reading.done(step, index), line, index)

    def _count(self, understood: bool, line: Line, index: int) -> None:
        if understood:
            self.took()
        else:
            self.refuse(line, f"entry {index} holds nothing that is known")


def _same(one: str | None, other: str | None) -> bool:
    return (one or "").strip() == (other or "").strip()


class _Reading:
    """The steps of one file."""

    def __init__(self, reader: SweAgentReader, line: Line) -> None:
        self.building = Building()
        self.cwd = ""
        self._open_file = ""
        self._reader, self._line = reader, line

    def done(self, step: _Done, index: int) -> bool:
        """What was thought, done and seen in one step; false where it holds nothing."""
        building, place = self.building, self._place(index)
        before = len(building.made)
        said = text_of(step.thought if step.thought is not None else step.response).strip()
        if said:
            building.add("message", "agent", place, text=said)
        names = self._calls(step.action, step.tool_calls, place)
        text = text_of(step.observation)
        if names and step.observation is not None:
            building.result(place, text, names[-1], ended(text))
        elif text:
            building.system(place, text)
        self._state(step.state)
        return len(building.made) > before

    def shown(self, entry: _Shown | None, index: int) -> bool:
        """One entry of a history; false where it holds nothing."""
        if entry is None:
            return False
        if entry.is_demo:
            self.building.system(self._place(index), text_of(entry.content))
            return True
        place, text = self._place(index), text_of(entry.content)
        if entry.role == "assistant":
            said = entry.thought if entry.thought is not None else text
            made = bool(said) and self.building.add("message", "agent", place, text=said.strip())
            return bool(self._calls(entry.action, entry.tool_calls, place)) or made
        if entry.role == "system":
            return self.building.system(place, text)
        waiting = self.building.waiting()
        if waiting:
            text = _PROMPT.sub("", text)
            return self.building.result(place, text, (entry.tool_call_ids or [waiting])[0], ended(text))
        return self.building.user(place, text)

    def _calls(self, action: str | None, native: list[_Call] | None, place: Place) -> list[str]:
        functions = [(call.id or "", call.function) for call in native or () if call.function]
        if functions:
            return [
                self.building.call(place, function.name, arguments_of(function.arguments), name)
                for name, function in functions
            ]
        if not (action or "").strip():
            return []
        tool, args = called(action or "", self._open_file)
        return [self.building.call(place, tool, args, "")]

    def _place(self, index: int) -> Place:
        return Place(entry=index, line=index, message=str(index))

    def _state(self, raw: object) -> None:
        """The file that is open and the directory, after a step."""
        state = decoded(raw) if isinstance(raw, str) else raw
        if isinstance(state, dict):
            self._open_file = first(state, "open_file")
            self.cwd = self.cwd or first(state, "working_dir")
