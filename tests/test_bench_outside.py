"""The reader that counts from outside, on rows written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bench.outside_rows import Use, fault, heads, read, recovered, right, signature

FILE = Path("a.jsonl")


def rows(*calls: tuple[str, dict[str, Any], str, bool]) -> list[Use]:
    lines = []
    for n, (tool, given, result, error) in enumerate(calls):
        use = {"type": "tool_use", "id": f"c{n}", "name": tool, "input": given}
        back = {"type": "tool_result", "tool_use_id": f"c{n}", "content": result, "is_error": error}
        for block in (use, back):
            row = {"timestamp": f"2026-01-01T00:00:{n:02}Z", "cwd": "/p", "message": {"content": [block]}}
            lines.append(json.dumps(row))
    return read(lines, FILE)


def bash(command: str, result: str = "", error: bool = False) -> tuple[str, dict[str, Any], str, bool]:
    return "Bash", {"command": command}, result, error


@pytest.mark.parametrize(
    ("command", "result", "whose"),
    [
        ("go test ./...", "Exit code 1\nFAIL", "work"),
        ("go test --fast", "Exit code 2\nunknown flag: --fast", "agent"),
        ("ls", "The user doesn't want to proceed with this tool use.", "user"),
        ("ls", "<tool_use_error>Sibling tool call errored</tool_use_error>", "cascade"),
        ("curl x", "Exit code 6\ncurl: (6) Could not resolve host: x", "service"),
    ],
)
def test_the_fault_is_read_from_the_text(command: str, result: str, whose: str) -> None:
    assert fault(rows(bash(command, result, True))[0]) == whose


def test_a_call_that_did_not_fail_is_nobodys_fault() -> None:
    assert fault(rows(bash("go test ./...", "ok"))[0]) == ""


def test_a_recovery_is_the_first_success_of_the_same_two_words() -> None:
    calls = rows(bash("git show --x", "", True), bash("git log"), bash("cd a && git show y"), bash("git show z"))
    assert [c.id for c in recovered(calls, 0)] == ["c1", "c2"]


def test_a_recovery_after_ten_calls_is_none() -> None:
    calls = rows(bash("git show --x", "", True), *[bash("ls")] * 10, bash("git show y"))
    assert recovered(calls, 0) == []


def test_advice_is_right_where_it_is_false_of_the_failure_and_true_of_the_recovery() -> None:
    calls = rows(bash("git show --x", "", True), bash("git show y"))
    assert right({"without": {"flag": "--x"}}, calls[0], calls[1:])
    assert not right({"with": {"flag": "--x"}}, calls[0], calls[1:])


def test_a_first_is_right_only_on_the_same_file() -> None:
    edit, other = ("Edit", {"file_path": "/p/a"}, "", True), ("Read", {"file_path": "/p/b"}, "", False)
    calls = rows(edit, other, ("Read", {"file_path": "/p/a"}, "", False))
    expect = {"first": {"tool": "Read", "same_arg": "file_path"}}
    assert right(expect, calls[0], calls[1:])
    assert not right(expect, calls[0], calls[1:2])


def test_signatures_mask_paths_numbers_and_quoted_words() -> None:
    one, other = rows(bash("a", "line 3 of /p/a: no 'x'", True), bash("b", "line 44 of /q/b/c: no 'yy'", True))
    assert signature(one) == signature(other)


def test_heads_leave_changes_of_folder_and_assignments_out() -> None:
    assert heads(rows(bash("cd x && A=1 go test ./... | tail -3"))[0]) == {"go test", "tail -3"}
