"""What doctor finds, on machines made by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from app.calls import Call
from memento_skills.app.doctor import Finding, Place, examine, needed_is_missing
from memento_skills.records import Patch


def look(home: Path, **more: object) -> dict[str, Finding]:
    values: dict[str, object] = {"home": home, "cwd": home, "store": home / "s.db", "env": {"PATH": os.environ["PATH"]}}
    return {finding.name: finding for finding in examine(Place(**(values | more)))}  # type: ignore[arg-type]


def test_a_fresh_machine_is_fine_without_logs_and_store(home: Path) -> None:
    found = look(home)
    assert not needed_is_missing(tuple(found.values()))
    assert "none yet" in found["store"].detail
    assert found["logs"].state == "warning"


def test_without_git_something_needed_is_missing(home: Path) -> None:
    found = look(home, env={"PATH": str(home)})
    assert found["git"].state == "missing"
    assert needed_is_missing(tuple(found.values()))


@pytest.mark.parametrize(
    ("settings", "state"),
    [(None, "warning"), ({}, "warning"), ({"cleanupPeriodDays": 20}, "warning"), ({"cleanupPeriodDays": 365}, "ok")],
)
def test_transcripts_that_are_deleted_soon_are_a_warning(settings: object, state: str, home: Path) -> None:
    logs = home / ".claude" / "projects" / "p"
    logs.mkdir(parents=True)
    (logs / "s.jsonl").write_text("{}\n")
    if settings is not None:
        (home / ".claude" / "settings.json").write_text(json.dumps(settings))
    found = look(home)
    assert found["retention of Claude Code"].state == state
    assert "1 files" in found["logs of Claude Code"].detail


def test_settings_that_are_no_json_are_said(home: Path) -> None:
    logs = home / "elsewhere" / "projects"
    logs.mkdir(parents=True)
    (logs / "s.jsonl").write_text("{}\n")
    (home / "elsewhere" / "settings.json").write_text("{")
    found = look(home, env={"PATH": os.environ["PATH"], "CLAUDE_CONFIG_DIR": str(home / "elsewhere")})
    assert "cannot be read" in found["retention of Claude Code"].detail


def test_a_broken_store_is_missing_something_needed(home: Path) -> None:
    (home / "s.db").write_bytes(b"not a database at all" * 99)
    assert look(home)["store"].state == "missing"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_said(home: Path) -> None:
    home.chmod(0o500)
    try:
        assert look(home)["write permission"].state == "missing"
    finally:
        home.chmod(0o700)


def test_skill_libraries_are_counted(home: Path) -> None:
    for name in ("one", "two"):
        (home / ".claude" / "skills" / name).mkdir(parents=True)
        (home / ".claude" / "skills" / name / "SKILL.md").write_text("x")
    assert "2 skills" in look(home)["skill library"].detail


def test_the_command_ends_with_1_where_something_is_missing(call: Call, patches: tuple[Patch, ...]) -> None:
    fine = call("doctor", "--json", env={"PATH": os.environ["PATH"]})
    broken = call("doctor", env={"PATH": ""})
    assert (fine.code, broken.code) == (0, 1)
    assert isinstance(fine.json, dict)
    assert fine.json["ok"] is True
    assert {"name", "state", "detail", "hint"} == set(fine.json["findings"][0])
    assert "MISSING  git" in broken.out
