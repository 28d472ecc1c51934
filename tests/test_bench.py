"""`make bench` in its smoke form: every row gives numbers of the right shape; no time is asserted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("MEMENTO_TEST_DATA") or ROOT.parent / "shared" / "data")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.data,
    pytest.mark.skipif(not (DATA / "claude-code").is_dir(), reason="the shared logs are absent"),
]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("bench")
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--out", str(out)],
        cwd=ROOT, env=os.environ | {"MEMENTO_BENCH_DATA": str(DATA)}, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads((out / "results.json").read_text("utf-8"))
    return results | {"page": (out / "results.md").read_text("utf-8")}


def test_ratios_of_ingestion_are_shares_of_the_faster_ones(measured: dict[str, Any]) -> None:
    found = measured["ingest"]
    assert 0 < found["ratio_decode"] < 1
    assert found["ratio_agentpile"] > 0
    assert found["mb_per_s"]["decode"] > found["mb_per_s"]["ingest"]


def test_growth_measures_each_process_by_itself(measured: dict[str, Any]) -> None:
    found = measured["growth"]
    for name in ("ingest_1x", "ingest_nx", "scan_1x", "scan_nx", "again_1x", "again_nx"):
        assert found[name]["cpu"] > 0
        assert found[name]["rss"] > measured["start"]["python_rss"]


def test_the_first_screen_is_seen_before_the_process_ends(measured: dict[str, Any]) -> None:
    found = measured["first_screen"]
    assert 0 < found["seconds"] <= found["wall"] + 1
    assert found["mb"] > 0


def test_a_start_costs_more_than_a_bare_interpreter(measured: dict[str, Any]) -> None:
    assert measured["start"]["rss"] > measured["start"]["python_rss"] > 0


def test_every_set_of_the_backtest_lists_its_projects(measured: dict[str, Any]) -> None:
    for found in measured["backtest"].values():
        assert found["projects"]
        assert {"learned", "builtin", "shuffled", "foreign"} == set(found["macro"])


def test_the_page_has_each_figure_beside_its_aim_and_no_path(measured: dict[str, Any]) -> None:
    page = measured["page"]
    for aim in (">= 0.10", ">= 0.5", "<= 400 MB", "<= 30 s", "<= 0.25 s", "<= 60 MB", "<= 5 %"):
        assert aim in page
    assert str(DATA.parent) not in page


def test_an_unknown_row_is_refused(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "bench", "speed"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "one of start, ingest" in done.stderr
