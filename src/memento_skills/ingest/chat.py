"""Logs made of chat messages -> runs: OpenAI-style chats, tau-bench results, lists of named agents' turns.

One file is one JSON document (a list of runs, one run, or a bare list of messages) or JSON lines (a run a line, or a
message a line). Fields that label the answer (`mistake_step`, `is_correct`, …) are not read. In a document the unit of
conservation is the entry; `Step.line` and `Step.entry` count a run's entries from 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypedDict, Unpack

from memento_skills.ingest.chat_shapes import ChatMessage, Conversation
from memento_skills.ingest.loose import NotReadable, json_of, loosely
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.status import classify, says_error
from memento_skills.ingest.values import TASK_LENGTH, arguments_of, text_of, time_of
from memento_skills.interfaces import Line
from memento_skills.records import Actor, Outcome, Run, Status, Step, StepKind

# The first key of a message; other clients wrap theirs (`info`) or begin them otherwise.
_FIRST = (
    rb"(?:role|content|name|index|refusal|annotations|tool_calls|function_call|tool_call_id|extra|reasoning_content"
    rb"|timestamp|id)"
)
_RUN = re.compile(rb'"(?:messages|traj|history)"\s*:\s*\[\s*\{\s*"' + _FIRST + rb'"\s*:')
_BARE = re.compile(rb'\s*\[?\s*\{\s*"' + _FIRST + rb'"\s*:')
_TURN = re.compile(rb'"role"\s*:\s*"')
# Rows and documents of other clients, which have messages inside as well.
_FOREIGN = re.compile(
    rb'"(?:sessionId|parentUuid|projectHash|toolCalls|trajectory|environment|message_type)"\s*:'
    rb'|"(?:run_type|traceId|trace_id|trajectory_format)"\s*:'
    rb'|"(?:llm_message|tool_call_metadata)"\s*:'
    rb'|"type"\s*:\s*"(?:response_item|session_meta|event_msg|tool\.execution_start)"'
    rb'|\A\s*\{\s*"id"\s*:\s*(?:"[^"]{0,200}"|\d{1,9})\s*,\s*"epoch"\s*:'
)
_TERMINAL = re.compile(r"(?:computer)?[ _]?terminal|executor|code[_ ]?runner", re.IGNORECASE)
_PEOPLE = frozenset({"human", "user"})


class More(TypedDict, total=False):
    """Fields of a step beside its kind and place."""

    text: str
    tool: str
    args: dict[str, Any]
    call_id: str
    status: Status
    exit_code: int | None
    agent: str
    message: str
    meta: bool


class _Kind(NamedTuple):
    client: str
    entries: list[Any]


class ChatReader(BaseReader):
    """Reader of chat messages."""

    name = "chat@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        self._made: list[Run] = []
        self._loose: list[Any] = []  # a message a line
        self._runs_seen = 0

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where runs or messages with roles stand, and no sign of another client's rows."""
        if head.lstrip()[:1] not in (b"{", b"[") or _FOREIGN.search(head) or not _TURN.search(head):
            return 0.0
        if _RUN.search(head):
            return 0.8
        return 0.7 if _BARE.match(head) and b'"content"' in head else 0.0

    @staticmethod
    def document(head: bytes) -> bool:
        """A list, or an object that does not end in its first line."""
        first, line_break, _ = head.lstrip().partition(b"\n")
        if not first.startswith(b"{"):
            return True
        return bool(line_break) and not first.rstrip().endswith(b"}")

    def feed(self, lines: Iterable[Line]) -> None:
        """Take the next lines of the file, or the whole document as one."""
        for line in lines:
            if not line.data.strip():
                self.seen += 1
                self.ignore("(blank)")
                continue
            try:
                self._value(json_of(line.data), line)
            except NotReadable as error:
                self.seen += 1
                self.quarantine(line, error.what)

    def _value(self, value: object, line: Line) -> None:
        if isinstance(value, list):
            self._list(value, line)
        elif not isinstance(value, dict):
            self.seen += 1
            self.ignore("(no object)")
        elif _is_run(value):
            self._conversation(value, line)
        elif "role" in value:
            self.seen += 1
            self.understood += 1
            self._loose.append(value)
        else:
            self.seen += 1
            self.ignore("(no message)")

    def _list(self, value: list[Any], line: Line) -> None:
        if any(isinstance(v, dict) and _is_run(v) for v in value):
            for run in value:
                if isinstance(run, dict) and _is_run(run):
                    self._conversation(run, line)
                else:
                    self.seen += 1
                    self.quarantine(line, "an entry of the list is no run")
        else:
            self._conversation({"messages": value}, line)

    def runs(self) -> Iterator[Run]:
        """The conversations so far."""
        yield from self._made
        if self._loose:
            yield self._run(Conversation(messages=self._loose), _Kind("openai-chat", self._loose), None)

    def take(self) -> list[Run]:
        """The conversations since the last `take`; messages that stand alone on lines are given as one run so far."""
        taken = list(self.runs())
        self._made = []
        return taken

    # --------------------------------------------------------------------------------------- one conversation

    def _conversation(self, raw: dict[str, Any], line: Line) -> None:
        conversation = loosely(raw, Conversation)
        if conversation.traj is not None:
            kind = _Kind("tau-bench", conversation.traj)
        elif conversation.history is not None:
            kind = _Kind("agent-history", conversation.history)
        else:
            kind = _Kind("openai-chat", conversation.messages or [])
        self._made.append(self._run(conversation, kind, line))
        self._runs_seen += 1

    def _run(self, conversation: Conversation, kind: _Kind, line: Line | None) -> Run:
        steps = _Steps(turns=kind.client == "agent-history")
        for index, entry in enumerate(kind.entries):
            understood = isinstance(entry, dict) and steps.take(loosely(entry, ChatMessage), index)
            if line is not None:
                self.seen += 1
                if understood:
                    self.understood += 1
                elif isinstance(entry, dict):
                    self.ignore("(empty entry)")
                else:
                    self.quarantine(line, f"entry {index} is no message")
        task = (conversation.question or "").strip() or steps.task
        return Run(
            id=self._id_of(conversation),
            client=kind.client,
            reader=self.name,
            model=conversation.model or "",
            user=conversation.user or "",
            task=task[:TASK_LENGTH],
            started_at=min(steps.times, default=None),
            ended_at=max(steps.times, default=None),
            outcome=_outcome(conversation),
            shared_ids=False,
            sources=(self.source,),
            steps=tuple(steps.made),
        )

    def _id_of(self, conversation: Conversation) -> str:
        """The log's own session id; where it has none, folder/file with the task and trial or the run's number."""
        named = conversation.session_id or conversation.conversation_id
        if named:
            return named
        if conversation.id not in (None, ""):
            return str(conversation.id)
        stem = "/".join([*self.source.replace("\\", "/").split("/")[-2:-1], self.fallback_id])
        if conversation.task_id is not None:
            trial = f"/{conversation.trial}" if conversation.trial is not None else ""
            return f"{stem}/{conversation.task_id}{trial}"
        return f"{stem}/{self._runs_seen}" if self._runs_seen else stem


class _Steps:
    """The steps of one conversation while it is read."""

    def __init__(self, *, turns: bool) -> None:
        self.made: list[Step] = []
        self.task = ""
        self.times: list[float] = []
        self._turns = turns
        self._tools: dict[str, str] = {}
        self._last_function = ""
        self._names: dict[str, str] = {}
        """Native call id -> the name that its latest call goes by."""

    def take(self, message: ChatMessage, entry: int) -> bool:
        """Make the steps of one entry; false where it holds nothing."""
        at = time_of(message.timestamp)
        if at is not None:
            self.times.append(at)
        text = text_of(message.content)
        before = len(self.made)
        if self._turns:
            self._turn(message, text, entry, at)
        elif message.role in ("tool", "function") or text.startswith("<returncode>"):  # so mini-swe-agent shows output
            self._result(message, text, entry, at)
        elif message.role == "assistant":
            self._answer(message, text, entry, at)
        elif message.role and text:
            person = message.role in _PEOPLE
            self._add("message", "user" if person else "system", entry, at, text=text, meta=not person)
            if person and not self.task:
                self.task = text.strip()
        return len(self.made) > before

    def _add(self, kind: StepKind, actor: Actor, entry: int, at: float | None, **more: Unpack[More]) -> None:
        uid = f"{entry}:{len(self.made)}"
        self.made.append(
            Step(seq=len(self.made), kind=kind, actor=actor, entry=entry, line=entry, at=at, uid=uid, **more)
        )

    def _unused(self, name: str) -> str:
        """The native id; one that a conversation uses again gets a number, or its results could not be told apart."""
        number, free = 1, name
        while free in self._tools:
            number += 1
            free = f"{name}#{number}"
        return free

    def _answer(self, message: ChatMessage, text: str, entry: int, at: float | None) -> None:
        agent = message.name or ""
        if message.reasoning_content:
            self._add("reasoning", "agent", entry, at, text=message.reasoning_content, message=str(entry))
        if text:
            self._add("message", "agent", entry, at, text=text, message=str(entry), agent=agent)
        calls = [(c.id, c.function) for c in message.tool_calls or () if c.function]
        if message.function_call:
            calls.append((None, message.function_call))
        for number, (call_id, function) in enumerate(calls):
            name = self._unused(call_id or f"{entry}.{number}")
            self._names[call_id or name] = name
            self._tools[name] = function.name
            self._last_function = name
            self._add(
                "call", "agent", entry, at, tool=function.name, args=arguments_of(function.arguments), call_id=name,
                message=str(entry), agent=agent,
            )  # fmt: skip

    def _result(self, message: ChatMessage, text: str, entry: int, at: float | None) -> None:
        call_id = self._names.get(message.tool_call_id or "", message.tool_call_id or self._last_function)
        flag = message.is_error if message.is_error is not None else True if says_error(text) else None
        ended = classify(text, error=flag)
        # a format without an error flag: what does not say that it failed, worked
        status: Status = "ok" if ended.status == "unknown" else ended.status
        tool = message.name or self._tools.get(call_id, "")
        self._add(
            "result", "tool", entry, at, text=text, tool=tool, call_id=call_id, status=status, exit_code=ended.exit_code
        )

    def _turn(self, message: ChatMessage, text: str, entry: int, at: float | None) -> None:
        """One turn of a group of named agents: the name stands in `name` or in `role`."""
        speaker = message.name or message.role
        if not speaker and not text:
            return
        if _TERMINAL.search(speaker):
            ended = classify(text, error=None)
            status: Status = "ok" if ended.status == "unknown" else ended.status
            self._add("result", "tool", entry, at, text=text, agent=speaker, status=status, exit_code=ended.exit_code)
        elif speaker.lower() in _PEOPLE:
            self._add("message", "user", entry, at, text=text)
            self.task = self.task or text.strip()
        else:
            self._add("message", "agent", entry, at, text=text, agent=speaker)


def _is_run(value: dict[str, Any]) -> bool:
    return any(isinstance(value.get(key), list) for key in ("messages", "traj", "history"))


def _outcome(conversation: Conversation) -> Outcome:
    reward = conversation.reward
    status = (conversation.info.exit_status if conversation.info else None) or ""
    if reward is None:
        return Outcome(reason=status)
    return Outcome(label="success" if reward >= 1 else "failure", reward=reward, reason=status)
