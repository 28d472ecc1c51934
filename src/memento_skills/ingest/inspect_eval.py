"""Evaluation logs of Inspect (`.eval` archives, `.json` logs) -> runs: one for each sample and epoch.

The messages of a sample tell its story; its events add how each call ended, when, and who denied it. Calls that only
events tell are those of sub-agents. Texts that stand among the attachments are put back. The unit of conservation is
the message; the header is one.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import msgspec

from memento_skills.ingest.building import Building, Ended, Place
from memento_skills.ingest.entries import EntryReader
from memento_skills.ingest.fields import count, first, inner, objects, score
from memento_skills.ingest.loose import loosely
from memento_skills.ingest.messages import Said, message
from memento_skills.ingest.status import status_of_type
from memento_skills.ingest.values import TASK_LENGTH, arguments_of, seconds_of, text_of
from memento_skills.interfaces import Line
from memento_skills.records import Outcome, Run, Usage

_HEADER = re.compile(rb'"eval"\s*:\s*\{')
_STATUS = re.compile(rb'"status"\s*:\s*"(?:started|success|cancelled|error)"')
_SAMPLE = re.compile(rb'"epoch"\s*:\s*\d')
_PARTS = re.compile(rb'"(?:target|scores|sample_id|model_usage|input)"\s*:')
_ATTACHED = "attachment://"
_GRADES = {"C": "pass", "I": "fail", "P": "", "N": "fail"}


class _Error(msgspec.Struct):
    type: str | None = None
    message: str = ""


class _Event(msgspec.Struct):
    """An event of a sample."""

    event: str = ""
    id: str | None = None
    timestamp: Any = None
    completed: Any = None
    function: str | None = None
    arguments: Any = None
    result: Any = None
    error: _Error | None = None
    failed: bool | None = None
    agent: str | None = None
    output: dict[str, Any] | None = None
    call: dict[str, Any] | None = None
    approver: str | None = None
    decision: str | None = None

    @property
    def begun(self) -> float | None:
        """Seconds since the epoch."""
        return seconds_of(self.timestamp) if isinstance(self.timestamp, str) else None

    @property
    def over(self) -> float | None:
        """Seconds since the epoch when it was completed, else when it began."""
        return seconds_of(self.completed) if isinstance(self.completed, str) else self.begun


class _Sample(msgspec.Struct):
    id: str | int | None = None
    epoch: int | None = None
    uuid: str | None = None
    input: Any = None
    messages: list[Any] | None = None
    events: list[Any] | None = None
    scores: dict[str, Any] | None = None
    error: _Error | None = None
    limit: dict[str, Any] | None = None
    attachments: dict[str, str] | None = None


class InspectReader(EntryReader):
    """Reader of Inspect's logs."""

    name = "inspect@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        self._about: dict[str, Any] = {}

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure of the header of an evaluation, and of a sample with its epoch."""
        if head.lstrip()[:1] not in (b"{", b"["):
            return 0.0
        if _HEADER.search(head) and _STATUS.search(head):
            return 0.9
        return 0.85 if _SAMPLE.search(head) and len(set(_PARTS.findall(head))) > 1 else 0.0

    def value(self, value: object, line: Line) -> None:
        """Take a header, a whole log, a sample or a list of samples."""
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict):
                self.skip("(no object)")
            elif isinstance(one.get("eval"), dict):
                self._about = one["eval"]
                self.took()
                for sample in one["samples"] if isinstance(one.get("samples"), list) else ():
                    self._sample(sample, line)
            else:
                self._sample(one, line)

    def _sample(self, raw: object, line: Line) -> None:
        if not isinstance(raw, dict) or "id" not in raw:
            self.skip("(no sample)")
            return
        sample = loosely(raw, _Sample)
        telling = _Telling(sample)
        for index, entry in enumerate(sample.messages or ()):
            if not isinstance(entry, dict):
                self.refuse(line, f"message {index} of a sample is no object")
            elif telling.take(entry, index):
                self.took()
            else:
                self.skip("(empty message)")
        telling.others(float("inf"))
        if not sample.messages:
            self.skip("(sample without messages)")
        about = self._about
        run_id = first(about, "run_id", "eval_id") or self.fallback_id
        run = Run(
            id=sample.uuid or f"{run_id}/{sample.id}/{sample.epoch or 1}",
            client="inspect",
            reader=self.name,
            client_version=first(inner(about, "packages"), "inspect_ai"),
            model=first(about, "model"),
            project=first(about, "task"),
            task=_asked(sample.input)[:TASK_LENGTH],
            shared_ids=False,
            outcome=_outcome(sample),
            sources=(self.source,),
        )
        self.made.append(telling.building.finish(run))


def _asked(value: object) -> str:
    """The task: a text, or the last message of a user among messages."""
    asked = [one for one in objects(value) if one.get("role") == "user"]
    return text_of(asked[-1].get("content")) if asked else value.strip() if isinstance(value, str) else ""


class _Telling:
    """The steps of one sample."""

    def __init__(self, sample: _Sample) -> None:
        self.building = Building()
        self._attachments = sample.attachments or {}
        events = [loosely(one, _Event) for one in objects(sample.events)]
        self._tools = {one.id: one for one in events if one.event == "tool" and one.id}
        self._answers = {name: one for one in events if one.event == "model" and (name := _message_id(one))}
        self._deniers = {
            first(one.call or {}, "id"): one.approver or ""
            for one in events
            if one.event == "approval" and one.decision not in (None, "approve", "modify")
        }
        told = {
            first(call, "id")
            for entry in objects(sample.messages)
            for call in [*objects(entry.get("tool_calls")), {"id": entry.get("tool_call_id")}]
        }
        self._others = deque(
            sorted((e for e in self._tools.values() if e.id not in told), key=lambda e: e.begun or 0.0)
        )

    def take(self, raw: dict[str, Any], index: int) -> bool:
        """Make the steps of one message; false where it holds nothing."""
        place = Place(entry=index, line=index, message=str(index))
        if raw.get("role") == "tool":
            return self._result(raw, place)
        said = message(raw)
        if said is None:
            return False
        if said.role == "agent":
            return self._answer(said, place, self._answers.get(first(raw, "id")))
        text = "\n".join(self._whole(part.text) for part in said.parts)
        return (self.building.user if said.role == "user" else self.building.system)(place, text)

    def others(self, before: float) -> None:
        """The calls before a moment that no message tells: those of sub-agents."""
        while self._others and (self._others[0].begun or 0.0) < before:
            event = self._others.popleft()
            place = Place(at=event.begun, agent=event.agent or "sub-agent", message=event.id or "")
            name = self.building.call(place, event.function or "", arguments_of(event.arguments), event.id or "")
            self._end(event.result, event.error, event, name, place)

    def _answer(self, said: Said, place: Place, event: _Event | None) -> bool:
        building = self.building
        before = len(building.made)
        if event is not None:
            place = place._replace(at=event.over)
        usage = _usage(event)
        for part in said.parts:
            if part.kind == "call":
                args = {k: self._whole(v) if isinstance(v, str) else v for k, v in part.args.items()}
                building.call(place, part.tool, args, part.call_id, usage=usage)
            else:
                kind = "reasoning" if part.kind == "reasoning" else "message"
                if not (text := self._whole(part.text)):
                    continue
                building.add(kind, "agent", place, text=text, usage=usage)  # type: ignore[arg-type]  # one of the two
            usage = None
        return len(building.made) > before

    def _result(self, raw: dict[str, Any], place: Place) -> bool:
        call_id = first(raw, "tool_call_id")
        event = self._tools.get(call_id)
        if event is not None and event.over is not None:
            self.others(event.over)
            place = place._replace(at=event.over)
        error = loosely(raw["error"], _Error) if isinstance(raw.get("error"), dict) else None
        return self._end(raw.get("content"), error, event, call_id, place, tool=first(raw, "function"))

    def _end(
        self, content: object, error: _Error | None, event: _Event | None, call_id: str, place: Place, tool: str = ""
    ) -> bool:  # fmt: skip
        error = error or (event.error if event else None)
        text = self._whole(text_of(content)) or (self._whole(error.message) if error else "")
        failed = error is not None or bool(event and event.failed)
        denier = self._deniers.get(call_id)
        denial = ""
        if error is not None and (denier is not None or error.type == "approval"):
            denial = "user-rejected" if denier == "human" else "permission-denied"
        status = status_of_type(error.type or "") if error and not denial else None
        ended = Ended(error=True if failed else None, denial=denial, status=status)
        return self.building.result(place, text, call_id, ended, tool=tool)

    def _whole(self, text: str) -> str:
        """A text, or the attachment that it names."""
        if not text.startswith(_ATTACHED):
            return text
        return self._attachments.get(text.removeprefix(_ATTACHED), text)


def _message_id(event: _Event) -> str:
    chosen = next(iter(objects((event.output or {}).get("choices"))), {})
    return first(inner(chosen, "message"), "id")


def _usage(event: _Event | None) -> Usage | None:
    told = inner((event.output if event else None) or {}, "usage")
    if not told:
        return None
    return Usage(
        input=count(told, "input_tokens"),
        output=count(told, "output_tokens"),
        cache_read=count(told, "input_tokens_cache_read"),
        cache_write=count(told, "input_tokens_cache_write"),
    )


def _outcome(sample: _Sample) -> Outcome:
    """The worst score; without one, an error or a limit that stopped the sample is a failure."""
    found = [_score(name, told) for name, told in (sample.scores or {}).items() if isinstance(told, dict)]
    for label in ("failure", "success", "unknown"):
        one = next((each for each in found if each.label == label), None)
        if one is not None:
            return one
    if sample.error is not None:
        return Outcome(label="failure", reason=sample.error.message[:300])
    limit = first(sample.limit or {}, "type")
    return Outcome(label="failure", reason=f"limit: {limit}"[:300]) if limit else Outcome()


def _score(name: str, told: dict[str, Any]) -> Outcome:
    value = told.get("value")
    grade = _GRADES.get(value, value) if isinstance(value, str) else ""
    return score(name, value, grade, text_of(told.get("explanation"))[:300])
