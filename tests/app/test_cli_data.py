"""Real logs through the commands: every line accounted for, nothing twice, and a page that stays inert."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.calls import Call
from app.test_html import is_inert

DATA = Path(os.environ.get("MEMENTO_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
LOGS = DATA / "claude-code" / "starcar"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not LOGS.is_dir(), reason="the shared logs are not here (MEMENTO_TEST_DATA)"),
]


def test_a_scan_accounts_for_every_line_and_a_second_one_adds_nothing(call: Call, project: Path) -> None:
    words = ("scan", str(LOGS), "--skills", str(project / "skills"), "--json")
    first, second = call(*words).json, call(*words).json
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    wanted = {"files", "runs", "new_runs", "duplicates", "quarantined", "lines", "failures", "patterns", "patches"}
    assert wanted | {"passed"} <= first.keys()
    lines = first["lines"]
    assert lines["seen"] == lines["understood"] + lines["ignored"] + lines["quarantined"] > 0
    assert second["new_runs"] == 0
    assert (second["failures"], second["patterns"]) == (first["failures"], first["patterns"])


def test_what_real_logs_say_stays_inert_on_page_and_screen(call: Call, project: Path, tmp_path: Path) -> None:
    call("ingest", str(LOGS))
    page = tmp_path / "report.html"
    assert call("report", "--html", str(page)).code == 0
    is_inert(page.read_text("utf-8"))
    for words in (["report"], ["patterns", "--all"], ["failures"], ["failures", str(LOGS)]):
        said = call(*words)
        assert said.code == 0
        assert "\x1b" not in said.out
