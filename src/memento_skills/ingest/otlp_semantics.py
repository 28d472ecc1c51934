"""What the attributes of a span mean: OpenTelemetry GenAI (old and new names), OpenLLMetry and OpenInference.

In: the flat attributes and events of one span. Out: the fields of `spans.Span` that they tell.
"""

from __future__ import annotations

from typing import Any

from memento_skills.ingest.fields import any_of, count, first, price, score
from memento_skills.ingest.messages import Part, Said, conversation, decoded, message
from memento_skills.ingest.otlp_values import Event, unflattened
from memento_skills.ingest.spans import Kind, Span
from memento_skills.ingest.values import arguments_of, text_of
from memento_skills.records import Outcome, Usage

_OPERATIONS: dict[str, Kind] = {
    "chat": "llm", "generate_content": "llm", "text_completion": "llm", "completion": "llm",
    "invoke_agent": "agent", "create_agent": "other", "invoke_workflow": "other", "execute_tool": "tool",
    "load_skill": "skill",
}  # fmt: skip
_INFERENCE: dict[str, Kind] = {"LLM": "llm", "TOOL": "tool", "AGENT": "agent"}
_TRACELOOP: dict[str, Kind] = {"tool": "tool", "agent": "agent"}
_SAID = {"gen_ai.system.message": "system", "gen_ai.user.message": "user", "gen_ai.assistant.message": "agent",
         "gen_ai.tool.message": "tool", "gen_ai.choice": "agent"}  # fmt: skip


def kind_of(span: str, fields: dict[str, Any]) -> Kind:
    """What a span with this name and these attributes is of."""
    operation = first(fields, "gen_ai.operation.name")
    inference = first(fields, "openinference.span.kind", "span_kind").upper()
    for told in (
        _OPERATIONS.get(operation),
        _INFERENCE.get(inference),
        _TRACELOOP.get(first(fields, "traceloop.span.kind")),
    ):
        if told:
            return told
    if operation or inference:
        return "other"
    if "gen_ai.tool.name" in fields or span.startswith("execute_tool "):
        return "tool"
    if "gen_ai.skill.name" in fields:
        return "skill"
    if first(fields, "gen_ai.request.model", "gen_ai.response.model", "llm.model_name"):
        return "llm"
    return "agent" if span.startswith("invoke_agent") else "other"


def fill(span: Span, name: str, fields: dict[str, Any], events: list[Event]) -> None:
    """Set what the attributes and events of a span tell."""
    fields = {**fields, **_details(events)}
    span.kind = kind_of(name, fields)
    span.session = first(fields, "gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id")
    span.user = first(fields, "user.id", "enduser.id", "traceloop.association.properties.user_id")
    span.model = first(fields, "gen_ai.response.model", "gen_ai.request.model", "llm.model_name")
    span.usage = _usage(fields)
    span.outcomes = [*_evaluations(events), *_annotations(fields)]
    raised = next((e.fields for e in events if e.name == "exception"), {})
    kind_of_error = first(fields, "error.type", "exception.type") or first(raised, "exception.type")
    span.error_type = kind_of_error
    span.error_text = first(fields, "error.message", "exception.message") or first(raised, "exception.message")
    if kind_of_error and span.error is None:
        span.error = True
    if span.kind == "tool":
        _tool(span, name, fields)
        return
    if span.kind == "skill":
        span.name = first(fields, "gen_ai.skill.name", "gen_ai.tool.name") or name
        return
    span.name = first(
        fields, "gen_ai.agent.name", "agent.name", "gen_ai.agent.id", "traceloop.entity.name", "graph.node.id"
    )
    span.name = span.name or (name.removeprefix("invoke_agent ") if span.kind == "agent" else "")
    _words(span, fields, events)


def _details(events: list[Event]) -> dict[str, Any]:
    """Attributes that stand in the event which holds a call's details instead of in the span."""
    found: dict[str, Any] = {}
    for event in events:
        if event.name == "gen_ai.client.inference.operation.details":
            found |= event.fields
    return found


def _tool(span: Span, name: str, fields: dict[str, Any]) -> None:
    span.name = first(fields, "gen_ai.tool.name", "tool.name", "traceloop.entity.name")
    span.name = span.name or name.removeprefix("execute_tool ")
    span.call_id = first(fields, "gen_ai.tool.call.id", "tool_call.id", "tool.id", "tool_call_id")
    args = any_of(fields, "gen_ai.tool.call.arguments", "input.value", "traceloop.entity.input", "tool.parameters")
    span.args = arguments_of(args)
    result = any_of(fields, "gen_ai.tool.call.result", "output.value", "traceloop.entity.output")
    span.text = answer(result)


def answer(result: object) -> str:
    """The words of a tool's result: of a message about it, its content."""
    value = decoded(result) if isinstance(result, str) else result
    if isinstance(value, dict):
        told = message(value)
        if told is not None and told.role == "tool":
            return "\n".join(part.text for part in told.parts)
    return result if isinstance(result, str) else text_of(value)


def _words(span: Span, fields: dict[str, Any], events: list[Event]) -> None:
    system = fields.get("gen_ai.system_instructions")
    asked = conversation(fields.get("gen_ai.input.messages", []))
    answered = conversation(fields.get("gen_ai.output.messages", []))
    asked = asked or conversation(unflattened(fields, "llm.input_messages."))
    asked = asked or conversation(unflattened(fields, "gen_ai.prompt."))
    answered = answered or conversation(unflattened(fields, "llm.output_messages."))
    answered = answered or conversation(unflattened(fields, "gen_ai.completion."))
    for event in events:
        _event(event, asked, answered)
    if system is not None and (words := _instructions(system)):
        asked.insert(0, Said("system", (Part("text", words),)))
    span.asked, span.answered = asked, answered
    span.text = first(fields, "input.value", "traceloop.entity.input")
    span.output = first(fields, "output.value", "traceloop.entity.output")


def _instructions(raw: object) -> str:
    value = decoded(raw) if isinstance(raw, str) else raw
    if isinstance(value, list):
        return "\n".join(text_of(p.get("content", p.get("text"))) if isinstance(p, dict) else text_of(p) for p in value)
    return text_of(value)


def _event(event: Event, asked: list[Said], answered: list[Said]) -> None:
    """The message of an event, as up to v1.36 of the conventions each message was one."""
    if event.name in ("gen_ai.content.prompt", "gen_ai.content.completion"):
        told = event.fields.get("gen_ai.prompt", event.fields.get("gen_ai.completion"))
        (asked if event.name.endswith("prompt") else answered).extend(conversation(told if told is not None else []))
        return
    role = _SAID.get(event.name)
    if role is None:
        return
    raw = dict(event.fields)
    held = decoded(raw["gen_ai.event.content"]) if isinstance(raw.get("gen_ai.event.content"), str) else event.body
    if isinstance(held, dict):
        raw |= held
    raw = {k: decoded(v) if k in ("tool_calls", "message") and isinstance(v, str) else v for k, v in raw.items()}
    raw.pop("name", None) if role != "tool" else None
    said = message(raw, role)  # type: ignore[arg-type]  # from the table
    if said is not None:
        (answered if event.name == "gen_ai.choice" else asked).append(said)


def _usage(fields: dict[str, Any]) -> Usage | None:
    """Tokens of a model call; the conventions count cached tokens among those of the input."""
    cached = count(fields, "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
                     "llm.token_count.prompt_details.cache_read")  # fmt: skip
    written = count(fields, "gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens",
                      "llm.token_count.prompt_details.cache_write")  # fmt: skip
    total = count(fields, "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
    output = count(fields, "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
    usd = price(any_of(fields, "llm.cost.total", "gen_ai.usage.cost"))
    if not (total or output or usd):
        return None
    return Usage(input=max(total - cached - written, 0), output=output, cache_read=cached, cache_write=written, usd=usd)


def _evaluations(events: list[Event]) -> list[Outcome]:
    return [
        score(
            first(e.fields, "gen_ai.evaluation.name"),
            e.fields.get("gen_ai.evaluation.score.value"),
            first(e.fields, "gen_ai.evaluation.score.label"),
            first(e.fields, "gen_ai.evaluation.explanation"),
        )
        for e in events
        if e.name == "gen_ai.evaluation.result"
    ]


def _annotations(fields: dict[str, Any]) -> list[Outcome]:
    found = [one for key in ("annotations", "evaluations") for one in _list(fields.get(key)) if isinstance(one, dict)]
    made = []
    for one in found:
        held = one.get("result")
        told: dict[str, Any] = held if isinstance(held, dict) else one
        value = told.get("score", told.get("value"))
        made.append(score(first(one, "name"), value, first(told, "label"), first(told, "explanation")))
    return made


def _list(value: object) -> list[Any]:
    value = decoded(value) if isinstance(value, str) else value
    return value if isinstance(value, list) else []
