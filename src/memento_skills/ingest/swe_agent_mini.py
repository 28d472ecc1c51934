"""mini-swe-agent's trajectories (`.traj.json`), versions 1 and 2, and bare lists of its messages -> runs.

Version 1 writes a command in a fenced block of the answer and its output as a message of the user; version 2 writes
tool calls or `extra.actions`, and the exit code under `extra`. The unit of conservation is the message, and
`Step.entry` its index.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec.structs import replace

from memento_skills.ingest.building import Building, Place
from memento_skills.ingest.entries import EntryReader
from memento_skills.ingest.fields import count, first, inner, price
from memento_skills.ingest.loose import loosely
from memento_skills.ingest.messages import Part, Said, conversation, message
from memento_skills.ingest.swe_rules import ended, header, outcome, run_id
from memento_skills.ingest.values import text_of, time_of
from memento_skills.interfaces import Line
from memento_skills.records import StepKind, Usage

_FORMAT = re.compile(rb'"trajectory_format"\s*:\s*"mini-swe-agent|"mini_version"\s*:')
_MESSAGES = re.compile(rb'\A\s*(?:\[\s*\{\s*"role"|\{\s*"(?:messages|info|trajectory_format|instance_id)"\s*:)')
_WORDS = re.compile(rb"mswea_bash_command|COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT|MINI_SWE_AGENT_FINAL_OUTPUT")
_ROLE = re.compile(rb'"role"\s*:\s*"system"')
_FENCE = "```"
_LANGUAGES = ("mswea_bash_command", "bash", "sh")
_OUTPUT = re.compile(r"\A<returncode>(-?\d{1,10})</returncode>\s*<output>\n?(.*?)\n?</output>\s*\Z", re.DOTALL)
_SUBMIT = ("COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT", "MINI_SWE_AGENT_FINAL_OUTPUT")


class _Extra(msgspec.Struct):
    """`extra` of a message of version 2."""

    returncode: int | None = None
    raw_output: str | None = None
    exception_info: str | None = None
    exception_type: str | None = None
    interrupt_type: str | None = None
    actions: list[Any] | None = None
    timestamp: Any = None
    exit_status: str | None = None
    submission: str | None = None
    traceback: str | None = None
    cost: Any = None
    response: dict[str, Any] | None = None


class _Info(msgspec.Struct):
    exit_status: str | None = None
    submission: str | None = None
    mini_version: str | None = None
    config: dict[str, Any] | None = None


class MiniSweAgentReader(EntryReader):
    """Reader of mini-swe-agent's trajectories."""

    name = "mini-swe-agent@1"

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where the format or its version is named, or messages begin whose prompt has its words."""
        if not _MESSAGES.match(head):
            return 0.0
        if _FORMAT.search(head):
            return 0.95
        return 0.85 if _ROLE.search(head) and _WORDS.search(head) else 0.0

    def value(self, value: object, line: Line) -> None:
        """Take one trajectory: an object with messages, or the bare list of them."""
        whole: dict[str, Any] = value if isinstance(value, dict) else {}
        messages = whole.get("messages") if whole else value
        if not isinstance(messages, list):
            self.skip("(no messages)")
            return
        info = loosely(inner(whole, "info"), _Info)
        reading = _Reading()
        for index, entry in enumerate(messages):
            if not isinstance(entry, dict):
                self.refuse(line, f"entry {index} is no message")
            elif reading.take(entry, index):
                self.took()
            else:
                self.skip("(empty entry)")
        config = info.config or {}
        status = info.exit_status or reading.exit.exit_status or ""
        submission = info.submission or reading.exit.submission or reading.submitted
        exception = status if first(inner(whole, "info"), "traceback") or reading.exit.traceback else ""
        run = header(self.name, "mini-swe-agent", self.source)
        named = first(whole, "instance_id") or self.fallback_id
        self.made.append(
            reading.building.finish(
                replace(
                    run,
                    id=run_id(
                        self.source, named, *(text_of(inner({"m": m}, "m").get("content")) for m in messages[:3])
                    ),
                    client_version=info.mini_version or "",
                    model=first(inner(config, "model"), "model_name"),
                    cwd=first(inner(config, "environment"), "cwd"),
                    outcome=outcome(status, submission, exception=exception),
                )
            )
        )


class _Reading:
    """The steps of one list of messages."""

    def __init__(self) -> None:
        self.building = Building()
        self.exit = _Extra()
        self.submitted = ""

    def take(self, raw: dict[str, Any], index: int) -> bool:
        """Make the steps of one message; false where it holds nothing."""
        extra = loosely(inner(raw, "extra"), _Extra)
        at = time_of(raw.get("timestamp", extra.timestamp))
        place = Place(entry=index, line=index, at=at, message=str(index))
        if raw.get("role") == "exit":
            self.exit = extra
            return self.building.add("notice", "system", place, text=text_of(raw.get("content")), meta=True)
        said = _response(raw) or message(raw)
        if said is None:
            return False
        if said.role == "agent":
            return self._answer(said, extra, place)
        if said.role == "system":
            return self.building.system(place, _text(said))
        return self._seen(said, extra, place)

    def _answer(self, said: Said, extra: _Extra, place: Place) -> bool:
        building = self.building
        before = len(building.made)
        calls = [part for part in said.parts if part.kind == "call"]
        usage = _usage(extra)
        for part in said.parts:
            if part.kind in ("text", "reasoning") and part.text:
                kind: StepKind = "reasoning" if part.kind == "reasoning" else "message"
                building.add(kind, "agent", place, text=part.text, usage=usage)
                usage = None
        for part in calls or _actions(said, extra):
            building.call(place, part.tool, part.args, part.call_id, usage=usage)
            usage = None
        return len(building.made) > before

    def _seen(self, said: Said, extra: _Extra, place: Place) -> bool:
        """The output of a command, where one was given; else the task, or a word of the program itself."""
        building = self.building
        result = next((part for part in said.parts if part.kind == "result"), None)
        waiting = (result.call_id if result else "") or building.waiting()
        text = result.text if result else _text(said)
        if not waiting or extra.interrupt_type:
            asked = not building.task
            return building.user(place, text) if asked else building.system(place, text)
        found = _OUTPUT.match(text)
        code = extra.returncode if extra.returncode is not None else int(found[1]) if found else None
        shown = extra.raw_output if extra.raw_output is not None else found[2] if found else text
        exception = extra.exception_type or ("Exception" if extra.exception_info else "")
        words = "\n".join(filter(None, (shown, extra.exception_info)))
        if shown.lstrip().startswith(_SUBMIT) or code is None:
            self.submitted = self.submitted or shown
        end = ended(
            words if exception or found or extra.raw_output is not None else text, code=code, exception=exception
        )
        return building.result(place, words, waiting, end)


def _response(raw: dict[str, Any]) -> Said | None:
    """An answer of the Responses API, whose items stand in `output`."""
    items = conversation(raw["output"]) if raw.get("object") == "response" and "output" in raw else []
    return Said("agent", tuple(part for one in items for part in one.parts)) if items else None


def _usage(extra: _Extra) -> Usage | None:
    """Tokens and price of an answer, where version 2 kept the response of the model's service."""
    told = inner(extra.response or {}, "usage")
    made = Usage(
        input=count(told, "prompt_tokens", "input_tokens"),
        output=count(told, "completion_tokens", "output_tokens"),
        usd=price(extra.cost),
    )
    return made if made != Usage() else None


def _text(said: Said) -> str:
    return "\n".join(part.text for part in said.parts if part.text)


def _actions(said: Said, extra: _Extra) -> list[Part]:
    """The commands of an answer without tool calls: those the program found, else the one fenced block."""
    if extra.actions is not None:
        named = [one for one in extra.actions if isinstance(one, dict)]
        return [
            Part("call", "", "bash", {"command": text_of(one.get("command"))}, first(one, "tool_call_id"))
            for one in named
        ]
    blocks = _blocks(_text(said))
    return [Part("call", "", "bash", {"command": blocks[0]})] if len(blocks) == 1 else []


def _blocks(text: str) -> list[str]:
    """The fenced shell blocks of a text; the program takes an answer with exactly one."""
    pieces = text.split(_FENCE)
    found = []
    for piece in pieces[1:-1:2]:
        language, line_break, body = piece.partition("\n")
        if line_break and language.strip() in _LANGUAGES:
            found.append(body.strip())
    return found
