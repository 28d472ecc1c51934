"""Checks of a patch: each has one patch that passes and one that does not."""

from __future__ import annotations

import random
import string
from typing import Any

import pytest
from msgspec.structs import replace

from memento_skills import skilldoc
from memento_skills.masking import find_secrets
from memento_skills.records import Check, Patch, Scope, SkillRef
from memento_skills.verify.checks import added_lines, check_patch

BEFORE = "---\nname: git-work\ndescription: Branches.\nallowed-tools: Read Bash(git:*)\n---\n\n# Git\n\nText.\n"
SECRET = "ghp_" + "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=36))
RULE = "When the branch is checked out already, work in that worktree."


def patch(before: str = BEFORE, after: str | None = None, **changes: Any) -> Patch:
    path = "git-work/SKILL.md"
    if after is None:
        after = skilldoc.amend(skilldoc.parse(before), RULE)
    made = Patch(
        id="p",
        kind="amend" if before else "create",
        pattern="q",
        reflection="r",
        skill=SkillRef(name="git-work", path=path, revision=skilldoc.revision(before) if before else ""),
        before=before,
        after=after,
        diff=skilldoc.diff(before, after, path),
        rule=RULE,
        writer="template@2026-11",
    )
    return replace(made, **changes)


def failed(made: Patch, folder: str = "git-work") -> list[str]:
    return [c.name for c in check_patch(made, folder=folder, find_secrets=find_secrets) if not c.passed]


def named(made: Patch, name: str) -> Check:
    return next(c for c in check_patch(made, folder="git-work", find_secrets=find_secrets) if c.name == name)


def test_an_amendment_passes_every_check() -> None:
    assert failed(patch()) == []


def test_a_new_skill_passes_every_check() -> None:
    assert failed(patch("", skilldoc.create("git-work", "Branches.", "Git", [RULE]))) == []


def test_every_patch_gets_the_same_checks() -> None:
    one = check_patch(patch(), folder="git-work", find_secrets=find_secrets)
    other = check_patch(patch(after="broken"), folder="git-work", find_secrets=find_secrets)
    assert [c.name for c in one] == [c.name for c in other]


def test_an_old_violation_elsewhere_does_not_fail_it() -> None:
    assert failed(patch("---\nname: WRONG\ndescription: b\ntriggers: x\n---\n\nText.\n"), folder="git-work") == []


@pytest.mark.parametrize("after", ["no front matter\n", "---\nname: [\n---\n", "---\nname: a\n"])
def test_a_skill_that_becomes_unreadable_fails(after: str) -> None:
    assert {"readable", "specification", "clients load it", "rest untouched"} <= set(failed(patch(after=after)))


def test_a_broken_skill_is_not_rewritten_even_into_a_better_one() -> None:
    assert "readable" in failed(patch("# No front matter\n", BEFORE))


def test_a_brought_violation_fails() -> None:
    made = patch(after=BEFORE.replace("description: Branches.", "description: ''"))
    assert {"specification", "clients load it", "rest untouched"} <= set(failed(made))
    assert "line 3" in named(made, "specification").detail


def test_a_warning_is_told_and_passes() -> None:
    before = BEFORE + "x\n" * 494
    check = named(patch(before), "specification")
    assert check.passed
    assert "500 are recommended" in check.detail


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("Text", "Test") + "\n- A rule.\n",
        BEFORE.replace("\n", "\r\n") + "- A rule.\r\n",
        BEFORE.rstrip("\n") + "\n- A rule.",
        BEFORE.replace("Text.\n", ""),
    ],
)
def test_touching_anything_else_fails(after: str) -> None:
    assert "rest untouched" in failed(patch(after=after))


@pytest.mark.parametrize("added", ["line\n" * 21, "x" * 2_001 + "\n"])
def test_a_rewrite_is_too_large(added: str) -> None:
    assert failed(patch(after=BEFORE + added)) == ["size"]


def test_an_added_secret_fails_and_is_not_told() -> None:
    made = patch(after=BEFORE + f"- Use {SECRET} here.\n")
    check = named(made, "secrets")
    assert not check.passed
    assert "in added line 1" in check.detail
    assert SECRET[:8] not in check.detail


def test_an_old_secret_elsewhere_does_not_fail_it() -> None:
    before = BEFORE + f"Token {SECRET}\n"
    assert failed(patch(before)) == []


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\U000e0041", "\x1b[31m", "\ue000"])
def test_an_added_hidden_character_fails(hidden: str) -> None:
    assert "hidden characters" in failed(patch(after=BEFORE + f"- A{hidden}rule.\n"))


def test_line_endings_are_no_hidden_characters() -> None:
    for newline in ("\r\n", "\r"):
        assert failed(patch(BEFORE.replace("\n", newline))) == []


def test_widened_tools_fail_unless_they_are_what_is_proposed() -> None:
    after = BEFORE.replace("Read Bash(git:*)", "Read Bash(git:*) Bash(gh:*)")
    assert {"tools not widened", "rest untouched"} <= set(failed(patch(after=after)))
    assert failed(patch(after=after, kind="permission")) == []
    assert "Bash(gh:*)" in named(patch(after=after, kind="permission"), "tools not widened").detail


def test_a_permission_proposal_changes_nothing_else() -> None:
    after = BEFORE.replace("Read Bash(git:*)", "Read Bash").replace("Text", "Test")
    assert failed(patch(after=after, kind="permission")) == ["rest untouched"]


def test_a_permission_proposal_may_add_the_field() -> None:
    before = BEFORE.replace("allowed-tools: Read Bash(git:*)\n", "")
    assert failed(patch(before, BEFORE, kind="permission")) == []
    assert "tools not widened" in failed(patch(before, BEFORE))


def test_doubling_the_tools_field_fails() -> None:
    after = BEFORE.replace("allowed-tools:", "allowed-tools: Bash\nallowed-tools:")
    assert {"specification"} <= set(failed(patch(after=after)))
    before = BEFORE.replace("allowed-tools:", "allowed-tools: Read\nallowed-tools:")
    made = patch(before, before.replace("tools: Read\n", "tools: Bash\n").replace("Branches.", "More."))
    assert "tools not widened" in failed(made)


def test_a_new_unknown_key_fails() -> None:
    made = patch(after=BEFORE.replace("---\n\n", "hooks: x\n---\n\n"))
    assert {"no new front matter key", "specification"} <= set(failed(made))
    assert "hooks" in named(made, "no new front matter key").detail


@pytest.mark.parametrize(
    "path",
    ["../SKILL.md", "/a/SKILL.md", "a/../SKILL.md", "a\\SKILL.md", "C:/SKILL.md", ".git/SKILL.md", "a/skill.md",
     "a/x.sh", "a/\u202eb/SKILL.md", "a\n/SKILL.md", "./SKILL.md", ""],
)  # fmt: skip
def test_a_path_out_of_the_library_fails(path: str) -> None:
    made = patch()
    made = replace(made, skill=replace(made.skill, path=path), diff=skilldoc.diff(made.before, made.after, path))
    assert failed(made) == ["changes SKILL.md alone"]


def test_a_diff_that_is_not_the_change_fails() -> None:
    assert failed(patch(diff="--- a\n+++ b\n")) == ["diff is the change"]
    assert failed(patch(diff="")) == ["diff is the change"]


def test_a_base_that_is_not_its_hash_fails() -> None:
    made = patch()
    assert failed(replace(made, skill=replace(made.skill, revision="0" * 64))) == ["base"]
    assert failed(replace(made, kind="create")) == ["base"]


@pytest.mark.parametrize(
    ("scope", "passes"),
    [
        (Scope(), True),
        (Scope(level="user", name="user01"), True),
        (Scope(level="tenant", name="Team B"), True),
        (Scope(name="x"), False),
        (Scope(level="user"), False),
        (Scope(level="tenant", name=".."), False),
        (Scope(level="tenant", name="a/b"), False),
        (Scope(level="user", name="a\u202eb"), False),
    ],
)
def test_a_scope_names_whom_it_is_for(scope: Scope, passes: bool) -> None:
    assert named(patch(scope=scope), "scope").passed is passes


def test_a_changed_line_counts_as_added() -> None:
    assert added_lines("a\nb\n", "a\nc\n") == ("c",)
