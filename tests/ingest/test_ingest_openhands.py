"""OpenHands: events of both generations, written by hand from their definitions; no real log was at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_build import Unmasked, conserved, mutated, read

from memento_skills.ingest.discover import discover
from memento_skills.ingest.framing import Line
from memento_skills.ingest.ingest import joined, read_file
from memento_skills.ingest.openhands import OpenHandsReader
from memento_skills.ingest.result import FileResult
from memento_skills.records import Run, to_json

TIME = "2026-03-01T10:00:0{}.000000"


def v0(number: int, source: str, **fields: Any) -> dict[str, Any]:
    return {"id": number, "timestamp": TIME.format(number % 10), "source": source, "message": "", **fields}


def called(number: int, tool: str = "execute_bash", call: str = "toolu_aaaaa") -> dict[str, Any]:
    response = {"id": f"resp-{number}", "model": "model-a"}
    return {"tool_call_metadata": {"tool_call_id": call, "function_name": tool, "model_response": response}}


def run_v0(number: int, command: str, **more: Any) -> dict[str, Any]:
    args = {"command": command, "thought": "I look.", "confirmation_state": "confirmed", "hidden": False}
    return v0(number, "agent", action="run", args=args, **more)


def v1(number: int, kind: str, source: str = "agent", **fields: Any) -> dict[str, Any]:
    return {"id": f"event-{number}", "timestamp": TIME.format(number % 10), "source": source, "kind": kind, **fields}


def asks(number: int, words: str, **more: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": words}]
    return v1(number, "MessageEvent", "user", llm_message={"role": "user", "content": content}, **more)


def acts(number: int, tool: str = "terminal", call: str = "toolu_aaaaa", **args: Any) -> dict[str, Any]:
    return v1(
        number, "ActionEvent", tool_name=tool, tool_call_id=call, llm_response_id="resp-1",
        thought=[{"type": "text", "text": "I look."}], action={"kind": "TerminalAction", **args},
    )  # fmt: skip


def sees(number: int, call: str = "toolu_aaaaa", text: str = "out", **told: Any) -> dict[str, Any]:
    observation = {"content": [{"type": "text", "text": text}], "is_error": False, **told}
    more = {"tool_name": "terminal", "tool_call_id": call, "action_id": f"event-{number - 1}"}
    return v1(number, "ObservationEvent", "environment", observation=observation, **more)


def found_in(path: Path, *events: Any) -> FileResult:
    found = read(path, json.dumps(list(events), indent=1).encode(), "trajectory.json")
    assert found.format == "openhands@1", found.reason
    assert conserved(found)
    return found


def run_of(path: Path, *events: Any) -> Run:
    (run,) = found_in(path, *events).runs
    return run


def end(path: Path, *events: Any) -> list[tuple[str | None, int | None]]:
    return [(s.status, s.exit_code) for s in run_of(path, *events).steps if s.kind == "result"]


def shape(run: Run) -> list[tuple[str, str, str, str]]:
    return [(s.kind, s.actor, s.tool, s.text) for s in run.steps]


# ---------------------------------------------------------------------------------------------------- V0


def test_v0_actions_and_observations(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        v0(0, "agent", action="system", args={"content": "You are"}),
        v0(1, "user", action="message", args={"content": "fix it"}),
        v0(2, "environment", action="recall", args={"query": "fix it"}),
        run_v0(3, "ls", **called(3)),
        v0(4, "agent", observation="run", content="a.py", cause=3, extras={"metadata": {"exit_code": 0}}, **called(3)),
        v0(5, "agent", action="think", args={"thought": "hm"}, **called(5, "think", "toolu_bbbbb")),
        v0(6, "agent", observation="think", content="noted", cause=5, **called(5, "think", "toolu_bbbbb")),
        v0(7, "agent", action="finish", args={"final_thought": "done"}),
    )
    assert shape(run) == [
        ("message", "user", "", "fix it"),
        ("message", "agent", "", "I look."),
        ("call", "agent", "execute_bash", ""),
        ("result", "tool", "execute_bash", "a.py"),
        ("reasoning", "agent", "", "hm"),
        ("message", "agent", "", "done"),
    ]
    assert run.steps[2].args == {"command": "ls"}
    assert [(s.entry, s.line) for s in run.steps] == [(1, 1), (3, 3), (3, 3), (4, 4), (5, 5), (7, 7)]
    assert (run.model, run.task, run.steps[2].message, run.steps[2].call_id) == (
        "model-a", "fix it", "resp-3", "toolu_aaaaa",
    )  # fmt: skip
    assert (run.started_at, run.ended_at) == (1772359200.0, 1772359207.0)


@pytest.mark.parametrize(
    ("observation", "ended"),
    [
        ({"observation": "run", "extras": {"metadata": {"exit_code": 0}}}, ("ok", 0)),
        ({"observation": "run", "extras": {"exit_code": 2}}, ("error", 2)),
        ({"observation": "run", "extras": {}}, ("unknown", None)),
        ({"observation": "run", "extras": {"metadata": {"exit_code": 10**30}}}, ("unknown", None)),
        (
            {
                "observation": "run",
                "content": "x" * 999 + "\n[The command has no new output after 30 seconds. You may wait longer]",
                "extras": {"metadata": {"exit_code": -1}},
            },
            ("timeout", None),
        ),
        ({"observation": "run", "extras": {"metadata": {"exit_code": -1}}}, ("unknown", None)),
        ({"observation": "error", "content": "File not found: /a"}, ("error", None)),
        ({"observation": "edit", "content": "ERROR:\nNo replacement was performed"}, ("error", None)),
        ({"observation": "read", "content": "Errors are values"}, ("ok", None)),
        ({"observation": "mcp", "content": '{"isError": true, "content": []}'}, ("error", None)),
        ({"observation": "mcp", "content": '{"isError": false}'}, ("ok", None)),
        ({"observation": "browse", "extras": {"error": True}}, ("error", None)),
    ],
)
def test_how_a_v0_call_ended(tmp_path: Path, observation: dict[str, Any], ended: Any) -> None:
    told = v0(2, "agent", cause=1, content="out") | observation
    assert end(tmp_path, v0(0, "user", action="message"), run_v0(1, "ls"), told) == [ended]


def test_v0_without_native_ids_is_joined_by_the_cause(tmp_path: Path) -> None:
    ran = v0(2, "agent", observation="run", content="a", cause=1, extras={"exit_code": 0})
    run = run_of(tmp_path, run_v0(1, "ls"), ran)
    call, result = run.steps[1:]
    assert call.call_id == result.call_id != ""
    assert call.tool == result.tool == "run"


def test_v0_refusals_stops_and_errors_of_no_call(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        run_v0(1, "rm -r /", **called(1)),
        v0(2, "user", observation="user_rejected", content="Action has been rejected", cause=1, **called(1)),
        v0(3, "environment", observation="agent_state_changed", extras={"agent_state": "running"}),
        v0(4, "user", action="change_agent_state", args={"agent_state": "stopped"}),
        v0(
            5, "environment", observation="agent_state_changed",
            extras={"agent_state": "error", "reason": "litellm.RateLimitError: slow down"},
        ),
        v0(6, "environment", observation="error", content="the sandbox is gone"),
        v0(7, "agent", action="condensation", args={"forgotten_event_ids": [1]}),
    )  # fmt: skip
    assert [(s.kind, s.actor, s.status) for s in run.steps[2:]] == [
        ("result", "tool", "denied_user"),
        ("permission", "user", "denied_user"),
        ("notice", "user", "interrupted"),
        ("notice", "system", "api_error"),
        ("notice", "system", None),
        ("notice", "system", None),
    ]
    assert run.steps[-1].text == "compact_boundary"


def test_a_persons_own_command_is_no_call_of_the_agent(tmp_path: Path) -> None:
    own = v0(1, "user", action="run", args={"command": "git status"})
    run = run_of(tmp_path, own, v0(2, "agent", action="message", args={"content": "seen"}))
    assert [(s.kind, s.actor, s.text, s.meta) for s in run.steps] == [
        ("message", "user", "! git status", True), ("message", "agent", "seen", False),
    ]  # fmt: skip


def test_results_files_of_evaluations(tmp_path: Path) -> None:
    ran = v0(2, "agent", observation="run", content="a", cause=1, extras={"exit_code": 1})
    pairs = {"instance_id": "task-2", "history": [[run_v0(1, "ls"), ran]]}
    flat = {"instance_id": "task-1", "history": [run_v0(1, "ls"), ran]}
    found = read(tmp_path, json.dumps(flat).encode() + b"\n" + json.dumps(pairs).encode() + b"\n", "output.jsonl")
    assert found.format == "openhands@1"
    assert [(run.id, [s.kind for s in run.steps]) for run in found.runs] == [
        ("task-1", ["message", "call", "result"]), ("task-2", ["message", "call", "result"]),
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------------- V1


def test_v1_events(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        v1(0, "SystemPromptEvent", tools=[]),
        asks(1, "fix it", activated_skills=["deploy"]),
        acts(2, command="ls", timeout=None) | {"reasoning_content": "hm"},
        sees(3, exit_code=0, metadata={"exit_code": 0, "prefix": "<", "suffix": ">"}),
        acts(4, "finish", "toolu_bbbbb", message="done"),
        sees(5, "toolu_bbbbb") | {"tool_name": "finish"},
    )
    assert shape(run) == [
        ("message", "user", "", "fix it"),
        ("skill", "user", "deploy", ""),
        ("reasoning", "agent", "", "hm"),
        ("message", "agent", "", "I look."),
        ("call", "agent", "terminal", ""),
        ("result", "tool", "terminal", "<out>"),
        ("message", "agent", "", "I look."),
        ("message", "agent", "", "done"),
    ]
    assert (run.steps[4].args, run.steps[4].message, run.skills_loaded) == ({"command": "ls"}, "resp-1", ("deploy",))
    assert run.shared_ids


@pytest.mark.parametrize(
    ("told", "ended"),
    [
        ({"exit_code": 0}, ("ok", 0)),
        ({"exit_code": 2}, ("error", 2)),
        ({"exit_code": None, "metadata": {"exit_code": 3}}, ("error", 3)),
        ({"exit_code": 0, "is_error": True}, ("error", None)),
        ({"exit_code": 2, "is_error": True}, ("error", 2)),
        ({"exit_code": None}, ("unknown", None)),
        ({"exit_code": None, "timeout": True}, ("timeout", None)),
        (
            {"exit_code": -1, "metadata": {"suffix": "[The command has no new output after 30 seconds."}},
            ("timeout", None),
        ),
        ({"is_error": True}, ("error", None)),
        ({"error": "no such file"}, ("error", None)),
        ({}, ("ok", None)),
    ],
)
def test_how_a_v1_call_ended(tmp_path: Path, told: dict[str, Any], ended: Any) -> None:
    assert end(tmp_path, acts(1, command="ls"), sees(2, **told)) == [ended]


@pytest.mark.parametrize(
    ("rejection", "statuses"),
    [
        ({"rejection_source": "user", "rejection_reason": "use rg"}, ["denied_user", "denied_user"]),
        ({"rejection_source": "hook", "rejection_reason": "blocked by a rule"}, ["denied_hook"]),
        ({"rejection_reason": "User rejected the action"}, ["denied_user", "denied_user"]),
    ],
)
def test_who_rejected_a_v1_call(tmp_path: Path, rejection: dict[str, str], statuses: list[str]) -> None:
    rejected = v1(
        2, "UserRejectObservation", "environment", tool_call_id="toolu_aaaaa", action_id="event-1", **rejection
    )
    run = run_of(tmp_path, acts(1, command="ls"), rejected)
    assert [s.status for s in run.steps if s.status] == statuses
    assert {s.text for s in run.steps if s.status} == {rejection["rejection_reason"]}


def test_v1_errors_hooks_stops_and_condensations(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        acts(1, "nope") | {"action": None, "tool_call": {"id": "toolu_aaaaa", "name": "nope", "arguments": '{"a": 1}'}},
        v1(2, "AgentErrorEvent", tool_name="nope", tool_call_id="toolu_aaaaa", error="Tool 'nope' not found"),
        v1(
            3,
            "HookExecutionEvent",
            "hook",
            hook_event_type="PreToolUse",
            hook_command="guard",
            blocked=True,
            reason="no",
        ),
        v1(4, "PauseEvent", "user"),
        v1(5, "InterruptEvent", "user", reason="User requested interrupt"),
        v1(6, "Condensation", "environment", forgotten_event_ids=["event-1"], llm_response_id="r"),
        v1(7, "ConversationErrorEvent", "environment", code="LLMError", detail="no answer"),
        v1(8, "ConversationStateUpdateEvent", "environment", key="stats", value={}),
    )
    assert [(s.kind, s.text, s.status) for s in run.steps[2:]] == [
        ("result", "Tool 'nope' not found", "error"),
        ("notice", "hook PreToolUse blocked (guard): no", None),
        ("notice", "PauseEvent", "interrupted"),
        ("notice", "User requested interrupt", "interrupted"),
        ("notice", "compact_boundary", None),
        ("notice", "LLMError: no answer", "api_error"),
    ]
    assert run.steps[1].args == {"a": 1}


def test_a_second_answer_to_a_call_is_a_notice(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, acts(1, command="ls"), sees(2), v1(3, "AgentErrorEvent", tool_call_id="toolu_aaaaa", error="x")
    )
    assert [s.kind for s in run.steps[1:]] == ["call", "result", "notice"]


def test_ids_that_a_server_counts_are_told_apart_and_join_no_runs(tmp_path: Path) -> None:
    events = [e for i in (1, 3) for e in (acts(i, call="call_0", command="ls"), sees(i + 1, "call_0", f"out {i}"))]
    run = run_of(tmp_path, *events)
    assert [(s.kind, s.call_id, s.text) for s in run.steps if s.call_id] == [
        ("call", "call_0", ""), ("result", "call_0", "out 1"),
        ("call", "call_0#2", ""), ("result", "call_0#2", "out 3"),
    ]  # fmt: skip
    assert not run.shared_ids


def test_the_shells_folder_is_that_of_its_last_answer(tmp_path: Path) -> None:
    where = ["/srv", "/srv/app", "/srv"]
    events = [
        e
        for i, folder in enumerate(where)
        for e in (
            acts(2 * i, call=f"toolu_{i}aaaa", command="x"),
            sees(2 * i + 1, f"toolu_{i}aaaa", exit_code=0, metadata={"exit_code": 0, "working_dir": folder}),
        )
    ]
    run = run_of(tmp_path, *events, acts(8, call="toolu_xaaaa", command="y"))
    assert (run.cwd, [s.cwd for s in run.steps if s.kind == "call"]) == ("/srv", ["", "", "/srv/app", "/srv"])


def test_the_first_state_names_the_conversation(tmp_path: Path) -> None:
    state = {"id": "c-1", "workspace": {"working_dir": "/srv/app"}, "agent": {"llm": {"model": "model-a"}}}
    run = run_of(tmp_path, v1(0, "ConversationStateUpdateEvent", key="full_state", value=state), asks(1, "fix it"))
    assert (run.key, run.cwd, run.model, run.steps[0].entry) == ("openhands:c-1", "/srv/app", "model-a", 1)


@pytest.mark.parametrize(("command", "tool"), [("view", "view"), ("create", "create"), ("str_replace", "edit")])
def test_the_editor_is_called_by_what_it_does(tmp_path: Path, command: str, tool: str) -> None:
    run = run_of(tmp_path, acts(1, "file_editor", command=command, path="/a"), sees(2))
    assert [s.tool for s in run.steps[1:]] == [tool, tool]
    assert run.steps[1].args == {"path": "/a", "_tool": "file_editor", "_command": command}


def test_an_event_that_is_sent_twice_counts_once(tmp_path: Path) -> None:
    found = found_in(tmp_path, asks(0, "a"), asks(0, "a"), v0(1, "user", action="message", args={"content": "b"}))
    assert ([s.text for s in found.runs[0].steps], found.ignored) == (["a", "b"], {"(repeated event)": 1})


def test_unknown_events_are_counted_by_name(tmp_path: Path) -> None:
    found = found_in(tmp_path, asks(0, "a"), v1(1, "DanceEvent"), v0(2, "agent", action="dance"), {"x": 1}, 7)
    assert found.ignored == {"event 'DanceEvent'": 1, "action 'dance'": 1, "(no event)": 1}
    assert [q.reason for q in found.quarantined] == ["event 4 is no object"]


def test_events_one_a_line_grow(tmp_path: Path) -> None:
    events = [
        asks(0, "fix it"),
        acts(1, command="ls"),
        sees(2, exit_code=1),
        acts(3, call="toolu_bbbbb"),
        sees(4, "toolu_bbbbb"),
    ]
    lines = [json.dumps(e).encode() + b"\n" for e in events]
    file = tmp_path / "log.jsonl"
    pieces: list[Run] = []
    state = None
    for size in range(2, len(lines) + 1):
        file.write_bytes(b"".join(lines[:size]))
        found = read_file(file, masker=Unmasked(), start=state)
        assert found.format == "openhands@1"
        pieces += found.runs
        state = found.state
    assert joined(pieces) == read_file(file, masker=Unmasked()).runs
    assert state is not None
    assert "fix it" not in state.carry


def test_an_event_in_a_file_of_its_own_is_no_log(tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps(asks(0, "a")).encode(), "event-00001.json").format is None


EVENTS = [
    asks(0, "a", activated_skills=["s"]),
    acts(1, command="ls"),
    sees(2, exit_code=1, metadata={"working_dir": "/x"}),
    v1(3, "UserRejectObservation", tool_call_id="toolu_aaaaa", rejection_reason="n", rejection_source="hook"),
    run_v0(4, "ls", **called(4, call="toolu_bbbbb")),
    v0(5, "agent", observation="run", content="c", cause=4, extras={"metadata": {"exit_code": 1}}, **called(4)),
    v0(6, "user", action="message", args={"content": "c"}),
    v0(7, "environment", observation="agent_state_changed", extras={"agent_state": "error", "reason": "r"}),
]


@given(mutated(EVENTS), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_value_anywhere_breaks_the_reader(events: Any, lines: bool) -> None:
    reader = OpenHandsReader("logs/a.json")
    pieces = events if lines and isinstance(events, list) else [events]
    reader.feed([Line(i, 0, json.dumps(piece).encode()) for i, piece in enumerate(pieces, 1)])
    counts = reader.counts()
    assert counts.seen == counts.understood + counts.ignored + counts.quarantined
    OpenHandsReader("logs/a.json", reader.carry())
    for run in reader.take():
        to_json(run)
        assert len({s.uid for s in run.steps}) == len(run.steps)


# ------------------------------------------------------------------------------- a folder of events


def conversation(home: Path, *events: Any) -> list[Path]:
    folder = home / "c0ffee" / "events"
    folder.mkdir(parents=True, exist_ok=True)
    state = {"workspace": {"working_dir": "/srv/app"}, "agent": {"llm": {"model": "model-a"}}}
    (folder.parent / "base_state.json").write_text(json.dumps(state))
    files = [folder / f"event-{number:05d}-{'ab' * 4}.json" for number in range(len(events))]
    for file, event in zip(files, events, strict=True):
        file.write_text(event if isinstance(event, str) else json.dumps(event, indent=1))
    return files


def test_a_folder_of_events_is_read_with_its_last_file(tmp_path: Path) -> None:
    files = conversation(tmp_path, asks(0, "fix it"), acts(1, command="ls"), sees(2, exit_code=1))
    found = [read_file(file, masker=Unmasked()) for file in files]
    told = [(f.format, len(f.runs), f.counts.seen) for f in found]
    assert told == [("openhands@1", 0, 0), ("openhands@1", 0, 0), ("openhands@1", 1, 3)]
    (run,) = found[-1].runs
    assert (run.key, run.cwd, run.model, len(run.steps)) == ("openhands:c0ffee", "/srv/app", "model-a", 4)


def test_a_folder_of_events_that_grew_keeps_its_steps(tmp_path: Path) -> None:
    events = [asks(0, "fix it"), acts(1, command="ls")]
    (before,) = read_file(conversation(tmp_path, *events)[-1], masker=Unmasked()).runs
    (after,) = read_file(conversation(tmp_path, *events, sees(2, exit_code=0))[-1], masker=Unmasked()).runs
    assert before.key == after.key
    assert [s.uid for s in after.steps[: len(before.steps)]] == [s.uid for s in before.steps]


def test_a_broken_event_of_a_folder_is_quarantined(tmp_path: Path) -> None:
    found = read_file(conversation(tmp_path, asks(0, "a"), "{", asks(2, "b"))[-1], masker=Unmasked())
    assert conserved(found)
    assert [s.text for s in found.runs[0].steps] == ["a", "b"]
    assert "event-00001-abababab.json is not JSON" in found.quarantined[0].reason


def test_a_folder_of_the_first_generation(tmp_path: Path) -> None:
    folder = tmp_path / "sid-1" / "events"
    folder.mkdir(parents=True)
    for number in (2, 10, 1):
        event = v0(number, "user", action="message", args={"content": str(number)})
        (folder / f"{number}.json").write_text(json.dumps(event))
    assert not read_file(folder / "2.json", masker=Unmasked()).runs
    (run,) = read_file(folder / "10.json", masker=Unmasked()).runs
    assert (run.id, [s.text for s in run.steps]) == ("sid-1", ["1", "2", "10"])


def test_conversations_are_found_where_the_client_keeps_them(tmp_path: Path) -> None:
    files = conversation(tmp_path / ".openhands" / "conversations", asks(0, "a"), asks(1, "b"))
    assert {log.path for log in discover(tmp_path, environ={})} == {str(file) for file in files}
    assert discover(tmp_path, environ={"OPENHANDS_PERSISTENCE_DIR": str(tmp_path / "nowhere")}) == []
