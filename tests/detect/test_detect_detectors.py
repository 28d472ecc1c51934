"""Each detector on runs built by hand: what it finds, what it leaves, and what the record says."""

from __future__ import annotations

import pytest
from detect_build import Told, as_failed, bash_failure, edit_failure
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.detect import detectors, failures, unique
from memento_skills.detect.rules import load
from memento_skills.detect.view import price
from memento_skills.interfaces import Detector
from memento_skills.records import Outcome, Run, Status, Step, StepKind, Usage

NOT_READ = "File has not been read yet. Read it first before writing to it."
REFUSED = "The user doesn't want to proceed with this tool use. To tell you how to proceed, the user said:\n"


def test_a_tool_error_is_told_with_its_place_and_quote() -> None:
    failure = edit_failure(NOT_READ, client_version="2.1.1")
    assert (failure.kind, failure.fault, failure.cause, failure.tool) == (
        "tool_error",
        "agent",
        "wrong_precondition",
        "Edit",
    )
    assert (failure.step, failure.call_step, failure.line, failure.file) == (1, 0, 1, "log.jsonl")
    assert failure.quote == NOT_READ


def test_an_exit_code_is_told_as_such() -> None:
    failure = bash_failure("gh pr diff 1 --stat", "unknown flag: --stat")
    assert (failure.kind, failure.fault, failure.cause) == ("exit_code", "agent", "wrong_command")


@pytest.mark.parametrize(
    ("status", "text", "kind", "fault", "cause"),
    [
        ("denied_user", REFUSED + "not now", "refusal", "user", "ambiguous_goal"),
        ("denied_policy", "This command requires approval", "permission_denied", "denial", "missing_permission"),
        ("denied_hook", "PreToolUse:Bash hook error: no", "hook_block", "denial", "missing_permission"),
        ("interrupted", "[Request interrupted by user for tool use]", "interruption", "user", "unknown"),
        ("cascade", "Sibling tool call errored", "cascade", "cascade", "unknown"),
        ("api_error", "API Error: 529 overloaded", "api_error", "service", "external_service"),
        ("timeout", "Command timed out after 2m 0.0s", "tool_error", "agent", "resource_limit"),
    ],
)
def test_the_status_tells_kind_and_fault(status: Status, text: str, kind: str, fault: str, cause: str) -> None:
    failure = Told().calls("Bash", {"command": "make x"}, text, status).one()
    assert (failure.kind, failure.fault, failure.cause) == (kind, fault, cause)


def test_a_refusal_quotes_the_person() -> None:
    assert Told().calls("Edit", {}, REFUSED + "keep the old name", "denied_user").one().quote == "keep the old name"


def test_an_interruption_row_after_a_refusal_is_not_told_again() -> None:
    told = Told().calls("Edit", {}, REFUSED + "no", "denied_user").says("[Request interrupted by user for tool use]")
    assert [failure.kind for failure in told.failures()] == ["refusal"]


def test_an_interruption_row_of_its_own_is_told() -> None:
    told = Told().bash("make").answers("Now I will").says("[Request interrupted by user]")
    assert [failure.kind for failure in told.failures()] == ["interruption"]


def test_calls_that_worked_are_no_failures() -> None:
    assert Told().bash("make test").calls("Read", {"file_path": "a"}).says("thanks").failures() == ()


def test_a_result_without_its_call_is_told_by_its_step() -> None:
    run = Told().run()
    step = Step(
        seq=0, kind="result", actor="tool", tool="Bash", text="Exit code 2", status="error", exit_code=2, line=7
    )
    failure = failures(Run(id="x", client="c", reader="r", steps=(step,)))[0]
    assert (failure.call_step, failure.line, run.steps) == (None, 7, ())


# --------------------------------------------------------------------------------------------------- corrections


@pytest.mark.parametrize("text", ["no, I meant the other file", "不对，应该改另一个文件", "undo", "please revert that"])
def test_a_correction_after_work_is_told(text: str) -> None:
    failure = Told().says("do it").calls("Edit", {"file_path": "a"}).says(text).one()
    assert (failure.kind, failure.fault, failure.quote) == ("correction", "user", text)


def test_a_correction_is_quoted_from_its_beginning() -> None:
    assert Told().bash("ls").says("no, I meant b\n\nThanks!").one().quote.startswith("no, I meant b")


def test_a_correction_before_any_work_is_none() -> None:
    assert Told().says("do it").answers("which?").says("no, I meant the other file").failures() == ()


def test_words_of_the_client_are_no_correction() -> None:
    assert Told().bash("ls").says("no, I meant the other file", meta=True).failures() == ()


@pytest.mark.parametrize(
    "text",
    [
        "> no, I meant the other\n\nwhat does this sentence mean?",
        "add a button:\n```\nundo\n```",
        "<command-name>undo</command-name>",
        "x" * 400 + " no, I meant the other file",
    ],
)
def test_quoted_pasted_or_late_words_are_no_correction(text: str) -> None:
    assert Told().bash("ls").says(text).failures() == ()


def test_a_correction_costs_the_work_it_corrects() -> None:
    told = Told().says("do it").calls("Edit", {"file_path": "a"}).calls("Edit", {"file_path": "b"}).says("undo")
    cost = told.one().cost
    assert (cost.steps, cost.seconds, cost.tokens) == (4, 40.0, 320)


def test_lost_work_is_severe() -> None:
    failure = Told().bash("rm -r notes").says("no, I didn't ask you to delete that. you deleted my notes!").one()
    assert failure.severity == 1


# ------------------------------------------------------------------------------------------------- repeated calls


def test_the_third_identical_call_without_news_is_a_failure() -> None:
    told = Told()
    for _ in range(3):
        told.calls("Read", {"file_path": "a"}, "same text")
    failure = told.one()
    assert (failure.kind, failure.cause, failure.call_step) == ("repeated_call", "no_progress", 4)


def test_a_failing_call_is_told_twice_and_then_as_repeated() -> None:
    told = Told()
    for _ in range(3):
        told.bash("make x", "make: *** No rule to make target `x'.  Stop.", 2)
    assert [failure.kind for failure in told.failures()] == ["exit_code", "exit_code", "repeated_call"]


@pytest.mark.parametrize("between", ["edit", "command", "user"])
def test_calls_after_a_change_are_no_repetition(between: str) -> None:
    told = Told()
    for i in range(4):
        told.calls("Read", {"file_path": "a"}, "same text")
        if between == "edit":
            told.calls("Edit", {"file_path": "a", "new_string": str(i)})
        elif between == "command":
            told.bash(f"go generate ./{i}", f"done {i}")
        else:
            told.says("look again")
    assert told.failures() == ()


def test_reading_between_does_not_make_a_repetition_legitimate() -> None:
    told = Told()
    for i in range(3):
        told.calls("Read", {"file_path": "a"}, "same text").bash(f"ls {i}", f"{i}")
    assert [failure.kind for failure in told.failures()] == ["repeated_call"]


@pytest.mark.parametrize("command", ["gh pr checks 1", "sleep 5 && cat log", "kubectl get pods"])
def test_asking_for_a_state_again_is_no_repetition(command: str) -> None:
    told = Told()
    for _ in range(5):
        told.bash(command, "pending")
    assert told.failures() == ()


def test_waiting_tools_may_repeat() -> None:
    told = Told()
    for _ in range(5):
        told.calls("BashOutput", {"bash_id": "1"}, "running")
    assert told.failures() == ()


def test_a_new_answer_is_news() -> None:
    told = Told()
    for i in range(5):
        told.calls("Read", {"file_path": "a"}, f"text {i}")
    assert told.failures() == ()


# -------------------------------------------------------------------------------------------------------- outcome


def test_a_failed_run_is_told_at_its_last_step() -> None:
    failure = failures(as_failed(Told().says("refund").answers("done").run()))[0]
    assert (failure.kind, failure.step, failure.quote, failure.severity) == ("outcome", 1, "done", 2)


@pytest.mark.parametrize(
    ("outcome", "count"),
    [
        (Outcome(label="success", reward=1.0), 0),
        (Outcome(label="unknown", reward=0.0), 1),
        (Outcome(label="unknown", reward=0.5), 0),
        (Outcome(label="success", reward=0.0), 0),
        (Outcome(), 0),
    ],
)
def test_label_and_reward_tell_a_failed_run(outcome: Outcome, count: int) -> None:
    assert len(failures(Told().answers("done").run(outcome=outcome))) == count


# -------------------------------------------------------------------------------------------------------- context


def edit_after(*shown: str, old: str, text: str = "String to replace not found in file.\nString: x") -> str:
    told = Told()
    for one in shown:
        told.calls("Read", {"file_path": "/p/a.py"}, one)
    return told.fails("Edit", {"file_path": "/p/a.py", "old_string": old, "new_string": "y"}, text).one().cause


def test_text_that_was_never_shown_was_missing_information() -> None:
    assert edit_after("     1→x = 1", old="y = 2") == "missing_information"


def test_text_that_was_shown_and_is_gone_is_stale() -> None:
    assert edit_after("     1→x = 1\n     2→z = 3", old="x = 1\nz = 3") == "stale_state"


def test_text_with_other_white_space_is_a_wrong_format() -> None:
    assert edit_after("     1→\tx = 1", old="    x = 1") == "wrong_data_format"


def test_an_edit_refused_although_the_file_was_read_is_stale() -> None:
    assert edit_after("     1→x = 1", old="x = 1", text=NOT_READ) == "stale_state"


def test_text_that_the_agent_wrote_itself_counts_as_shown() -> None:
    told = Told().calls("Write", {"file_path": "/p/a.py", "content": "x = 1"}).calls("Read", {"file_path": "/p/b.py"})
    told.fails("Read", {"file_path": "/p/a.py"}, "File does not exist.")
    told.fails(
        "Edit", {"file_path": "/p/a.py", "old_string": "x = 1"}, "String to replace not found in file.\nString: x"
    )
    assert told.failures()[-1].cause == "stale_state"


def test_blank_text_tells_nothing() -> None:
    assert edit_after("x", old="  \n ") == "stale_state"


# -------------------------------------------------------------------------------------------------------- recovery


def test_recovery_is_the_first_later_success_on_the_same_file() -> None:
    told = Told().fails("Edit", {"file_path": "a"}, NOT_READ).calls("Read", {"file_path": "a"})
    told.calls("Edit", {"file_path": "a"})
    failure = told.failures()[0]
    assert (failure.recovery_step, failure.cost.recovered) == (2, True)
    assert (failure.cost.steps, failure.cost.seconds, failure.cost.tokens) == (3, 30.0, 160)


def test_recovery_by_the_same_first_two_words() -> None:
    told = Told().bash("gh pr diff 1 --stat", "unknown flag: --stat", 1).bash("ls").bash("cd x && gh pr view 1")
    assert told.failures()[0].recovery_step == 4


def test_a_recovery_after_ten_calls_is_none() -> None:
    told = Told().bash("gh pr diff 1 --stat", "unknown flag: --stat", 1)
    for i in range(10):
        told.calls("Read", {"file_path": f"f{i}"})
    assert told.bash("gh pr diff 1").failures()[0].recovery_step is None


def test_without_a_recovery_the_cost_ends_where_the_tool_works_again() -> None:
    told = (
        Told().fails("Read", {"file_path": "a"}, "File does not exist.").answers("hm").calls("Read", {"file_path": "b"})
    )
    cost = told.bash("make").failures()[0].cost
    assert (cost.steps, cost.recovered) == (4, False)


def test_without_a_recovery_the_cost_ends_at_the_next_message_of_a_person() -> None:
    told = Told().bash("gh pr diff 1 --stat", "unknown flag: --stat", 1).answers("hm").says("go on").bash("ls")
    assert told.failures()[0].cost.steps == 2


def test_usd_is_the_list_price_and_zero_for_unknown_models() -> None:
    def usd(model: str) -> float:
        told = Told(model=model).fails("Edit", {"file_path": "a"}, NOT_READ).calls("Edit", {"file_path": "a"})
        return told.failures()[0].cost.usd

    assert usd("claude-sonnet-4-5-20250929") == pytest.approx(
        (100 * 3 + 50 * 15 + 1000 * 0.3 + 10 * 3.75) / 1e6, abs=1e-6
    )
    assert usd("nobody-knows-1") == 0.0


def test_usd_that_the_log_states_counts() -> None:
    assert price(Usage(input=5, usd=1.5), "gpt-5", load()) == 1.5


def test_a_command_given_as_a_list_is_a_command_line() -> None:
    told = Told().calls(
        "shell", {"command": ["bash", "-lc", "gh pr diff 1 --stat"]}, "unknown flag: --stat", "error", 1
    )
    assert {p.text for p in told.one().signature.parts if p.contributes} == {"unknown-option --stat", "gh pr diff"}


def test_the_skill_loaded_last_stays_with_the_failure() -> None:
    told = Told()
    told.add("skill", "agent", tool="deploy")
    assert told.bash("gh pr diff 1 --stat", "unknown flag: --stat", 1).one().skill == "deploy"


# ------------------------------------------------------------------------------------------------------- contract


@pytest.mark.parametrize("detector", detectors(), ids=lambda d: d.name)
def test_a_detector_has_a_versioned_name_and_leaves_an_empty_run(detector: Detector) -> None:
    assert detector.name.partition("@")[2].isdigit()
    assert tuple(detector.detect(Run(id="x", client="c", reader="r"))) == ()


def odd_run() -> Run:
    kinds: tuple[StepKind, ...] = ("message", "call", "result", "notice", "skill", "permission")
    statuses: tuple[Status | None, ...] = (None, "error", "denied_user", "interrupted", "api_error", "ok")
    steps = [
        Step(
            seq=i,
            kind=kinds[i % 6],
            actor="user",
            status=statuses[i % 5],
            text="\x00" * (i % 3),
            call_id="c" * (i % 2),
            line=i,
            source=9,
        )
        for i in range(60)
    ]
    return Run(id="x", client="c", reader="r", steps=tuple(steps))


@pytest.mark.parametrize("detector", detectors(), ids=lambda d: d.name)
def test_a_detector_never_raises_for_a_bad_run_and_keeps_the_order(detector: Detector) -> None:
    found = [failure.step for failure in detector.detect(odd_run())]
    assert found == sorted(found)


def test_a_call_has_one_failure() -> None:
    found = Told().bash("x", "y", 1).bash("x", "y", 1).bash("x", "y", 1).failures()
    assert len({failure.call_id for failure in found}) == len(found) == 3


def test_a_fork_that_repeats_calls_adds_nothing() -> None:
    run = Told().bash("gh pr diff 1 --stat", "unknown flag: --stat", 1).run()
    fork = Run(id="fork", client=run.client, reader=run.reader, project=run.project, steps=run.steps)
    assert len(unique([*failures(run), *failures(fork)])) == 1
    assert {f.id for f in failures(run)} == {f.id for f in failures(fork)}


@given(st.permutations(range(5)))
def test_uniqueness_does_not_depend_on_the_order(order: list[int]) -> None:
    found = [Told(f"s{i}").bash("gh pr diff 1 --stat", "unknown flag: --stat", 1).one() for i in range(5)]
    assert unique([found[i] for i in order]) == unique(found)


@given(st.text(max_size=200))
def test_a_quote_stands_literally_in_its_step(text: str) -> None:
    run = Told().calls("Bash", {"command": "x"}, text, "error", 1).run()
    failure = failures(run)[0]
    assert failure.quote in run.steps[failure.step].text
