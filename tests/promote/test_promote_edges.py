"""The edges where promotion meets the system: files, locks, the git program; and the anchors in its commits."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from promote_build import RULE, SKILL, Ledger, git, job, library, new_skill, patch, undo

from memento_skills.errors import BadInput, CheckFailed, MementoError, StaleBase, UsageError
from memento_skills.promote import Overlay, disk, promote, rollback
from memento_skills.promote.anchors import anchors
from memento_skills.promote.git import Git
from memento_skills.records import Scope
from memento_skills.skilldoc import revision

OVERLAY = ".overlays/users/ann/table-tool.md"
TEXT = f"---\nskill: table-tool\n---\n\n- {RULE}\n"


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    file = tmp_path / "x"
    texts = {b"a" * 100_000, b"b" * 100_000}
    disk.replace(file, min(texts))
    seen: set[bytes] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(file.read_bytes())

    reader = threading.Thread(target=look)
    reader.start()
    for text in sorted(texts) * 20:
        disk.replace(file, text)
    stop.set()
    reader.join()
    assert seen <= texts
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_read_or_removed_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder/inner").mkdir(parents=True)
    actions: list[Callable[[], object]] = [
        lambda: disk.replace(tmp_path / "folder", b"x"),
        lambda: disk.read(tmp_path / "folder"),
        lambda: disk.remove(tmp_path / "folder", tmp_path),
    ]
    for action in actions:
        with pytest.raises(MementoError, match="could not"):
            action()
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def test_a_file_that_is_not_there_reads_as_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert disk.read(tmp_path / "none") is disk.read(tmp_path / "file/none") is None


def test_a_lock_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    with (
        disk.locked(tmp_path / "lock"),
        pytest.raises(MementoError, match="another process"),
        disk.locked(tmp_path / "lock", wait=0.05),
    ):
        pass
    with disk.locked(tmp_path / "lock", wait=0.05):
        pass


def test_without_git_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(MementoError, match="git is not installed"):
        Git(tmp_path, environ={"PATH": str(tmp_path)}).run("version")


def test_a_git_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(MementoError, match=r"took more than 0.2 s"):
        Git(tmp_path, timeout=0.2).run("-c", "alias.wait=!exec sleep 5", "wait")


def test_a_folder_that_is_none_is_bad_input(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(BadInput):
            Git(folder).run("version")


def test_the_environment_of_a_hook_does_not_lead_git_elsewhere(
    tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, other = library(tmp_path / "lib"), library(tmp_path / "other")
    head = git(other, "rev-parse", "HEAD")
    with monkeypatch.context() as env:
        env.setenv("GIT_DIR", str(other.parent / ".git"))
        env.setenv("GIT_INDEX_FILE", str(other.parent / ".git/index"))
        promote(job(root, state, patch(root)), Ledger(state))
    assert git(other, "rev-parse", "HEAD") == head
    assert git(root, "status", "--porcelain") == ""


def test_a_locked_index_leaves_the_intent_for_later(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    task = job(root, state, patch(root))

    class Locking(Ledger):
        def begin(self, intent: object) -> None:
            super().begin(intent)  # type: ignore[arg-type]
            (root.parent / ".git/index.lock").touch()

    with pytest.raises(MementoError, match="locked"):
        promote(task, Locking(state))
    (root.parent / ".git/index.lock").unlink()
    done = promote(task, Ledger(state))
    assert git(root, "rev-parse", "main") == done.commit
    assert git(root, "status", "--porcelain") == ""


def test_a_skill_edited_at_the_last_moment_is_kept_and_the_branch_taken_back(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    head = git(root, "rev-parse", "HEAD")

    class Editing(Ledger):
        def begin(self, intent: object) -> None:
            super().begin(intent)  # type: ignore[arg-type]
            (root / "table-tool/SKILL.md").write_text("mine\n")

    ledger = Editing(state)
    with pytest.raises(StaleBase, match="edited meanwhile"):
        promote(job(root, state, patch(root)), ledger)
    assert (root / "table-tool/SKILL.md").read_text() == "mine\n"
    assert (git(root, "rev-parse", "HEAD"), ledger.pending()) == (head, ())


def test_a_commit_at_the_last_moment_wins(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")

    class Committing(Ledger):
        def begin(self, intent: object) -> None:
            super().begin(intent)  # type: ignore[arg-type]
            git(root, "commit", "-q", "--allow-empty", "-m", "meanwhile")

    ledger = Committing(state)
    with pytest.raises(StaleBase, match="moved on meanwhile"):
        promote(job(root, state, patch(root)), ledger)
    assert (root / "table-tool/SKILL.md").read_text() == SKILL
    assert ledger.pending() == ()


def test_a_first_commit_that_fails_leaves_no_branch(tmp_path: Path, state: Path) -> None:
    root = tmp_path / "lib"
    root.mkdir()

    class Blocking(Ledger):
        def begin(self, intent: object) -> None:
            super().begin(intent)  # type: ignore[arg-type]
            (root / "csv-reader").touch()

    with pytest.raises(MementoError):
        promote(job(root, state, new_skill(root)), Blocking(state))
    assert not any((state / "libraries").glob("*.git/refs/heads/*"))


def test_an_overlay_needs_its_base_as_it_was_verified(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib", repository=False)
    what = patch(root, scope=Scope(level="user", name="ann"))
    overlay = Overlay(path=OVERLAY, before=None, after=TEXT)
    (root / "table-tool/SKILL.md").write_text(SKILL + "\nMore.\n")
    with pytest.raises(StaleBase, match="base skill changed"):
        promote(job(root, state, what, overlay=overlay), Ledger(state))


def test_an_overlay_goes_nowhere_else(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    what = patch(root, scope=Scope(level="user", name="ann"))
    elsewhere = Overlay(path="table-tool/SKILL.md", before=SKILL, after=TEXT)
    with pytest.raises(UsageError, match=r"below \.overlays"):
        promote(job(root, state, what, overlay=elsewhere), Ledger(state))


def test_an_overlay_may_not_widen_the_tools_of_its_base(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    what = patch(root, scope=Scope(level="user", name="ann"))
    wide = Overlay(path=OVERLAY, before=None, after=TEXT.replace("skill:", "allowed-tools: Bash\nskill:"))
    with pytest.raises(CheckFailed, match="widens"):
        promote(job(root, state, what, overlay=wide), Ledger(state))


def test_an_overlay_is_rolled_back_like_a_skill(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    what = patch(root, scope=Scope(level="user", name="ann"))
    done = promote(job(root, state, what, overlay=Overlay(path=OVERLAY, before=None, after=TEXT)), Ledger(state))
    assert done.after == revision(TEXT)
    rollback(undo(done, root, state), Ledger(state))
    assert not (root / OVERLAY).exists()
    assert git(root, "status", "--porcelain") == ""


def test_a_skill_that_was_put_back_by_hand_has_nothing_to_roll_back(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root)), Ledger(state))
    git(root, "revert", "--no-edit", "HEAD")
    with pytest.raises(CheckFailed, match="already as it was"):
        rollback(undo(done, root, state), Ledger(state))


def test_the_head_of_the_audit_chain_is_found_in_the_commit(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    done = promote(job(root, state, patch(root)), Ledger(state))
    assert anchors(root, state, {done.patch}) == ("f" * 64,)
    assert anchors(root, state, {"another"}) == ()


@pytest.mark.skipif(os.name == "nt", reason="has no links in folders without rights")
def test_a_link_in_the_place_of_the_skill_is_refused(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"], cwd=root, input=b"/etc/passwd", capture_output=True, check=True
    ).stdout.decode().strip()  # fmt: skip
    git(root, "update-index", "--cacheinfo", f"120000,{blob},skills/table-tool/SKILL.md")
    git(root, "commit", "-qm", "link")
    with pytest.raises(BadInput, match="a link or a folder"):
        promote(job(root, state, patch(root)), Ledger(state))


def test_a_file_name_git_would_quote_is_kept(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib", repository=False)
    what = new_skill(root)
    what = msgspec.structs.replace(what, skill=msgspec.structs.replace(what.skill, path='ä "b"/SKILL.md'))
    promote(job(root, state, what), Ledger(state))
    assert (root / 'ä "b"/SKILL.md').read_text() == what.after
