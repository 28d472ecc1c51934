"""From the queue to a commit and back, command by command, with real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from app.calls import Call
from memento_skills.records import Patch


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout


@pytest.fixture
def skills(project: Path, patches: tuple[Patch, ...]) -> Path:
    """The library as a git repository with one commit."""
    folder = project / "skills"
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "library")
    git(folder, "config", "user.email", "library@localhost")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "skills")
    return folder


def test_an_approved_patch_is_a_commit_that_is_taken_back(call: Call, skills: Path, patches: tuple[Patch, ...]) -> None:
    patch = patches[0]
    before = (skills / patch.skill.path).read_bytes()
    assert call("promote", patch.id, "--yes").code == 1
    assert call("review", "approve", patch.id, "--yes", "--curator", "someone").code == 0
    assert call("promote", patch.id).code == 2
    done = call("promote", patch.id, "--yes", "--to", "tree", "--json").json
    assert isinstance(done, dict)
    assert (skills / patch.skill.path).read_text("utf-8") == patch.after
    assert f"Memento-Patch: {patch.id}" in git(skills, "log", "-1", "--format=%B", done["commit"])
    assert call("audit", "verify").code == 0
    assert call("rollback", done["promotion"]).code == 2
    assert call("rollback", done["promotion"], "--reason", "it was only a try", "--json").code == 0
    assert (skills / patch.skill.path).read_bytes() == before
    verified = call("audit", "verify", "--json").json
    assert isinstance(verified, dict)
    assert (verified["ok"], verified["entries"]) == (True, 3)


def test_approve_and_promote_in_one_go(call: Call, skills: Path, patches: tuple[Patch, ...]) -> None:
    head = git(skills, "rev-parse", "HEAD")
    said = call("review", "approve", patches[0].id, "--yes", "--promote", "--curator", "someone")
    assert said.code == 0
    assert "memento rollback" in said.out
    assert git(skills, "rev-parse", "HEAD") == head
    assert "memento/go-testing" in git(skills, "branch", "--list")


def test_a_skill_that_moved_on_after_approval_is_not_promoted(
    call: Call, skills: Path, patches: tuple[Patch, ...]
) -> None:
    call("review", "approve", patches[0].id, "--yes", "--curator", "someone")
    file = skills / patches[0].skill.path
    file.write_text(file.read_text("utf-8") + "\nmore\n", "utf-8")
    said = call("promote", patches[0].id, "--yes")
    assert said.code == 1
    assert said.err.count("\n") == 1


def test_the_page_is_written_whole_or_not_at_all(call: Call, skills: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert call("report", "--html", str(page)).code == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")
    said = call("report", "--html", str(tmp_path / "nowhere" / "report.html"))
    assert said.code == 4
    assert said.err.count("\n") == 1
    assert not (tmp_path / "nowhere").exists()


def test_verify_says_no_with_1(call: Call, skills: Path, patches: tuple[Patch, ...]) -> None:
    said = call("verify", patches[2].id, "--json")
    assert isinstance(said.json, dict)
    assert said.code == (0 if said.json["verdict"] == "better" else 1)


def test_the_report_has_the_documented_fields(call: Call, patches: tuple[Patch, ...]) -> None:
    report = call("report", "--json").json
    assert isinstance(report, dict)
    wanted = {"runs", "lineages", "failures", "agent_failures", "repeated_episodes", "concentration", "causes"}
    assert wanted | {"patterns", "formats"} <= report.keys()
    assert {"top", "in_sample", "held_out", "low", "high", "patterns"} <= report["concentration"].keys()
