"""Causes that no error text names: from what the run had shown before, and from what a person said after."""

from __future__ import annotations

from typing import Any

import pytest
from detect_build import Told
from hypothesis import given
from hypothesis import strategies as st

GONE = "<tool_use_error>File does not exist.</tool_use_error>"
NOT_FOUND = "<tool_use_error>String to replace not found in file.\nString: x</tool_use_error>"
REFUSED = "The user doesn't want to proceed with this tool use. STOP what you are doing"
PATCH = "*** Begin Patch\n*** Update File: src/a.ts\n@@\n-one();\n+two();\n*** End Patch"
MISSED = "apply_patch verification failed: Failed to find expected lines in src/a.ts:\none();"


def test_a_path_that_was_never_shown_was_guessed() -> None:
    assert Told().fails("Read", {"file_path": "/p/src/guess.py"}, "File does not exist.").one().cause == (
        "wrong_name_or_path"
    )


def test_a_path_that_was_shown_before_is_stale() -> None:
    told = (
        Told().bash("ls src", "/p/src/main.py").fails("Read", {"file_path": "/p/src/main.py"}, "File does not exist.")
    )
    assert told.one().cause == "stale_state"


def test_a_path_that_only_a_failed_call_named_is_still_a_guess() -> None:
    told = Told().fails("Read", {"file_path": "/p/x/a.py"}, "File does not exist.")
    found = told.fails("Grep", {"pattern": "b", "path": "/p/x/a.py"}, "Path does not exist: /p/x/a.py").failures()
    assert [failure.cause for failure in found] == ["wrong_name_or_path", "wrong_name_or_path"]


def test_a_relative_path_after_cd_is_stale() -> None:
    told = Told(cwd="/p").bash("cd pkg && go test").bash("cat pkg/a.go", "cat: pkg/a.go: No such file or directory", 1)
    assert told.one().cause == "stale_state"


def test_a_relative_path_without_cd_was_guessed() -> None:
    told = Told(cwd="/p").bash("go test").bash("cat pkg/a.go", "cat: pkg/a.go: No such file or directory", 1)
    assert told.one().cause == "wrong_name_or_path"


def test_a_patch_of_a_file_that_was_not_read_lacks_its_precondition() -> None:
    assert Told().calls("apply_patch", {"input": PATCH}, MISSED, "error").one().cause == "wrong_precondition"


def test_a_patch_of_text_that_a_command_showed_with_other_white_space_assumes_a_format() -> None:
    told = Told().bash("sed -n 1,9p src/a.ts", "\t\tone();").calls("apply_patch", {"input": PATCH}, MISSED, "error")
    assert told.one().cause == "wrong_data_format"


def test_a_second_failed_edit_of_one_file_is_no_progress() -> None:
    args = {"file_path": "/p/a.py", "old_string": "a\n b", "new_string": "c"}
    told = (
        Told()
        .calls("Read", {"file_path": "/p/a.py"}, "1\ta\n2\tb")
        .calls("Edit", args, NOT_FOUND, "error", message="m1")
    )
    found = told.calls("Edit", args, NOT_FOUND, "error", message="m2").failures()
    assert [failure.cause for failure in found] == ["wrong_data_format", "no_progress"]


def test_edits_of_one_message_are_no_repetition_of_each_other() -> None:
    args = {"file_path": "/p/a.py", "old_string": "a\n b", "new_string": "c"}
    told = (
        Told()
        .calls("Read", {"file_path": "/p/a.py"}, "1\ta\n2\tb")
        .calls("Edit", args, NOT_FOUND, "error", message="m")
    )
    found = told.calls("Edit", args | {"old_string": "a\n  b"}, NOT_FOUND, "error", message="m").failures()
    assert [failure.cause for failure in found] == ["wrong_data_format", "wrong_data_format"]


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("don't commit the docs folder", "ambiguous_goal"),
        ("this is not correct, look again", "ambiguous_goal"),
        ("what are you doing?", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_refusal_means_what_the_person_says_next(words: str, cause: str) -> None:
    told = Told().calls("Edit", {"file_path": "/p/a.py", "old_string": "x"}, REFUSED, "denied_user")
    found = (told.says(words) if words else told).failures()
    assert next(failure.cause for failure in found if failure.kind == "refusal") == cause


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("To tell you how to proceed, the user said:\nthe dates are DD/MM/YYYY", "wrong_data_format"),
        ("To tell you how to proceed, the user said:\nthere is already a helper for that", "missing_information"),
        ("To tell you how to proceed, the user said:\nwrite the output as JSON instead", "ambiguous_goal"),
    ],
)
def test_a_reason_that_states_a_fact_or_a_format_is_no_ambiguous_goal(words: str, cause: str) -> None:
    told = Told().calls("Edit", {"file_path": "/p/a.py"}, f"The user doesn't want to proceed. {words}", "denied_user")
    assert told.one().cause == cause


def test_a_merge_conflict_is_work_on_sides_that_moved_apart() -> None:
    one = Told().bash("git merge main", "CONFLICT (content): Merge conflict in a.go\nAutomatic merge failed", 1).one()
    assert (one.fault, one.cause) == ("work", "stale_state")


ODD: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)
NAMES = ("file_path", "old_string", "input", "patchText", "_raw", "command", "path", "cmd")


@given(
    st.dictionaries(st.sampled_from(NAMES), ODD, max_size=4),
    st.sampled_from(("Edit", "apply_patch", "Bash", "Read", "x")),
    st.sampled_from((NOT_FOUND, GONE, MISSED, "no such file or directory", "")),
)
def test_no_argument_of_any_type_breaks_the_context(args: dict[str, Any], tool: str, text: str) -> None:
    told = Told().calls("Read", args, "a").calls("apply_patch", {"input": PATCH}, "ok").calls(tool, args, text, "error")
    assert len([failure for failure in told.failures() if failure.kind == "tool_error"]) == 1
