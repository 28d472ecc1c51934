"""Exports of Langfuse -> runs: traces with their observations, pages of the API (`data`), or observations one a line.

The session is the trace's `sessionId`, else the trace. Names are read in camel and in snake case (blob exports write
the latter). The unit of conservation is the observation, and the trace.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from memento_skills.ingest.entries import EntryReader
from memento_skills.ingest.fields import any_of, count, first, inner, objects, price, score
from memento_skills.ingest.messages import Part, Role, Said, conversation, decoded
from memento_skills.ingest.otlp_semantics import answer, kind_of
from memento_skills.ingest.otlp_values import attributes_of, moment
from memento_skills.ingest.spans import Kind, Span, Weaver
from memento_skills.ingest.values import arguments_of, text_of
from memento_skills.interfaces import Line
from memento_skills.records import Outcome, Run, Usage

_TYPE = re.compile(
    rb'"type"\s*:\s*"(?:GENERATION|SPAN|EVENT|AGENT|TOOL|CHAIN|RETRIEVER|EVALUATOR|EMBEDDING|GUARDRAIL)"'
)
_TRACE = re.compile(rb'"(?:traceId|trace_id)"\s*:')
_WHOLE = re.compile(rb'"observations"\s*:\s*\[')
_OWNER = re.compile(rb'"(?:sessionId|userId|session_id|user_id|scores)"\s*:')
_KINDS: dict[str, Kind] = {"GENERATION": "llm", "TOOL": "tool", "AGENT": "agent"}


class LangfuseReader(EntryReader):
    """Reader of Langfuse's traces and observations."""

    name = "langfuse@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        self._weaver = Weaver("langfuse", self.name, source, carry)

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where observations of its types name their trace, or a trace has its observations in it."""
        if head.lstrip()[:1] not in (b"{", b"["):
            return 0.0
        typed = _TYPE.search(head) and _TRACE.search(head)
        return 0.94 if typed or (_WHOLE.search(head) and _OWNER.search(head)) else 0.0

    def value(self, value: object, line: Line) -> None:
        """Take a trace, an observation, a list or a page of them."""
        if isinstance(value, dict) and isinstance(value.get("data"), list) and "id" not in value:
            value = value["data"]
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict):
                self.skip("(no object)")
            elif isinstance(one.get("trace"), dict):
                self._trace({**one["trace"], **{k: one[k] for k in ("observations", "scores") if k in one}}, line)
            elif isinstance(one.get("type"), str) and first(one, "traceId", "trace_id"):
                self._observation(one, {}, line)
            else:
                self._trace(one, line)

    def runs(self) -> Iterator[Run]:
        """The sessions with the steps since the last `take`."""
        yield from self._weaver.runs(let_go=False)

    def carry(self) -> str:
        """Which traces went to which run."""
        return self._weaver.carry()

    def take(self) -> list[Run]:
        """The sessions that got new steps since the last `take`."""
        return list(self._weaver.runs(let_go=True))

    def _trace(self, raw: dict[str, Any], line: Line) -> None:
        """A trace is the span around its observations."""
        name = first(raw, "id")
        if not name:
            self.refuse(line, "a trace without an id")
            return
        span = self._common(raw, raw, line)
        span.id, span.trace = name, name
        span.start = moment(raw.get("timestamp"))
        span.project, span.version = first(raw, "projectId", "project_id"), first(raw, "release", "version")
        span.outcomes = [_score(one) for one in objects(raw.get("scores"))]
        _words(span, raw)
        self._weaver.add(span)
        self.took()
        for one in objects(raw.get("observations")):
            self._observation({"traceId": name, **one}, raw, line)

    def _observation(self, raw: dict[str, Any], trace: dict[str, Any], line: Line) -> None:
        name = first(raw, "id")
        if not name:
            self.refuse(line, "an observation without an id")
            return
        span = self._common(raw, trace, line)
        metadata = inner(raw, "metadata")
        fields = {**attributes_of(metadata), **attributes_of(metadata.get("attributes"))}
        fields = {k.removeprefix("attributes."): v for k, v in fields.items()}
        title = first(raw, "name")
        span.id, span.trace = name, first(raw, "traceId", "trace_id")
        span.parent = first(raw, "parentObservationId", "parent_observation_id")
        span.parent = span.parent or (span.trace if trace else "")
        span.kind = _KINDS.get(first(raw, "type").upper()) or kind_of(title, fields)
        span.name = first(fields, "gen_ai.tool.name", "tool.name") if span.kind == "tool" else ""
        span.name = span.name or title.removeprefix("execute_tool ").removeprefix("invoke_agent ")
        span.start = moment(any_of(raw, "startTime", "start_time"))
        span.end = moment(any_of(raw, "endTime", "end_time"))
        span.error = True if first(raw, "level").upper() == "ERROR" else None
        span.error_text = first(raw, "statusMessage", "status_message")
        span.error_type = first(fields, "error.type", "exception.type")
        span.skills = _skills(any_of(fields, "langfuse.observation.skills_available", "skills_available"))
        if span.kind == "tool":
            span.call_id = first(fields, "gen_ai.tool.call.id", "tool_call_id", "tool.id")
            span.args, span.text = arguments_of(raw.get("input")), answer(raw.get("output"))
        else:
            span.model = first(raw, "model", "providedModelName", "provided_model_name")
            span.usage = _usage(raw) if span.kind == "llm" else None
            _words(span, raw)
        self._weaver.add(span)
        if span.bare:
            self.skip(f"observation of type {first(raw, 'type')[:20]}")
        else:
            self.took()

    @staticmethod
    def _common(raw: dict[str, Any], trace: dict[str, Any], line: Line) -> Span:
        session = first(raw, "sessionId", "session_id") or first(trace, "sessionId", "session_id")
        user = first(raw, "userId", "user_id") or first(trace, "userId", "user_id")
        return Span(id="", session=session, user=user, line=line.number)


def _words(span: Span, raw: dict[str, Any]) -> None:
    """Messages of an input and output; a plain text is what was asked or answered."""
    told, made = raw.get("input"), raw.get("output")
    span.asked, span.answered = _said(told, "user", span.kind), _said(made, "agent", span.kind)
    span.text = told if isinstance(told, str) and not span.asked else ""
    span.output = made if isinstance(made, str) and not span.answered else ""


def _said(value: object, role: Role, kind: Kind) -> list[Said]:
    value = decoded(value) if isinstance(value, str) else value
    found = conversation(value) if isinstance(value, dict | list) else []
    if found or kind != "llm" or value in (None, "", [], {}):
        return found
    if isinstance(value, dict):
        value = any_of(value, "content", "text", "prompt", "completion") or value
    return [Said(role, (Part("text", text_of(value)),))]


def _skills(value: object) -> tuple[str, ...]:
    value = decoded(value) if isinstance(value, str) else value
    named = value if isinstance(value, list) else []
    found = (first(one, "name") if isinstance(one, dict) else one for one in named)
    return tuple(name for name in found if isinstance(name, str) and name)


def _usage(raw: dict[str, Any]) -> Usage | None:
    """Tokens of a generation; Langfuse counts cached ones apart from the others."""
    told = inner(raw, "usageDetails") or inner(raw, "usage_details") or inner(raw, "usage")
    spent = inner(raw, "costDetails") or inner(raw, "cost_details")
    usd = price(any_of(spent, "total") or any_of(raw, "calculatedTotalCost", "totalCost", "total_cost"))
    made = Usage(
        input=count(told, "input", "promptTokens", "prompt_tokens", "inputTokens"),
        output=count(told, "output", "completionTokens", "completion_tokens", "outputTokens"),
        cache_read=count(told, "cache_read_input_tokens", "input_cached_tokens", "input_cache_read"),
        cache_write=count(told, "cache_creation_input_tokens", "input_cache_creation"),
        usd=usd,
    )
    return made if made != Usage() else None


def _score(raw: dict[str, Any]) -> Outcome:
    label = first(raw, "stringValue", "string_value")
    return score(first(raw, "name"), raw.get("value"), label, first(raw, "comment"))
