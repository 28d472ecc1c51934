"""The generic log: one step a line, described in `docs/reference/generic-jsonl.md`. For agents without a reader.

In: lines such as `{"session": "s1", "kind": "call", "call_id": "c1", "tool": "bash", "args": {"command": "ls"}}`.
Only `session` and `kind` are needed; unknown fields are skipped, a field of a wrong type keeps its default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypedDict, Unpack, get_args

import msgspec

from memento_skills.ingest.loose import NotReadable, json_of, loosely, objects_in
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.status import classify, says_error
from memento_skills.ingest.values import TASK_LENGTH, arguments_of, text_of, time_of
from memento_skills.interfaces import Line
from memento_skills.records import Actor, Outcome, Run, Status, Step, StepKind, Usage

_KINDS = (*get_args(StepKind), "outcome")
_STATUSES = frozenset(get_args(Status))
_ACTORS: dict[str, Actor] = {
    "message": "agent", "reasoning": "agent", "call": "agent", "result": "tool", "skill": "agent",
    "permission": "user", "notice": "system",
}  # fmt: skip
_SESSION = re.compile(rb'"session"\s*:\s*["\d]')
_KIND = re.compile(rb'"kind"\s*:\s*"(?:' + "|".join(_KINDS).encode() + rb')"')


class More(TypedDict, total=False):
    """Fields of a step beside those that its line names alike."""

    text: str
    args: dict[str, Any]
    status: Status
    exit_code: int | None


class Entry(msgspec.Struct):
    """One line."""

    session: str | int | None = None
    kind: str = ""
    id: str | None = None
    actor: str | None = None
    text: Any = None
    tool: str | None = None
    args: Any = None
    call_id: str | None = None
    result: Any = None
    status: str | None = None
    error: bool | str | None = None
    exit_code: int | None = None
    ts: Any = None
    user: str | None = None
    tenant: str | None = None
    project: str | None = None
    client: str | None = None
    client_version: str | None = None
    agent: str | None = None
    model: str | None = None
    cwd: str | None = None
    branch: str | None = None
    message: str | None = None
    skill: str | None = None
    skills: list[str] | None = None
    task: str | None = None
    parent: str | None = None
    meta: bool | None = None
    reward: float | None = None
    label: str | None = None
    reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    usd: float | None = None


class _Session(msgspec.Struct, omit_defaults=True):
    """The facts of a session so far; encodes as `Resume.carry`."""

    id: str
    client: str = "generic"
    version: str = ""
    model: str = ""
    user: str = ""
    tenant: str = ""
    project: str = ""
    cwd: str = ""
    branch: str = ""
    task: str = ""
    asked: bool = False
    started: float | None = None
    ended: float | None = None
    seq: int = 0
    entry: int = 0
    listed: list[str] = []
    loaded: list[str] = []
    links: list[str] = []
    tools: dict[str, str] = {}
    outcome: Outcome = Outcome()


class GenericReader(BaseReader):
    """Reader of the generic JSON lines."""

    name = "generic@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        self._sessions: dict[str, _Session] = {}
        self._steps: dict[str, list[Step]] = {}
        self._seen_ids: set[tuple[str, str]] = set()
        for session in msgspec.json.decode(carry, type=list[_Session]) if carry else ():
            self._sessions[session.id] = session

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where lines name a session and a kind of step."""
        for entry in objects_in(head):
            if "session" in entry and bytes(entry.get("kind", b"")).strip(b'"').decode("utf-8", "replace") in _KINDS:
                return 0.9
        long_line = b"\n" not in head and head.lstrip()[:1] == b"{"
        return 0.6 if long_line and _SESSION.search(head) and _KIND.search(head) else 0.0

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file."""
        for line in lines:
            self.seen += 1
            if not line.data.strip():
                self.ignore("(blank)")
                continue
            try:
                raw = json_of(line.data)
            except NotReadable as error:
                self.quarantine(line, error.what)
                continue
            if not isinstance(raw, dict):
                self.ignore("(no object)")
                continue
            self._take(loosely(raw, Entry), line)

    def _take(self, entry: Entry, line: Line) -> None:
        if entry.session in (None, ""):
            self.quarantine(line, "a step without `session`")
            return
        if entry.kind not in _KINDS:
            self.ignore(f"kind {entry.kind[:40]!r}" if entry.kind else "(no kind)")
            return
        key = str(entry.session)
        if entry.id:
            if (key, entry.id) in self._seen_ids:
                self.ignore("(repeated row)")
                return
            self._seen_ids.add((key, entry.id))
        self.understood += 1
        session = self._sessions.setdefault(key, _Session(key))
        at = time_of(entry.ts)
        _facts(session, entry, at)
        if entry.kind == "outcome":
            session.outcome = _outcome(entry)
        else:
            self._steps.setdefault(key, []).extend(_steps(session, entry, line, at))
        session.entry += 1

    def runs(self) -> Iterator[Run]:
        """The sessions, each with the steps since the last `take`."""
        for session in self._sessions.values():
            yield _run(session, self.name, self.source, self._steps.get(session.id, ()))

    def take(self) -> list[Run]:
        """The sessions with the steps since the last `take`."""
        taken = list(self.runs())
        self._steps = {}
        return taken

    def carry(self) -> str:
        """The sessions' facts, without anybody's words."""
        carried = [msgspec.structs.replace(session, task="") for session in self._sessions.values()]
        return msgspec.json.encode(carried).decode()


def _facts(session: _Session, entry: Entry, at: float | None) -> None:
    if at is not None:
        session.started = at if session.started is None else min(at, session.started)
        session.ended = at if session.ended is None else max(at, session.ended)
    if entry.client:
        session.client = entry.client
    session.version = entry.client_version or session.version
    for name in ("model", "user", "tenant", "project", "cwd", "branch"):
        if not getattr(session, name):
            setattr(session, name, getattr(entry, name) or "")
    for name in entry.skills or ():
        if name not in session.listed:
            session.listed.append(name)
    if entry.parent and entry.parent not in session.links:
        session.links.append(entry.parent)
    _ask(session, entry.task or "")


def _ask(session: _Session, task: str) -> None:
    if not session.asked and task.strip():
        session.task, session.asked = task.strip()[:TASK_LENGTH], True


def _outcome(entry: Entry) -> Outcome:
    reward = entry.reward
    label = entry.label if entry.label in ("success", "failure") else None
    if label is None and reward is not None:
        label = "success" if reward >= 1 else "failure"
    return Outcome(label=label or "unknown", reward=reward, reason=entry.reason or "")  # type: ignore[arg-type]


def _steps(session: _Session, entry: Entry, line: Line, at: float | None) -> Iterator[Step]:
    kind: StepKind = entry.kind  # type: ignore[assignment]  # told by the caller
    if kind == "call":
        call_id = entry.call_id or f"{session.id}.{session.entry}"
        entry.call_id = call_id
        session.tools[call_id] = entry.tool or ""
        yield _step(session, entry, line, at, "call", text=text_of(entry.text), args=arguments_of(entry.args))
        if entry.result is not None or entry.status or entry.exit_code is not None or entry.error is not None:
            yield _result(session, entry, line, at)
    elif kind == "result":
        yield _result(session, entry, line, at)
    elif kind == "skill":
        name = entry.skill or entry.tool or text_of(entry.text)
        if name and name not in session.loaded:
            session.loaded.append(name)
        entry.tool = name
        yield _step(session, entry, line, at, "skill")
    else:
        text = text_of(entry.text)
        person = kind == "message" and entry.actor == "user" and not entry.meta
        if person:
            _ask(session, text)
        yield _step(session, entry, line, at, kind, text=text)


def _result(session: _Session, entry: Entry, line: Line, at: float | None) -> Step:
    text = text_of(entry.result if entry.result is not None else entry.text)
    if not text and isinstance(entry.error, str):
        text = entry.error
    tool = session.tools.pop(entry.call_id or "", "")
    entry.tool = entry.tool or tool
    code = entry.exit_code
    if entry.status in _STATUSES:
        status: Status = entry.status  # type: ignore[assignment]  # told by the line above
    else:
        flag = bool(entry.error) if entry.error is not None else None
        if flag is None and (entry.status == "failed" or code or (code is None and says_error(text))):
            flag = True
        ended = classify(text, error=flag)
        code = ended.exit_code if code is None else code
        status = "ok" if ended.status == "unknown" else ended.status
    return _step(session, entry, line, at, "result", text=text, status=status, exit_code=code)


def _step(session: _Session, entry: Entry, line: Line, at: float | None, kind: StepKind, **more: Unpack[More]) -> Step:
    actor = entry.actor if entry.actor in ("user", "agent", "tool", "system") and kind != "result" else _ACTORS[kind]
    usage = None
    if kind != "result" and (entry.input_tokens or entry.output_tokens or entry.usd):
        usage = Usage(input=entry.input_tokens or 0, output=entry.output_tokens or 0, usd=entry.usd or 0.0)
    step = Step(
        seq=session.seq,
        kind=kind,
        actor=actor,  # type: ignore[arg-type]
        tool=entry.tool or "",
        call_id=entry.call_id or "",
        agent=entry.agent or "",
        message=entry.message or "",
        uid=f"{entry.id or f'{session.id}.{session.entry}'}:{kind}",
        at=at,
        line=line.number,
        entry=session.entry,
        cwd=entry.cwd if entry.cwd and entry.cwd != session.cwd else "",
        model=entry.model if entry.model and entry.model != session.model else "",
        usage=usage,
        meta=bool(entry.meta),
        **more,
    )
    session.seq += 1
    return step


def _run(session: _Session, reader: str, source: str, steps: Iterable[Step]) -> Run:
    return Run(
        id=session.id,
        client=session.client,
        reader=reader,
        client_version=session.version,
        shared_ids=False,
        model=session.model,
        user=session.user,
        tenant=session.tenant,
        project=session.project,
        cwd=session.cwd,
        branch=session.branch,
        started_at=session.started,
        ended_at=session.ended,
        task=session.task,
        skills_listed=tuple(session.listed),
        skills_loaded=tuple(session.loaded),
        links=tuple(session.links),
        outcome=session.outcome,
        sources=(source,),
        steps=tuple(steps),
    )
