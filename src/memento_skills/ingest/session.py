"""One session of a log while it is being read: what readers of events remember, and the steps they make.

Used by the readers of Codex, Copilot CLI and Gemini CLI. The memory is a msgspec struct, so that a grown file can be
read on from where it ended (`Resume.carry`).
"""

from __future__ import annotations

from typing import Any, Generic, TypedDict, TypeVar, Unpack

import msgspec

from memento_skills.ingest.values import TASK_LENGTH
from memento_skills.records import Actor, Run, Status, Step, StepKind, Usage

_HUGE = 1 << 53
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
    owed: list[int] = []
    """Tokens (input, output, cache read) whose answer was handed over already: counted on the next step."""


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
        self.first: int | None = None
        """Index in `steps` of the first step of the model answer that is being given."""

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

    def notice(
        self, context: Context, text: str, *, actor: Actor = "system", status: Status | None = None, call_id: str = ""
    ) -> None:
        """Append what the client itself says."""
        self.add(context, "notice", actor, text=text, status=status, call_id=call_id, meta=True)

    def load_skill(self, context: Context, name: str, actor: Actor, call_id: str = "") -> None:
        """A skill's body came into the run."""
        if name not in self.memory.loaded:
            self.memory.loaded.append(name)
        self.add(context, "skill", actor, tool=name, call_id=call_id)

    def count(self, usage: Usage) -> None:
        """Count tokens on the first step of the answer that is being given."""
        first = self.first
        if first is not None and first < len(self.steps):
            self.steps[first] = msgspec.structs.replace(self.steps[first], usage=_sum(self.steps[first].usage, usage))
        else:
            owed = self.memory.owed or [0, 0, 0]
            self.memory.owed = [owed[0] + usage.input, owed[1] + usage.output, owed[2] + usage.cache_read]

    def settle(self) -> None:
        """Put tokens that are owed on the first new step."""
        owed = self.memory.owed
        if len(owed) == 3 and self.steps:
            usage = Usage(input=owed[0], output=owed[1], cache_read=owed[2])
            self.steps[0] = msgspec.structs.replace(self.steps[0], usage=_sum(self.steps[0].usage, usage))
            self.memory.owed = []

    def let_go(self) -> None:
        """The steps were handed over."""
        self.steps, self.changed, self.first = [], False, None

    def carried(self) -> M:
        """The memory without anybody's words."""
        self.settle()
        return msgspec.structs.replace(self.memory, task="")

    def run(self, *, client: str, reader: str, source: str, shared_ids: bool = True) -> Run:
        """The session so far, with its new steps."""
        self.settle()
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


def tokens_of(told: int | None, cached: int | None, output: int | None) -> Usage:
    """Tokens as the records count them: input without what came from the cache; absurd numbers are cut."""
    given = [min(max(n or 0, 0), _HUGE) for n in (told, cached, output)]
    return Usage(input=max(given[0] - given[1], 0), output=given[2], cache_read=given[1])


def _sum(one: Usage | None, other: Usage) -> Usage:
    if one is None:
        return other
    return Usage(
        input=one.input + other.input,
        output=one.output + other.output,
        cache_read=one.cache_read + other.cache_read,
        cache_write=one.cache_write + other.cache_write,
        usd=one.usd + other.usd,
    )
