"""What the commands say to people, on the bundled logs: every command once, in the order of the work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import memento_skills.app
from app.calls import Call
from memento_skills.read.overlays import amended, overlay_path
from memento_skills.records import Scope

BUNDLE = Path(memento_skills.app.__file__).parent / "demo"
LOGS = str(BUNDLE / "logs")


@pytest.fixture
def scanned(call: Call, project: Path) -> Path:
    """The project after a scan of the bundled logs; gives its skill library."""
    library = project / ".claude" / "skills"
    shutil.copytree(BUNDLE / "library", library)
    said = call("scan", LOGS, "--skills", str(library))
    assert said.code == 0, said.err
    assert "What your agents repeat most dearly" in said.out
    assert "memento review" in said.out
    return library


def test_every_line_is_accounted_for_in_words(call: Call) -> None:
    said = call("ingest", LOGS).out
    assert "already known" in said
    assert "understood +" in said


def test_patterns_are_listed_and_one_is_explained(call: Call, scanned: Path) -> None:
    first = call("patterns").out.split()[0]
    shown = call("patterns", first[:6]).out
    assert f"pattern {first}" in shown
    assert "one pattern because" in shown
    assert "lost:" in shown
    one = call("patterns", first, "--json").json
    assert isinstance(one, dict)
    assert one["signature"]["parts"]


def test_a_reflection_is_said_with_its_quotes(call: Call, scanned: Path) -> None:
    said = call("reflect").out
    assert "wrong decision:" in said
    assert "“" in said
    rows = call("reflect", "--json").json
    assert isinstance(rows, list)
    assert all(row["wrong_decision"]["citations"] for row in rows)
    pattern = rows[0]["pattern"]
    assert pattern in call("reflect", pattern).out


def test_one_run_is_reflected_on_without_a_store(call: Call) -> None:
    file = str(next(iter(sorted(Path(LOGS).rglob("*.jsonl")))))
    answer = call("reflect", "--run", file, "--json").json
    assert isinstance(answer, dict)
    assert {"run", "failed", "decisive", "candidates", "cause", "citations"} <= answer.keys()
    assert f"{answer['run']}: " in call("reflect", "--run", file).out
    assert call("reflect", "x", "--run", file).code == 2


def test_proposals_are_diffs(call: Call, scanned: Path) -> None:
    assert "\n+" in call("propose").out
    patches = call("propose", "--json").json
    assert isinstance(patches, list)
    assert all(patch["guard"] is None or patch["guard"]["advice"] for patch in patches)


def test_a_backtest_is_a_table_with_its_means(call: Call) -> None:
    said = call("backtest", LOGS)
    assert said.code == 0, said.err
    assert "TOTAL" in said.out
    assert "mean" in said.out


def test_a_log_is_replayed_against_the_patches(call: Call, scanned: Path) -> None:
    import msgspec

    said = call("guard", "--replay", LOGS, "--status", "all", "--json")
    assert said.code == 0, said.err
    rows = [msgspec.json.decode(line) for line in said.out.splitlines()]
    assert rows
    wanted = {"run", "call_id", "file", "line", "tool", "patch", "origin", "learned_from", "advice", "expect"}
    assert all(wanted | {"confidence"} <= row.keys() for row in rows)
    assert rows[0]["patch"] in call("guard", "--replay", LOGS, "--status", "all").out
    assert call("guard", "--replay", LOGS).out == ""


def test_settings_and_plugins_are_listed_in_words(call: Call, home: Path) -> None:
    said = call("settings", env={"MEMENTO_TENNANT": "x"})
    assert "store in use" in said.out
    assert "MEMENTO_TENNANT" in said.err
    (home / "config" / "memento-skills").mkdir(parents=True)
    (home / "config" / "memento-skills" / "config.toml").write_text('plugins = ["gates=nowhere_at_all:Gate"]\n')
    broken = call("plugins")
    assert broken.code == 1
    assert "BROKEN: ModuleNotFoundError" in broken.out
    rows = call("plugins", "--json").json
    assert isinstance(rows, list)
    assert rows[-1]["package"] == "settings"


def test_a_report_in_words_fits_the_wanted_width(call: Call, scanned: Path) -> None:
    said = call("report", env={"COLUMNS": "80"}).out
    assert max(len(line) for line in said.splitlines()) <= 80
    assert "what goes wrong" in said


def test_overlays_are_shown_with_the_skill(call: Call, project: Path) -> None:
    flag = ("--skills", str(project / "skills"))
    scope = Scope(level="user", name="user-1")
    file = project / "skills" / overlay_path("releases", scope)
    file.parent.mkdir(parents=True)
    file.write_text(amended("", "Only for one.", skill="releases", scope=scope), "utf-8")
    assert "Only for one." in call("skills", "show", "releases", "--user", "user-1", *flag).out
    assert "Only for one." not in call("skills", "show", "releases", *flag).out
    assert call("skills", "show", "nothing", *flag).code == 3
    assert call("skills", "list").code == 3
    assert call("skills", "route", "zebra", *flag).code == 1
