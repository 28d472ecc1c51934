"""Traces as OTLP JSON files, or as spans one a line -> runs: OpenTelemetry GenAI, OpenLLMetry and OpenInference.

Read: `{"resourceSpans": …}` and `{"resourceLogs": …}` (one document, or one a line as the collector's file exporter
writes them), spans of the SDKs' console exporters and of table exports, one a line or in a list. The unit of
conservation is the span or log record; one that has nothing to do with an agent (HTTP, a database) is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from memento_skills.ingest.entries import EntryReader
from memento_skills.ingest.fields import any_of, first, inner
from memento_skills.ingest.otlp_semantics import fill
from memento_skills.ingest.otlp_values import Event, attributes_of, events_of, failed, moment
from memento_skills.ingest.spans import Span, Weaver
from memento_skills.interfaces import Line
from memento_skills.records import Run

_OTLP = re.compile(rb'"(?:resourceSpans|resource_spans|resourceLogs|resource_logs)"\s*:\s*\[')
_SPAN = re.compile(rb'"(?:traceId|trace_id|context\.trace_id)"\s*:\s*"')
_AGENTS = re.compile(rb'"(?:attributes\.)?(?:gen_ai|openinference|traceloop|llm)(?:\.|"\s*:)')


class OtlpReader(EntryReader):
    """Reader of OpenTelemetry traces."""

    name = "otel@1"

    def __init__(self, source: str = "", carry: str = "") -> None:
        super().__init__(source, carry)
        self._weaver = Weaver("otel", self.name, source, carry)
        self._said: dict[str, Span] = {}  # what log records say in a span

    @staticmethod
    def accepts(head: bytes) -> float:
        """Sure of OTLP, and of spans with attributes of one of the conventions."""
        if head.lstrip()[:1] not in (b"{", b"["):
            return 0.0
        if _OTLP.search(head):
            return 0.95
        return 0.9 if _SPAN.search(head) and _AGENTS.search(head) else 0.0

    def value(self, value: object, line: Line) -> None:
        """Take one export request, span or log record, or a list of them."""
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict):
                self.skip("(no object)")
            elif any(k in one for k in ("resourceSpans", "resource_spans", "resourceLogs", "resource_logs")):
                self._request(one, line)
            elif _ids(one)[1]:
                self._span(one, attributes_of(inner(one, "resource").get("attributes")), line)
            else:
                self.skip("(no span)")

    def runs(self) -> Iterator[Run]:
        """The conversations with the steps since the last `take`."""
        yield from self._weaver.runs(let_go=False)

    def carry(self) -> str:
        """Which traces went to which run."""
        return self._weaver.carry()

    def take(self) -> list[Run]:
        """The conversations that got new steps since the last `take`."""
        self._said = {}
        return list(self._weaver.runs(let_go=True))

    def _request(self, request: dict[str, Any], line: Line) -> None:
        before = self.seen
        for group in _group(request, "resourceSpans") + _group(request, "resourceLogs"):
            resource = attributes_of(inner(group, "resource").get("attributes"))
            scopes = (
                _group(group, "scopeSpans") + _group(group, "instrumentationLibrarySpans") + _group(group, "scopeLogs")
            )
            for scope in scopes:
                for one in _group(scope, "spans"):
                    self._span(one, resource, line)
                for one in _group(scope, "logRecords"):
                    self._record(one, resource, line)
        if self.seen == before:
            self.skip("(no span)")

    def _span(self, raw: dict[str, Any], resource: dict[str, Any], line: Line) -> None:
        trace, name, parent = _ids(raw)
        if not name:
            self.refuse(line, "a span without an id")
            return
        fields = attributes_of(raw.get("attributes", {}))
        fields |= {k.removeprefix("attributes."): v for k, v in raw.items() if k.startswith("attributes.")}
        fields |= {k: raw[k] for k in ("span_kind", "annotations", "evaluations") if k in raw}
        span = Span(id=name, trace=trace, parent=parent, line=line.number)
        span.start = moment(any_of(raw, "startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime"))
        span.end = moment(any_of(raw, "endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime"))
        status = any_of(raw, "status", "status_code")
        span.error, words = failed(status)
        title = raw["name"] if isinstance(raw.get("name"), str) else ""
        fill(span, title, fields, events_of(raw.get("events")))
        span.error_text = span.error_text or words or first(raw, "status_message")
        self._place(span, resource)
        self._weaver.add(span)  # a bare one may name the conversation, or stand between others
        if span.bare:
            self.skip("span of another kind")
        else:
            self.took()

    def _record(self, raw: dict[str, Any], resource: dict[str, Any], line: Line) -> None:
        """A log record that is a GenAI event: what it says belongs to the span that it names."""
        fields = attributes_of(raw.get("attributes", {}))
        event = Event(
            name=first(raw, "eventName", "event_name") or first(fields, "event.name"),
            at=moment(any_of(raw, "timeUnixNano", "observedTimeUnixNano")),
            fields=fields,
            body=attributes_of([{"key": "b", "value": raw.get("body")}])["b"],
        )
        if not event.name.startswith("gen_ai."):
            self.skip("log record of another kind")
            return
        trace, parent, _ = _ids(raw)
        span = Span(id=f"{parent}/said", trace=trace, parent=parent, line=line.number, start=event.at, end=event.at)
        fill(span, "", fields, [event])
        self._place(span, resource)
        if span.bare:
            self.skip("log record of another kind")
            return
        self.took()
        earlier = self._said.get(parent) if parent else None
        if earlier is None:
            self._said[parent] = span
            self._weaver.add(span)
            return
        earlier.end = span.end
        earlier.asked += span.asked
        earlier.answered += span.answered
        earlier.outcomes += span.outcomes

    def _place(self, span: Span, resource: dict[str, Any]) -> None:
        service = first(resource, "service.name", "openinference.project.name")
        span.project = "" if service.startswith("unknown_service") else service
        span.version = first(resource, "service.version")


def _ids(raw: dict[str, Any]) -> tuple[str, str, str]:
    """(trace, span, parent) of a span in any of the shapes."""
    context = inner(raw, "context")
    trace = first(raw, "traceId", "trace_id", "context.trace_id") or first(context, "trace_id", "traceId")
    name = first(raw, "spanId", "span_id", "context.span_id") or first(context, "span_id", "spanId")
    return trace, name, first(raw, "parentSpanId", "parent_span_id", "parent_id", "parentId")


def _group(raw: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of a list under its camel-case or snake-case name."""
    value = raw.get(name, raw.get(re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)))
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
