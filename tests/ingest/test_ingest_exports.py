"""Exports of LangSmith and Langfuse: trees of runs and observations become sessions, told once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ingest_build import Unmasked, conserved

from memento_skills.ingest.ingest import read_file
from memento_skills.ingest.result import FileResult
from memento_skills.records import Outcome, Run, Usage


def read(folder: Path, value: Any, *, lines: bool = True) -> FileResult:
    file = folder / "export.jsonl"
    text = "".join(json.dumps(one) + "\n" for one in value) if lines else json.dumps(value, indent=1)
    file.write_text(text, "utf-8")
    found = read_file(file, masker=Unmasked())
    assert conserved(found)
    return found


def told(run: Run) -> list[tuple[str, str]]:
    return [(s.kind, s.tool or s.text) for s in run.steps]


TOLD = [("message", "fix it"), ("call", "bash"), ("result", "bash"), ("message", "done")]
ASK = {"role": "user", "content": "fix it"}
CALL = {
    "role": "assistant", "content": "",
    "tool_calls": [{"id": "call_1", "function": {"name": "bash", "arguments": '{"command": "ls"}'}}],
}  # fmt: skip
ANSWER = {"role": "tool", "tool_call_id": "call_1", "content": "a.txt"}
DONE = {"role": "assistant", "content": "done"}

# ------------------------------------------------------------------------------------------------- LangSmith


def smith(name: str, kind: str, second: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{name}-{second}", "name": name, "run_type": kind, "trace_id": "t1", "parent_run_id": "top",
        "session_id": "the project's id", "session_name": "shop", "start_time": f"2026-03-01T10:00:{second:02d}",
        "end_time": f"2026-03-01T10:00:{second + 1:02d}", "status": "success", **more,
    }  # fmt: skip


def lc(kind: str, **fields: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": fields}


TRACEBACK = "Traceback (most recent call last):\n  File"
FAILED = lc("ToolMessage", content="no", tool_call_id="call_1", status="error")


def top(**more: Any) -> dict[str, Any]:
    metadata = {"thread_id": "th", "user_id": "u7"}
    made = smith("AgentExecutor", "chain", 0, inputs={"input": "fix it"}, outputs={"output": "done"})
    return {**made, "id": "top", "parent_run_id": None, "extra": {"metadata": metadata}, **more}


def smith_story(**tool: Any) -> list[dict[str, Any]]:
    lc_call = lc("AIMessage", content="", tool_calls=[{"id": "call_1", "name": "bash", "args": {"command": "ls"}}])
    history = [lc("HumanMessage", content="fix it"), lc_call]
    done = lc("AIMessage", content="done", usage_metadata={"input_tokens": 9, "output_tokens": 2})
    result = {"output": lc("ToolMessage", content="a.txt", tool_call_id="call_1", status="success")}
    return [
        top(),
        smith("model", "llm", 1, inputs={"messages": [history[:1]]}, outputs={"generations": [[{"message": lc_call}]]}),
        smith("bash", "tool", 3, **{"inputs": {"input": "{'command': 'ls'}"}, "outputs": result, **tool}),
        smith(
            "model",
            "llm",
            5,
            inputs={"messages": [[*history, lc("ToolMessage", content="a.txt", tool_call_id="call_1")]]},
            outputs={"generations": [[{"text": "done", "message": done}]]},
        ),
    ]


def smith_run(folder: Path, rows: list[dict[str, Any]]) -> Run:
    found = read(folder, rows)
    assert found.format == "langsmith@1"
    (run,) = found.runs
    return run


@pytest.mark.parametrize("order", [1, -1])
def test_runs_of_langsmith_in_any_order_are_one_story(tmp_path: Path, order: int) -> None:
    assert told(smith_run(tmp_path, smith_story()[::order])) == TOLD


def test_the_thread_is_the_session_and_the_field_session_id_is_not(tmp_path: Path) -> None:
    run = smith_run(tmp_path, smith_story())
    assert (run.id, run.user, run.project, run.task) == ("th", "u7", "shop", "fix it")


def test_a_tree_and_a_page_of_runs_are_read_alike(tmp_path: Path) -> None:
    whole, *parts = smith_story()
    tree = {**whole, "child_runs": [{**part, "parent_run_id": None} for part in parts]}
    for value in ([tree], {"runs": smith_story()}):
        (run,) = read(tmp_path, value, lines=False).runs
        assert told(run) == TOLD


@pytest.mark.parametrize(
    ("tool", "status", "text"),
    [
        ({"error": f"ValueError('no sheet'){TRACEBACK}", "outputs": None}, "error", "ValueError('no sheet')"),
        ({"error": "TimeoutError('60 s')", "outputs": None}, "timeout", "TimeoutError('60 s')"),
        ({"error": "GraphInterrupt((Interrupt(value='ok?'),))", "outputs": None}, "interrupted", None),
        ({"outputs": {"output": FAILED}}, "error", "no"),
        ({}, "ok", "a.txt"),
    ],
)  # fmt: skip
def test_the_error_of_a_tool_run_tells_how_its_call_ended(tmp_path: Path, tool: Any, status: str, text: Any) -> None:
    (result,) = [s for s in smith_run(tmp_path, smith_story(**tool)).steps if s.kind == "result"]
    assert (result.call_id, result.status) == ("call_1", status)
    assert text in (None, result.text)


def test_a_wait_for_a_person_is_no_failure_of_the_run(tmp_path: Path) -> None:
    run = smith_run(tmp_path, [top(error="GraphInterrupt(())", status="error"), *smith_story()[1:]])
    assert run.outcome == Outcome()


def test_an_exception_of_the_outermost_run_is_the_outcome(tmp_path: Path) -> None:
    run = smith_run(tmp_path, [top(error="KeyError('x')", status="error"), *smith_story()[1:]])
    assert (run.outcome.label, run.outcome.reason) == ("failure", "KeyError: KeyError('x')")


def test_feedback_is_the_outcome(tmp_path: Path) -> None:
    run = smith_run(tmp_path, [top(feedback_stats={"solved": {"n": 1, "avg": 0.0}}), *smith_story()[1:]])
    assert run.outcome == Outcome(label="failure", reward=0.0, reason="solved")


def test_the_tokens_of_a_message_are_its_usage(tmp_path: Path) -> None:
    assert [s.usage for s in smith_run(tmp_path, smith_story()).steps if s.usage] == [Usage(input=9, output=2)]


# -------------------------------------------------------------------------------------------------- Langfuse


def fuse(name: str, kind: str, second: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{name}-{second}", "traceId": "t1", "type": kind, "name": name, "level": "DEFAULT",
        "startTime": f"2026-03-01T10:00:{second:02d}.000Z", "endTime": f"2026-03-01T10:00:{second + 1:02d}.000Z",
        **more,
    }  # fmt: skip


def fuse_story(**tool: Any) -> list[dict[str, Any]]:
    used = {"input": 10, "output": 2, "cache_read_input_tokens": 30}
    return [
        fuse("model", "GENERATION", 1, input=[ASK], output=CALL, model="model-a", usageDetails=used),
        fuse("bash", "TOOL", 3, **{"input": {"command": "ls"}, "output": "a.txt", **tool}),
        fuse("model", "GENERATION", 5, input={"messages": [ASK, CALL, ANSWER]}, output=DONE),
    ]


def trace(*observations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "t1", "sessionId": "s5", "userId": "u3", "timestamp": "2026-03-01T10:00:00.000Z", "input": "fix it",
        "output": "done", "observations": list(observations), **more,
    }  # fmt: skip


def fuse_run(folder: Path, value: Any, *, lines: bool = False) -> Run:
    found = read(folder, value, lines=lines)
    assert found.format == "langfuse@1"
    (run,) = found.runs
    return run


def test_a_trace_with_its_observations_is_one_story(tmp_path: Path) -> None:
    run = fuse_run(tmp_path, trace(*fuse_story()))
    assert told(run) == TOLD
    assert (run.id, run.user, run.model) == ("s5", "u3", "model-a")


def test_observations_one_a_line_are_read(tmp_path: Path) -> None:
    assert told(fuse_run(tmp_path, fuse_story(), lines=True)) == TOLD


def test_pages_and_snake_case_are_read(tmp_path: Path) -> None:
    names = {"traceId": "trace_id", "startTime": "start_time", "endTime": "end_time", "usageDetails": "usage_details"}
    snake = [{names.get(k, k): v for k, v in one.items()} for one in fuse_story()]
    assert told(fuse_run(tmp_path, {"data": snake, "meta": {}})) == TOLD


def test_the_level_error_and_its_message_tell_how_a_call_ended(tmp_path: Path) -> None:
    run = fuse_run(tmp_path, trace(*fuse_story(level="ERROR", statusMessage="no such file", output=None)))
    assert [(s.status, s.text) for s in run.steps if s.kind == "result"] == [("error", "no such file")]


def test_tokens_from_the_cache_are_counted_apart(tmp_path: Path) -> None:
    run = fuse_run(tmp_path, trace(*fuse_story()))
    assert [s.usage for s in run.steps if s.usage] == [Usage(input=10, output=2, cache_read=30)]


@pytest.mark.parametrize(
    ("score", "label"),
    [
        ({"name": "solved", "value": 1, "dataType": "BOOLEAN"}, "success"),
        ({"name": "solved", "value": 0, "dataType": "BOOLEAN"}, "failure"),
        ({"name": "verdict", "dataType": "CATEGORICAL", "stringValue": "Fail"}, "failure"),
        ({"name": "style", "value": 0.6, "dataType": "NUMERIC"}, "unknown"),
    ],
)
def test_scores_are_the_outcome(tmp_path: Path, score: Any, label: str) -> None:
    assert fuse_run(tmp_path, trace(*fuse_story(), scores=[score])).outcome.label == label


def test_skills_that_were_available_are_listed(tmp_path: Path) -> None:
    skills = json.dumps([{"name": "sheets", "version": "1"}, {"name": "mail"}])
    listed = {**fuse_story()[0], "metadata": {"attributes": {"langfuse.observation.skills_available": skills}}}
    assert fuse_run(tmp_path, trace(listed)).skills_listed == ("sheets", "mail")


def test_a_trace_without_generations_is_told_by_its_input_and_output(tmp_path: Path) -> None:
    assert told(fuse_run(tmp_path, trace(fuse_story()[1]))) == TOLD


def test_plain_texts_of_a_generation_are_what_was_asked_and_answered(tmp_path: Path) -> None:
    plain = fuse("model", "GENERATION", 1, input="fix it", output="done")
    assert told(fuse_run(tmp_path, trace(plain))) == [TOLD[0], TOLD[3]]
