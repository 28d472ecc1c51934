"""One Codex session while it is being read: which answer is being given, what was said twice, what events told."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from memento_skills.ingest.codex_results import Ending
from memento_skills.ingest.codex_rows import TokenInfo, Tokens
from memento_skills.ingest.session import Context, Memory, Session, tokens_of
from memento_skills.ingest.values import json_text
from memento_skills.records import Usage, digest

TOGETHER = 0.2
"""Seconds: no model answers a result faster than this (the fastest of 1,081 answers took 1.01 s), so a call that
follows a result at once was decided together with the call before it."""
_REMEMBERED = 256
_MOST_SKILLS = 1000


class CodexMemory(Memory, msgspec.Struct, omit_defaults=True):
    """What has to be remembered of a Codex session."""

    answer: int = 0
    """Number of the model answer that is being given."""
    answered: bool = False
    """A result or a person's message came since that answer's last item."""
    result_at: float | None = None
    said: dict[str, list[int]] = {}
    """Messages by hash: how often as a response item, how often as an event."""
    ends: dict[str, list[int | None]] = {}
    """Call id -> exit code, failed, declined, of an event before its result."""
    total: int = -1
    """Tokens of the session so far, as last told."""
    turn_model: str = ""
    folder: str = ""
    """Working directory of the turn."""
    files: dict[str, str] = {}
    """SKILL.md of a skill that the client offered -> its name."""
    opening: dict[str, list[str]] = {}
    """Open calls that read such a file: id -> skills."""
    allowed: str = ""
    """Approval policy and sandbox, as last told."""
    starts: int = 0
    """`codex exec`: how often the client began; item ids count anew each time."""


class Place(NamedTuple):
    """Where a row stands."""

    at: float | None
    line: int


class CodexSession(Session[CodexMemory]):
    """Memory and new steps of one Codex session."""

    def context(self, place: Place, uid: str) -> Context:
        """The context of a row that is no part of a model answer."""
        memory = self.memory
        return Context(uid=uid, at=place.at, line=place.line, cwd=memory.folder or memory.cwd, model=memory.turn_model)

    def answering(self, place: Place, uid: str) -> Context:
        """The context of an item of a model answer: of the one being given, or the first of the next."""
        memory = self.memory
        fast = place.at is not None and memory.result_at is not None and 0 <= place.at - memory.result_at < TOGETHER
        if memory.answered and not fast:
            self.next_answer()
        memory.answered = False
        if self.first is None:
            self.first = len(self.steps)
        context = self.context(place, uid)
        context.message = f"{memory.id}.{memory.answer}"
        return context

    def next_answer(self) -> None:
        """What comes next belongs to another answer."""
        self.memory.answer += 1
        self.first = None

    def heard(self, at: float | None) -> None:
        """A result came: the model's next item is another answer, unless it follows at once."""
        self.memory.answered, self.memory.result_at = True, at

    def asked(self) -> None:
        """A person or the client said something: the model's next item is another answer."""
        self.memory.answered, self.memory.result_at = True, None

    def is_new(self, who: str, text: str, *, event: bool) -> bool:
        """Whether a message comes for the first time: most stand twice in the log, as an item and as an event."""
        said = self.memory.said
        key = digest(who, " ".join(text.split())[:4096])
        counts = said.get(key)
        if counts is None:
            if len(said) >= _REMEMBERED:
                del said[next(iter(said))]
            counts = said[key] = [0, 0]
        before = max(counts)
        counts[event] += 1
        return counts[event] > before

    def end(self, call_id: str, ending: Ending) -> None:
        """Remember what an event told of a call, until its result comes."""
        ends = self.memory.ends
        if len(ends) >= _REMEMBERED:
            del ends[next(iter(ends))]
        failed = None if ending.failed is None else int(ending.failed)
        ends[call_id] = [ending.exit_code, failed, int(ending.declined)]

    def ending(self, call_id: str) -> Ending | None:
        """What an event told of a call, once."""
        told = self.memory.ends.pop(call_id, None)
        if told is None or len(told) != 3:
            return None
        return Ending(told[0], None if told[1] is None else bool(told[1]), bool(told[2]))

    def offer(self, name: str, file: str) -> None:
        """Remember a skill that the client offered, and where it lies."""
        memory = self.memory
        if name not in memory.listed:
            memory.listed.append(name)
        if len(memory.files) < _MOST_SKILLS:
            memory.files[file] = name

    def read_skills(self, call_id: str, line: str) -> None:
        """Remember which offered skills a command line reads: this client has no tool that loads one."""
        if "SKILL.md" in line:
            names = [name for file, name in self.memory.files.items() if file in line]
            if names:
                self.memory.opening[call_id] = names[:_REMEMBERED]

    def loaded_skills(self, context: Context, call_id: str, *, ok: bool) -> None:
        """Append the skills that a call which ended has read."""
        for name in self.memory.opening.pop(call_id, ()) if ok else ():
            self.load_skill(context, name, "agent", call_id)

    def permissions(self, place: Place, uid: str, approval: object, sandbox: object) -> None:
        """Append what the agent may do, where it changed."""
        kind = sandbox.get("type", sandbox.get("mode")) if isinstance(sandbox, dict) else sandbox
        text = f"approval policy: {_short(approval)}; sandbox: {_short(kind)}"
        if text != self.memory.allowed and (approval is not None or sandbox is not None):
            self.memory.allowed = text
            self.add(self.context(place, uid), "permission", "system", text=text, meta=True)

    def spend(self, info: TokenInfo | None) -> None:
        """Count the tokens of the last answer on its first step; the same event may come several times."""
        if info is None or info.last_token_usage is None:
            return
        total = (info.total_token_usage.total_tokens if info.total_token_usage else None) or 0
        if total == self.memory.total:
            return
        self.memory.total = total
        self.count(usage_of(info.last_token_usage))

    def spend_turn(self, tokens: Tokens | None) -> None:
        """Count the tokens of a whole turn (`codex exec`) on the first step of its last answer."""
        if tokens is not None:
            self.count(usage_of(tokens))


def usage_of(tokens: Tokens) -> Usage:
    """Tokens as the records count them."""
    return tokens_of(tokens.input_tokens, tokens.cached_input_tokens, tokens.output_tokens)


def _short(value: object) -> str:
    return (value if isinstance(value, str) else json_text(value))[:200]
