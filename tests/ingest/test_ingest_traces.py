"""OpenTelemetry GenAI and OpenInference traces: each thing that was said or done is told once, in order of time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_build import Unmasked, conserved

from memento_skills.ingest.framing import Line, Resume
from memento_skills.ingest.ingest import read_file
from memento_skills.ingest.otlp import OtlpReader
from memento_skills.ingest.result import FileResult
from memento_skills.records import Outcome, Run, Usage

START = 1_790_000_000


def typed(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [typed(v) for v in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": k, "value": typed(v)} for k, v in value.items()]}}
    return {"stringValue": value}


def attributes(fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": k, "value": typed(v)} for k, v in fields.items()]


def event(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "attributes": attributes({k.replace("__", "."): v for k, v in fields.items()})}


def span(
    name: str, begins: float, ends: float, fields: dict[str, Any], *, parent: str = "root", **more: Any
) -> dict[str, Any]:
    made = {
        "traceId": "t1", "spanId": f"{name}@{begins}", "parentSpanId": parent, "name": name,
        "startTimeUnixNano": str(int((START + begins) * 1e9)), "endTimeUnixNano": str(int((START + ends) * 1e9)),
        "attributes": attributes(fields),
    }  # fmt: skip
    return {**made, **more}


def root(**fields: Any) -> dict[str, Any]:
    told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper", "gen_ai.conversation.id": "conv"}
    return span("invoke_agent helper", 0, 99, {**told, **fields}, parent="", spanId="root")


def chat(begins: float, asked: list[Any], answered: list[Any], **more: Any) -> dict[str, Any]:
    fields = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "model-a",
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps(answered),
        **more.pop("fields", {}),
    }
    return span("chat model-a", begins, begins + 1, fields, **more)


def tool(begins: float, name: str, call_id: str = "", **more: Any) -> dict[str, Any]:
    fields = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, **more.pop("fields", {})}
    if call_id:
        fields["gen_ai.tool.call.id"] = call_id
    return span(f"execute_tool {name}", begins, begins + 1, fields, **more)


def words(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def calls(call_id: str | None, name: str = "bash", **arguments: Any) -> dict[str, Any]:
    return {"role": "assistant", "parts": [{"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}]}


def answers(call_id: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "parts": [{"type": "tool_call_response", "id": call_id, "response": text}]}


ASK, DONE = words("user", "fix it"), words("assistant", "done")
ERROR = {"code": 2, "message": "it broke"}


def request(*spans: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": attributes({"service.name": "shop", "service.version": "3"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def read(folder: Path, *lines: Any) -> FileResult:
    file = folder / "traces.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    found = read_file(file, masker=Unmasked())
    assert conserved(found)
    assert found.format == "otel@1"
    return found


def run_of(folder: Path, *spans: dict[str, Any]) -> Run:
    (run,) = read(folder, request(*spans)).runs
    return run


def told(run: Run) -> list[tuple[str, str]]:
    return [(s.kind, s.tool or s.text) for s in run.steps]


def story() -> list[dict[str, Any]]:
    first = calls("call_1", command="ls")
    return [
        root(),
        chat(1, [ASK], [first]),
        tool(3, "bash", "call_1", fields={"gen_ai.tool.call.result": "a.txt"}),
        chat(5, [ASK, first, answers("call_1", "a.txt")], [DONE]),
    ]


TOLD = [("message", "fix it"), ("call", "bash"), ("result", "bash"), ("message", "done")]


def test_histories_that_grow_are_told_once(tmp_path: Path) -> None:
    assert told(run_of(tmp_path, *story())) == TOLD


def test_spans_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    assert told(run_of(tmp_path, *reversed(story()))) == TOLD


def test_one_document_and_one_request_a_line_give_the_same_steps(tmp_path: Path) -> None:
    (run,) = read(tmp_path, *(request(one) for one in story())).runs
    document = tmp_path / "traces.json"
    document.write_text(json.dumps(request(*story()), indent=2), "utf-8")
    (other,) = read_file(document, masker=Unmasked()).runs
    assert told(run) == told(other) == TOLD


def test_a_trace_exported_twice_is_the_same_run(tmp_path: Path) -> None:
    assert told(run_of(tmp_path, *story(), *story())) == TOLD


def test_the_conversation_is_the_session_and_the_service_the_project(tmp_path: Path) -> None:
    run = run_of(tmp_path, *story())
    assert (run.id, run.project, run.client_version, run.model, run.task) == ("conv", "shop", "3", "model-a", "fix it")


def test_two_conversations_are_two_runs(tmp_path: Path) -> None:
    other = {**chat(1, [words("user", "else")], [DONE]), "traceId": "t2", "parentSpanId": ""}
    assert [run.id for run in read(tmp_path, request(*story(), other)).runs] == ["conv", "t2"]


@pytest.mark.parametrize(
    ("status", "kind", "end"),
    [
        (ERROR, "_OTHER", "error"),
        (ERROR, "asyncio.TimeoutError", "timeout"),
        (ERROR, "503", "api_error"),
        ({"code": "STATUS_CODE_ERROR"}, "", "error"),
        ({"code": 1}, "", "ok"),
        ({}, "", "ok"),
        ({}, "ValueError", "error"),
    ],
)
def test_the_status_of_a_tool_s_span_tells_how_its_call_ended(tmp_path: Path, status: Any, kind: str, end: str) -> None:
    fields = {"error.type": kind} if kind else {}
    failing = tool(3, "bash", "call_1", status=status, fields=fields)
    history = chat(5, [ASK, calls("call_1"), answers("call_1", "it broke")], [DONE])
    run = run_of(tmp_path, root(), chat(1, [ASK], [calls("call_1")]), failing, history)
    assert [s.status for s in run.steps if s.kind == "result"] == [end]


def test_the_message_of_an_exception_is_the_text_of_a_result_that_never_came(tmp_path: Path) -> None:
    raised = event("exception", exception__type="ValueError", exception__message="no such sheet")
    run = run_of(tmp_path, root(), tool(3, "bash", "call_1", status={"code": 2}, events=[raised]))
    assert [(s.text, s.status) for s in run.steps if s.kind == "result"] == [("no such sheet", "error")]


def test_a_tool_s_span_without_a_call_id_is_joined_by_its_name(tmp_path: Path) -> None:
    run = run_of(tmp_path, root(), chat(1, [ASK], [calls("call_1")]), tool(3, "bash", status=ERROR))
    assert [(s.kind, s.call_id) for s in run.steps if s.tool] == [("call", "call_1"), ("result", "call_1")]


def test_the_calls_of_one_answer_are_siblings(tmp_path: Path) -> None:
    both = {"role": "assistant", "parts": [*calls("c1")["parts"], *calls("c2")["parts"]]}
    run = run_of(tmp_path, root(), chat(1, [ASK], [both]))
    first, second = [s for s in run.steps if s.kind == "call"]
    assert first.message == second.message != ""


def test_an_agent_called_as_a_tool_is_a_sub_agent(tmp_path: Path) -> None:
    delegated = tool(3, "ask_scout", "call_1", spanId="tool-span")
    scout = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "scout"}
    inner = span("invoke_agent scout", 3.1, 3.9, scout, parent="tool-span", spanId="scout-span")
    looked = chat(3.2, [words("user", "look")], [words("assistant", "seen")], parent="scout-span")
    run = run_of(tmp_path, root(), chat(1, [ASK], [calls("call_1", "ask_scout")]), delegated, inner, looked)
    assert {s.agent for s in run.steps if s.text in ("look", "seen")} == {"scout"}
    assert {s.agent for s in run.steps if s.text == "fix it" or s.tool} == {""}
    assert run.task == "fix it"


def test_the_same_agent_wrapped_twice_is_no_sub_agent(tmp_path: Path) -> None:
    again = {**root(), "spanId": "inner", "parentSpanId": "root"}
    run = run_of(tmp_path, root(), again, chat(1, [ASK], [DONE], parent="inner"))
    assert {s.agent for s in run.steps} == {""}


def test_cached_tokens_stand_among_those_of_the_input(tmp_path: Path) -> None:
    used = {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 80,
        "gen_ai.usage.output_tokens": 5,
    }
    run = run_of(tmp_path, root(), chat(1, [ASK], [DONE], fields=used))
    assert [s.usage for s in run.steps if s.usage] == [Usage(input=20, cache_read=80, output=5)]


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"score__label": "pass", "score__value": 0.8}, Outcome(label="success", reward=0.8, reason="task: pass")),
        ({"score__label": "Fail", "explanation": "wrong"}, Outcome(label="failure", reason="task: wrong")),
        ({"score__value": 0.0}, Outcome(label="failure", reward=0.0, reason="task")),
        ({"score__value": 0.7}, Outcome(label="unknown", reward=0.7, reason="task")),
    ],
)
def test_an_evaluation_s_result_is_the_outcome(tmp_path: Path, fields: Any, outcome: Outcome) -> None:
    told = event("gen_ai.evaluation.result", **{f"gen_ai__evaluation__{k}": v for k, v in fields.items()})
    told["attributes"] += attributes({"gen_ai.evaluation.name": "task"})
    assert run_of(tmp_path, {**root(), "events": [told]}, chat(1, [ASK], [DONE])).outcome == outcome


def test_a_run_whose_outermost_span_failed_has_failed(tmp_path: Path) -> None:
    run = run_of(tmp_path, {**root(), "status": ERROR}, chat(1, [ASK], [DONE]))
    assert run.outcome == Outcome(label="failure", reason="it broke")


def test_a_model_call_that_failed_is_the_service_s_fault(tmp_path: Path) -> None:
    run = run_of(tmp_path, root(), chat(1, [ASK], [], status={"code": 2, "message": "overloaded"}))
    assert [(s.kind, s.text) for s in run.steps if s.status == "api_error"] == [("notice", "overloaded")]


def old_events() -> list[dict[str, Any]]:
    call = json.dumps([{"id": "call_1", "type": "function", "function": {"name": "bash", "arguments": '{"a": 1}'}}])
    return [
        event("gen_ai.system.message", content="be brief"),
        event("gen_ai.user.message", content="fix it"),
        event("gen_ai.assistant.message", tool_calls=call),
        event("gen_ai.tool.message", id="call_1", content="a.txt"),
        event("gen_ai.choice", message=json.dumps({"role": "assistant", "content": "done"}), finish_reason="stop"),
    ]


OLD = {"gen_ai.system": "provider-a", "gen_ai.operation.name": "chat"}


def test_messages_as_events_of_the_older_conventions_are_read(tmp_path: Path) -> None:
    run = run_of(tmp_path, span("chat", 1, 2, OLD, parent="", events=old_events()))
    assert told(run) == [("message", "be brief"), *TOLD]
    assert [s.args for s in run.steps if s.kind == "call"] == [{"a": 1}]


def test_messages_as_log_records_are_read(tmp_path: Path) -> None:
    records = [
        {
            "timeUnixNano": str((START + n) * 10**9), "traceId": "t1", "spanId": "llm", "eventName": e["name"],
            "body": {"kvlistValue": {"values": [a for a in e["attributes"] if a["key"] != "event.name"]}},
        }
        for n, e in enumerate(old_events())
    ]  # fmt: skip
    found = read(tmp_path, {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
    assert told(found.runs[0]) == [("message", "be brief"), *TOLD]


INFERENCE = {
    "openinference.span.kind": "LLM",
    "session.id": "s9",
    "user.id": "u7",
    "llm.model_name": "model-b",
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "fix it",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "bash",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"command": "ls"}',
    "llm.token_count.prompt": 12,
    "llm.token_count.completion": 3,
}
INFERENCE_TOOL = {
    "openinference.span.kind": "TOOL", "tool.name": "bash", "input.value": '{"command": "ls"}', "output.value": "a.txt",
}  # fmt: skip


def test_openinference_s_flattened_keys_are_read(tmp_path: Path) -> None:
    run = run_of(tmp_path, span("m", 1, 2, INFERENCE, parent=""), span("bash", 3, 4, INFERENCE_TOOL))
    assert told(run) == TOLD[:3]
    assert (run.id, run.user, run.model) == ("s9", "u7", "model-b")
    assert [(s.args, s.usage) for s in run.steps if s.kind == "call"] == [
        ({"command": "ls"}, Usage(input=12, output=3))
    ]


def test_spans_of_a_table_one_a_line_are_read(tmp_path: Path) -> None:
    flat = {
        "name": "m", "context.trace_id": "t1", "context.span_id": "l1", "parent_id": None, "span_kind": "LLM",
        "start_time": "2026-03-01T10:00:00+00:00", "status_code": "OK",
        **{f"attributes.{k}": v for k, v in INFERENCE.items()},
    }  # fmt: skip
    assert told(read(tmp_path, flat).runs[0]) == TOLD[:2]


def test_spans_of_a_console_exporter_are_read(tmp_path: Path) -> None:
    one = {
        "name": "chat", "context": {"trace_id": "0x1", "span_id": "0x2"}, "parent_id": None,
        "start_time": "2026-03-01T10:00:00.0Z", "end_time": "2026-03-01T10:00:01.0Z",
        "status": {"status_code": "UNSET"}, "attributes": {**OLD, "gen_ai.input.messages": json.dumps([ASK])},
    }  # fmt: skip
    assert told(read(tmp_path, one).runs[0]) == [("message", "fix it")]


def test_without_messages_the_input_of_the_outermost_span_is_the_request(tmp_path: Path) -> None:
    outer = {"openinference.span.kind": "CHAIN", "input.value": "fix it", "output.value": "done"}
    run = run_of(tmp_path, span("m", 1, 9, outer, parent=""), span("bash", 3, 4, INFERENCE_TOOL))
    assert told(run) == TOLD


def test_spans_that_are_no_agent_s_are_ignored_and_counted(tmp_path: Path) -> None:
    found = read(tmp_path, request(root(), span("GET /", 1, 2, {"http.request.method": "GET"})))
    assert found.ignored == {"span of another kind": 1}


def test_a_skill_that_was_loaded_is_told(tmp_path: Path) -> None:
    loaded = span("load_skill", 1, 2, {"gen_ai.operation.name": "load_skill", "gen_ai.skill.name": "sheets"})
    assert run_of(tmp_path, root(), loaded).skills_loaded == ("sheets",)


@pytest.mark.parametrize("index", ["999999999", "0" * 400, "-1", "x"])
def test_flattened_keys_with_odd_numbers_cost_nothing(tmp_path: Path, index: str) -> None:
    odd = {**INFERENCE, f"llm.input_messages.{index}.message.role": "user"}
    assert told(run_of(tmp_path, span("m", 1, 2, odd, parent="")))[:2] == TOLD[:2]


@given(st.permutations(range(4)))
@settings(max_examples=24, deadline=None)
def test_a_file_read_in_parts_tells_nothing_twice(order: list[int]) -> None:
    reader = OtlpReader("traces.jsonl")
    taken: list[Run] = []
    for number, n in enumerate(order, 1):
        reader.feed([Line(number, 0, json.dumps(request(story()[n])).encode())])
        taken += reader.take()
    steps = [step for run in taken for step in run.steps]
    assert sorted((s.kind, s.tool or s.text) for s in steps) == sorted(TOLD)


def test_a_grown_file_is_read_on_where_its_traces_went(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    lines = [json.dumps(request(one)) + "\n" for one in story()]
    state = Resume()
    steps: list[tuple[str, str]] = []
    for upto in range(1, 5):
        file.write_text("".join([*lines[1:], lines[0]][:upto]), "utf-8")
        found = read_file(file, masker=Unmasked(), start=state)
        state, steps = found.state, steps + [(run.id, s.uid) for run in found.runs for s in run.steps]
    assert {name for name, _ in steps} == {"t1"}
    assert len({uid for _, uid in steps}) == 4
    assert "fix it" not in state.carry


def test_parallel_spans_of_one_tool_without_ids_are_calls_of_their_own(tmp_path: Path) -> None:
    both = {"role": "assistant", "parts": [*calls("c1")["parts"], *calls("c2")["parts"]]}
    spans = [tool(3 + n / 10, "bash", status=ERROR if n == 1 else {}, spanId=f"x{n}") for n in range(3)]
    run = run_of(tmp_path, root(), chat(1, [ASK], [both]), *spans)
    assert [(s.call_id, s.status) for s in run.steps if s.kind == "result"] == [
        ("c1", "ok"), ("c2", "error"), ("x2", "ok"),
    ]  # fmt: skip


def test_answers_without_ids_in_a_history_are_those_of_the_tools_spans(tmp_path: Path) -> None:
    answer = {"role": "tool", "parts": [{"type": "tool_call_response", "response": "a.txt"}]}
    result = tool(3, "bash", fields={"gen_ai.tool.call.result": "a.txt"})
    run = run_of(tmp_path, root(), chat(1, [ASK], [calls(None)]), result, chat(5, [ASK, calls(None), answer], [DONE]))
    assert told(run) == TOLD


def test_many_calls_that_never_end_are_read_in_time(tmp_path: Path) -> None:
    same = {"role": "assistant", "parts": calls("c")["parts"] * 5_000 + calls(None, "other")["parts"] * 5_000}
    strays = [tool(3, f"t{n % 7}", spanId=f"x{n}") for n in range(1_000)]
    found = read(tmp_path, request(root(), chat(1, [ASK], [same]), *strays))
    assert sum(s.kind == "call" for s in found.runs[0].steps) == 1 + 5_000 + 1_000
