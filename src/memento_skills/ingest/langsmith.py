"""Exports of LangSmith -> runs: run objects one a line, in a list, in a page (`runs`) or as trees (`child_runs`).

A thread (`extra.metadata.session_id`, `thread_id` or `conversation_id`) is the session; the field `session_id` of a run
itself is LangSmith's project and no session. The unit of conservation is the run object.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

from memento_skills.ingest.entries import EntryReader
from memento_skills.ingest.fields import any_of, count, first, inner, objects, price, score
from memento_skills.ingest.messages import Part, Said, conversation, decoded, message
from memento_skills.ingest.otlp_semantics import answer
from memento_skills.ingest.otlp_values import moment
from memento_skills.ingest.spans import Kind, Span, Weaver
from memento_skills.ingest.values import arguments_of, text_of
from memento_skills.interfaces import Line
from memento_skills.records import Run, Usage

_MARK = re.compile(rb'"run_type"\s*:\s*"(?:llm|tool|chain|retriever|prompt|parser|embedding|agent)"')
_BESIDE = re.compile(rb'"(?:trace_id|parent_run_id|dotted_order|session_name|child_runs|start_time)"\s*:')
_KINDS: dict[str, Kind] = {"llm": "llm", "tool": "tool", "agent": "agent"}
_TRACEBACK = "Traceback (most recent call last)"
_RAISED = re.compile(r"([A-Za-z_][\w.]{0,99})\(")
_DEEPEST = 64


class LangSmithReader(EntryReader):
    """Reader of LangSmith's run objects."""

    name = "langsmith@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        self._weaver = Weaver("langsmith", self.name, source, carry)

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure where a type of run and its place in a trace are named."""
        return 0.93 if head.lstrip()[:1] in (b"{", b"[") and _MARK.search(head) and _BESIDE.search(head) else 0.0

    def value(self, value: object, line: Line) -> None:
        """Take a run, a list or a page of them."""
        waiting: deque[tuple[object, str, int]] = deque((one, "", 0) for one in _listed(value))
        while waiting:
            one, parent, depth = waiting.popleft()
            if not isinstance(one, dict) or not isinstance(one.get("run_type"), str):
                self.skip("(no run)")
                continue
            name = first(one, "id", "run_id")
            if not name or depth > _DEEPEST:
                self.refuse(line, "a run without an id" if not name else "runs nested too deeply")
                continue
            self._run(one, name, parent, line)
            waiting += [(child, name, depth + 1) for child in objects(one.get("child_runs"))]

    def runs(self) -> Iterator[Run]:
        """The threads with the steps since the last `take`."""
        yield from self._weaver.runs(let_go=False)

    def carry(self) -> str:
        """Which traces went to which run."""
        return self._weaver.carry()

    def take(self) -> list[Run]:
        """The threads that got new steps since the last `take`."""
        return list(self._weaver.runs(let_go=True))

    def _run(self, raw: dict[str, Any], name: str, parent: str, line: Line) -> None:
        metadata = inner(raw, "extra", "metadata")
        kind = _KINDS.get(raw["run_type"], "agent" if "lc_agent_name" in metadata else "other")
        span = Span(id=name, parent=first(raw, "parent_run_id") or parent, kind=kind, line=line.number)
        span.trace = first(raw, "trace_id") or span.parent or name
        span.name = first(metadata, "lc_agent_name") if kind == "agent" else ""
        span.name = span.name or first(raw, "name")
        span.start, span.end = moment(raw.get("start_time")), moment(raw.get("end_time"))
        span.session = first(metadata, "session_id", "thread_id", "conversation_id")
        span.user = first(metadata, "user_id", "ls_user_id")
        span.model = first(metadata, "ls_model_name", "model_name") if kind == "llm" else ""
        span.version, span.project = first(metadata, "revision_id"), first(raw, "session_name")
        span.outcomes = [
            score(key, told.get("avg"), "", "")
            for key, told in inner(raw, "feedback_stats").items()
            if isinstance(told, dict)
        ]
        _failure(span, raw)
        inputs, outputs = raw.get("inputs"), raw.get("outputs")
        if kind == "tool":
            _tool(span, inner(raw, "inputs"), outputs, metadata)
        else:
            span.asked, span.answered = conversation(inputs if isinstance(inputs, dict) else []), _answered(outputs)
            span.text, span.output = _plain(inputs), _plain(outputs)
            span.usage = _usage(raw) if kind == "llm" else None
        self._weaver.add(span)
        if span.bare:
            self.skip(f"run of type {raw['run_type'][:20]}")
        else:
            self.took()


def _listed(value: object) -> list[object]:
    if isinstance(value, dict) and isinstance(value.get("runs"), list) and "run_type" not in value:
        value = value["runs"]
    return list(value) if isinstance(value, list) else [value]


def _failure(span: Span, raw: dict[str, Any]) -> None:
    """The error of a run; an interrupt of LangGraph is a question to a person, no error of the outermost run."""
    error = first(raw, "error")
    if not error:
        span.error = False if raw.get("status") == "success" else None
        return
    words = error.partition(_TRACEBACK)[0].strip() or error.strip()
    raised = _RAISED.match(words)
    span.error_type = raised[1] if raised else ""
    waits = span.error_type.rpartition(".")[2] in ("GraphInterrupt", "NodeInterrupt", "GraphBubbleUp", "ParentCommand")
    span.error = None if waits and span.kind != "tool" else True
    span.error_text = words


def _tool(span: Span, inputs: dict[str, Any], outputs: object, metadata: dict[str, Any]) -> None:
    told = outputs.get("output", outputs) if isinstance(outputs, dict) else outputs
    said = message(told) if isinstance(told, dict) else None
    result = next((part for part in said.parts if part.kind == "result"), None) if said else None
    span.call_id = result.call_id if result else ""
    span.call_id = span.call_id or first(inner(inputs, "tool_call"), "id") or first(metadata, "tool_call_id")
    if result is not None:
        span.text = result.text
        span.error = result.error if span.error is None or result.error else span.error
    else:
        span.text = answer(told)
    asked = inputs.get("input") if set(inputs) == {"input"} else inputs
    value = decoded(asked) if isinstance(asked, str) else asked
    span.args = arguments_of(value) if isinstance(value, dict) else {"input": text_of(value)} if value else {}


def _answered(outputs: object) -> list[Said]:
    if not isinstance(outputs, dict):
        return []
    chosen = _generation(outputs) or next(iter(objects(outputs.get("choices"))), {})
    if chosen:
        said = message(chosen.get("message"), "agent")
        text = first(chosen, "text")
        return [said] if said else [Said("agent", (Part("text", text),))] if text else []
    return conversation(outputs) or conversation(outputs.get("output", []))


def _generation(outputs: dict[str, Any]) -> dict[str, Any]:
    """The first generation, which stands in a list of lists."""
    found = outputs.get("generations")
    while isinstance(found, list) and found:
        found = found[0]
    return found if isinstance(found, dict) else {}


def _plain(value: object) -> str:
    """The one text in inputs or outputs, such as `{"input": "…"}`."""
    if isinstance(value, dict):
        texts = [v for v in value.values() if isinstance(v, str)]
        named = any_of(value, "input", "question", "query", "output", "answer")
        value = named if isinstance(named, str) else texts[0] if len(texts) == 1 == len(value) else ""
    return value if isinstance(value, str) else ""


def _usage(raw: dict[str, Any]) -> Usage | None:
    """Tokens of a model call: of the run, or of the message; cached ones stand among those of the prompt."""
    told = inner(raw, "outputs", "usage_metadata") or inner(raw, "outputs", "llm_output", "token_usage")
    told = told or inner(_generation(inner(raw, "outputs")), "message", "kwargs", "usage_metadata")
    told = told or inner(raw, "outputs", "usage")
    cached = count(inner(told, "input_token_details"), "cache_read")
    written = count(inner(told, "input_token_details"), "cache_creation")
    total = count(raw, "prompt_tokens") or count(told, "input_tokens", "prompt_tokens")
    output = count(raw, "completion_tokens") or count(told, "output_tokens", "completion_tokens")
    usd = price(raw.get("total_cost"))
    if not (total or output or usd):
        return None
    return Usage(input=max(total - cached - written, 0), output=output, cache_read=cached, cache_write=written, usd=usd)
