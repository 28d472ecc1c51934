"""Gemini CLI logs: records a line and older documents, records written again, what was taken back, and results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ingest_build import Unmasked, conserved, lines, read

from memento_skills.ingest.ingest import joined, read_file
from memento_skills.records import Run, Step, Usage

HEADER = {"sessionId": "s1", "projectHash": "abc", "startTime": "2026-03-01T10:00:00.000Z", "kind": "main"}


def message(name: str, kind: str, content: Any, **more: Any) -> dict[str, Any]:
    second = sum(name.encode()) % 60
    return {"id": name, "timestamp": f"2026-03-01T10:00:{second:02d}.000Z", "type": kind, "content": content, **more}


def tool(
    name: str, response: dict[str, Any] | None, status: str = "success", call_id: str = "c1", **args: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {"id": call_id, "name": name, "args": args, "status": status}
    if response is not None:
        made["result"] = [{"functionResponse": {"id": call_id, "name": name, "response": response}}]
    return made


def answer(name: str, *calls: dict[str, Any], content: str = "", **more: Any) -> dict[str, Any]:
    return message(name, "gemini", content, toolCalls=list(calls), model="gemini-x", **more)


def run_of(folder: Path, *rows: dict[str, Any]) -> Run:
    found = read(folder, lines([HEADER, *rows]))
    assert (found.format, conserved(found), found.quarantined) == ("gemini@1", True, ())
    (run,) = found.runs
    return run


def result_of(folder: Path, called: dict[str, Any]) -> Step:
    return next(s for s in run_of(folder, answer("g1", called)).steps if s.kind == "result")


FRAMED = (
    "Command: make\nDirectory: (root)\nOutput: no rule\nError: (none)\nExit Code: 2\nSignal: 0\n"
    "Background PIDs: (none)\nProcess Group PGID: 7"
)


def cancelled(reason: str) -> dict[str, Any]:
    return tool("run_shell_command", {"error": f"[Operation Cancelled] Reason: {reason}"}, "cancelled")


@pytest.mark.parametrize(
    ("called", "text", "status", "code"),
    [
        (tool("read_file", {"output": "words"}), "words", "ok", None),
        (tool("read_file", {"error": "File not found."}, "error"), "File not found.", "error", None),
        (tool("run_shell_command", {"output": FRAMED}), "no rule", "error", 2),
        (tool("run_shell_command", {"output": FRAMED.replace("Code: 2", "Code: 0")}), "no rule", "ok", 0),
        (tool("run_shell_command", {"output": "Output: a\nb\nExit Code: 5"}), "a\nb", "error", 5),
        (tool("run_shell_command", {"output": "Output: (empty)\nExit Code: 5"}), "Exit Code: 5", "error", 5),
        (tool("run_shell_command", {"output": "Output: a\nExit Code: 9\nb"}), "a\nExit Code: 9\nb", "ok", None),
        (tool("write_file", {"output": "Output: x\nExit Code: 5"}), "Output: x\nExit Code: 5", "ok", None),
        (cancelled("User denied execution."), None, "denied_user", None),
        (cancelled("User cancelled tool execution."), None, "interrupted", None),
        (tool("odd", {"answer": 7}), '{"answer":7}', "ok", None),
    ],
)  # fmt: skip
def test_how_a_call_ended_is_told_from_status_and_text(
    tmp_path: Path, called: dict[str, Any], text: str | None, status: str, code: int | None
) -> None:
    step = result_of(tmp_path, called)
    assert (step.status, step.exit_code) == (status, code)
    assert text is None or step.text == text


def test_a_record_written_again_gives_only_what_is_new(tmp_path: Path) -> None:
    thought = {"subject": "Look", "description": "at it"}
    told = {"input": 100, "cached": 60, "output": 5, "thoughts": 4}
    begun = answer("g1", tool("ls", None, "executing"), content="so", thoughts=[thought])
    ended = answer("g1", tool("ls", {"output": "a"}), content="so", thoughts=[thought], tokens=told)
    run = run_of(tmp_path, message("u1", "user", "go"), begun, ended, {"$set": {"lastUpdated": "x"}}, ended)
    assert [(s.kind, s.text) for s in run.steps] == [
        ("message", "go"), ("reasoning", "Look\nat it"), ("message", "so"), ("call", ""), ("result", "a"),
    ]  # fmt: skip
    assert len({s.uid for s in run.steps}) == len(run.steps)
    assert [s.usage for s in run.steps if s.usage] == [Usage(input=40, output=9, cache_read=60)]
    assert (run.model, run.client, run.task) == ("gemini-x", "gemini", "go")


def test_calls_of_a_record_precede_their_results(tmp_path: Path) -> None:
    both = answer("g1", tool("a", {"output": "1"}, call_id="c1"), tool("b", {"output": "2"}, call_id="c2"))
    assert [(s.kind, s.call_id, s.message) for s in run_of(tmp_path, both).steps] == [
        ("call", "c1", "g1"), ("call", "c2", "g1"), ("result", "c1", ""), ("result", "c2", ""),
    ]  # fmt: skip


def test_files_that_the_client_added_are_no_person_s_words(tmp_path: Path) -> None:
    parts = [{"text": "Shrink @a.gif"}, {"text": "\n--- Content from referenced files ---"}, {"text": "bytes"}]
    run = run_of(tmp_path, message("u1", "user", parts))
    assert [(s.text, s.meta) for s in run.steps] == [
        ("Shrink @a.gif", False), ("--- Content from referenced files ---\nbytes", True),
    ]  # fmt: skip
    shown = run_of(tmp_path, message("u1", "user", parts, displayContent=[{"text": "Shrink a.gif"}]))
    assert (shown.task, run.task) == ("Shrink a.gif", "Shrink @a.gif")


def test_answers_of_tools_in_a_person_s_message_are_left_to_their_calls(tmp_path: Path) -> None:
    parts = [{"functionResponse": {"id": "c1", "name": "ls", "response": {"output": "a"}}}]
    assert run_of(tmp_path, message("u1", "user", parts), message("u2", "user", "go")).task == "go"


def test_a_stop_that_only_repeats_a_refusal_is_no_second_one(tmp_path: Path) -> None:
    refused = answer("g1", tool("run_shell_command", {"error": "[Operation Cancelled] Reason: x"}, "cancelled"))
    stop = message("i1", "info", "Request cancelled.")
    assert [s.status for s in run_of(tmp_path, refused, stop).steps if s.kind == "notice"] == [None]
    assert [s.status for s in run_of(tmp_path, stop, refused).steps if s.kind == "notice"] == [None]
    assert [s.status for s in run_of(tmp_path, stop).steps if s.kind == "notice"] == ["interrupted"]


def test_an_error_of_the_service_is_told_from_others(tmp_path: Path) -> None:
    rows = [message("e1", "error", "[API Error: quota exceeded]"), message("e2", "error", "Unknown command: /x")]
    assert [s.status for s in run_of(tmp_path, *rows).steps] == ["api_error", None]


def test_what_was_taken_back_or_summed_up_ends_what_the_model_knows(tmp_path: Path) -> None:
    rows = [message("u1", "user", "one"), message("u2", "user", "two"), {"$rewindTo": "u2"}]
    summed = {"$set": {"messages": [message("x9", "user", "summary of before"), message("u1", "user", "one")]}}
    same = {"$set": {"messages": [message("u1", "user", "one"), message("u2", "user", "two")]}}
    run = run_of(tmp_path, *rows, same, summed, message("x9", "user", "summary of before"))
    assert [s.text for s in run.steps] == ["one", "two", "clear: rewound to u2", "compact_boundary"]


def test_a_sub_agent_s_file_lies_in_its_parent_s_folder(tmp_path: Path) -> None:
    (tmp_path / "chats" / "parent-1").mkdir(parents=True)
    data = lines([{**HEADER, "sessionId": "sub-1", "kind": "subagent"}, message("u1", "user", "brief")])
    (run,) = read(tmp_path, data, "chats/parent-1/sub-1.jsonl").runs
    assert run.links == ("parent-1",)
    (parent,) = read(tmp_path, lines([HEADER, answer("g1", {**tool("t", {"output": ""}), "agentId": "sub-1"})])).runs
    assert parent.links == ("sub-1",)


@pytest.mark.parametrize("indent", [None, 2])
def test_the_older_document_gives_the_run_of_the_records(tmp_path: Path, indent: int | None) -> None:
    messages = [message("u1", "user", "go"), answer("g1", tool("ls", {"output": "a"}), content="so")]
    document = {**HEADER, "lastUpdated": "2026-03-01T10:09:00.000Z", "messages": [*messages, "odd"]}
    found = read(tmp_path, json.dumps(document, indent=indent).encode(), "session.json")
    assert (found.format, found.counts.seen, len(found.quarantined), conserved(found)) == ("gemini@1", 3, 1, True)
    (run,), expected = found.runs, run_of(tmp_path, *messages)
    assert [(s.uid, s.text, s.status) for s in run.steps] == [(s.uid, s.text, s.status) for s in expected.steps]
    assert [s.line for s in run.steps] == [0, 1, 1, 1]


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_log_that_grows_gives_the_run_of_the_whole_log(tmp_path: Path, cut: int) -> None:
    told = {"input": 10, "output": 5}
    rows = [
        HEADER, message("u1", "user", "go"), answer("g1", tool("ls", None, "executing"), content="so"),
        answer("g1", tool("ls", {"output": "a"}), content="so"),
        answer("g1", tool("ls", {"output": "a"}), content="so", tokens=told), answer("g2", content="end"),
    ]  # fmt: skip
    (expected,) = read(tmp_path, lines(rows), "whole.jsonl").runs
    file = tmp_path / "grows.jsonl"
    file.write_bytes(lines(rows[:cut]))
    first = read_file(file, masker=Unmasked())
    file.write_bytes(lines(rows))
    rest = read_file(file, masker=Unmasked(), start=first.state)
    (run,) = joined([*first.runs, *rest.runs])
    assert [(s.uid, s.kind, s.text) for s in run.steps] == [(s.uid, s.kind, s.text) for s in expected.steps]
    assert sum(s.usage.input + s.usage.output for s in run.steps if s.usage) == 15


@pytest.mark.parametrize("number", ["1e308", str(10**30), "-5", "true", '"7"', "[]"])
def test_numbers_of_any_size_do_no_harm(tmp_path: Path, number: str) -> None:
    odd = '{"id":"g9","type":"gemini","content":"x","tokens":{"input":%s,"output":%s,"thoughts":%s}}\n' % (
        (number,) * 3
    )
    found = read(tmp_path, lines([HEADER]) + odd.encode())
    assert (conserved(found), [s.text for s in found.runs[0].steps]) == (True, ["x"])
