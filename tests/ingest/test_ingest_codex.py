"""Codex logs: both shapes of rollouts, the stream of `codex exec --json`, and the traps of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ingest_build import Unmasked, conserved, lines, read

from memento_skills.guards import tools
from memento_skills.guards.calls import calls
from memento_skills.ingest.codex_calls import call_of, original
from memento_skills.ingest.ingest import joined, read_file
from memento_skills.records import Run, Step, Usage

SECONDS = iter(range(10**6))


def row(kind: str, **payload: Any) -> dict[str, Any]:
    number = next(SECONDS)
    at = f"2026-03-01T{10 + number // 3600 % 12:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
    return {"timestamp": at, "type": kind, "payload": payload}


def item(kind: str, **payload: Any) -> dict[str, Any]:
    return row("response_item", type=kind, **payload)


def event(kind: str, **payload: Any) -> dict[str, Any]:
    return row("event_msg", type=kind, **payload)


def meta(name: str = "s1", **more: Any) -> dict[str, Any]:
    return row("session_meta", id=name, cwd="/home/ada/app", cli_version="0.118.0", git={"branch": "main"}, **more)


def user(text: str) -> dict[str, Any]:
    return item("message", role="user", content=[{"type": "input_text", "text": text}])


def agent(text: str) -> dict[str, Any]:
    return item("message", role="assistant", content=[{"type": "output_text", "text": text}])


def call(name: str, call_id: str = "c1", **args: Any) -> dict[str, Any]:
    return item("function_call", name=name, arguments=json.dumps(args), call_id=call_id)


def patch(text: str, call_id: str = "c1") -> dict[str, Any]:
    return item("custom_tool_call", name="apply_patch", input=text, call_id=call_id, status="completed")


def output(content: Any, call_id: str = "c1") -> dict[str, Any]:
    return item("function_call_output", call_id=call_id, output=content)


def tokens(total: int, **last: int) -> dict[str, Any]:
    return event("token_count", info={"total_token_usage": {"total_tokens": total}, "last_token_usage": last})


def run_of(folder: Path, *rows: dict[str, Any]) -> Run:
    found = read(folder, lines(rows))
    assert (found.format, conserved(found), found.quarantined) == ("codex@1", True, ())
    (run,) = found.runs
    return run


def result_of(folder: Path, content: Any, *between: dict[str, Any], tool: str = "shell") -> Step:
    run = run_of(folder, meta(), call(tool, command=["bash", "-lc", "make"]), *between, output(content))
    return next(s for s in run.steps if s.kind == "result")


# ------------------------------------------------------------------------------------------------- results


@pytest.mark.parametrize(
    ("content", "text", "status", "code"),
    [
        ("Exit code: 2\nWall time: 0.1 seconds\nOutput:\nmake: no rule\n", "make: no rule\n", "error", 2),
        ("Exit code: 0\nWall time: 0 seconds\nOutput:\nfine\n", "fine\n", "ok", 0),
        ("Exit code: 1\nWall time: 0.1 seconds\nOutput:\n", "Exit code: 1", "error", 1),
        ("Chunk ID: a1\nWall time: 0.0 seconds\nProcess exited with code 3\nOutput:\nno\n", "no\n", "error", 3),
        (
            'Command: /bin/zsh -lc "a\nb"\nChunk ID: a1\nProcess exited with code 4\nOutput:\nno', "no", "error", 4,
        ),
        ("Wall time: 1.0 seconds\nProcess running with session ID 7\nOutput:\n", "", "ok", None),
        (json.dumps({"output": "no rule", "metadata": {"exit_code": 2}}), "no rule", "error", 2),
        (json.dumps({"output": "", "metadata": {"exit_code": 2}}), "exit_code: 2", "error", 2),
        ('{"content":[{"type":"text","text":"no such page"}],"isError":true}', "no such page", "error", None),
        ('{"content":[{"type":"text","text":"a page"}],"isError":false}', "a page", "ok", None),
        ('{"a": 1}', '{"a": 1}', "ok", None),
        ("Exit code: 124\nOutput:\ncommand timed out after 9 ms", "command timed out after 9 ms", "timeout", 124),
        ("exec command rejected by user", None, "denied_user", None),
        ("patch rejected by user", None, "denied_user", None),
        ('exec_command failed for `x`: X { message: "Rejected(\\"rejected by user\\")" }', None, "denied_user", None),
        ("exec_command failed for `x`: rejected: blocked by policy", None, "denied_policy", None),
        ("aborted by user after 3.2s", None, "interrupted", None),
        ("approval required by policy, but AskForApproval is set to Never", None, "denied_policy", None),
        ("failed in sandbox: Operation not permitted", None, "denied_policy", None),
        ("failed to parse function arguments: missing field `command`", None, "error", None),
        ("unsupported call: grep_all", None, "error", None),
        ("Plan updated", None, "ok", None),
        ("the words Exit code: 5 in the middle", None, "ok", None),
        ({"content": "it broke", "success": False}, "it broke", "error", None),
        ([{"type": "input_text", "text": "seen"}, {"type": "input_image"}], "seen\n[input_image]", "ok", None),
    ],
)  # fmt: skip
def test_how_a_call_ended_is_told_from_its_output(
    tmp_path: Path, content: Any, text: str | None, status: str, code: int | None
) -> None:
    step = result_of(tmp_path, content)
    assert (step.status, step.exit_code) == (status, code)
    assert step.text == (content if text is None else text)


def test_an_exit_code_that_only_the_event_tells_is_taken(tmp_path: Path) -> None:
    step = result_of(tmp_path, "boom", event("exec_command_end", call_id="c1", exit_code=7, status="failed"))
    assert (step.status, step.exit_code) == ("error", 7)


def test_a_command_that_was_declined_has_no_exit_code(tmp_path: Path) -> None:
    told = event("exec_command_end", call_id="c1", exit_code=-1, status="declined")
    step = result_of(tmp_path, "exec command rejected by user", told)
    assert (step.status, step.exit_code) == ("denied_user", None)


def test_the_output_s_exit_code_goes_before_the_event_s(tmp_path: Path) -> None:
    told = "Exit code: 0\nWall time: 0 seconds\nOutput:\nfine"
    step = result_of(tmp_path, told, event("exec_command_end", call_id="c1", exit_code=7))
    assert (step.status, step.exit_code) == ("ok", 0)


def test_a_failed_tool_of_a_server_is_told_by_its_event(tmp_path: Path) -> None:
    step = result_of(
        tmp_path,
        "nothing found",
        event("mcp_tool_call_end", call_id="c1", result={"Ok": {"isError": True}}),
        tool="mcp__x__y",
    )
    assert step.status == "error"


def test_a_patch_that_does_not_fit_is_an_error_with_its_files(tmp_path: Path) -> None:
    text = "*** Begin Patch\n*** Update File: src/a.py\n@@\n-x\n+y\n*** Add File: b.py\n+z\n*** End Patch"
    words = "apply_patch verification failed: Failed to find expected lines in src/a.py:\nx"
    run = run_of(tmp_path, meta(), patch(text), item("custom_tool_call_output", call_id="c1", output=words))
    asked, ended = (s for s in run.steps if s.call_id == "c1")
    assert (asked.args["path"], asked.args["paths"], asked.args["input"]) == ("src/a.py", ["src/a.py", "b.py"], text)
    assert (ended.tool, ended.status, ended.text) == ("apply_patch", "error", words)
    assert (tools.role("apply_patch"), next(calls(run)).path) == ("patch", "~/app/src/a.py")


# --------------------------------------------------------------------------------------------------- calls


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["bash", "-lc", "cd a && make"], "cd a && make"),
        (["/bin/zsh", "-lc", "ls | wc"], "ls | wc"),
        (["powershell.exe", "-NoProfile", "-Command", "Get-ChildItem"], "Get-ChildItem"),
        (["git", "commit", "-m", "two words"], "git commit -m 'two words'"),
        (["bash", "-lc"], "bash -lc"),
        ([], ""),
    ],
)
def test_a_command_in_words_becomes_a_line_and_can_be_got_back(command: list[str], line: str) -> None:
    made = call_of("shell", json.dumps({"command": command, "workdir": "/srv/app", "timeout_ms": 5}))
    assert (made.args["command"], made.cwd, made.args["timeout_ms"]) == (line, "/srv/app", 5)
    assert original(made.args) == command
    assert tools.argument(made.args, "command") == line


def test_the_line_of_exec_command_is_its_command(tmp_path: Path) -> None:
    made = call_of("exec_command", '{"cmd":"make test","workdir":"/srv"}')
    assert (made.args["command"], made.args["_name"], made.cwd) == ("make test", "cmd", "/srv")
    assert original(made.args) is None


@pytest.mark.parametrize(
    "args",
    [
        {"command": ["apply_patch", "*** Begin Patch\n*** Delete File: a.py\n*** End Patch"]},
        {"command": ["bash", "-lc", "apply_patch <<'EOF'\n*** Begin Patch\n*** Delete File: a.py\n*** End Patch\nEOF"]},
    ],
)
def test_a_patch_that_a_shell_carries_is_a_patch(args: dict[str, Any]) -> None:
    made = call_of("shell", json.dumps(args))
    assert (made.tool, made.args["path"], made.args["_tool"]) == ("apply_patch", "a.py", "shell")


def test_a_local_shell_call_has_its_folder(tmp_path: Path) -> None:
    asked = item(
        "local_shell_call", call_id="c1", status="completed",
        action={"type": "exec", "command": ["bash", "-lc", "ls"], "working_directory": "/srv"},
    )  # fmt: skip
    step = next(s for s in run_of(tmp_path, meta(), asked).steps if s.kind == "call")
    assert (step.tool, step.args["command"], step.cwd) == ("local_shell", "ls", "/srv")


def test_arguments_that_are_no_object_are_kept(tmp_path: Path) -> None:
    asked = item("function_call", name="shell", arguments='{"command": [', call_id="c1")
    assert run_of(tmp_path, meta(), asked).steps[0].args == {"_raw": '{"command": ['}


def test_calls_of_one_answer_are_siblings_and_the_next_answer_s_are_not(tmp_path: Path) -> None:
    first = [call("shell", "c1", command="a"), call("shell", "c2", command="b")]
    ended = [output("Exit code: 0\nOutput:\n", "c1"), output("Exit code: 0\nOutput:\n", "c2")]
    run = run_of(
        tmp_path, meta(), *first, tokens(9, input_tokens=5, output_tokens=4), *ended, call("shell", "c3", command="c")
    )
    one, two, three = (s.message for s in run.steps if s.kind == "call")
    assert one == two != three


def test_a_call_written_at_once_after_a_result_was_decided_before_it(tmp_path: Path) -> None:
    rows = [call("shell", "c1", command="a"), output("Exit code: 1\nOutput:\n", "c1"), call("shell", "c2", command="b")]
    for each in rows:
        each["timestamp"] = "2026-03-01T10:00:00.000Z"
    one, two = (s.message for s in run_of(tmp_path, meta(), *rows).steps if s.kind == "call")
    assert one == two


# ------------------------------------------------------------------------------------------------ messages


def test_what_stands_as_item_and_as_event_is_one_step_in_either_order(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, meta(), user("go on"), event("user_message", message="go on"), event("agent_message", message="yes"),
        agent("yes"), user("go on"), event("user_message", message="go on"), event("user_message", message="only here"),
    )  # fmt: skip
    assert [(s.actor, s.text) for s in run.steps] == [
        ("user", "go on"), ("agent", "yes"), ("user", "go on"), ("user", "only here"),
    ]  # fmt: skip
    assert run.task == "go on"


def test_what_the_client_put_in_is_no_person_s_word(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, meta(), user("# AGENTS.md instructions for /x\n…"), user("<environment_context>\n<cwd>/x</cwd>"),
        item("message", role="developer", content=[{"type": "input_text", "text": "rules"}]), user("fix it"),
    )  # fmt: skip
    assert [(s.text[:6], s.meta) for s in run.steps] == [
        ("# AGEN", True), ("<envir", True), ("rules", True), ("fix it", False),
    ]  # fmt: skip
    assert run.task == "fix it"


def test_reasoning_is_kept_where_it_can_be_read(tmp_path: Path) -> None:
    shown = item("reasoning", summary=[{"type": "summary_text", "text": "think"}], encrypted_content="xyz")
    run = run_of(tmp_path, meta(), event("agent_reasoning", text="think"), shown, item("reasoning", summary=[]))
    assert [(s.kind, s.text) for s in run.steps] == [("reasoning", "think")]


def test_facts_of_the_session_and_the_turn_are_taken(tmp_path: Path) -> None:
    turn = row(
        "turn_context", cwd="/home/ada/app/web", model="gpt-x", approval_policy="never",
        sandbox_policy={"type": "read-only", "network_access": False},
    )  # fmt: skip
    run = run_of(tmp_path, meta(), turn, call("shell", command="ls"), {**turn})
    assert (run.id, run.client, run.client_version, run.model, run.branch) == (
        "s1",
        "codex",
        "0.118.0",
        "gpt-x",
        "main",
    )
    assert [(s.kind, s.text, s.cwd) for s in run.steps] == [
        ("permission", "approval policy: never; sandbox: read-only", "/home/ada/app/web"),
        ("call", "", "/home/ada/app/web"),
    ]


def test_an_interruption_a_compaction_and_an_error_of_the_service_are_notices(tmp_path: Path) -> None:
    run = run_of(
        tmp_path, meta(), event("turn_aborted", reason="interrupted"), user("<turn_aborted>\nThe user interrupted …"),
        row("compacted", message="", replacement_history=[{"type": "message", "role": "user", "content": []}]),
        event("context_compacted"), event("error", message="usage limit", codex_error_info="usage_limit_exceeded"),
        event("error", message="too long", codex_error_info="context_window_exceeded"),
    )  # fmt: skip
    assert [(s.text, s.actor, s.status) for s in run.steps if s.kind == "notice"] == [
        ("turn_aborted: interrupted", "user", "interrupted"), ("compact_boundary", "system", None),
        ("usage limit", "system", "api_error"), ("too long", "system", None),
    ]  # fmt: skip


def test_tokens_are_counted_once_on_the_answer_s_first_step(tmp_path: Path) -> None:
    told = tokens(120, input_tokens=100, cached_input_tokens=60, output_tokens=20)
    run = run_of(tmp_path, meta(), user("go"), agent("so"), call("shell", command="ls"), told, told, output("x"))
    assert [(s.kind, s.usage) for s in run.steps if s.usage] == [("message", Usage(input=40, output=20, cache_read=60))]


def test_a_fork_and_a_sub_agent_name_their_origin(tmp_path: Path) -> None:
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": "p2", "depth": 1}}}
    run = run_of(
        tmp_path, meta("f1", forked_from_id="p1", source=spawned), meta("p1"), user("copied"), agent("from the origin")
    )
    assert (run.id, run.links, [s.text for s in run.steps]) == ("f1", ("p1", "p2"), ["copied", "from the origin"])


def test_a_session_that_goes_on_is_resumed(tmp_path: Path) -> None:
    run = run_of(tmp_path, meta(), user("one"), meta(), user("two"))
    assert [s.text for s in run.steps] == ["one", "resume", "two"]


def test_a_skill_is_loaded_where_its_file_was_read(tmp_path: Path) -> None:
    listed = "### Available skills\n- deploy: How to deploy. (file: /home/ada/.codex/skills/deploy/SKILL.md)\n"
    run = run_of(
        tmp_path, meta(), item("message", role="developer", content=[{"type": "input_text", "text": listed}]),
        call("shell", command="cat /home/ada/.codex/skills/deploy/SKILL.md"), output("Exit code: 0\nOutput:\n# Deploy"),
    )  # fmt: skip
    assert (run.skills_listed, run.skills_loaded) == (("deploy",), ("deploy",))
    assert [(s.kind, s.tool) for s in run.steps][-1] == ("skill", "deploy")


# ------------------------------------------------------------------------------------------- other shapes


def test_the_first_rollouts_had_no_envelope(tmp_path: Path) -> None:
    rows = [
        {"id": "old1", "timestamp": "2025-05-07T17:24:21.123Z", "instructions": None, "git": {"branch": "dev"}},
        {"record_type": "state"},
        user("<environment_context>\nCurrent working directory: /srv/app\n</environment_context>")["payload"],
        user("fix it")["payload"],
        {"type": "function_call", "name": "shell", "arguments": '{"command":["bash","-lc","make"]}', "call_id": "c1"},
        {"type": "function_call_output", "call_id": "c1", "output": '{"output":"no","metadata":{"exit_code":2}}'},
    ]  # fmt: skip
    run = run_of(tmp_path, *rows)
    assert (run.id, run.branch, run.cwd, run.task) == ("old1", "dev", "/srv/app", "fix it")
    assert [(s.kind, s.status, s.exit_code) for s in run.steps][-2:] == [("call", None, None), ("result", "error", 2)]


def exec_item(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "item": fields}


def ran(name: str, command: str, shown: str, status: str, kind: str = "item.completed", **more: Any) -> Any:
    fields = {"command": command, "aggregated_output": shown, "status": status, **more}
    return exec_item(kind, id=name, type="command_execution", **fields)


def test_the_stream_of_exec(tmp_path: Path) -> None:
    rows = [
        {"type": "thread.started", "thread_id": "t1"},
        {"type": "turn.started"},
        exec_item("item.completed", id="item_0", type="reasoning", text="think"),
        ran("item_1", "bash -lc 'make x'", "", "in_progress", kind="item.started"),
        ran("item_1", "bash -lc 'make x'", "no rule", "failed", exit_code=2),
        exec_item("item.completed", id="item_2", type="file_change", changes=[{"path": "a.py"}], status="failed"),
        exec_item(
            "item.completed", id="item_3", type="mcp_tool_call", server="s", tool="t", error={"message": "refused"},
            status="failed",
        ),
        ran("item_4", "rm x", "exec command rejected by user", "declined"),
        exec_item("item.completed", id="item_5", type="agent_message", text="done"),
        {"type": "turn.completed", "usage": {"input_tokens": 30, "cached_input_tokens": 10, "output_tokens": 5}},
        {"type": "turn.failed", "error": {"message": "stream disconnected"}},
        {"type": "error", "message": "stream disconnected"},
    ]  # fmt: skip
    run = run_of(tmp_path, *rows)
    assert (run.id, run.client, run.shared_ids) == ("t1", "codex", False)
    assert [(s.tool, s.args.get("command")) for s in run.steps if s.kind == "call"] == [
        ("shell", "make x"), ("apply_patch", None), ("mcp__s__t", None), ("shell", "rm x"),
    ]  # fmt: skip
    assert [(s.call_id, s.status, s.exit_code, s.text) for s in run.steps if s.kind == "result"] == [
        ("item_1", "error", 2, "no rule"), ("item_2", "error", None, "failed"), ("item_3", "error", None, "refused"),
        ("item_4", "denied_user", None, "exec command rejected by user"),
    ]  # fmt: skip
    assert [s.status for s in run.steps if s.kind == "notice"] == ["api_error", "api_error"]
    assert sum((s.usage.input + s.usage.output + s.usage.cache_read) for s in run.steps if s.usage) == 35


def test_item_ids_of_a_second_start_are_told_apart(tmp_path: Path) -> None:
    begun = {"type": "thread.started", "thread_id": "t1"}
    done = ran("item_0", "ls", "", "completed", exit_code=0)
    run = run_of(tmp_path, begun, done, begun, done)
    assert [s.call_id for s in run.steps if s.kind == "call"] == ["item_0", "item_0#2"]
    assert len({s.uid for s in run.steps}) == len(run.steps)


# --------------------------------------------------------------------------------------- growth and damage


def whole_log() -> list[dict[str, Any]]:
    return [
        meta(), user("go"), agent("so"), call("shell", "c1", command="a"), tokens(9, input_tokens=5, output_tokens=4),
        event("exec_command_end", call_id="c1", exit_code=3), output("boom", "c1"), agent("again"),
        call("shell", "c2", command="b"), tokens(20, input_tokens=6, output_tokens=5),
        output("Exit code: 0\nOutput:\nx", "c2"),
    ]  # fmt: skip


@pytest.mark.parametrize("cut", range(1, 11))
def test_a_log_that_grows_gives_the_run_of_the_whole_log(tmp_path: Path, cut: int) -> None:
    rows = whole_log()
    whole = read(tmp_path, lines(rows), "whole.jsonl")
    file = tmp_path / "grows.jsonl"
    file.write_bytes(lines(rows[:cut]))
    first = read_file(file, masker=Unmasked())
    file.write_bytes(lines(rows))
    rest = read_file(file, masker=Unmasked(), start=first.state)
    (run,) = joined([*first.runs, *rest.runs])
    (expected,) = whole.runs
    assert rest.resumed
    assert [(s.uid, s.status, s.exit_code, s.message) for s in run.steps] == [
        (s.uid, s.status, s.exit_code, s.message) for s in expected.steps
    ]
    assert _spent(run) == _spent(expected) == 20


def _spent(run: Run) -> int:
    return sum(s.usage.input + s.usage.output for s in run.steps if s.usage)


def test_a_cut_line_is_waited_for_and_a_broken_one_kept_out(tmp_path: Path) -> None:
    data = lines(whole_log())
    found = read(tmp_path, data[:400] + b"\n" + data[400:-5])
    assert (found.format, conserved(found)) == ("codex@1", True)
    assert len(found.quarantined) == 2
    assert found.waiting > 0


def test_a_log_whose_beginning_is_lost_has_its_file_s_name(tmp_path: Path) -> None:
    name = "rollout-2026-03-01T10-00-00-019d78fc-c449-7300-92a1-1e92604a4f6a.jsonl"
    found = read(tmp_path, lines(whole_log()[1:]), name)
    assert [run.id for run in found.runs] == ["019d78fc-c449-7300-92a1-1e92604a4f6a"]


@pytest.mark.parametrize("number", ["1e308", "-1e308", str(10**30), "true", '"7"', "[]"])
def test_numbers_of_any_size_do_no_harm(tmp_path: Path, number: str) -> None:
    odd = '{"timestamp":"2026-03-01T10:00:09.000Z","type":"event_msg","payload":{"type":"%s","call_id":"c1",%s}}\n'
    counts = (
        f'"info":{{"total_token_usage":{{"total_tokens":{number}}},"last_token_usage":{{"input_tokens":{number}}}}}'
    )
    data = lines([meta(), call("shell", command="a")])
    data += (odd % ("exec_command_end", f'"exit_code":{number}') + odd % ("token_count", counts)).encode()
    found = read(tmp_path, data + lines([output("Exit code: 99999999999\nOutput:\nx")]))
    assert (conserved(found), len(found.runs[0].steps)) == (True, 2)
