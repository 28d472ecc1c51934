"""One session of a log while it is being read: what readers of events remember, and the steps they make.

Used by the readers of Codex, Copilot CLI and Gemini CLI. The memory is a msgspec struct, so that a grown file can be
read on from where it ended (`Resume.carry`).
"""

from __future__ import annotations

from typing import Any, Generic, TypedDict, TypeVar, Unpack

import msgspec

from memento_skills.ingest.values import TASK_LENGTH
from memento_skills.records import Actor, Run, Status, Step, StepKind, Usage

_REMEMBERED_CALLS = 512  # results that never came must not grow the memory


class Memory(msgspec.Struct, omit_defaults=True):
    """What has to be remembered of a session between two reads of its file."""

    id: str
    seq: int = 0
    entry: int = 0
    cwd: str = ""
    branch: str = ""
    version: str = ""
    model: str = ""
    task: str = ""
    """Not carried over: the words of a person stay where `forget` reaches them."""
    asked: bool = False
    started: float | None = None
    ended: float | None = None
    listed: list[str] = []
    loaded: list[str] = []
    links: list[str] = []
    tools: dict[str, str] = {}
    """Open calls: id -> tool."""


M = TypeVar("M", bound=Memory)


class Context(msgspec.Struct):
    """The row that steps are made from."""

    uid: str
    at: float | None
    line: int
    cwd: str = ""
    message: str = ""
    agent: str = ""
    model: str = ""
    parts: int = 0


class More(TypedDict, total=False):
    """Fields of a step beside those that its row tells."""

    text: str
    tool: str
    args: dict[str, Any]
    call_id: str
    status: Status | None
    exit_code: int | None
    usage: Usage | None
    meta: bool


class Session(Generic[M]):
    """Memory and new steps of one session."""

    def __init__(self, memory: M) -> None:
        self.memory = memory
        self.steps: list[Step] = []
        self.changed = True

    def saw(self, at: float | None) -> None:
        """Take the time of a row."""
        memory = self.memory
        if at is None:
            return
        memory.started = at if memory.started is None else min(at, memory.started)
        memory.ended = at if memory.ended is None else max(at, memory.ended)

    def link(self, other: str) -> None:
        """Remember another session that this one comes from or belongs to."""
        memory = self.memory
        if other and other != memory.id and other not in memory.links:
            memory.links.append(other)

    def ask(self, text: str) -> None:
        """Take the first thing that a person asked for as the task."""
        if not self.memory.asked and text.strip():
            self.memory.task, self.memory.asked = text.strip()[:TASK_LENGTH], True

    def add(self, context: Context, kind: StepKind, actor: Actor, **more: Unpack[More]) -> None:
        """Append one step made from the row of `context`."""
        memory = self.memory
        uid = f"{context.uid}:{context.parts}" if context.uid else ""
        context.parts += 1
        self.changed = True
        self.steps.append(
            Step(
                seq=memory.seq,
                kind=kind,
                actor=actor,
                agent=context.agent,
                message=context.message if actor == "agent" else "",
                uid=uid,
                at=context.at,
                line=context.line,
                entry=memory.entry,
                cwd=context.cwd if context.cwd != memory.cwd else "",
                model=context.model if context.model != memory.model and actor == "agent" else "",
                **more,
            )
        )
        memory.seq += 1

    def call(self, context: Context, tool: str, args: dict[str, Any], call_id: str) -> None:
        """Append a call and remember it until its result comes."""
        tools = self.memory.tools
        if len(tools) >= _REMEMBERED_CALLS:
            del tools[next(iter(tools))]
        tools[call_id] = tool
        self.add(context, "call", "agent", tool=tool, args=args, call_id=call_id)

    def carried(self) -> M:
        """The memory without anybody's words."""
        return msgspec.structs.replace(self.memory, task="")

    def run(self, *, client: str, reader: str, source: str, shared_ids: bool = True) -> Run:
        """The session so far, with its new steps."""
        memory = self.memory
        return Run(
            id=memory.id,
            client=client,
            reader=reader,
            client_version=memory.version,
            model=memory.model,
            cwd=memory.cwd,
            branch=memory.branch,
            started_at=memory.started,
            ended_at=memory.ended,
            task=memory.task,
            skills_listed=tuple(memory.listed),
            skills_loaded=tuple(memory.loaded),
            links=tuple(memory.links),
            shared_ids=shared_ids,
            sources=(source,),
            steps=tuple(self.steps),
        )
