"""Silent failures on runs told by hand: what each detector finds, and the like situation in which it finds nothing."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from detect_build import Told
from hypothesis import given, settings
from hypothesis import strategies as st

from memento_skills.detect import failures, patterns
from memento_skills.detect.risk import table
from memento_skills.detect.rules import load as load_rules
from memento_skills.detect.silent import SilentFailures
from memento_skills.detect.silent_rules import Claim, load
from memento_skills.detect.titles import title
from memento_skills.records import SURE, Outcome, Run, Step

TABLES = load()
EDIT = {"file_path": "/p/src/a.py", "old_string": "value = 1  # one", "new_string": "value = 2  # two"}
BACK = {"file_path": "/p/src/a.py", "old_string": "value = 2  # two", "new_string": "value = 1  # one"}
FAILED = "FAILED tests/test_a.py::test_one\n=== 1 failed, 2 passed in 0.1s ==="
PASSED = "=== 3 passed in 0.1s ==="


def kinds(told: Told) -> list[str]:
    """Kinds of the silent failures, in order."""
    return [failure.kind for failure in SilentFailures().detect(told.run())]


def edited(**fields: Any) -> Told:
    """A run with one edit."""
    return Told(**fields).says("change it").calls("Edit", EDIT, "updated")


# -------------------------------------------------------------------------------------------------------- checks


def test_a_claim_without_any_check_is_told_with_its_sentence() -> None:
    (found,) = SilentFailures().detect(edited().answers("Done. All tests pass now.").run())
    assert (found.kind, found.quote, found.call_id, found.fault) == (
        "unchecked_claim", "All tests pass now.", "", "agent",
    )  # fmt: skip


def test_a_claim_after_a_check_that_passed_is_none() -> None:
    assert kinds(edited().bash("pytest -q", PASSED).answers("All tests pass now.")) == []


def test_an_edit_after_the_last_check_makes_the_claim_an_unsure_failure() -> None:
    told = edited().bash("pytest -q", PASSED).calls("Edit", BACK | {"file_path": "/p/src/b.py"}, "updated")
    (found,) = SilentFailures().detect(told.answers("All tests pass.").run())
    assert (found.kind, found.confidence < SURE) == ("unchecked_claim", True)


def test_an_edit_of_prose_leaves_the_last_check_valid() -> None:
    told = edited().bash("pytest -q", PASSED).calls("Edit", EDIT | {"file_path": "/p/README.md"}, "updated")
    assert kinds(told.answers("All tests pass.")) == []


def test_a_claim_against_the_last_check_is_contradicted() -> None:
    assert set(kinds(edited().bash("pytest -q", FAILED, 1).answers("All tests pass."))) == {
        "contradicted", "check_failing",
    }  # fmt: skip


def test_a_check_that_fails_and_then_passes_is_no_failure_of_the_run() -> None:
    told = edited().bash("pytest -q", FAILED, 1).calls("Edit", EDIT | {"old_string": "other text"}, "updated")
    assert kinds(told.bash("pytest -q", PASSED).answers("All tests pass.")) == []


def test_a_check_left_failing_is_told() -> None:
    assert kinds(edited().bash("go test ./...", "--- FAIL: TestA\nFAIL", 1).answers("I changed it.")) == [
        "check_failing"
    ]


def test_a_check_that_the_agent_wanted_to_see_fail_is_none() -> None:
    told = edited().answers("Let me verify that the test fails without the fix.").bash("pytest -q", FAILED, 1)
    assert kinds(told.answers("It fails as it should.")) == []


def test_a_log_that_ends_before_the_agent_does_says_nothing() -> None:
    assert kinds(edited().bash("pytest -q", FAILED, 1)) == []


@pytest.mark.parametrize("tail", [" | tail -5", " || true", "; echo done"])
def test_an_exit_code_that_the_line_hides_is_told_as_work(tail: str) -> None:
    found = SilentFailures().detect(Told().bash(f"pytest -q{tail}", FAILED).run())
    assert [(f.kind, f.fault) for f in found] == [("hidden_failure", "work")]


def test_a_pipe_that_hides_nothing_is_none() -> None:
    assert kinds(Told().bash("pytest -q | tail -5", PASSED)) == []


def test_what_a_program_shows_of_others_is_no_hidden_failure() -> None:
    assert kinds(Told().bash("cat old.log | tail -5", "Traceback (most recent call last):\nKeyError: 1")) == []


def test_any_program_that_fails_behind_a_pipe_is_told() -> None:
    told = Told().bash("python3 make.py | tail -3", "Traceback (most recent call last):\nKeyError: 1")
    assert kinds(told) == ["hidden_failure"]


def test_a_run_that_ends_on_a_failed_command_is_told_as_unsure() -> None:
    (found,) = SilentFailures().detect(Told().bash("deploy now", "denied", 3).answers("It is deployed.").run())
    assert (found.kind, found.confidence < SURE) == ("check_failing", True)


# ------------------------------------------------------------------------------------------------ edits and loops


def test_an_edit_taken_back_unasked_is_back_and_forth() -> None:
    assert kinds(edited().calls("Edit", BACK, "updated")) == ["back_and_forth"]


def test_an_edit_taken_back_after_a_message_is_reverted() -> None:
    assert kinds(edited().says("hmm, leave it").calls("Edit", BACK, "updated")) == ["reverted"]


def test_a_trial_that_is_taken_back_is_none() -> None:
    told = Told().says("why?").answers("Let me temporarily change it.").calls("Edit", EDIT, "updated")
    assert kinds(told.calls("Edit", BACK, "updated")) == []


@pytest.mark.parametrize("command", ["git checkout -- src/a.py", "git restore src/a.py", "git reset --hard"])
def test_edits_thrown_away_by_git_are_reverted(command: str) -> None:
    assert kinds(edited().bash(command, "Updated 1 path")) == ["reverted"]


@pytest.mark.parametrize("command", ["git checkout main", "git checkout -b next", "git restore --staged src/a.py"])
def test_other_uses_of_git_throw_nothing_away(command: str) -> None:
    assert kinds(edited().bash(command, "ok")) == []


def test_two_calls_that_come_round_three_times_are_no_progress() -> None:
    told = Told()
    for _ in range(3):
        told.calls("Read", {"file_path": "a"}, "A").calls("Read", {"file_path": "b"}, "B")
    assert kinds(told) == ["no_progress"]


def test_the_same_error_four_times_is_no_progress() -> None:
    told = Told()
    for n in range(4):
        told.calls("Edit", EDIT | {"old_string": f"text {n} that is"}, "ok").bash("make x", f"took {n} s: no rule", 2)
    assert "no_progress" in kinds(told)


def test_different_errors_are_progress() -> None:
    told = Told()
    for word in ("alpha", "beta", "gamma", "delta"):
        told.bash("make x", f"missing {word}", 2)
    assert kinds(told) == []


# ----------------------------------------------------------------------------------------------- words and tasks


def test_giving_up_is_told_with_its_sentence() -> None:
    told = Told().says("fix it").bash("ls").answers("I looked around. I was unable to complete the migration.")
    (found,) = SilentFailures().detect(told.run())
    assert (found.kind, found.quote) == ("gave_up", "I was unable to complete the migration.")


def test_a_transfer_is_an_unsure_failure() -> None:
    (found,) = SilentFailures().detect(Told().says("help").calls("transfer_to_human_agents", {}, "done").run())
    assert (found.kind, found.confidence < SURE) == ("gave_up", True)


def items(told: Told) -> Told:
    """With a list of tasks and a compaction."""
    todos = [{"content": "Describe the exporter settings in exporter.md", "status": "pending"}]
    told.calls("TodoWrite", {"todos": todos}, "ok")
    told.add("notice", "system", text="compact_boundary", meta=True)
    return told


def test_an_item_that_is_never_mentioned_after_a_compaction_was_dropped() -> None:
    told = items(Told().says("go on"))
    for n in range(12):
        told.bash(f"ls {n}", str(n))
    assert kinds(told.answers("Ready.")) == ["goal_dropped"]


def test_an_item_that_is_taken_up_after_a_compaction_was_not_dropped() -> None:
    told = items(Told().says("go on"))
    for n in range(12):
        told.bash(f"ls {n}", str(n))
    assert kinds(told.answers("The exporter settings are described in exporter.md.")) == []


def test_an_action_without_the_demanded_yes_is_told() -> None:
    told = Told()
    told.add("message", "system", text="Obtain explicit user confirmation before any change.")
    told.says("What would it cost?").calls("cancel_order", {"order_id": "1"}, "cancelled")
    assert kinds(told) == ["unconfirmed_action"]


def test_an_action_after_a_yes_is_none() -> None:
    told = Told()
    told.add("message", "system", text="Obtain explicit user confirmation before any change.")
    assert kinds(told.says("Yes, please cancel it").calls("cancel_order", {"order_id": "1"}, "cancelled")) == []


def test_bad_news_that_the_last_message_passes_over_is_contradicted() -> None:
    told = edited().bash("python3 load.py", "imported 900 rows, 37 skipped")
    assert kinds(told.answers("The import is ready.")) == ["contradicted"]


def test_bad_news_that_the_last_message_tells_is_none() -> None:
    told = edited().bash("python3 load.py", "imported 900 rows, 37 skipped")
    assert kinds(told.answers("The import is ready, but 37 rows were skipped.")) == []


# ------------------------------------------------------------------------------------------------------- records


def test_silent_failures_make_no_call_a_failing_one() -> None:
    told = edited().bash("pytest -q", FAILED, 1).answers("All tests pass.")
    found = told.failures()
    assert {f.kind for f in found if f.call_id} == {"exit_code"}


def test_runs_with_the_same_silent_failure_are_one_pattern_with_a_title() -> None:
    found = [f for n in "ab" for f in failures(edited(name=n).answers("All tests pass.").run())]
    (pattern,) = patterns(found, {}, now=2e9)
    assert (pattern.lineages, pattern.title) == (2, "The agent claimed a check that never ran")


def test_the_work_of_a_sub_agent_belongs_to_its_parents_run() -> None:
    told = Told().says("go").calls("Task", {"prompt": "x"}, "ok")
    told.calls("Edit", EDIT, "updated", agent="a1").calls("Edit", BACK, "updated", agent="a1")
    assert [(f.kind, f.run) for f in told.failures()] == [("back_and_forth", "claude-code:s1")]


def test_a_labelled_run_is_not_doubted() -> None:
    told = Told(client="tau-bench")
    for _ in range(30):
        told.says("no, but still wrong").calls("update_order", {"id": "1"}, "ok").answers("- a\n- b\n- c")
    doubted = {o.label: "doubtful_end" in {f.kind for f in failures(told.run(outcome=o))} for o in OUTCOMES}
    assert doubted == {"unknown": True, "success": False}


OUTCOMES = (Outcome(), Outcome(label="success", reward=1.0))


@pytest.mark.parametrize("claim", TABLES.claims.values(), ids=lambda row: row.name)
def test_claims_are_told_from_other_sentences(claim: Claim) -> None:
    assert [text for text in claim.examples if not claim.said(text)] == []
    assert [text for text in claim.not_examples if claim.said(text)] == []


def test_every_finding_has_a_title_without_slots_left() -> None:
    told = edited().bash("pytest -q", FAILED, 1).answers("All tests pass.")
    titles = [title(failure, load_rules()) for failure in told.failures()]
    assert [one for one in titles if "{" in one] == []


STEPS = st.builds(
    Step,
    seq=st.integers(0, 5),
    kind=st.sampled_from(("message", "call", "result", "notice", "reasoning")),
    actor=st.sampled_from(("user", "agent", "tool", "system")),
    text=st.text(max_size=60) | st.sampled_from(("compact_boundary", "All tests pass.", FAILED)),
    tool=st.sampled_from(("Bash", "Edit", "TodoWrite", "cancel_order", "transfer_x")),
    args=st.dictionaries(
        st.sampled_from(("command", "file_path", "old_string", "new_string", "todos", "edits", "_raw")),
        st.text(max_size=30) | st.integers() | st.none() | st.lists(st.dictionaries(st.text(max_size=3), st.none())),
        max_size=4,
    ),
    call_id=st.sampled_from(("", "a", "b", "c")),
    status=st.sampled_from((None, "ok", "error", "unknown")),
    agent=st.sampled_from(("", "x")),
)


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=14))
def test_no_run_makes_the_silent_detectors_raise_or_quote_what_is_not_there(steps: list[Step]) -> None:
    numbered = tuple(Step(**{f: getattr(s, f) for f in s.__struct_fields__} | {"seq": n}) for n, s in enumerate(steps))
    found = SilentFailures().detect(Run(id="r", client="c", reader="t@1", steps=numbered))
    assert [f for f in found if f.quote not in numbered[f.step].text or not 0 < f.confidence <= 1] == []


@pytest.mark.parametrize("unit", ["All tests pass ", "a", "1 ", "no, ", "`", "- ", "error: ", "git checkout ", "测试"])
def test_a_huge_text_is_read_in_bounded_time(unit: str) -> None:
    huge = unit * (300_000 // len(unit))
    told = Told().says(huge).calls("Edit", EDIT | {"new_string": huge}, huge).bash("pytest | tail", huge)
    run = told.bash(f"echo {huge[:9000]}", huge).answers(huge).run()
    start = time.process_time()
    SilentFailures().detect(run)
    assert time.process_time() - start < 2.0


def test_no_expression_of_the_tables_nests_unbounded_quantifiers() -> None:
    nested = re.compile(r"\([^()]*[*+][^()]*\)[*+]")
    checks = TABLES.checks
    texts = [*checks.says.failed, *checks.says.passed, *checks.says.void, *checks.hides.words, *table().objection]
    texts += [pattern for claim in TABLES.claims.values() for pattern in (*claim.patterns, *claim.unless)]
    assert [text for text in texts if nested.search(text)] == []
