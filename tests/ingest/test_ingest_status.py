"""The shared classification: each rule bare, behind an opening tag, inside a program's output, and without the flag."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.ingest.status import classify, exit_code_of, says_error

RULES = [
    ("sibling-call-errored", "Sibling tool call errored", "cascade"),
    ("sibling-call-errored", "Cancelled: parallel tool call Bash(ls) errored", "cascade"),
    ("user-rejected", "The user doesn't want to proceed with this tool use. The tool use was rejected", "denied_user"),
    ("user-rejected", "Permission for this tool use was denied. The tool use was rejected (eg.", "denied_user"),
    ("request-interrupted", "[Request interrupted by user for tool use]", "interrupted"),
    ("hook-blocked", "PreToolUse:Bash hook error: [guard] no", "denied_hook"),
    ("permission-denied-by-rule", "Permission to use Bash with command rm x has been denied.", "denied_policy"),
]


@pytest.mark.parametrize(("rule", "text", "status"), RULES)
def test_a_rule_knows_its_text_bare_and_behind_a_tag(rule: str, text: str, status: str) -> None:
    for shown in (text, f"<tool_use_error>{text}</tool_use_error>", f"\n {text}"):
        ended = classify(shown, error=True)
        assert (ended.status, ended.rule) == (status, rule)


@pytest.mark.parametrize(("rule", "text", "status"), RULES)
def test_the_same_words_without_the_log_s_flag_are_output(rule: str, text: str, status: str) -> None:
    assert classify(text, error=False).status == "ok"


@pytest.mark.parametrize(("rule", "text", "status"), RULES)
def test_the_same_words_far_inside_an_error_are_output(rule: str, text: str, status: str) -> None:
    assert classify("Exit code 1\n" + "x" * 700 + text, error=True).status == "error"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Exit code 127\nnot found", 127),
        ("Error: Exit code 1", 1),
        ("Process exited with code 2\nOutput:", 2),
        ("exitcode: 1 (execution failed)\nCode output:", 1),
        ("<returncode>0</returncode>", 0),
        ('{"returncode": 3, "output": ""}', 3),
        ("exit_code: -9", -9),
        ("the docs say: Exit code 1 means failure", None),
        ("", None),
    ],
)
def test_an_exit_code_is_read_at_the_beginning_only(text: str, code: int | None) -> None:
    assert exit_code_of(text) == code


@pytest.mark.parametrize(
    ("text", "error", "status"),
    [("fine", None, "unknown"), ("exitcode: 0 (ok)", None, "ok"), ("exitcode: 1", None, "error"), ("", True, "error")],
)
def test_without_a_flag_the_exit_code_decides(text: str, error: bool | None, status: str) -> None:
    assert classify(text, error=error).status == status


def test_a_call_that_the_log_calls_interrupted_is_interrupted() -> None:
    assert classify("half an output", error=False, interrupted=True).status == "interrupted"


def test_an_unknown_kind_of_denial_is_still_a_denial() -> None:
    assert classify("no", error=True, denial="brand-new-kind").status == "denied_policy"


@pytest.mark.parametrize(("text", "said"), [("Error: user not found", True), ("No error", False), ("Errors: 0", False)])
def test_the_word_error_counts_at_the_beginning(text: str, said: bool) -> None:
    assert says_error(text) is said


@given(st.text(max_size=900), st.booleans() | st.none())
def test_any_text_is_classified(text: str, error: bool | None) -> None:
    ended = classify(text, error=error)
    assert (ended.status == "ok") <= (error is not True)
