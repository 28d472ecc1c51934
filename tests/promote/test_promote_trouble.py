"""Odd repositories, full disks and interrupted changes: handled or said, never half done."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest
from promote_build import SKILL, Ledger, git, job, library, new_skill, patch, undo

from memento_skills.errors import BadInput, CheckFailed, MementoError, StoreError
from memento_skills.promote import Intent, Job, promote, promotion_id, recover, rollback
from memento_skills.promote.place import own_git_dir

LIMITED = """
import os, resource, sys
from pathlib import Path
import msgspec
from promote_build import Ledger
from memento_skills.errors import MementoError
from memento_skills.promote import Job, promote
from memento_skills.promote.git import explain
from memento_skills.promote.promote import _change
limit, state = int(sys.argv[1]), Path(sys.argv[2])
sys.dont_write_bytecode = True  # a byte-code file cut short by the limit would stay broken for everybody
job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
if limit >= 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
elif os.geteuid() == 0:
    _change(job), explain("x", b"", "")  # what is loaded late is loaded while it can be read
    os.environ["HOME"] = str(state)
    os.setuid(65534)
try:
    promote(job, Ledger(state))
except MementoError as error:
    sys.exit(f"said: {error}")
"""


class Cut(Exception):
    """Stands for a kill at one point of the work."""


class CutLedger(Ledger):
    """A journal that is cut off at its `at`: before or after the intent is kept, or before the result is recorded."""

    def __init__(self, state: Path, at: str) -> None:
        super().__init__(state)
        self._at = at

    def begin(self, intent: Intent) -> None:
        if self._at == "before":
            raise Cut
        super().begin(intent)
        if self._at == "after":
            raise Cut

    def finish(self, intent: Intent) -> None:
        if self._at == "done":
            raise Cut
        if self._at == "recorded":
            self._note(intent)
            raise Cut
        super().finish(intent)


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
@pytest.mark.parametrize("limit", [0, 40, 120, 200, 400])
@pytest.mark.parametrize("repository", [True, False])
def test_a_full_disk_leaves_the_library_as_it_was(tmp_path: Path, state: Path, limit: int, repository: bool) -> None:
    root = library(tmp_path / "lib", repository=repository)
    state.mkdir()
    task = job(root, state, patch(root))
    assert _limited(task, state, limit).startswith(b"said: ")
    assert (root / "table-tool/SKILL.md").read_text() == SKILL
    if repository:
        assert git(root, "status", "--porcelain") == ""
        assert git(root, "fsck", "--strict", "--no-dangling") == ""
    assert {s.outcome for s in recover(Ledger(state), state)} <= {"undone"}
    assert promote(task, Ledger(state)).after


def _limited(task: Job, state: Path, limit: int) -> bytes:
    """What promoting says on stderr under a limit on file sizes, or (-1) without the rights of root."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), str(state)],
        input=msgspec.json.encode(task), capture_output=True, cwd=Path(__file__).parent, check=False,
    )  # fmt: skip
    return done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="has other permissions")
@pytest.mark.parametrize("what", ["skill", "folder"])
def test_no_permission_to_write_is_said(what: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        base = Path(folder)
        base.chmod(0o755)
        root, state = library(base / "lib", repository=False), base / "state"
        state.mkdir()
        state.chmod(0o777)
        task = job(root, state, patch(root) if what == "skill" else new_skill(root))
        for part in (root / "table-tool", root):
            part.chmod(0o555)
        assert b"said: no permission to write into the library" in _limited(task, state, -1)
        assert (root / "table-tool/SKILL.md").read_text() == SKILL
        for part in (root, root / "table-tool"):
            part.chmod(0o755)


@pytest.mark.parametrize("repository", [True, False])
@pytest.mark.parametrize(
    ("at", "outcome"), [("before", None), ("after", "undone"), ("done", "finished"), ("recorded", "finished")]
)
def test_recovery_at_each_point(tmp_path: Path, state: Path, at: str, outcome: str | None, repository: bool) -> None:
    root = library(tmp_path / "lib", repository=repository)
    task = job(root, state, patch(root))
    with pytest.raises(Cut):
        promote(task, CutLedger(state, at))
    ledger = Ledger(state)
    assert [s.outcome for s in recover(ledger, state)] == ([outcome] if outcome else [])
    assert recover(ledger, state) == ()
    done = outcome == "finished"
    assert bool(ledger.done) == done
    assert (root / "table-tool/SKILL.md").read_text() == (task.patch.after if done else SKILL)


def test_a_new_promotion_settles_an_old_one_first(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    with pytest.raises(Cut):
        promote(job(root, state, patch(root)), CutLedger(state, "done"))
    ledger = Ledger(state)
    promote(job(root, state, new_skill(root)), ledger)
    assert len(ledger.done) == 2


def test_an_edit_after_a_kill_is_not_overwritten(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    file = root / "table-tool/SKILL.md"
    with pytest.raises(Cut):
        promote(job(root, state, patch(root)), CutLedger(state, "done"))
    file.write_text("mine\n")
    (settled,) = recover(Ledger(state), state)
    assert (settled.outcome, file.read_text()) == ("finished", "mine\n")
    assert "edited since" in settled.reason


def test_what_cannot_be_settled_now_is_said_and_kept(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    with pytest.raises(Cut):
        promote(job(root, state, patch(root)), CutLedger(state, "done"))
    root.parent.rename(tmp_path / "away")
    ledger = Ledger(state)
    assert [s.outcome for s in recover(ledger, state)] == ["stuck"]
    (tmp_path / "away").rename(root.parent)
    assert [s.outcome for s in recover(ledger, state)] == ["finished"]


def test_an_intent_that_cannot_be_read_is_a_store_error(tmp_path: Path, state: Path) -> None:
    (state / "intents").mkdir(parents=True)
    (state / "intents/x.intent.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        recover(Ledger(state), state)


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    root = library(tmp_path / "lib")
    (tmp_path / "file").touch()
    with pytest.raises(MementoError, match="lock file"):
        promote(job(root, tmp_path / "file", patch(root)), Ledger(tmp_path / "other"))


def test_in_a_submodule_the_submodules_history_gets_the_commit(tmp_path: Path, state: Path) -> None:
    inner, outer = library(tmp_path / "inner"), library(tmp_path / "outer")
    git(outer.parent, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.parent), "sub")
    git(outer.parent, "commit", "-qm", "sub")
    head = git(outer, "rev-parse", "HEAD")
    root = outer.parent / "sub/skills"
    done = promote(job(root, state, patch(root)), Ledger(state))
    assert git(root, "rev-parse", "HEAD") == done.commit
    assert git(outer, "rev-parse", "HEAD") == head


def test_outside_the_sparse_cone_a_missing_file_is_said(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    (root.parent / "docs").mkdir()
    (root.parent / "docs/x.md").touch()
    git(root.parent, "add", ".")
    git(root.parent, "commit", "-qm", "docs")
    git(root.parent, "sparse-checkout", "set", "docs")
    root.mkdir(exist_ok=True)
    with pytest.raises(CheckFailed, match=r"not committed|gone"):
        promote(job(root, state, patch(root)), Ledger(state))


def test_inside_the_sparse_cone_the_rest_stays_in_the_commit(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    (root.parent / "docs").mkdir()
    (root.parent / "docs/x.md").touch()
    git(root.parent, "add", ".")
    git(root.parent, "commit", "-qm", "docs")
    git(root.parent, "sparse-checkout", "set", "skills")
    done = promote(job(root, state, patch(root)), Ledger(state))
    assert "docs/x.md" in git(root.parent, "ls-tree", "-r", "--name-only", "--full-tree", done.commit)
    assert git(root, "status", "--porcelain") == ""


def test_a_repository_with_sha256_ids_works_too(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib", repository=False)
    git(root.parent, "init", "-q", "-b", "main", "--object-format=sha256")
    git(root.parent, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-q", "--allow-empty", "-m", "x")
    promote(job(root, state, new_skill(root)), Ledger(state))
    assert len(git(root, "rev-parse", "HEAD")) == 64


def test_a_library_reached_through_a_link_is_its_real_folder(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    (tmp_path / "alias").symlink_to(root)
    done = promote(job(tmp_path / "alias", state, patch(root)), Ledger(state))
    assert done.skill.library == str(root.resolve())


def test_a_folder_in_place_of_a_submodule_or_file_is_said(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    (root / "csv-reader").write_text("a file\n")
    git(root, "add", ".")
    git(root, "commit", "-qm", "file")
    (root / "csv-reader").unlink()
    (root / "csv-reader").mkdir()
    with pytest.raises(BadInput, match="should be"):
        promote(job(root, state, new_skill(root)), Ledger(state))


def test_a_library_that_became_a_repository_later_can_still_be_rolled_back(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib", repository=False)
    done = promote(job(root, state, patch(root)), Ledger(state))
    git(root, "init", "-q")
    rollback(undo(done, root, state), Ledger(state))
    assert (root / "table-tool/SKILL.md").read_text() == SKILL
    assert git(own_git_dir(root, state), "fsck", "--strict") == ""


def test_an_approval_that_is_used_up_still_names_its_promotion(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    task = job(root, state, patch(root))
    done = promote(task, Ledger(state))
    assert promote(msgspec.structs.replace(task, seen="after"), Ledger(state)) == done


def test_a_forged_trailer_is_not_taken_for_our_promotion(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    task = job(root, state, patch(root))
    git(root, "commit", "-q", "--allow-empty", "-m", f"x\n\nMemento-Promotion: {promotion_id(task)}")
    with pytest.raises(CheckFailed, match="promoted already"):
        promote(task, Ledger(state))
