"""The parts of OpenCode's messages -> steps.

A message holds one or more model answers, each closed by a `step-finish` part with its tokens. The calls of one answer
are siblings (`Step.message`): all of them stand before their results, as the model saw none of these when it decided.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, TypedDict, Unpack

import msgspec

from memento_skills.ingest.loose import loosely
from memento_skills.ingest.opencode_shapes import MessageError, MessageInfo, Part, SessionInfo, Tokens, ToolState
from memento_skills.ingest.status import StatusOf, classify
from memento_skills.ingest.values import arguments_of, text_of, time_of
from memento_skills.records import Actor, Status, Step, StepKind, Usage

# Ids that a provider counts within a conversation: the same one in another session is another call.
_COUNTED = re.compile(r"(?:functions[.:])?[A-Za-z_.-]{0,40}[:_.-]?\d{1,6}")
_NOTES = ("<bash_metadata>", "<shell_metadata>")
_SHELLS = ("bash", "shell")
_FEEDBACK = "with the following feedback: "
_DROPPED = {
    "step-start", "snapshot", "patch", "file", "agent", "idle", "agent-switched", "model-switched", "location-switched",
}  # fmt: skip
"""Part types that give no step: what they say stands in the calls and texts beside them."""
_LARGEST_CODE = 1 << 32


class More(TypedDict, total=False):
    """Fields of a step beside its kind and actor."""

    text: str
    tool: str
    args: dict[str, Any]
    call_id: str
    status: Status | None
    exit_code: int | None
    cwd: str
    meta: bool


class SessionSteps:
    """The steps and facts of one session while it is read."""

    def __init__(self, info: SessionInfo) -> None:
        self.info = info
        self.session_id = info.id
        self.made: list[Step] = []
        self.times: list[float] = []
        self.task = ""
        self.model = ""
        self.cwd = info.directory
        self.skills: list[str] = []
        self.unique_ids = True
        self.stated_cwd = info.directory
        self.names: set[str] = set()
        self.sub_agent = bool(info.parentID)
        self._reverted = info.revert.messageID if info.revert else ""
        for at in (info.time.created, info.time.updated) if info.time else ():
            self.seen_at(time_of(at))

    def seen_at(self, at: float | None) -> None:
        """A time that the log states."""
        if at is not None:
            self.times.append(at)

    def close(self) -> None:
        """The session's end: whether a person took the last messages back."""
        if self._reverted:
            last = self.made[-1] if self.made else None
            self.made.append(
                Step(
                    seq=0, kind="notice", actor="user", text=f"reverted from {self._reverted[:80]}", meta=True,
                    uid=f"{self.session_id}:reverted", line=last.line if last else 0, entry=last.entry if last else 0,
                )
            )  # fmt: skip

    def name_of(self, native: str, fallback: str) -> str:
        """The call id: the native one; a number is added to one that the session used before."""
        native = native or fallback
        if native in self.names or _COUNTED.fullmatch(native):
            self.unique_ids = False
        number, free = 1, native
        while free in self.names:
            number += 1
            free = f"{native}#{number}"
        self.names.add(free)
        return free


class MessageReader:
    """One message of a session, part by part."""

    def __init__(self, steps: SessionSteps, info: MessageInfo, index: int) -> None:
        self._all, self._info, self._index = steps, info, index
        self._id = info.id or f"{steps.session_id}:{index}"
        self._answer = 0
        self._results: list[Step] = []
        self._usages: list[Usage | None] = []
        self._stopped = False
        self._place()

    def _place(self) -> None:
        steps, info = self._all, self._info
        if info.sessionID and not steps.session_id:
            steps.session_id = info.sessionID
        self._at = time_of(info.time.created) if info.time else None
        steps.seen_at(self._at)
        steps.seen_at(time_of(info.time.completed) if info.time else None)
        where = info.path.cwd if info.path else ""
        if where and not steps.cwd:
            steps.cwd = steps.stated_cwd = where
        self._cwd = where or steps.cwd
        self._model = info.modelID or (info.model.modelID or info.model.id if info.model else "")
        steps.model = steps.model or self._model

    def begin(self, parts: list[Any]) -> None:
        """Look ahead for the tokens of each answer among the parts."""
        closing = [p for p in parts if isinstance(p, dict) and p.get("type") == "step-finish"]
        for raw in closing:
            part = loosely(raw, Part)
            self._usages.append(_usage(part.tokens, part.cost))
        if not closing and self._info.role == "assistant":
            self._usages.append(_usage(self._info.tokens, self._info.cost))

    def bare(self) -> bool:
        """A message without parts; whether it says anything by itself: an error of the model's service."""
        return self._failed()

    def end(self) -> None:
        """After the last part."""
        self._flush()
        self._failed()

    def part(self, raw: dict[str, Any], number: int) -> str:
        """Make the steps of one part; the name under which it is counted as ignored, "" where it was understood."""
        part = loosely(raw, Part)
        uid = part.id or f"{self._id}.{number}"
        at = self._at
        if part.time:
            at = time_of(part.time.start) or time_of(part.time.created) or at
        if part.type == "tool" and part.state:
            self._tool(part, part.state, uid)
        elif part.type == "step-finish":
            self._flush()
            self._answer += 1
        elif part.type in ("text", "reasoning", "subtask"):
            words = part.prompt if part.type == "subtask" else part.text
            if not words.strip():
                return f"(empty {part.type})"
            self._words(part, words, uid, at)
        elif part.type == "compaction":
            self._add("notice", "system", uid, at, text="compact_boundary", meta=True)
        elif part.type == "skill" and part.text:
            self._all.skills.append(part.text)
            self._add("skill", "user", uid, at, tool=part.text)
        elif part.type == "retry":
            self._add("notice", "system", uid, at, text=_error_text(part.error), status="api_error", meta=True)
        elif part.type in _DROPPED:
            return part.type
        else:
            return f"part {part.type[:40]!r} of version {self._all.info.version[:20] or '?'}"
        return ""

    # ----------------------------------------------------------------------------------------------- steps

    def _add(self, kind: StepKind, actor: Actor, uid: str, at: float | None, **more: Unpack[More]) -> None:
        self._all.made.append(self._step(kind, actor, uid, at, **more))

    def _step(self, kind: StepKind, actor: Actor, uid: str, at: float | None, **more: Unpack[More]) -> Step:
        self._all.seen_at(at)
        usage = None
        if actor == "agent" and self._answer < len(self._usages):
            usage, self._usages[self._answer] = self._usages[self._answer], None
        model = self._model if kind in ("message", "reasoning", "call") and self._info.role == "assistant" else ""
        return Step(
            seq=0,
            kind=kind,
            actor=actor,
            message=(self._id if not self._answer else f"{self._id}#{self._answer + 1}") if actor != "user" else "",
            uid=uid,
            at=at,
            line=self._index,
            entry=self._index,
            model=model if model != self._all.model else "",
            usage=usage,
            **more,
        )

    def _words(self, part: Part, words: str, uid: str, at: float | None) -> None:
        steps = self._all
        if self._info.role == "assistant":
            self._add("reasoning" if part.type == "reasoning" else "message", "agent", uid, at, text=words)
            return
        # a sub-agent is asked by the agent above it
        put_in = bool(part.synthetic or part.ignored) or part.type == "subtask"
        if not put_in and not steps.task:
            steps.task = words.strip()
        self._add("message", "user", uid, at, text=words, meta=put_in or steps.sub_agent)

    def _tool(self, part: Part, state: ToolState, uid: str) -> None:
        name = self._all.name_of(part.callID, uid)
        args = arguments_of(state.input) or ({"_raw": state.raw} if state.raw else {})
        begun = time_of(state.time.start) if state.time else None
        at = begun or self._at
        self._add("call", "agent", uid, at, tool=part.tool, args=args, call_id=name, cwd=self._folder(part, args))
        if state.status not in ("completed", "error"):
            return  # still pending or running when the session was written
        text = text_of(state.error if state.status == "error" else state.output)
        ended = _ended(part.tool, state, text)
        end = (time_of(state.time.end) if state.time else None) or at
        self._ends(part, name, text, ended, f"{uid}:result", end)
        skill = args.get("name") if part.tool == "skill" and ended.status == "ok" else None
        if isinstance(skill, str) and skill:
            self._all.skills.append(skill)
            self._results.append(self._step("skill", "agent", f"{uid}:skill", end, tool=skill, call_id=name))

    def _ends(self, part: Part, name: str, text: str, ended: StatusOf, uid: str, at: float | None) -> None:
        """The result of a call, and the person's answer where it is one."""
        result = self._step(
            "result", "tool", uid, at, text=text, tool=part.tool, call_id=name, status=ended.status,
            exit_code=ended.exit_code,
        )  # fmt: skip
        self._results.append(result)
        self._stopped = self._stopped or ended.status == "interrupted"
        if ended.status == "denied_user":
            reason = text.partition(_FEEDBACK)[2].strip()
            self._results.append(
                msgspec.structs.replace(result, kind="permission", actor="user", uid=f"{uid}:answer", text=reason)
            )

    def _folder(self, part: Part, args: dict[str, Any]) -> str:
        """The folder in which a call starts, where it is not the run's or another one was stated before."""
        asked = args.get("workdir") if part.tool in _SHELLS else None
        where = self._cwd
        if isinstance(asked, str) and asked:
            plain = asked.startswith(("/", "~", "\\")) or asked[1:3] in (":\\", ":/")
            where = asked if plain else posixpath.normpath(f"{self._cwd}/{asked}")
        steps = self._all
        shown = where if where != steps.cwd or steps.stated_cwd != steps.cwd else ""
        steps.stated_cwd = where
        return shown

    def _flush(self) -> None:
        self._all.made += self._results
        self._results = []

    def _failed(self) -> bool:
        """The message's own error: a person stopped it, or the model's service failed."""
        error = self._info.error
        if error is None:
            return False
        uid = f"{self._id}:error"
        if error.name == "MessageAbortedError":
            if not self._stopped:
                text = _error_text(error)
                self._add("notice", "user", uid, self._at, text=text, status="interrupted", meta=True)
        else:
            self._add("notice", "system", uid, self._at, text=_error_text(error), status="api_error", meta=True)
        return True


def _ended(tool: str, state: ToolState, text: str) -> StatusOf:
    """How a call ended: `completed` only says that the tool ran, the exit code stands in its metadata."""
    meta = state.metadata or {}
    if state.status == "error":
        return classify(text, error=True, interrupted=meta.get("interrupted") is True)
    if tool == "invalid":  # what the client puts in the place of a call whose tool or arguments were none
        return StatusOf("error", None, "tool:invalid")
    if meta.get("timeout") is True:
        return StatusOf("timeout", None, "log:timeout")
    stated = meta.get("exit")
    code = stated if isinstance(stated, int) and not isinstance(stated, bool) and abs(stated) < _LARGEST_CODE else None
    if code == 0 or "exit" not in meta:
        return StatusOf("ok", code, "")
    # a command that was stopped has no exit code, or a signal's: the client's own note behind the output says why
    note = _note(text)
    ended = classify(note, error=True) if note else StatusOf("error" if code else "unknown", code, "log:exit")
    return ended._replace(exit_code=code)


def _note(text: str) -> str:
    """What the client wrote behind the output of a shell command that it stopped."""
    tail = text[-2000:]
    for mark in _NOTES:
        at = tail.rfind(mark)
        if at >= 0:
            return tail[at + len(mark) :].strip()
    return ""


def _usage(tokens: Tokens | None, cost: float | None) -> Usage | None:
    if tokens is None and not cost:
        return None
    t = tokens or Tokens()
    cache_read, cache_write = (t.cache.read, t.cache.write) if t.cache else (0, 0)
    return Usage(
        input=t.input, output=t.output + t.reasoning, cache_read=cache_read, cache_write=cache_write, usd=cost or 0.0
    )


def _error_text(error: MessageError | None) -> str:
    if error is None:
        return ""
    said = (error.data.message if error.data else "") or error.message
    return f"{error.name}: {said}" if said else error.name
