"""Where a client's skills are: the project's folders win; a log's words for a folder are not trusted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memento_skills.read.locate import clients, library_for, new_library_for


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with one project in it."""
    (tmp_path / "home/work/app/src").mkdir(parents=True)
    (tmp_path / "home/work/app/.git").mkdir()
    return tmp_path / "home"


def _make(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)


def test_project_folders_come_before_the_users(home: Path) -> None:
    wanted = [home / "work/app/src/.claude/skills", home / "work/app/.claude/skills", home / ".claude/skills"]
    _make(*wanted, home / "work/.claude/skills")
    assert library_for("claude-code", "~/work/app/src", home) == wanted


def test_the_home_folder_may_be_masked_or_not(home: Path) -> None:
    _make(home / "work/app/.claude/skills")
    for cwd in ("~/work/app", str(home / "work/app"), "~\\work\\app"):
        assert library_for("claude-code", cwd, home) == [home / "work/app/.claude/skills"]


def test_without_a_repository_only_the_directory_itself_counts(home: Path) -> None:
    _make(home / "loose/a/b", home / "loose/.claude/skills")
    assert library_for("claude-code", "~/loose/a/b", home) == []


def test_the_home_folder_is_never_a_project_above(home: Path) -> None:
    _make(home / ".git", home / ".claude/skills", home / "loose/a")
    assert library_for("claude-code", "~/loose/a", home) == [home / ".claude/skills"]


def test_each_client_has_its_own_folders(home: Path) -> None:
    _make(home / "work/app/.agents/skills", home / "work/app/.codex/skills", home / "work/app/.gemini/skills")
    assert [p.parent.name for p in library_for("codex", "~/work/app", home)] == [".agents", ".codex"]
    assert [p.parent.name for p in library_for("gemini", "~/work/app", home)] == [".agents", ".gemini"]
    assert [p.parent.name for p in library_for("something new", "~/work/app", home)] == [".agents"]
    assert {"claude-code", "codex", "gemini", "copilot", "cursor", "opencode"} <= set(clients())


def test_one_folder_behind_two_names_is_one_library(home: Path) -> None:
    _make(home / "work/app/.agents/skills", home / "work/app/.codex")
    (home / "work/app/.codex/skills").symlink_to(home / "work/app/.agents/skills")
    assert library_for("codex", "~/work/app", home) == [home / "work/app/.agents/skills"]


@pytest.mark.parametrize(
    "cwd", ["", "relative", "~/../../etc", "/x/../y", "\0", "//server/share", "\\\\server\\share", "C:\\Users\\a"]
)
def test_a_cwd_that_names_no_folder_here_gives_no_project(home: Path, cwd: str) -> None:
    _make(home / ".claude/skills")
    assert library_for("claude-code", cwd, home) == [home / ".claude/skills"]


@settings(max_examples=100, deadline=None)
@given(cwd=st.text(max_size=300))
def test_no_cwd_raises(tmp_path_factory: pytest.TempPathFactory, cwd: str) -> None:
    assert isinstance(library_for("claude-code", cwd, tmp_path_factory.getbasetemp() / "nobody"), list)
    assert isinstance(library_for("claude-code", "/" + cwd, tmp_path_factory.getbasetemp() / "nobody"), list)


def test_a_first_skill_goes_to_the_root_of_the_repository(home: Path) -> None:
    assert new_library_for("claude-code", "~/work/app/src", home) == home / "work/app/.claude/skills"
    assert new_library_for("claude-code", "/nowhere/at/all", home) == home / ".claude/skills"
