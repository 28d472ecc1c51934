"""Promotion: what is committed where, what is refused, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from promote_build import AT, RULE, SKILL, Ledger, git, job, library, new_skill, patch

from memento_skills.errors import BadInput, CheckFailed, MementoError, StaleBase, UsageError
from memento_skills.promote import Job, Overlay, promote, promotion_id
from memento_skills.promote.place import own_git_dir
from memento_skills.records import Check, Scope, SkillRef
from memento_skills.skilldoc import amend, parse, revision


def _tree(job_: Job, state: Path) -> Ledger:
    ledger = Ledger(state)
    promote(job_, ledger)
    return ledger


def test_a_branch_holds_the_commit_and_nothing_else_moves(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    what = patch(root)
    head, index = git(root, "rev-parse", "HEAD"), (root.parent / ".git/index").read_bytes()
    done = promote(job(root, state, what, "branch"), Ledger(state))
    assert done.branch == f"memento/table-tool/{what.id}"
    assert git(root, "rev-parse", done.branch) == done.commit
    assert git(root, "show", f"{done.commit}:skills/table-tool/SKILL.md") + "\n" == what.after
    assert git(root, "rev-parse", "HEAD") == head == done.parent
    assert (root.parent / ".git/index").read_bytes() == index
    assert (root / "table-tool/SKILL.md").read_text() == SKILL


def test_the_tree_gets_commit_and_file_and_is_clean_afterwards(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    what = patch(root)
    done = promote(job(root, state, what), Ledger(state))
    assert git(root, "rev-parse", "main") == done.commit
    assert (root / "table-tool/SKILL.md").read_text() == what.after
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "fsck", "--strict") == ""
    assert (done.before, done.after) == (revision(SKILL), revision(what.after))


def test_the_commit_carries_its_trailers(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    what = patch(root)
    task = job(root, state, what)
    done = promote(task, Ledger(state))
    trailers = git(root, "show", "-s", "--format=%(trailers:unfold)", done.commit).splitlines()
    assert [line for line in trailers if line] == [
        f"Memento-Patch: {what.id}",
        f"Memento-Pattern: {what.pattern}",
        f"Memento-Decision: d-{what.id}",
        f"Memento-Verdict: better v-{what.id}",
        f"Memento-Promotion: {promotion_id(task)}",
        f"Memento-Audit: {'f' * 64}",
        "Evidence: claude-code:s1#4",
    ]


def test_the_commit_has_the_users_identity_or_a_neutral_one(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "a")
    done = promote(job(root, state, patch(root)), Ledger(state))
    assert (
        git(root, "show", "-s", "--format=%an <%ae> %ct", done.commit) == f"Test Curator <curator@localhost> {AT:.0f}"
    )
    other = library(tmp_path / "b")
    git(other, "config", "--unset", "user.email")
    done = promote(job(other, state, patch(other)), Ledger(state))
    assert git(other, "show", "-s", "--format=%an <%ae>", done.commit) == "Memento-Skills <memento-skills@localhost>"


def test_changes_elsewhere_staged_or_not_are_left_as_they_are(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    (root.parent / "other.txt").write_text("changed\n")
    (root.parent / "staged.txt").write_text("staged\n")
    git(root.parent, "add", "staged.txt")
    promote(job(root, state, patch(root)), Ledger(state))
    assert git(root.parent, "status", "--porcelain") == "M other.txt\nA  staged.txt"
    assert git(root.parent, "show", "--name-only", "--format=", "HEAD") == "skills/table-tool/SKILL.md"


def test_a_new_skill_comes_as_a_new_file(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    what = new_skill(root)
    done = promote(job(root, state, what), Ledger(state))
    assert (root / "csv-reader/SKILL.md").read_text() == what.after
    assert git(root, "status", "--porcelain") == ""
    assert (done.before, done.skill.path) == ("", "csv-reader/SKILL.md")


def test_outside_a_repository_memento_keeps_the_history(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib", repository=False)
    what = patch(root)
    done = promote(job(root, state, what, "branch"), Ledger(state))
    own = own_git_dir(root, state)
    assert (root / "table-tool/SKILL.md").read_text() == what.after
    assert not (root / ".git").exists()
    assert git(own, "show", f"{done.commit}^:table-tool/SKILL.md") + "\n" == SKILL
    assert git(own, "show", "library:table-tool/SKILL.md") + "\n" == what.after
    assert git(own, "fsck", "--strict") == ""


def test_a_hand_edit_outside_a_repository_is_kept_in_the_history_first(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib", repository=False)
    first = patch(root)
    promote(job(root, state, first), Ledger(state))
    mine = first.after + "\nMy own line.\n"
    (root / "table-tool/SKILL.md").write_text(mine)
    done = promote(job(root, state, patch(root, before=mine, rule="Close the file.")), Ledger(state))
    assert git(own_git_dir(root, state), "show", f"{done.parent}:table-tool/SKILL.md") + "\n" == mine


def test_a_skill_that_its_repository_ignores_is_kept_apart(tmp_path: Path, state: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    git(home, "init", "--quiet")
    (home / ".gitignore").write_text("*\n")
    root = library(home / "x", repository=False)
    done = promote(job(root, state, patch(root)), Ledger(state))
    assert done.branch == "library"
    assert git(home, "status", "--porcelain") == ""


def test_the_same_decision_again_is_the_same_promotion(tmp_path: Path, state: Path) -> None:
    for name, repository, to in (("a", True, "tree"), ("b", True, "branch"), ("c", False, "tree")):
        root = library(tmp_path / name, repository=repository)
        task = job(root, state, patch(root), to)  # type: ignore[arg-type]
        first = promote(task, Ledger(state))
        assert promote(task, Ledger(state)) == first


def test_file_mode_is_kept(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    (root / "table-tool/SKILL.md").chmod(0o755)
    git(root.parent, "commit", "-aqm", "mode")
    promote(job(root, state, patch(root)), Ledger(state))
    assert git(root, "ls-tree", "HEAD", "table-tool/SKILL.md").startswith("100755")
    assert (root / "table-tool/SKILL.md").stat().st_mode & 0o777 == 0o755


def test_line_endings_that_git_converts_stay_converted(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    git(root, "config", "core.autocrlf", "true")
    crlf = SKILL.replace("\n", "\r\n")
    (root / "table-tool/SKILL.md").write_bytes(crlf.encode())
    git(root, "add", "--renormalize", ".")
    what = patch(root, before=crlf)
    promote(job(root, state, what), Ledger(state))
    assert (root / "table-tool/SKILL.md").read_bytes() == what.after.encode()
    assert git(root, "diff", "--numstat", "HEAD^", "HEAD").split()[:2] == ["4", "0"]
    assert git(root, "status", "--porcelain") == ""


def test_crlf_that_git_stores_is_committed_byte_for_byte(tmp_path: Path, state: Path) -> None:
    crlf = SKILL.replace("\n", "\r\n")
    root = library(tmp_path / "lib", text=crlf)
    what = patch(root, before=crlf)
    done = promote(job(root, state, what), Ledger(state))
    blob = git(root, "rev-parse", f"{done.commit}:skills/table-tool/SKILL.md")
    assert int(git(root, "cat-file", "-s", blob)) == len(what.after.encode())


def test_an_overlay_gets_the_patch_of_a_tenant(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    what = patch(root, scope=Scope(level="tenant", name="acme"))
    text = amend(parse("---\nskill: table-tool\n---\n"), RULE)
    overlay = Overlay(path=".overlays/tenants/acme/table-tool.md", before=None, after=text)
    promote(job(root, state, what, overlay=overlay), Ledger(state))
    assert (root / overlay.path).read_text() == text
    assert (root / "table-tool/SKILL.md").read_text() == SKILL
    with pytest.raises(UsageError, match="overlay"):
        promote(job(root, state, what), Ledger(state))


def test_in_a_worktree_the_worktrees_branch_moves(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    git(root.parent, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    side = tmp_path / "side" / "skills"
    done = promote(job(side, state, patch(side)), Ledger(state))
    assert git(side, "rev-parse", "side") == done.commit != git(root, "rev-parse", "main")
    assert git(side, "status", "--porcelain") == "" == git(root, "status", "--porcelain")


def test_in_a_repository_without_a_commit_a_new_skill_is_the_first(tmp_path: Path, state: Path) -> None:
    root = tmp_path / "lib"
    root.mkdir()
    git(root, "init", "--quiet", "-b", "main")
    done = promote(job(root, state, new_skill(root)), Ledger(state))
    assert (git(root, "rev-parse", "main"), done.parent) == (done.commit, "")


def _all(folder: Path) -> tuple[str, ...]:
    return git(folder, "for-each-ref"), git(folder, "rev-parse", "HEAD"), git(folder, "diff", check=False)


def _merge_under_way(folder: Path) -> None:
    git(folder, "checkout", "-qb", "side")
    (folder / "other.txt").write_text("side\n")
    git(folder, "commit", "-qam", "side")
    git(folder, "checkout", "-q", "main")
    (folder / "other.txt").write_text("main\n")
    git(folder, "commit", "-qam", "main")
    git(folder, "merge", "side", check=False)


def _detach(folder: Path) -> None:
    git(folder, "checkout", "-q", "--detach")


def _dirty(folder: Path) -> None:
    (folder / "skills/table-tool/SKILL.md").write_text(SKILL + "more\n")


def _staged(folder: Path) -> None:
    _dirty(folder)
    git(folder, "add", ".")
    (folder / "skills/table-tool/SKILL.md").write_text(SKILL)


def _lock(folder: Path) -> None:
    (folder / ".git/index.lock").touch()


def _moved_on(folder: Path) -> None:
    _dirty(folder)
    git(folder, "commit", "-qam", "moved on")


def _gone(folder: Path) -> None:
    (folder / "skills/keep.txt").touch()
    git(folder, "rm", "-q", "skills/table-tool/SKILL.md")
    git(folder, "commit", "-qm", "gone")


def _linked(folder: Path) -> None:
    (folder / "skills/table-tool").rename(folder / "real")
    (folder / "skills/table-tool").symlink_to(folder / "real")


def _filtered(folder: Path) -> None:
    (folder / ".gitattributes").write_text("*.md filter=shout\n")
    git(folder, "config", "filter.shout.clean", "tr a-z A-Z")
    git(folder, "add", "--renormalize", ".")
    git(folder, "commit", "-qam", "filter")


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (_merge_under_way, CheckFailed, "a merge is under way"),
        (_detach, CheckFailed, "HEAD is detached.*--to branch"),
        (_dirty, CheckFailed, "changes that are not committed"),
        (_staged, CheckFailed, "staged changes"),
        (_lock, MementoError, "locked"),
        (_moved_on, StaleBase, "changed since"),
        (_gone, StaleBase, "gone"),
        (_linked, BadInput, "symbolic link"),
        (_filtered, CheckFailed, "content filter"),
    ],
)
def test_what_is_not_ready_is_said_and_nothing_changes(
    tmp_path: Path, state: Path, spoil: object, error: type[Exception], words: str
) -> None:
    root = library(tmp_path / "lib")
    spoil(root.parent)  # type: ignore[operator]
    before = _all(root.parent)
    ledger = Ledger(state)
    with pytest.raises(error, match=words):
        promote(job(root, state, patch(root)), ledger)
    assert _all(root.parent) == before
    assert (ledger.pending(), ledger.done) == ((), set())


def test_a_detached_head_can_still_get_a_branch(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    _detach(root.parent)
    done = promote(job(root, state, patch(root), "branch"), Ledger(state))
    assert git(root, "rev-parse", done.branch) == done.commit


def test_a_skill_that_is_not_committed_is_refused(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    git(root.parent, "rm", "-q", "--cached", "skills/table-tool/SKILL.md")
    git(root.parent, "commit", "-qm", "untracked")
    with pytest.raises(CheckFailed, match="not committed"):
        promote(job(root, state, patch(root)), Ledger(state))


def test_a_bare_repository_is_refused(tmp_path: Path, state: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "init", "--quiet", "--bare", str(bare))
    with pytest.raises(BadInput, match="bare repository"):
        promote(job(bare, state, new_skill(bare)), Ledger(state))


def test_a_library_that_is_not_there_is_said(tmp_path: Path, state: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        promote(job(tmp_path / "none", state, new_skill(tmp_path)), Ledger(state))


@pytest.mark.parametrize(
    "path", ["../x/SKILL.md", "/etc/SKILL.md", "a/../../SKILL.md", ".git/SKILL.md", "a\nb/SKILL.md", "."]
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, state: Path, path: str) -> None:
    root = library(tmp_path / "lib")
    what = new_skill(root)
    what = msgspec.structs.replace(what, skill=SkillRef(name="x", path=path))
    with pytest.raises(BadInput, match="not a path inside"):
        promote(job(root, state, what), Ledger(state))


def test_only_what_a_curator_approved_as_seen_is_promoted(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    task = job(root, state, patch(root))
    change = msgspec.structs.replace
    for bad, error in (
        (change(task, decision=change(task.decision, action="reject", reason="wrong")), CheckFailed),
        (change(task, decision=change(task.decision, action="snooze", until=1.0)), CheckFailed),
        (change(task, decision=change(task.decision, patch="other")), CheckFailed),
        (change(task, decision=change(task.decision, verdict="other")), CheckFailed),
        (change(task, seen="t" * 64), StaleBase),
        (change(task, seen="", decision=change(task.decision, seen="")), StaleBase),
        (change(task, verdict=change(task.verdict, value="not_better")), CheckFailed),
        (change(task, verdict=change(task.verdict, checks=(Check(name="spec", passed=False),))), CheckFailed),
        (change(task, patch=change(task.patch, skill=change(task.patch.skill, revision="0" * 64))), StaleBase),
    ):
        with pytest.raises(error):
            promote(bad, Ledger(state))
    assert git(root, "rev-list", "--all", "--count") == "1"


def test_tools_and_secrets_are_looked_at_once_more(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    what = patch(root)
    wide = msgspec.structs.replace(what, after=what.after.replace("\n---\n", "\nallowed-tools: Bash\n---\n", 1))
    with pytest.raises(CheckFailed, match="widens allowed-tools by Bash"):
        promote(job(root, state, wide), Ledger(state))
    key = "AKIA" + "QYLPMN5HFIQR7BBB"
    leak = msgspec.structs.replace(what, after=what.after + f"\naws_access_key_id = {key}\n")
    with pytest.raises(CheckFailed, match="secret"):
        promote(job(root, state, leak), Ledger(state))


def test_hooks_and_monitors_of_the_repository_do_not_run(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    marker = tmp_path / "ran"
    script = f"#!/bin/sh\ntouch {marker}\n"
    for hook in ("pre-commit", "commit-msg", "reference-transaction", "post-index-change", "post-commit"):
        file = root.parent / ".git/hooks" / hook
        file.parent.mkdir(exist_ok=True)
        file.write_text(script)
        file.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(root.parent / ".git/hooks/pre-commit"))
    promote(job(root, state, patch(root)), Ledger(state))
    assert not marker.exists()


def test_a_branch_in_the_way_is_said(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    git(root, "branch", "memento")
    with pytest.raises(BadInput, match="in the way"):
        promote(job(root, state, patch(root), "branch"), Ledger(state))


def test_a_file_that_cannot_be_written_takes_the_branch_back(tmp_path: Path, state: Path) -> None:
    root = library(tmp_path / "lib")
    (root.parent / "skills/csv-reader").write_text("a file where the folder should be\n")
    head = git(root, "rev-parse", "HEAD")
    ledger = Ledger(state)
    with pytest.raises(MementoError):
        promote(job(root, state, new_skill(root)), ledger)
    assert (git(root, "rev-parse", "HEAD"), ledger.pending()) == (head, ())
