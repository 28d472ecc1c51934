"""One session of a Claude Code log while it is being read: its facts so far, its open calls, its new steps.

The memory is a msgspec struct, so that a grown file can be read on from where it ended (`Resume.carry`).
"""

from __future__ import annotations

from typing import Any, TypedDict, Unpack

import msgspec

from memento_skills.ingest.claude_rows import Row, Tokens
from memento_skills.records import Actor, Run, Status, Step, StepKind, Usage

_REMEMBERED_MESSAGES = 32  # rows of one split message stand near each other
_NEAR = 256  # a rewind seldom reaches further back
_ID = 13  # characters: 48 random bits of an UUID
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
    """The task is known."""
    started: float | None = None
    ended: float | None = None
    listed: list[str] = []
    loaded: list[str] = []
    links: list[str] = []
    tools: dict[str, str] = {}
    """Open calls: id -> tool."""
    skills: dict[str, str] = {}
    """Open calls of the Skill tool: id -> skill."""
    spent: dict[str, list[int]] = {}
    """Tokens already counted: message id -> input, output, cache read, cache write."""
    command: str = ""
    """Last slash command, for the skill body that follows it."""
    launched: str = ""
    """Last skill launched by a call, whose body row has not come yet."""
    ended_by_user: bool = False
    """`/exit` or `/quit` was typed: what follows is a resumed session."""
    resumed: bool = False
    """A resume notice was given and nothing was said since."""
    agents: dict[str, str] = {}
    """Old inline sidechains: row id -> agent."""
    last_agent_call: str = ""
    near: list[str] = []
    """Beginnings of the ids of the last rows: a row that follows none of them follows one that is not in the log."""


class Context(msgspec.Struct):
    """The row that steps are made from."""

    uid: str
    at: float | None
    line: int
    entry: int
    agent: str
    cwd: str
    message: str = ""
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


class Session:
    """Memory and new steps of one session."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.steps: list[Step] = []
        self.seen: set[str] = set()
        self.changed = True
        self._near = dict.fromkeys(memory.near)

    def follows(self, uid: str, parent: str) -> bool:
        """Whether a row's parent is one of the last rows (or it has none); the row becomes one of them."""
        known = not parent or parent[:_ID] in self._near
        if uid:
            self._near[uid[:_ID]] = None
            if len(self._near) > _NEAR:
                del self._near[next(iter(self._near))]
        return known

    def is_new(self, uid: str) -> bool:
        """Whether a row of this native id comes for the first time (rows without an id always do)."""
        if not uid:
            return True
        if uid in self.seen:
            return False
        self.seen.add(uid)
        return True

    def notice_facts(self, row: Row, at: float | None, agent: str) -> None:
        """Take from a row what belongs to the run as a whole."""
        memory = self.memory
        if at is not None:
            if memory.started is None or at < memory.started:
                memory.started = at
            if memory.ended is None or at > memory.ended:
                memory.ended = at
        if not memory.cwd:
            memory.cwd = row.cwd
        if not memory.branch:
            memory.branch = row.gitBranch
        if row.forkedFrom and row.forkedFrom.sessionId:
            self.link(row.forkedFrom.sessionId)
        if row.version and not agent:
            memory.version = row.version

    def link(self, other: str) -> None:
        """Remember another session that this one comes from."""
        if other != self.memory.id and other not in self.memory.links:
            self.memory.links.append(other)

    def add(
        self,
        context: Context,
        kind: StepKind,
        actor: Actor,
        **more: Unpack[More],
    ) -> None:
        """Append one step made from the row of `context`."""
        memory = self.memory
        uid = f"{context.uid}:{context.parts}" if context.uid else ""
        context.parts += 1
        self.steps.append(
            Step(
                seq=memory.seq,
                kind=kind,
                actor=actor,
                agent=context.agent,
                message=context.message,
                uid=uid,
                at=context.at,
                line=context.line,
                entry=context.entry,
                cwd=context.cwd if context.cwd != memory.cwd else "",
                model=context.model if context.model != memory.model else "",
                **more,
            )
        )
        memory.seq += 1

    def open_call(self, call_id: str, tool: str) -> None:
        """Remember which tool a call id belongs to until its result comes."""
        tools = self.memory.tools
        if len(tools) >= _REMEMBERED_CALLS:
            del tools[next(iter(tools))]
        tools[call_id] = tool

    def new_usage(self, message: str, tokens: Tokens | None) -> Usage | None:
        """Tokens of a model answer that were not counted yet: rows of a split message repeat and refine them."""
        if tokens is None:
            return None
        now = [
            tokens.input_tokens or 0,
            tokens.output_tokens or 0,
            tokens.cache_read_input_tokens or 0,
            tokens.cache_creation_input_tokens or 0,
        ]
        spent = self.memory.spent
        before = spent.get(message) if message else None
        if before == now:
            return None
        if message:
            if before is None and len(spent) >= _REMEMBERED_MESSAGES:
                del spent[next(iter(spent))]
            spent[message] = [max(pair) for pair in zip(before, now, strict=True)] if before else now
        fresh = [max(0, n - b) for n, b in zip(now, before, strict=True)] if before else now
        if not any(fresh):
            return None
        return Usage(input=fresh[0], output=fresh[1], cache_read=fresh[2], cache_write=fresh[3])

    def load_skill(self, context: Context, name: str, call_id: str) -> None:
        """A skill's body came into the run."""
        if name not in self.memory.loaded:
            self.memory.loaded.append(name)
        self.add(context, "skill", "agent" if call_id else "user", tool=name, call_id=call_id)

    def ask(self, task: str) -> None:
        """Take the first thing that a person asked for as the task."""
        if task and not self.memory.asked:
            self.memory.task, self.memory.asked = task, True

    def carried(self) -> Memory:
        """The memory without anybody's words."""
        return msgspec.structs.replace(self.memory, task="", near=list(self._near))

    def run(self, *, reader: str, source: str) -> Run:
        """The session so far, with its new steps."""
        memory = self.memory
        return Run(
            id=memory.id,
            client="claude-code",
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
            sources=(source,),
            steps=tuple(self.steps),
        )
