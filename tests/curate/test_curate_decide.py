"""Decisions are bound to what was seen; edits are new patches; rejections stand; lanes protect the few."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from curate_build import NOW, SKILL, decision, patch, pattern, verdict
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.curate import Answer, assign, decide, depths, edited, lane, raised, refile_allowed, seen_hash
from memento_skills.errors import BadInput, CheckFailed, StaleBase, UsageError
from memento_skills.records import Check, Chip, Decision, Failure, Lane, Part, Patch, Signature, Verdict
from memento_skills.skilldoc import revision

HEAD = revision(SKILL)


def _decide(answer: Answer, what: Patch | None = None, found: Verdict | None = None, **changes: Any) -> Decision:
    what = what or patch("p", "x")
    found = found or verdict("p")
    args: dict[str, Any] = {"seen": seen_hash(what, found, HEAD), "head": HEAD, "evidence": "e", "at": NOW} | changes
    return decide(what, found, answer, **args)


def test_an_approval_is_bound_to_patch_verdict_and_head() -> None:
    made = _decide(Answer(action="approve", curator=" Ann \u202e"))
    assert made.seen == seen_hash(patch("p", "x"), verdict("p"), HEAD)
    assert (made.patch, made.verdict, made.action, made.evidence, made.at) == (
        "p",
        verdict("p").id,
        "approve",
        "e",
        NOW,
    )
    assert "\u202e" not in made.curator


@given(st.sampled_from(["after", "rule", "diff", "writer"]), st.text(min_size=1))
def test_any_change_of_the_patch_gives_another_hash(field: str, text: str) -> None:
    what = patch("p", "x")
    changed = msgspec.structs.replace(what, **{field: getattr(what, field) + text})
    assert seen_hash(changed, verdict("p"), HEAD) != seen_hash(what, verdict("p"), HEAD)
    assert seen_hash(what, verdict("p"), text) != seen_hash(what, verdict("p"), HEAD)


def test_what_changed_since_it_was_shown_cannot_be_decided() -> None:
    for action in ("approve", "edit", "reject", "snooze"):
        with pytest.raises(StaleBase, match="changed since it was shown"):
            _decide(Answer(action=action, curator="Ann"), seen="0" * 64)


def test_a_skill_that_moved_on_cannot_be_approved() -> None:
    what, found = patch("p", "x"), verdict("p")
    with pytest.raises(StaleBase, match="moved on"):
        _decide(Answer(action="approve", curator="Ann"), head="other", seen=seen_hash(what, found, "other"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(action="approve", curator="  "), "--curator"),
        (Answer(action="reject", curator="Ann"), "--reason"),
        (Answer(action="reject", curator="Ann", reason="other"), "--note"),
        (Answer(action="snooze", curator="Ann"), "--until"),
        (Answer(action="snooze", curator="Ann", until=NOW - 1), "--until"),
        (Answer(action="snooze", curator="Ann", until=NOW + 31 * 86_400), "--until"),
    ],
)
def test_what_is_missing_from_an_answer_is_named(answer: Answer, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        _decide(answer)


def test_a_bad_verdict_or_a_failed_check_cannot_be_approved() -> None:
    for found in (
        verdict("p", "not_better"),
        msgspec.structs.replace(verdict("p"), checks=(Check(name="s", passed=False),)),
    ):
        with pytest.raises(CheckFailed):
            _decide(Answer(action="approve", curator="Ann"), found=found)


def test_a_dangerous_chip_needs_the_risk_to_be_accepted() -> None:
    what = msgspec.structs.replace(patch("p", "x"), chips=(Chip(kind="url", text="http://x", dangerous=True),))
    with pytest.raises(CheckFailed, match="--accept-risk"):
        _decide(Answer(action="approve", curator="Ann"), what)
    assert _decide(Answer(action="approve", curator="Ann", accept_risk=True), what).action == "approve"


def test_a_verdict_of_another_patch_is_bad_input() -> None:
    with pytest.raises(BadInput, match="another patch"):
        _decide(Answer(action="approve", curator="Ann"), found=verdict("other"))


def test_an_edit_is_a_new_patch_of_two_authors() -> None:
    what = patch("p", "x")
    text = what.after.replace("the other command", "the second command")
    made = edited(what, text, "Ann")
    assert made.id != what.id
    assert (made.after, made.writer) == (text, "template@2026-11 + Ann")
    assert made.rule == "When p happens, use the second command."
    assert (made.guard, made.before, made.skill, made.scope) == (what.guard, what.before, what.skill, what.scope)
    assert "+- When p happens, use the second command." in made.diff


def test_an_edit_may_not_harm() -> None:
    what = patch("p", "x")
    key = "AKIA" + "QYLPMN5HFIQR7BBB"
    for text, error in (
        (what.after, UsageError),
        (what.before, UsageError),
        (what.after.replace("description: Reads tables. Use for CSV.\n", ""), BadInput),
        (what.after.replace("other", "o\u200bther"), CheckFailed),
        (what.after + f"\naws_access_key_id = {key}\n", CheckFailed),
        (what.after.replace("\n---\n", "\nallowed-tools: Bash\n---\n", 1), CheckFailed),
    ):
        with pytest.raises(error):
            edited(what, text, "Ann")


# ------------------------------------------------------------------------------------------------ rejections


def test_a_rejection_stands_for_the_same_guard_or_the_same_rule() -> None:
    old = patch("p", "x", guard_word="Bash")
    known = {"p": old}
    rejected = [decision("p", "reject", reason="wrong", evidence="e")]
    assert not refile_allowed(old, "e", known, rejected)
    assert not refile_allowed(patch("q", "y", guard_word="Bash"), "e", known, rejected)
    assert not refile_allowed(patch("q", "x", rule=old.rule.upper(), guard_word="Edit"), "e", known, rejected)
    assert refile_allowed(patch("q", "x", rule="Another rule.", guard_word="Edit"), "e", known, rejected)
    assert refile_allowed(old, "new", known, rejected)


def test_not_a_skill_problem_speaks_about_the_whole_pattern() -> None:
    known = {"p": patch("p", "x", guard_word="Bash")}
    rejected = [decision("p", "reject", reason="not_a_skill_problem", evidence="e")]
    assert not refile_allowed(patch("q", "x", rule="Another.", guard_word="Edit"), "e", known, rejected)
    assert refile_allowed(patch("q", "y", rule="Another.", guard_word="Edit"), "e", known, rejected)


# ----------------------------------------------------------------------------------------------------- lanes


def _users(number: int) -> tuple[str, ...]:
    return tuple(f"u{i}" for i in range(number))


@pytest.mark.parametrize(
    ("severity", "hit", "users", "expected"),
    [
        (1, 500, 500, "severe"),
        (1, 0, 0, "severe"),
        (2, 1, 1, "broad"),  # the only user there is: nobody is few
        (2, 1, 2, "few_users"),
        (2, 4, 6, "broad"),  # four of six are not few
        (3, 5, 10, "few_users"),
        (3, 6, 500, "broad"),
        (3, 6, 601, "few_users"),
        (3, 0, 10, "broad"),
    ],
)
def test_the_few_are_few_only_where_there_are_others(severity: int, hit: int, users: int, expected: Lane) -> None:
    assert lane(pattern("x", severity=severity, users=_users(hit)), users=users) == expected


def test_a_pattern_that_fails_most_tasks_of_some_is_for_the_few() -> None:
    found = pattern("x", severity=3, users=_users(8))
    assert lane(found, users=20) == "broad"
    assert lane(found, users=20, depth=2.0) == "few_users"
    assert assign([found], users=20, depths={"x": 2.0})[0].lane == "few_users"


def test_a_pattern_moves_up_and_never_down() -> None:
    assert raised("broad", "severe") == "severe"
    assert raised("severe", "broad") == "severe"
    assert raised("broad", None) == "broad"
    assert assign([pattern("x")], users=1, before={"x": "few_users"})[0].lane == "few_users"


def test_depth_looks_at_those_hit_hardest_and_not_at_the_others() -> None:
    signature = Signature(version="v1", parts=(Part(name="tool", text="x"),))
    failures = [
        Failure(id=f"f{i}", run=f"ann{i}", step=1, kind="tool_error", fault="agent", severity=2, detector="d",
                signature=signature, quote="q") for i in range(3)
    ]  # fmt: skip
    runs = {f"ann{i}": "ann" for i in range(4)}
    few = depths(failures, runs)
    assert few == {signature.id: pytest.approx(10 * (3 + 1) / (4 + 2))}
    assert depths(failures, runs | {f"bob{i}": "bob" for i in range(1000)}) == few
