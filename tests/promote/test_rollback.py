"""Rollback: byte for byte what was there before, or what came since without the rule, or a refusal."""

from __future__ import annotations

from pathlib import Path

import pytest
from promote_build import SKILL, Ledger, git, job, library, new_skill, patch, undo

from memento_skills.errors import BadInput, CheckFailed, UsageError
from memento_skills.promote import promote, rollback, rollback_id
from memento_skills.promote.place import own_git_dir


@pytest.mark.parametrize("repository", [True, False])
@pytest.mark.parametrize("text", [SKILL, SKILL.replace("\n", "\r\n"), SKILL.rstrip("\n"), "\ufeff" + SKILL])
def test_the_skill_is_byte_for_byte_what_it_was(tmp_path: Path, state: Path, repository: bool, text: str) -> None:
    root = library(tmp_path / "lib", repository=repository, text=text)
    done = promote(job(root, state, patch(root, before=text)), Ledger(state))
    back = rollback(undo(done, root, state), Ledger(state))
    assert (root / "table-tool/SKILL.md").read_bytes() == text.encode()
    where = root if repository else own_git_dir(root, state)
    assert git(where, "rev-parse", f"{back.commit}^{{tree}}") == git(where, "rev-parse", f"{done.parent}^{{tree}}")
    assert git(where, "fsck", "--strict") == ""
    if repository:
        assert git(root, "status", "--porcelain") == ""


def test_a_new_skill_goes_away_with_its_folder(tmp_path: Path, state: Path) -> None:
    for name, repository in (("a", True), ("b", False)):
        root = library(tmp_path / name, repository=repository)
        done = promote(job(root, state, new_skill(root)), Ledger(state))
        rollback(undo(done, root, state), Ledger(state))
        assert not (root / "csv-reader").exists()
        assert (root / "table-tool/SKILL.md").exists()
    assert git(tmp_path / "a", "status", "--porcelain") == ""


def test_files_beside_a_new_skill_stay(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib", repository=False)
    done = promote(job(root, state, new_skill(root)), Ledger(state))
    (root / "csv-reader/notes.txt").write_text("mine\n")
    rollback(undo(done, root, state), Ledger(state))
    assert [p.name for p in (root / "csv-reader").iterdir()] == ["notes.txt"]


def test_what_came_since_stays(tmp_path: Path, state: Path) -> None:
    for name, repository in (("a", True), ("b", False)):
        root = library(tmp_path / name, repository=repository)
        done = promote(job(root, state, patch(root)), Ledger(state))
        file = root / "table-tool/SKILL.md"
        file.write_text(file.read_text().replace("# Table tool", "# The table tool"))
        if repository:
            git(root, "commit", "-qam", "since")
        rollback(undo(done, root, state), Ledger(state))
        assert file.read_text() == SKILL.replace("# Table tool", "# The table tool")


def test_a_change_of_the_same_lines_is_refused_and_lost_by_nobody(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root)), Ledger(state))
    file = root / "table-tool/SKILL.md"
    text = file.read_text().replace("pass the delimiter", "always pass the delimiter")
    file.write_text(text)
    git(root, "commit", "-qam", "reworded")
    with pytest.raises(CheckFailed, match="same lines"):
        rollback(undo(done, root, state), Ledger(state))
    assert file.read_text() == text


def test_a_new_skill_that_was_edited_since_is_not_deleted(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib", repository=False)
    done = promote(job(root, state, new_skill(root)), Ledger(state))
    file = root / "csv-reader/SKILL.md"
    file.write_text(file.read_text() + "\nMine.\n")
    with pytest.raises(CheckFailed, match="lose that"):
        rollback(undo(done, root, state), Ledger(state))
    assert file.exists()


def test_the_commit_says_what_is_rolled_back_and_why(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root)), Ledger(state))
    task = undo(done, root, state, reason="it sent agents to the wrong file")
    back = rollback(task, Ledger(state))
    said = git(root, "show", "-s", "--format=%B", back.commit)
    assert "it sent agents to the wrong file" in said
    assert f"Memento-Rollback-Of: {done.id}\nMemento-Rollback: {rollback_id(task)}" in said


def test_a_rollback_needs_a_reason(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root)), Ledger(state))
    with pytest.raises(UsageError, match="--reason"):
        rollback(undo(done, root, state, reason=" "), Ledger(state))


def test_rolling_back_twice_is_once(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root)), Ledger(state))
    first = rollback(undo(done, root, state), Ledger(state))
    assert rollback(undo(done, root, state), Ledger(state)) == first
    with pytest.raises(CheckFailed, match="promoted already"):
        promote(job(root, state, patch(root)), Ledger(state))


def test_on_an_unmerged_branch_the_revert_goes_to_that_branch(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root), "branch"), Ledger(state))
    back = rollback(undo(done, root, state), Ledger(state))
    assert (back.branch, git(root, "rev-parse", back.branch)) == (done.branch, back.commit)
    assert git(root, "diff", "main", back.branch) == ""


@pytest.mark.parametrize("how", [("merge", "-q", "--no-ff", "-m", "m"), ("merge", "-q", "--squash"), ("cherry-pick",)])
def test_after_a_merge_the_revert_waits_on_a_branch_of_its_own(
    tmp_path: Path, state: Path, how: tuple[str, ...]
) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root), "branch"), Ledger(state))
    git(root, *how, done.branch)
    if "--squash" in how:
        git(root, "commit", "-qm", "squashed")
    git(root, "branch", "-D", done.branch)
    head = git(root, "rev-parse", "HEAD")
    back = rollback(undo(done, root, state), Ledger(state))
    assert back.branch == f"{done.branch}-rollback"
    assert git(root, "rev-parse", "HEAD") == head == git(root, "rev-parse", f"{back.commit}^")
    git(root, "merge", "-q", back.branch)
    assert (root / "table-tool/SKILL.md").read_text() == SKILL


def test_a_branch_that_was_thrown_away_has_nothing_to_roll_back(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root), "branch"), Ledger(state))
    git(root, "branch", "-D", done.branch)
    with pytest.raises(CheckFailed, match="nothing to roll back"):
        rollback(undo(done, root, state), Ledger(state))


def test_a_merged_promotion_can_be_taken_out_of_the_tree_when_asked(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root), "branch"), Ledger(state))
    git(root, "merge", "-q", done.branch)
    back = rollback(undo(done, root, state, to="tree"), Ledger(state))
    assert git(root, "rev-parse", "main") == back.commit
    assert (root / "table-tool/SKILL.md").read_text() == SKILL


def test_another_branch_checked_out_is_said(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root)), Ledger(state))
    git(root, "checkout", "-qb", "elsewhere")
    with pytest.raises(CheckFailed, match="'main', which is not checked out"):
        rollback(undo(done, root, state), Ledger(state))


def test_a_commit_of_another_library_is_said(tmp_path: Path, state: Path) -> None:
    root, other = library(tmp_path / "a"), library(tmp_path / "b")
    done = promote(job(root, state, patch(root)), Ledger(state))
    with pytest.raises(BadInput, match="not in this library's history"):
        rollback(undo(done, other, state), Ledger(state))
