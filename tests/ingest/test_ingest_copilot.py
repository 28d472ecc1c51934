"""Copilot CLI logs: events, exit codes in texts, permissions, sub-agents, and files that crashes left."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from ingest_build import Unmasked, conserved, lines, read

from memento_skills.ingest.ingest import joined, read_file
from memento_skills.records import Run, Step, Usage

NUMBERS = itertools.count()


def event(kind: str, agent: str = "", **data: Any) -> dict[str, Any]:
    number = next(NUMBERS)
    at = f"2026-03-01T10:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
    return {"type": kind, "data": data, "id": f"e{number}", "timestamp": at, **({"agentId": agent} if agent else {})}


def start(name: str = "s1") -> dict[str, Any]:
    context = {"cwd": "C:\\Users\\ada\\app", "branch": "main"}
    return event("session.start", sessionId=name, copilotVersion="1.0.40", context=context)


def asks(*calls: tuple[str, str, Any], content: str = "", agent: str = "", **more: Any) -> dict[str, Any]:
    requests = [{"toolCallId": i, "name": n, "arguments": a, "type": "function"} for i, n, a in calls]
    return event("assistant.message", agent, messageId="m1", content=content, toolRequests=requests, **more)


def over(text: str, call_id: str = "c1", *, success: bool = True, **more: Any) -> dict[str, Any]:
    return event("tool.execution_complete", toolCallId=call_id, success=success, result={"content": text}, **more)


def failed(message: str, code: str = "failure") -> dict[str, Any]:
    return event("tool.execution_complete", toolCallId="c1", success=False, error={"message": message, "code": code})


def run_of(folder: Path, *rows: dict[str, Any]) -> Run:
    found = read(folder, lines(rows))
    assert (found.format, conserved(found), found.quarantined) == ("copilot@1", True, ())
    (run,) = found.runs
    return run


def result_of(folder: Path, *rows: dict[str, Any]) -> Step:
    run = run_of(folder, start(), asks(("c1", "bash", {"command": "make"})), *rows)
    return next(s for s in run.steps if s.kind == "result")


def test_a_tool_that_worked_may_have_run_a_program_that_failed(tmp_path: Path) -> None:
    step = result_of(tmp_path, over("no rule\n<shellId: 4 completed with exit code 2>"))
    assert (step.status, step.exit_code, step.text) == ("error", 2, "no rule")


@pytest.mark.parametrize(
    ("text", "shown", "status", "code"),
    [
        ("fine\n<exited with exit code 0>", "fine", "ok", 0),
        ("<shellId: 4 completed with exit code 1>", "<shellId: 4 completed with exit code 1>", "error", 1),
        ("it says <exited with exit code 3> here", "it says <exited with exit code 3> here", "ok", None),
        ("x" * 1000 + "\n<exited with exit code 3>", "x" * 1000, "error", 3),
        ("", "", "ok", None),
    ],
)
def test_the_exit_code_stands_at_the_end_of_the_text(
    tmp_path: Path, text: str, shown: str, status: str, code: int | None
) -> None:
    step = result_of(tmp_path, over(text))
    assert (step.text, step.status, step.exit_code) == (shown, status, code)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("Path does not exist", "error"),
        ('Denied by preToolUse hook from "repo settings" (hook errored)', "denied_hook"),
        ("The user rejected this tool call.", "denied_user"),
    ],
)
def test_a_tool_that_failed_says_why(tmp_path: Path, message: str, status: str) -> None:
    step = result_of(tmp_path, failed(message))
    assert (step.status, step.text) == (status, message)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("denied-interactively-by-user", "denied_user"),
        ("denied-by-rules", "denied_policy"),
        ("denied-no-approval-rule-and-could-not-request-from-user", "denied_policy"),
        ("denied-by-permission-request-hook", "denied_hook"),
        ("denied-by-something-new", "denied_policy"),
    ],
)
def test_a_permission_that_was_not_given_tells_how_its_call_ended(tmp_path: Path, kind: str, status: str) -> None:
    answer = event("permission.completed", requestId="r1", toolCallId="c1", result={"kind": kind})
    assert result_of(tmp_path, answer, failed("not done", "denied")).status == status


def test_a_permission_that_was_given_changes_nothing(tmp_path: Path) -> None:
    answer = event("permission.completed", requestId="r1", toolCallId="c1", result={"kind": "approved"})
    assert result_of(tmp_path, answer, over("fine")).status == "ok"


def test_a_call_is_told_by_its_answer_and_not_again_by_its_start(tmp_path: Path) -> None:
    begun = [event("tool.execution_start", toolCallId=i, toolName="bash", arguments={}) for i in ("c1", "c2", "c9")]
    run = run_of(tmp_path, start(), asks(("c1", "bash", {"command": "a"}), ("c2", "view", {"path": "b"})), *begun)
    told = [(s.call_id, s.tool, s.message) for s in run.steps if s.kind == "call"]
    assert told == [("c1", "bash", "m1"), ("c2", "view", "m1"), ("c9", "bash", "c9")]


def test_the_older_editor_is_called_by_what_it_does(tmp_path: Path) -> None:
    asked = asks(
        ("c1", "str_replace_editor", {"command": "str_replace", "path": "a.py", "old_str": "x", "new_str": "y"})
    )
    (step,) = run_of(tmp_path, start(), asked).steps
    assert (step.tool, step.args["path"], step.args["_tool"], "command" in step.args) == (
        "edit", "a.py", "str_replace_editor", False,
    )  # fmt: skip


def test_a_patch_is_given_as_text(tmp_path: Path) -> None:
    text = "*** Begin Patch\n*** Update File: a.py\n@@\n-x\n+y\n*** End Patch"
    (step,) = run_of(tmp_path, start(), asks(("c1", "apply_patch", text))).steps
    assert (step.args["path"], step.args["input"]) == ("a.py", text)


def test_facts_and_notices_of_a_session(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, start(), event("session.model_change", newModel="model-a"),
        event("system.message", content="<available_skills><skill> <name>deploy</name>"),
        event("user.message", content="fix it", transformedContent="<now/>fix it"),
        asks(content="so", reasoningText="think", outputTokens=7),
        event("session.compaction_start"), event("session.compaction_complete", success=True, summaryContent="…"),
        event("session.compaction_complete", success=False), event("session.resume", selectedModel="model-b"),
        event("skill.invoked", name="deploy", path="/x/SKILL.md", content="…"), event("abort", reason="user initiated"),
        event("session.error", errorType="quota", message="no more requests"), event("hook.start", input={"a": 1}),
    )  # fmt: skip
    assert (run.id, run.client, run.client_version, run.model) == ("s1", "copilot", "1.0.40", "model-a")
    assert (run.branch, run.task, run.cwd) == ("main", "fix it", "~\\app")
    assert (run.skills_listed, run.skills_loaded) == (("deploy",), ("deploy",))
    assert [(s.text, s.actor, s.status) for s in run.steps if s.kind == "notice"] == [
        ("compact_boundary", "system", None), ("resume", "system", None),
        ("abort: user initiated", "user", "interrupted"),
        ("no more requests", "system", "api_error"),
    ]  # fmt: skip
    assert [(s.kind, s.usage) for s in run.steps if s.usage] == [("reasoning", Usage(output=7))]


def test_a_sub_agent_s_steps_name_it_and_its_task_is_no_person_s_word(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, start(), event("user.message", "a1", content="brief", source="agent-s1"),
        event("user.message", content="reminder", source="system"), asks(("c1", "bash", {"command": "x"}), agent="a1"),
    )  # fmt: skip
    assert [(s.kind, s.agent, s.meta) for s in run.steps] == [
        ("message", "a1", True), ("message", "", True), ("call", "a1", False),
    ]  # fmt: skip
    assert run.task == ""


# -------------------------------------------------------------------------------------- what crashes left


def test_an_event_glued_to_one_that_was_cut_short_is_taken_and_the_rest_kept_out(tmp_path: Path) -> None:
    good = [json.dumps(e).encode() for e in (start(), asks(("c1", "bash", {"command": "make"})), over("fine"))]
    found = read(tmp_path, b"\n".join([good[0], good[1], good[2][:60] + good[2]]) + b"\n")
    assert [s.kind for s in found.runs[0].steps] == ["call", "result"]
    assert [(q.line, q.reason.startswith("an event was cut short")) for q in found.quarantined] == [(3, True)]
    assert (conserved(found), found.counts.seen, found.counts.understood) == (True, 4, 3)


def test_an_event_that_a_text_quotes_is_no_event(tmp_path: Path) -> None:
    quoted = json.dumps(event("user.message", content="quoted"))
    broken = json.dumps(event("user.message", content=quoted)).encode()[:-4]
    found = read(tmp_path, lines([start()]) + broken + b"\n")
    assert [len(found.runs[0].steps), len(found.quarantined), conserved(found)] == [0, 1, True]


def test_nul_bytes_that_a_crash_left_are_skipped(tmp_path: Path) -> None:
    found = read(
        tmp_path, lines([start()]) + b"\0" * 64 + lines([event("user.message", content="on")]) + b"\0" * 99 + b"\n"
    )
    assert ([s.text for s in found.runs[0].steps], found.quarantined, conserved(found)) == (["on"], (), True)


def test_every_session_s_file_is_named_events_and_its_folder_after_the_session(tmp_path: Path) -> None:
    (tmp_path / "abc").mkdir()
    found = read(tmp_path, lines([event("user.message", content="x")]), "abc/events.jsonl")
    assert [run.id for run in found.runs] == ["abc"]


def whole_log() -> list[dict[str, Any]]:
    refused = event("permission.completed", toolCallId="c2", result={"kind": "denied-by-rules"})
    return [
        start(), event("session.model_change", newModel="m"), event("user.message", content="go"),
        asks(("c1", "bash", {"command": "a"}), ("c2", "bash", {"command": "b"}), outputTokens=5), refused,
        over("boom\n<exited with exit code 9>"),
        event("tool.execution_complete", toolCallId="c2", success=False, error={"message": "not done"}),
    ]  # fmt: skip


@pytest.mark.parametrize("cut", range(1, 7))
def test_a_log_that_grows_gives_the_run_of_the_whole_log(tmp_path: Path, cut: int) -> None:
    rows = whole_log()
    (expected,) = read(tmp_path, lines(rows), "whole.jsonl").runs
    file = tmp_path / "grows.jsonl"
    file.write_bytes(lines(rows[:cut]))
    first = read_file(file, masker=Unmasked())
    file.write_bytes(lines(rows))
    rest = read_file(file, masker=Unmasked(), start=first.state)
    (run,) = joined([*first.runs, *rest.runs])
    assert [s.status for s in run.steps if s.kind == "result"] == ["error", "denied_policy"]
    assert [(s.uid, s.status, s.tool, s.seq) for s in run.steps] == [
        (s.uid, s.status, s.tool, s.seq) for s in expected.steps
    ]


@pytest.mark.parametrize("number", ["1e308", str(10**30), "-5", "true", '"7"', "[]"])
def test_numbers_of_any_size_do_no_harm(tmp_path: Path, number: str) -> None:
    odd = f'{{"type":"assistant.message","data":{{"content":"x","outputTokens":{number}}},"id":"o1"}}\n'
    found = read(tmp_path, lines([start()]) + odd.encode())
    assert (conserved(found), [s.text for s in found.runs[0].steps]) == (True, ["x"])
