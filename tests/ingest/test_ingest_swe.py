"""Trajectories of SWE-agent and mini-swe-agent: what was thought, done and seen, and how it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ingest_build import SHARED, Unmasked, conserved, needs_data

from memento_skills.ingest.ingest import read_file, read_tree
from memento_skills.ingest.result import FileResult
from memento_skills.records import Outcome, Run, Usage


def read(folder: Path, value: Any, name: str = "task-1.traj") -> FileResult:
    file = folder / name
    file.write_text(json.dumps(value, indent=2), "utf-8")
    found = read_file(file, masker=Unmasked())
    assert conserved(found)
    return found


def run_of(folder: Path, value: Any) -> Run:
    (run,) = read(folder, value).runs
    return run


def told(run: Run) -> list[tuple[str, str]]:
    return [(s.kind, s.tool or s.text) for s in run.steps]


def result_of(run: Run) -> tuple[str | None, int | None, str]:
    (result,) = [s for s in run.steps if s.kind == "result"]
    return result.status, result.exit_code, result.text


# ------------------------------------------------------------------------------------------------- SWE-agent


def done(action: str, observation: str, **more: Any) -> dict[str, Any]:
    return {"thought": "so", "action": action, "observation": observation, "response": f"so\n```\n{action}```", **more}


def shown(role: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "agent": "main", **more}


PRELUDE = [
    shown("system", "you are able"),
    shown("user", "a demonstration", is_demo=True),
    shown("user", "fix it"),
]  # fmt: skip


def swe(*steps: dict[str, Any], history: list[Any] | None = None, **info: Any) -> dict[str, Any]:
    return {"environment": "main", "trajectory": list(steps), "history": history or PRELUDE, "info": info}


def test_thoughts_actions_and_observations_are_steps(tmp_path: Path) -> None:
    found = read(tmp_path, swe(done("ls -F\n", "a.py")))
    assert found.format == "swe-agent@1"
    assert told(found.runs[0]) == [
        ("message", "you are able"), ("message", "fix it"), ("message", "so"), ("call", "bash"), ("result", "bash"),
    ]  # fmt: skip
    assert found.runs[0].task == "fix it"
    assert found.ignored == {"(demonstration)": 1}


@pytest.mark.parametrize(
    ("observation", "status"),
    [
        ("Your proposed edit has introduced new syntax error(s). Please read", "error"),
        ("bash: line 1: pyton: command not found", "error"),
        ("/bin/sh: 1: pyton: not found", "error"),
        ("cat: a.py: No such file or directory", "error"),
        ("Traceback (most recent call last):\n  File", "error"),
        ("\nEXECUTION TIMED OUT", "timeout"),
        ("The command 'x' was cancelled because it took more than 30 seconds.", "timeout"),
        ("a.py says: No such file or directory\nis a text of ours", "ok"),
        ("see the log\nTraceback (most recent call last):", "ok"),
        ("", "ok"),
    ],
)
def test_without_an_error_flag_the_words_tell_how_a_command_ended(
    tmp_path: Path, observation: str, status: str
) -> None:
    assert result_of(run_of(tmp_path, swe(done("python a.py", observation))))[0] == status


@pytest.mark.parametrize(
    ("action", "tool", "args"),
    [
        ('open "src/a b.py" 12', "open", {"path": "src/a b.py"}),
        ("create a.py\n", "create", {"path": "a.py"}),
        ("edit 1:1\nx = 1\nend_of_edit", "edit", {"path": "/w/a.py"}),
        ("search_dir word", "search_dir", {}),
        ("open a.py && ls", "bash", {}),
        ("python a.py", "bash", {}),
    ],
)
def test_commands_of_its_editor_are_tools(tmp_path: Path, action: str, tool: str, args: dict[str, str]) -> None:
    before = done("ls", "a.py", state=json.dumps({"open_file": "/w/a.py", "working_dir": "/w"}))
    run = run_of(tmp_path, swe(before, done(action, "well")))
    call = [s for s in run.steps if s.kind == "call"][-1]
    assert (call.tool, call.args) == (tool, {"command": action.strip("\n"), **args})
    assert run.cwd == "/w"


def test_native_calls_stand_in_the_history(tmp_path: Path) -> None:
    native = {"id": "call_7", "type": "function", "function": {"name": "open", "arguments": '{"path": "a.py"}'}}
    history = [*PRELUDE, shown("assistant", "so", action='open "a.py"', tool_calls=[native])]
    run = run_of(tmp_path, swe(done('open "a.py"', "[File: a.py]"), history=history))
    assert [(s.tool, s.args, s.call_id) for s in run.steps if s.kind == "call"] == [
        ("open", {"path": "a.py"}, "call_7")
    ]


def test_a_file_with_a_history_only_is_read(tmp_path: Path) -> None:
    history = [
        *PRELUDE[::2],
        shown("assistant", "so", thought="so", action="ls", message_type="action"),
        shown("user", "a.py\n(Open file: n/a)\n(Current directory: /w)\nbash-$", message_type="observation"),
    ]
    run = run_of(tmp_path, {"history": history})
    assert result_of(run) == ("ok", None, "a.py")
    assert run.task == "fix it"


@pytest.mark.parametrize(
    ("info", "label"),
    [
        ({"exit_status": "submitted", "submission": "diff"}, "unknown"),
        ({"exit_status": "exit_cost", "submission": None}, "failure"),
        ({"exit_status": "submitted (exit_cost)", "submission": "diff"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_to_hand_in_is_not_to_have_solved(tmp_path: Path, info: Any, label: str) -> None:
    outcome = run_of(tmp_path, swe(done("submit", "diff"), **info)).outcome
    assert (outcome.label, outcome.reason) == (label, info.get("exit_status", ""))


def test_a_run_that_grows_keeps_its_name(tmp_path: Path) -> None:
    steps = [done("ls", "a.py"), done("cat a.py", "x = 1")]
    assert run_of(tmp_path, swe(*steps[:1])).id == run_of(tmp_path, swe(*steps)).id
    assert run_of(tmp_path, swe({**steps[0], "thought": "else"})).id != run_of(tmp_path, swe(*steps)).id


# -------------------------------------------------------------------------------------------- mini-swe-agent

TASK = [
    {"role": "system", "content": "finish with COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"},
    {"role": "user", "content": "fix it"},
]
FENCED = {"role": "assistant", "content": "THOUGHT: so\n\n```bash\nls /x\n```"}


def mini(*messages: dict[str, Any], **info: Any) -> dict[str, Any]:
    info = {"mini_version": "1.9.0", **info}
    return {"info": info, "messages": [*TASK, *messages], "trajectory_format": "mini-swe-agent-1"}


def seen(text: str, **extra: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **({"extra": extra} if extra else {})}


def test_version_one_writes_commands_in_fences_and_codes_in_the_text(tmp_path: Path) -> None:
    run = run_of(tmp_path, mini(FENCED, seen("<returncode>2</returncode>\n<output>\nls: no\n</output>")))
    assert result_of(run) == ("error", 2, "ls: no")
    assert [(s.tool, s.args) for s in run.steps if s.kind == "call"] == [("bash", {"command": "ls /x"})]
    assert (run.client_version, run.task) == ("1.9.0", "fix it")


def test_a_bare_list_of_its_messages_is_known_by_its_words(tmp_path: Path) -> None:
    found = read(tmp_path, [*TASK, FENCED, seen("<returncode>0</returncode>\n<output>\nok\n</output>")])
    assert found.format == "mini-swe-agent@1"
    assert result_of(found.runs[0]) == ("ok", 0, "ok")


def tooled(call_id: str = "call_1") -> dict[str, Any]:
    call = {"id": call_id, "type": "function", "function": {"name": "bash", "arguments": '{"command": "ls /x"}'}}
    actions = [{"command": "ls /x", "tool_call_id": call_id}]
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [call],
        "extra": {"actions": actions, "timestamp": 1.8e9},
    }


@pytest.mark.parametrize(
    ("extra", "end"),
    [
        ({"returncode": 1, "raw_output": "ls: no\n"}, ("error", 1, "ls: no\n")),
        ({"returncode": 0, "raw_output": "a\n"}, ("ok", 0, "a\n")),
        (
            {"returncode": -1, "raw_output": "", "exception_info": "60 s", "exception_type": "TimeoutExpired"},
            ("timeout", None, "60 s"),
        ),
        ({"returncode": -1, "raw_output": "", "exception_info": "no shell"}, ("error", None, "no shell")),
    ],
)
def test_version_two_writes_codes_in_extra(tmp_path: Path, extra: Any, end: Any) -> None:
    answer = {"role": "tool", "tool_call_id": "call_1", "content": "rendered", "extra": extra}
    assert result_of(run_of(tmp_path, mini(tooled(), answer))) == end


def test_version_two_without_tool_calls_names_its_actions(tmp_path: Path) -> None:
    answer = {"role": "assistant", "content": "so", "extra": {"actions": [{"command": "ls"}]}}
    run = run_of(tmp_path, mini(answer, seen("rendered", returncode=0, raw_output="a")))
    assert result_of(run) == ("ok", 0, "a")


def test_an_answer_of_the_responses_api_is_read(tmp_path: Path) -> None:
    items = [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "so"}]},
        {"type": "function_call", "call_id": "call_1", "name": "bash", "arguments": '{"command": "ls /x"}'},
    ]
    used = {"usage": {"input_tokens": 9, "output_tokens": 2}}
    answer = {"object": "response", "output": items, "extra": {"actions": [], "cost": 0.5, "response": used}}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "x", "extra": {"returncode": 2}}
    run = run_of(tmp_path, mini(answer, output))
    assert [(s.kind, s.tool, s.exit_code) for s in run.steps[2:]] == [
        ("message", "", None), ("call", "bash", None), ("result", "bash", 2),
    ]  # fmt: skip
    assert [s.usage for s in run.steps if s.usage] == [Usage(input=9, output=2, usd=0.5)]


def test_a_command_that_was_killed_timed_out(tmp_path: Path) -> None:
    killed = "The last command <command>ls /x</command> timed out and has been killed.\nThe output of the command was:"
    assert result_of(run_of(tmp_path, mini(FENCED, seen(killed))))[0] == "timeout"


def test_an_answer_without_exactly_one_command_gets_a_word_of_the_program(tmp_path: Path) -> None:
    two = {"role": "assistant", "content": "```bash\nls\n```\n```bash\npwd\n```"}
    run = run_of(tmp_path, mini(two, seen("Please always provide EXACTLY ONE action")))
    assert [s.kind for s in run.steps] == ["message"] * 4
    assert run.steps[-1].meta


@pytest.mark.parametrize(
    ("info", "outcome"),
    [
        ({"exit_status": "Submitted", "submission": "diff"}, Outcome(reason="Submitted")),
        ({"exit_status": "LimitsExceeded"}, Outcome(label="failure", reason="LimitsExceeded")),
        ({"exit_status": "KeyError", "traceback": "x"}, Outcome(label="failure", reason="KeyError")),
    ],
)
def test_the_exit_status_is_the_outcome(tmp_path: Path, info: Any, outcome: Outcome) -> None:
    assert run_of(tmp_path, mini(FENCED, **info)).outcome == outcome


def test_the_exit_message_of_version_two_is_the_outcome(tmp_path: Path) -> None:
    ended = {"role": "exit", "content": "", "extra": {"exit_status": "LimitsExceeded", "submission": ""}}
    assert run_of(tmp_path, mini(tooled(), ended)).outcome == Outcome(label="failure", reason="LimitsExceeded")


def test_fences_that_never_close_are_read_in_time(tmp_path: Path) -> None:
    hostile = {"role": "assistant", "content": "```bash\n" * 200_000}
    assert run_of(tmp_path, mini(hostile, seen("<returncode>" * 100_000))).steps


# ------------------------------------------------------------------------------------------------ real files


@pytest.mark.data
@needs_data
def test_real_trajectories_of_swe_agent_are_those_of_the_readme() -> None:
    told_of = json.loads((SHARED / "manifest.json").read_text("utf-8"))["sets"]["swe-agent"]
    found = [f for f in read_tree([SHARED / "swe-agent"], masker=Unmasked()) if f.format]
    runs = [run for f in found for run in f.runs]
    with_steps = [run for run in runs if "function_calling_simple" not in run.sources[0]]
    results = [s for run in with_steps for s in run.steps if s.kind == "result"]
    assert all(conserved(f) and not f.quarantined for f in found)
    assert (len(runs), len(results)) == (told_of["runs"], told_of["steps"])
    assert len({run.key for run in runs}) == len(runs)
    ends = {status: sum(s.status == status for s in results) for status in ("error", "timeout")}
    assert ends == {"error": 17, "timeout": 3}


@pytest.mark.data
@needs_data
def test_real_trajectories_of_mini_swe_agent_are_read() -> None:
    found = {Path(f.path).name: f for f in read_tree([SHARED / "mini-swe-agent"], masker=Unmasked()) if f.format}
    assert {name: f.format for name, f in found.items()} == dict.fromkeys(
        ("github_issue.traj.json", "local.traj.json"), "mini-swe-agent@1"
    )
    results = [s for run in found["github_issue.traj.json"].runs for s in run.steps if s.kind == "result"]
    assert [s.exit_code for s in results if s.status == "error"] == [1, 1]
