"""The words *user* and *project*."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from memento_skills.ingest.project import git_root, project_of, user_of, without_home


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "app"
    (root / "src").mkdir(parents=True)
    git(root, "init", "-q")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return root


def test_the_project_of_an_existing_directory_is_its_repository(repository: Path) -> None:
    assert project_of(str(repository / "src"), file=Path("/logs/x.jsonl")) == str(repository)


def test_a_worktree_belongs_to_its_main_tree(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", str(tmp_path / "elsewhere"))
    assert git_root(tmp_path / "elsewhere") == repository


@pytest.mark.parametrize("suffix", [".worktrees/fix", ".claude/worktrees/fix/src", ".worktrees/ada/fix"])
def test_the_suffix_of_a_worktree_is_stripped(repository: Path, suffix: str) -> None:
    assert project_of(str(repository / suffix), file=Path("/logs/x.jsonl")) == str(repository)


def test_a_directory_without_repository_has_no_root(tmp_path: Path) -> None:
    assert git_root(tmp_path) is None
    assert git_root(tmp_path / "missing") is None


def test_a_submodule_is_its_own_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: ../.git/modules/sub\n")
    assert git_root(tmp_path) == tmp_path


@pytest.mark.parametrize(
    ("cwd", "file", "project"),
    [
        ("/home/ada/no/app", "/home/ada/.claude/projects/-home-ada-no-app/s.jsonl", "/home/ada/no/app"),
        ("/home/ada/no/app/web", "/home/ada/.claude/projects/-home-ada-no-app/s.jsonl", "/home/ada/no/app"),
        (
            "/home/ada/no/app",
            "/home/ada/.claude/projects/-home-ada-no-app/s/subagents/agent-1.jsonl",
            "/home/ada/no/app",
        ),
        ("/home/ada/no/.worktrees/x", "/c/projects/-home-ada-no--worktrees-x/s.jsonl", "/home/ada/no"),
        ("/home/ada/no/.worktrees/x", "/c/projects/-home-ada-no/s.jsonl", "/home/ada/no"),
        ("C:\\Users\\ada\\app", "/c/projects/C--Users-ada-app/s.jsonl", "C:\\Users\\ada\\app"),
        ("/src/claude_p", "/c/projects/-src-claude_p/s.jsonl", "/src/claude_p"),
        ("/home/ada/moved", "/c/projects/-home-ada-app/s.jsonl", "/home/ada/moved"),
        ("C:\\Users\\ada\\app", "/collected/app-team/s.jsonl", "app-team"),
        ("/home/ada/no/app", "/collected/app-team/s.jsonl", "app-team"),
        ("/home/bob/no/clone", "/collected/app-team/s.jsonl", "app-team"),
        ("", "/collected/app-team/2026-01-02/s.jsonl", "app-team"),
        ("/srv/no/app", "/home/ada/.codex/sessions/2026/03/01/rollout-x.jsonl", "/srv/no/app"),
        ("/srv/no/app", "/moved/sessions/2026/03/01/rollout-x.jsonl", "/srv/no/app"),
        ("/srv/no/app", "/home/ada/.copilot/session-state/abc/events.jsonl", "/srv/no/app"),
        ("", "/home/ada/.gemini/tmp/41d597d6/chats/session-x.json", "41d597d6"),
        ("", "/collected/app-team/0f3b2c1d-1111-4222-8333-123456789abc/subagents/agent-1.jsonl", "app-team"),
    ],
)
def test_the_project_of_a_directory_that_is_not_here(cwd: str, file: str, project: str) -> None:
    assert project_of(cwd, file=Path(file)) == project


@pytest.mark.parametrize("cwd", ["//host/share/x", "/\0/x", "relative/x"])
def test_a_hostile_directory_is_not_looked_at(cwd: str) -> None:
    assert project_of(cwd, file=Path("/logs/x.jsonl")) == "logs"


@pytest.mark.parametrize(
    ("cwd", "users", "user"),
    [
        ("/Users/ada/x", {}, "ada"),
        ("/home/ada", {}, "ada"),
        ("C:\\Users\\ada\\x", {}, "ada"),
        ("/srv/x", {}, "me"),
        ("/Users/ada/x", {"set/a/log.jsonl": "user01"}, "user01"),
        ("/Users/ada/x", {"a/log.jsonl": "user02"}, "user02"),
        ("/Users/ada/x", {"s-1": "user03"}, "user03"),
        ("/Users/ada/x", {"b/log.jsonl": "user04"}, "ada"),
    ],
)
def test_the_user_is_from_the_map_else_the_home_folder_else_the_system(
    cwd: str, users: dict[str, str], user: str
) -> None:
    file = Path("/data/set/a/log.jsonl")
    assert user_of(cwd, file=file, session="s-1", users=users, system_user="me") == user


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/home/ada/x", "~/x"), ("/home/ada", "~"), ("/home/adalbert/x", "/home/adalbert/x"), ("/srv", "/srv")],
)
def test_the_home_folder_is_shown_as_a_tilde(path: str, shown: str) -> None:
    assert without_home(path, "/home/ada") == shown
