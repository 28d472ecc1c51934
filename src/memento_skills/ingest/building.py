"""The steps of one run while it is read from messages, spans or samples: numbering, call ids, times, the task.

For readers that meet whole entries (ATIF, traces, trajectories of benchmarks). The reader says what an entry holds;
this keeps what later entries need: which calls are open, which names are taken, which rows were seen.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypedDict, Unpack

from msgspec.structs import replace

from memento_skills.ingest.status import classify, says_error
from memento_skills.ingest.values import TASK_LENGTH
from memento_skills.records import Actor, Run, Status, Step, StepKind, Usage


class Place(NamedTuple):
    """Where an entry stands in its log, and what holds for all steps made from it."""

    entry: int = 0
    line: int = 0
    at: float | None = None
    agent: str = ""
    message: str = ""
    model: str = ""
    cwd: str = ""


class Ended(NamedTuple):
    """What a log says of how a call ended, beside the text."""

    error: bool | None = None
    """The log's own flag; None where it has none."""
    denial: str = ""
    """The log's own name of a denial's kind (see `status.toml`)."""
    interrupted: bool = False
    exit_code: int | None = None
    status: Status | None = None
    """A status that the log states outright, such as a timeout."""


class More(TypedDict, total=False):
    """Fields of a step beside its kind and place."""

    text: str
    tool: str
    args: dict[str, Any]
    call_id: str
    status: Status | None
    exit_code: int | None
    usage: Usage | None
    meta: bool


class Building:
    """One run while it is read."""

    def __init__(self) -> None:
        self.made: list[Step] = []
        self.task = ""
        self.times: list[float] = []
        self.loaded: list[str] = []
        self._seq = 0
        self._uids: set[str] = set()
        self._tools: dict[str, str] = {}
        self._latest: dict[str, str] = {}
        self._used: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self._open_of: dict[str, dict[str, None]] = {}
        """By tool, since a log may have many calls that never end."""

    def add(self, kind: StepKind, actor: Actor, place: Place, *, uid: str = "", **more: Unpack[More]) -> bool:
        """Append a step; false for one whose uid is known, a repetition. Without `uid` the place names it."""
        uid = uid or f"{place.entry}:{self._seq}"
        if uid in self._uids:
            return False
        self._uids.add(uid)
        if place.at is not None:
            self.times.append(place.at)
        self.made.append(
            Step(
                seq=self._seq,
                kind=kind,
                actor=actor,
                uid=uid,
                entry=place.entry,
                line=place.line,
                at=place.at,
                agent=place.agent,
                message=place.message if actor == "agent" else "",
                model=place.model if actor == "agent" else "",
                cwd=place.cwd,
                **more,
            )
        )
        self._seq += 1
        return True

    def user(self, place: Place, text: str, *, uid: str = "") -> bool:
        """What a person said; the first of it is the task."""
        if not text:
            return False
        if not place.agent:
            self.ask(text)
        return self.add("message", "user", place, text=text, uid=uid)

    def ask(self, text: str) -> None:
        """Take a text as the task, where none is known yet."""
        if not self.task:
            self.task = text.strip()[:TASK_LENGTH]

    def system(self, place: Place, text: str, *, uid: str = "") -> bool:
        """What the client put in."""
        return bool(text) and self.add("message", "system", place, text=text, meta=True, uid=uid)

    def call(self, place: Place, tool: str, args: dict[str, Any], call_id: str, *, uid: str = "",
             usage: Usage | None = None) -> str:  # fmt: skip
        """A call; gives the id under which its result is looked for.

        An id that the run has used gets a number, or its results could not be told apart.
        """
        name = free = call_id or f"{place.entry}.{self._seq}"
        while free in self._tools:
            self._used[name] = self._used.get(name, 1) + 1
            free = f"{name}#{self._used[name]}"
        if self.add("call", "agent", place, tool=tool, args=args, call_id=free, uid=uid, usage=usage):
            self._tools[free] = tool
            self._latest[name] = free
            self._open[free] = None
            self._open_of.setdefault(tool, {})[free] = None
        return free

    def knows(self, call_id: str) -> bool:
        """Whether a call with this native id was made."""
        return call_id in self._latest

    def waiting(self, tool: str = "") -> str:
        """The oldest call (of a tool) without a result; "" where there is none."""
        return next(iter(self._open_of.get(tool, {}) if tool else self._open), "")

    def claim(self, tool: str, call_id: str = "") -> str:
        """Give the call with this id, or the oldest of a tool that is open, to the one who tells its result; "" where
        there is none. Nobody else gets it from `claim`.
        """
        name = self._latest.get(call_id, call_id) or next(iter(self._open_of.get(tool, {})), "")
        self._open_of.get(self._tools.get(name, ""), {}).pop(name, None)
        return name

    def called(self, tool: str) -> bool:
        """Whether a call of this tool (of any, for "") was made."""
        return tool in self._open_of if tool else bool(self._tools)

    def result(self, place: Place, text: str, call_id: str, ended: Ended, *, tool: str = "", uid: str = "") -> bool:
        """The result of a call, its status told by `ingest/status.py`."""
        name = self._latest.get(call_id, call_id)
        status, code = how(text, ended)
        self._open.pop(name, None)
        self._open_of.get(self._tools.get(name, ""), {}).pop(name, None)
        return self.add(
            "result", "tool", place, text=text, tool=self._tools.get(name, "") or tool, call_id=name, status=status,
            exit_code=code, uid=uid,
        )  # fmt: skip

    def load(self, skill: str) -> None:
        """Remember that a skill was loaded."""
        if skill and skill not in self.loaded:
            self.loaded.append(skill)

    def taken(self, run: Run) -> Run:
        """The facts of `run` with the steps since the last call, which are let go."""
        steps, self.made = tuple(self.made), []
        return self.finish(run, steps)

    def finish(self, run: Run, steps: tuple[Step, ...] | None = None) -> Run:
        """The facts of `run` with steps, task, times and loaded skills."""
        return replace(
            run,
            task=run.task or self.task,
            started_at=run.started_at if run.started_at is not None else min(self.times, default=None),
            ended_at=run.ended_at if run.ended_at is not None else max(self.times, default=None),
            skills_loaded=run.skills_loaded or tuple(self.loaded),
            steps=tuple(self.made) if steps is None else steps,
        )


def how(text: str, ended: Ended) -> tuple[Status, int | None]:
    """Status and exit code of a result. What neither flag nor text calls a failure, worked."""
    flag = ended.error
    if flag is None and ended.exit_code is not None:
        flag = ended.exit_code != 0
    elif flag is None and says_error(text):
        flag = True
    told = classify(text, error=flag, denial=ended.denial, interrupted=ended.interrupted)
    code = told.exit_code if ended.exit_code is None else ended.exit_code
    if ended.status is not None and told.status in ("error", "unknown"):
        return ended.status, code
    if ended.exit_code and told.status == "ok" and ended.error is None:
        return "error", code
    return ("ok" if told.status == "unknown" else told.status), code
