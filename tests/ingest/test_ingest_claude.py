"""Claude Code rows -> steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ingest_build import answers, call, conserved, lines, one_run, read, result, row, says, steps, text

from memento_skills.records import Run, Step

REJECTED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the "
    "new_string was NOT written to the file). To tell you how to proceed, the user said:\nuse the other branch"
)


def kinds(found: tuple[Step, ...]) -> list[tuple[str, str]]:
    return [(step.kind, step.text or step.tool) for step in found]


def notices(run: Run) -> list[str]:
    return [step.text for step in run.steps if step.kind == "notice"]


def test_a_message_split_over_rows_counts_its_usage_once(tmp_path: Path) -> None:
    run = one_run(
        tmp_path,
        answers("a1", {"type": "thinking", "thinking": "hm"}, usage={"input_tokens": 10, "output_tokens": 1}),
        answers("a2", text("I will look."), usage={"input_tokens": 10, "output_tokens": 40}),
        answers("a3", call("c1", command="ls"), usage={"input_tokens": 10, "output_tokens": 40}),
    )
    usages = [step.usage for step in run.steps if step.usage]
    assert (sum(u.input for u in usages), sum(u.output for u in usages)) == (10, 40)
    assert {step.message for step in run.steps} == {"m1"}


def test_a_result_carries_its_call_s_id_and_tool(tmp_path: Path) -> None:
    found = steps(tmp_path, answers("a1", call("c1", command="ls")), result("r1", "c1", "a b"))
    assert [(s.kind, s.call_id, s.tool, s.status) for s in found] == [
        ("call", "c1", "Bash", None),
        ("result", "c1", "Bash", "ok"),
    ]
    assert found[0].args == {"command": "ls"}


def test_steps_know_file_line_entry_and_row(tmp_path: Path) -> None:
    run = one_run(tmp_path, row("last-prompt", "x"), says("u1", "hi"), answers("a1", text("a"), text("b")))
    assert [(s.line, s.entry, s.uid, s.seq) for s in run.steps] == [
        (2, 0, "u1:0", 0),
        (3, 1, "a1:0", 1),
        (3, 1, "a1:1", 2),
    ]
    assert run.sources[0].endswith("log.jsonl")


@pytest.mark.parametrize(
    ("words", "error", "status", "code"),
    [
        ("Exit code 2\nno such option", True, "error", 2),
        (REJECTED, True, "denied_user", None),
        ("<tool_use_error>Sibling tool call errored</tool_use_error>", True, "cascade", None),
        ("This command requires approval", True, "denied_policy", None),
        (
            "Claude requested permissions to write to a.txt, but you haven't granted it yet.",
            True,
            "denied_policy",
            None,
        ),
        ("PreToolUse:Bash hook error: no", True, "denied_hook", None),
        ("[Request interrupted by user for tool use]", True, "interrupted", None),
        ("Exit code 137\n[Request interrupted by user for tool use]", True, "interrupted", 137),
        ("Exit code 143\nCommand timed out after 2m 0.0s", True, "timeout", 143),
        ("Exit code 2\nno such option", False, "ok", None),
    ],
)
def test_the_end_of_a_call_is_classified(
    tmp_path: Path, words: str, error: bool, status: str, code: int | None
) -> None:
    found = [s for s in steps(tmp_path, result("r1", "c1", words, error=error)) if s.kind == "result"]
    assert [(s.status, s.exit_code) for s in found] == [(status, code)]


def test_the_log_s_own_kind_of_denial_wins(tmp_path: Path) -> None:
    found = steps(tmp_path, result("r1", "c1", "Removal blocked.", error=True, toolDenialKind="permission-rule"))
    assert found[0].status == "denied_policy"


def test_a_rejection_gives_the_person_s_words_as_a_permission_step(tmp_path: Path) -> None:
    found = steps(tmp_path, answers("a1", call("c1")), result("r1", "c1", REJECTED, error=True))
    assert [(s.kind, s.actor, s.text, s.tool, s.meta) for s in found[2:]] == [
        ("permission", "user", "use the other branch", "Bash", False)
    ]


def test_an_interruption_is_a_notice_of_the_user(tmp_path: Path) -> None:
    (found,) = steps(tmp_path, says("u1", [text("[Request interrupted by user]")]))
    assert (found.kind, found.actor, found.status, found.meta) == ("notice", "user", "interrupted", True)


@pytest.mark.parametrize(
    "more",
    [
        {"isMeta": True},
        {"isCompactSummary": True},
        {"isVisibleInTranscriptOnly": True},
        {"origin": {"kind": "task-notification"}},
    ],
)
def test_what_the_client_marks_as_its_own_is_no_person_s_word(tmp_path: Path, more: dict[str, Any]) -> None:
    run = one_run(tmp_path, says("u1", "no, I meant the other one", **more))
    assert ([s.meta for s in run.steps], run.task) == ([True], "")


@pytest.mark.parametrize(
    "words",
    [
        "<command-name>/exit</command-name>\n<command-message>exit</command-message>\n<command-args></command-args>",
        "<local-command-stdout>Bye!</local-command-stdout>",
        "<bash-input>pwd</bash-input>",
        "<system-reminder>no, wrong file</system-reminder>",
        "<system-reminder>never closed",
        "Caveat: The messages below were generated by the user while running local commands. DO NOT respond.",
        "This session is being continued from a previous conversation that ran out of context.",
    ],
)
def test_wrappers_of_the_client_are_no_person_s_word(tmp_path: Path, words: str) -> None:
    run = one_run(tmp_path, says("u1", words))
    assert ([s.meta for s in run.steps], run.task) == ([True], "")


def test_words_behind_a_wrapper_are_the_person_s(tmp_path: Path) -> None:
    run = one_run(tmp_path, says("u1", "<ide_opened_file>a.py</ide_opened_file>\nfix the test"))
    assert [(s.meta, s.text) for s in run.steps] == [
        (True, "<ide_opened_file>a.py</ide_opened_file>"),
        (False, "\nfix the test"),
    ]
    assert run.task == "fix the test"


def test_the_task_is_the_first_thing_a_person_asked_for(tmp_path: Path) -> None:
    assert one_run(tmp_path, says("u0", "x", isMeta=True), says("u1", "fix it"), says("u2", "more")).task == "fix it"


def test_arguments_of_a_slash_command_are_a_task(tmp_path: Path) -> None:
    words = "<command-name>/plan</command-name>\n<command-args>a login page</command-args>"
    assert one_run(tmp_path, says("u1", words)).task == "a login page"


def test_arguments_of_the_client_s_own_commands_are_no_task(tmp_path: Path) -> None:
    words = "<command-name>/model</command-name>\n<command-args>big</command-args>"
    assert one_run(tmp_path, says("u1", words), says("u2", "fix it")).task == "fix it"


def test_inline_sidechains_belong_to_their_agent(tmp_path: Path) -> None:
    found = steps(
        tmp_path,
        answers("a1", call("t1", "Task", prompt="look")),
        says("s1", "look", isSidechain=True),
        answers("s2", text("looking"), isSidechain=True, parentUuid="s1", message="m2"),
        says("s3", "look", isSidechain=True, agentId="ag7"),
    )
    assert [(s.agent, s.meta) for s in found] == [("", False), ("t1", True), ("t1", False), ("ag7", True)]


def test_messages_inside_progress_rows_are_steps_of_the_sub_agent(tmp_path: Path) -> None:
    inner = answers("in1", call("c9", "Grep", pattern="x"), message="m9")
    answer = result("in2", "c9", "nothing found")
    found = read(
        tmp_path,
        lines(
            [
                says("u1", "hi"),
                row("progress", "p1", data={"type": "agent_progress", "agentId": "ag1", "message": inner}),
                row("progress", "p2", data={"type": "agent_progress", "agentId": "ag1", "message": answer}),
                row("progress", "p3", data={"type": "agent_progress", "agentId": "ag1", "message": answer}),
                row("progress", "p4", data={"type": "bash_progress", "output": "x"}),
            ]
        ),
    )
    (run,) = found.runs
    assert [(s.kind, s.agent, s.call_id, s.uid) for s in run.steps[1:]] == [
        ("call", "ag1", "c9", "in1:0"),
        ("result", "ag1", "c9", "in2:0"),
    ]
    assert found.ignored == {"(repeated row)": 1, "progress/bash_progress": 1}
    assert conserved(found)


def test_each_session_of_a_file_is_a_run_and_they_are_linked(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        lines([says("u1", "hi"), answers("a1", text("yes"), parentUuid="u1", sessionId="s2"), says("u2", "more")]),
    )
    assert {run.id: (len(run.steps), run.links) for run in found.runs} == {"s1": (2, ()), "s2": (2, ("s1",))}
    assert next(r for r in found.runs if r.id == "s2").steps[0].text.startswith("gap: ")


def test_a_fork_names_its_origin(tmp_path: Path) -> None:
    run = one_run(tmp_path, says("u1", "hi", forkedFrom={"sessionId": "s0", "messageUuid": "m"}))
    assert run.links == ("s0",)


def test_repeated_rows_add_nothing(tmp_path: Path) -> None:
    rows = [says("u1", "hi"), answers("a1", text("yes"))]
    found = read(tmp_path, lines(rows + rows))
    assert (len(found.runs[0].steps), found.ignored) == (2, {"(repeated row)": 2})


def test_abandoned_branches_keep_their_steps(tmp_path: Path) -> None:
    run = one_run(tmp_path, says("u1", "a"), says("u2", "b", parentUuid="u1"), says("u3", "c", parentUuid="u1"))
    assert [s.text for s in run.steps] == ["a", "b", "c"]


@pytest.mark.parametrize("kind", ["compact_boundary", "microcompact_boundary"])
def test_compaction_is_a_notice(tmp_path: Path, kind: str) -> None:
    run = one_run(
        tmp_path,
        row("system", "b1", subtype=kind, content="...", microcompactMetadata={"compactedToolIds": ["c1"]}),
    )
    assert [(s.kind, s.text, s.args) for s in run.steps] == [("notice", kind, {"call_ids": ["c1"]})]


@pytest.mark.parametrize(
    "sign",
    [
        [row("progress", "p1", data={"type": "hook_progress", "hookName": "SessionStart:resume"})],
        [row("attachment", "p1", attachment={"type": "hook_success", "hookName": "SessionStart:resume"})],
        [says("x1", "<command-name>/exit</command-name>")],
        [says("x1", "new client", version="2.2.0")],
        [answers("a2", text("two days later"), timestamp="2026-03-03T10:00:00.000Z", message="m2")],
    ],
    ids=["hook", "hook attachment", "exit", "version", "silence"],
)
def test_a_resumed_session_has_a_resume_notice(tmp_path: Path, sign: list[dict[str, Any]]) -> None:
    run = one_run(tmp_path, says("u1", "hi"), answers("a1", text("yes")), *sign, says("u2", "go on"))
    assert notices(run) == ["resume"]


def test_a_first_start_is_no_resume(tmp_path: Path) -> None:
    start = row("progress", "p1", data={"type": "hook_progress", "hookName": "SessionStart:startup"})
    assert notices(one_run(tmp_path, start, says("u1", "hi"), answers("a1", text("yes")))) == []


def test_errors_of_the_service_are_notices(tmp_path: Path) -> None:
    run = one_run(
        tmp_path,
        row("system", "e1", subtype="api_error", error={"status": 529}),
        answers("e2", text("API Error: 529"), isApiErrorMessage=True, model="<synthetic>"),
    )
    assert [(s.kind, s.status, s.text) for s in run.steps] == [
        ("notice", "api_error", '{"status":529}'),
        ("notice", "api_error", "API Error: 529"),
    ]
    assert run.model == ""


def test_a_launched_skill_is_loaded_once(tmp_path: Path) -> None:
    run = one_run(
        tmp_path,
        answers("a1", call("c1", "Skill", skill="kit:deploy")),
        result("r1", "c1", "Launching skill: kit:deploy"),
        says("u1", [text("Base directory for this skill: /x/kit/1.0/skills/deploy\n\n# Deploy")], isMeta=True),
    )
    assert kinds(run.steps)[1:3] == [("result", "Launching skill: kit:deploy"), ("skill", "kit:deploy")]
    assert [s.kind for s in run.steps].count("skill") == 1
    assert run.skills_loaded == ("kit:deploy",)


def test_an_unknown_skill_is_not_loaded(tmp_path: Path) -> None:
    run = one_run(
        tmp_path,
        answers("a1", call("c1", "Skill", skill="nope")),
        result("r1", "c1", "<tool_use_error>Unknown skill: nope</tool_use_error>", error=True),
    )
    assert run.skills_loaded == ()


def test_a_skill_loaded_by_slash_command_is_loaded(tmp_path: Path) -> None:
    run = one_run(
        tmp_path,
        says("u1", "<command-message>kit:deploy</command-message>\n<command-name>/kit:deploy</command-name>"),
        says("u2", [text("Base directory for this skill: C:\\kit\\skills\\deploy\n\n# Deploy")], isMeta=True),
    )
    assert run.skills_loaded == ("kit:deploy",)


def test_the_listing_of_skills_is_taken(tmp_path: Path) -> None:
    listing = "- deploy: Use when asked\n  to deploy: now\n- kit:lint: Lints.\n- bare"
    run = one_run(
        tmp_path, row("attachment", "l1", attachment={"type": "skill_listing", "content": listing}), says("u1", "hi")
    )
    assert run.skills_listed == ("deploy", "kit:lint", "bare")


def test_words_typed_while_the_agent_works_are_a_person_s(tmp_path: Path) -> None:
    queued = {"type": "queued_command", "prompt": "stop, wrong file", "commandMode": "prompt"}
    told = {"type": "queued_command", "prompt": "<task-notification/>", "commandMode": "task-notification"}
    found = steps(tmp_path, row("attachment", "q1", attachment=queued), row("attachment", "q2", attachment=told))
    assert [(s.text, s.meta) for s in found] == [("stop, wrong file", False), ("<task-notification/>", True)]


def test_a_file_edited_by_others_is_a_notice(tmp_path: Path) -> None:
    (found,) = steps(tmp_path, row("attachment", "q1", attachment={"type": "edited_text_file", "filename": "/x/a.py"}))
    assert (found.kind, found.text, found.args) == ("notice", "edited_text_file", {"file_path": "/x/a.py"})


def test_facts_of_the_run(tmp_path: Path) -> None:
    run = one_run(
        tmp_path,
        says("u1", "hi", timestamp="2026-03-01T10:00:05Z"),
        answers("a1", text("yes"), timestamp="2026-03-01T10:00:04Z", cwd="/home/ada/app/web", version="2.1.0"),
    )
    assert (run.client, run.client_version, run.model, run.branch) == ("claude-code", "2.1.0", "model-a", "main")
    assert (run.cwd, run.user) == ("~/app", "ada")
    assert (run.ended_at or 0) - (run.started_at or 0) == 1.0
    assert [s.cwd for s in run.steps] == ["", "/home/ada/app/web"]


@pytest.mark.parametrize(
    "broken",
    [
        {"isMeta": "yes"},
        {"isSidechain": None},
        {"gitBranch": 7},
        {"timestamp": "yesterday"},
        {"timestamp": 12},
        {"toolUseResult": 5},
        {"origin": "human"},
        {"attachment": 1, "data": 2},
    ],
)
def test_a_field_of_a_wrong_type_does_not_cost_the_row(tmp_path: Path, broken: dict[str, Any]) -> None:
    assert [s.text for s in steps(tmp_path, says("u0", "hi"), says("u1", "fix it", **broken))] == ["hi", "fix it"]


def test_odd_blocks_do_not_cost_the_message(tmp_path: Path) -> None:
    found = steps(tmp_path, says("u1", ["plain", 3, {"type": "image"}, {"type": "text", "text": 5}, text("last")]))
    assert [s.text for s in found] == ["plain", "last"]


def test_a_row_without_message_is_quarantined(tmp_path: Path) -> None:
    found = read(tmp_path, lines([says("u1", "hi"), row("user", "u2", message="text")]))
    assert [q.line for q in found.quarantined] == [2]
    assert conserved(found)


def test_half_a_surrogate_pair_does_not_cost_the_row(tmp_path: Path) -> None:
    cut = lines([says("u1", "cut HERE")]).replace(b"HERE", rb"\ud83d and \\ud83d and \ud83d\ude00")
    found = read(tmp_path, lines([says("u0", "hi")]) + cut)
    assert found.runs[0].steps[1].text == "cut \ufffd and \\ud83d and \U0001f600"


def test_arguments_that_are_no_object_are_kept_raw(tmp_path: Path) -> None:
    broken = {"type": "tool_use", "id": "c1", "name": "Bash", "input": "ls"}
    assert steps(tmp_path, answers("a1", broken))[0].args == {"_raw": "ls"}
