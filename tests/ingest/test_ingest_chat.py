"""Chat messages of all shapes -> runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ingest_build import conserved, read

from memento_skills.ingest.result import FileResult

ASK = {"role": "user", "content": "book a flight"}
CALLS = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"to": "SEA"}'}},
        {"id": "c2", "type": "function", "function": {"name": "find", "arguments": "not json"}},
    ],
}
FAILS = {"role": "tool", "tool_call_id": "c1", "name": "find", "content": "Error: no such city"}
WORKS = {"role": "tool", "tool_call_id": "c2", "content": "[]"}
CHAT = [{"role": "system", "content": "policy"}, ASK, CALLS, FAILS, WORKS, {"role": "assistant", "content": "done"}]


def given(path: Path, value: Any) -> FileResult:
    found = read(path, json.dumps(value).encode())
    assert found.format == "chat@1", found.reason
    assert conserved(found)
    return found


@pytest.mark.parametrize(
    "value",
    [CHAT, {"messages": CHAT}, [{"messages": CHAT}], {"id": "x", "messages": CHAT}],
    ids=["list", "object", "runs", "id"],
)
def test_a_conversation_in_any_wrapping(tmp_path: Path, value: Any) -> None:
    (run,) = given(tmp_path, value).runs
    assert [(s.kind, s.actor, s.call_id, s.tool, s.status) for s in run.steps] == [
        ("message", "system", "", "", None),
        ("message", "user", "", "", None),
        ("call", "agent", "c1", "find", None),
        ("call", "agent", "c2", "find", None),
        ("result", "tool", "c1", "find", "error"),
        ("result", "tool", "c2", "find", "ok"),
        ("message", "agent", "", "", None),
    ]
    assert [s.entry for s in run.steps] == [0, 1, 2, 2, 3, 4, 5]
    assert (run.task, run.client) == ("book a flight", "openai-chat")


def test_arguments_are_parsed_or_kept_raw(tmp_path: Path) -> None:
    (run,) = given(tmp_path, CHAT).runs
    assert [s.args for s in run.steps if s.kind == "call"] == [{"to": "SEA"}, {"_raw": "not json"}]


def test_calls_of_one_message_are_siblings(tmp_path: Path) -> None:
    (run,) = given(tmp_path, CHAT).runs
    assert len({s.message for s in run.steps if s.kind == "call"}) == 1


def test_a_conversation_a_line(tmp_path: Path) -> None:
    rows = [{"id": f"chat-{i}", "messages": CHAT} for i in range(3)]
    found = read(tmp_path, b"".join(json.dumps(r).encode() + b"\n" for r in rows))
    assert [run.id for run in found.runs] == ["chat-0", "chat-1", "chat-2"]
    assert conserved(found)


def test_a_message_a_line(tmp_path: Path) -> None:
    found = read(tmp_path, b"".join(json.dumps(r).encode() + b"\n" for r in CHAT))
    (run,) = found.runs
    assert len(run.steps) == 7
    assert (found.counts.seen, found.counts.understood) == (6, 6)


def test_a_pretty_printed_document(tmp_path: Path) -> None:
    found = read(tmp_path, json.dumps({"messages": CHAT}, indent=2).encode())
    assert len(found.runs[0].steps) == 7


def test_tau_bench_runs_have_rewards_and_stable_names(tmp_path: Path) -> None:
    runs: list[dict[str, Any]] = [
        {"task_id": 3, "trial": t, "reward": float(t), "traj": CHAT, "info": {}} for t in (0, 1)
    ]
    found = given(tmp_path, runs)
    assert [(r.id.split("/")[-2:], r.outcome.label, r.outcome.reward) for r in found.runs] == [
        (["3", "0"], "failure", 0.0),
        (["3", "1"], "success", 1.0),
    ]
    assert {r.client for r in found.runs} == {"tau-bench"}


def test_a_history_of_named_agents_counts_its_entries_from_0(tmp_path: Path) -> None:
    history = [
        {"role": "human", "content": "how far is it?"},
        {"role": "Orchestrator (thought)", "content": "plan"},
        {"role": "user", "name": "Expert", "content": "I think so"},
        {"role": "user", "name": "Computer_terminal", "content": "exitcode: 1 (execution failed)\nCode output: x"},
    ]
    answer = {"mistake_step": "2", "mistake_agent": "Expert", "mistake_reason": "ANSWER", "ground_truth": "ANSWER"}
    (run,) = given(tmp_path, {"history": history, "question": "how far?", **answer}).runs
    assert [(s.entry, s.kind, s.actor, s.agent, s.status) for s in run.steps] == [
        (0, "message", "user", "", None),
        (1, "message", "agent", "Orchestrator (thought)", None),
        (2, "message", "agent", "Expert", None),
        (3, "result", "tool", "Computer_terminal", "error"),
    ]
    assert run.task == "how far?"
    assert "ANSWER" not in str(run)


def test_broken_entries_are_counted(tmp_path: Path) -> None:
    found = given(
        tmp_path, {"messages": [ASK, 5, {"role": "assistant", "content": ""}, {"role": "user", "content": 3}]}
    )
    assert (found.counts.seen, found.counts.quarantined, found.counts.ignored) == (4, 1, 1)


@pytest.mark.parametrize("data", [b'[{"role": "user", "content": "x"}', b'{"messages": [{"role": "user",\n'])
def test_a_broken_document_is_quarantined_whole(tmp_path: Path, data: bytes) -> None:
    found = read(tmp_path, data)
    assert (found.runs, len(found.quarantined), found.quarantined[0].size) == ((), 1, len(data))


def test_older_function_calls_are_calls(tmp_path: Path) -> None:
    chat = [
        ASK,
        {"role": "assistant", "function_call": {"name": "find", "arguments": "{}"}},
        {"role": "function", "name": "find", "content": "[]"},
    ]
    (run,) = given(tmp_path, chat).runs
    assert run.steps[1].call_id == run.steps[2].call_id != ""
