"""`python -m bench [ROW...]`: measure, and write `bench/results.md` and `bench/results.json`.

Rows: those of `ROWS`; none = all. A row that is not measured keeps its last
figures.
Data: `MEMENTO_BENCH_DATA`, by default `../shared/data`. Made data goes to a temporary folder and is removed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import (
    backtesting,
    causes,
    concentration,
    cost,
    decisive,
    detection,
    first_screen,
    grouping,
    growth,
    ingesting,
    outside,
    start,
    study,
)
from bench.data import Settings, folder
from bench.table import page

ROWS: dict[str, Callable[[Settings], dict[str, Any]]] = {
    "start": start.row,
    "ingest": ingesting.row,
    "growth": growth.row,
    "first_screen": first_screen.row,
    "backtest": backtesting.row,
    "decisive": decisive.row,
    "detection": detection.row,
    "causes": causes.row,
    "grouping": grouping.row,
    "concentration": concentration.row,
    "outside": outside.row,
    "study": study.row,
    "cost": cost.row,
}
HERE = Path(__file__).parent


def main() -> None:
    """Measure the rows that are asked for, one after the other, and write the table."""
    chosen = arguments()
    settings = Settings(folder(), chosen.rounds, copies=10, bytes=10**9, files=0)
    if chosen.quick:
        settings = Settings(folder(), rounds=1, copies=2, bytes=2_000_000, files=4)
    target = Path(chosen.out)
    results = before(target / "results.json")
    for name in chosen.rows or ROWS:
        print(f"bench: {name}", file=sys.stderr, flush=True)
        results[name] = ROWS[name](settings)
        results["made"] = made(settings)
        (target / "results.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")
        (target / "results.md").write_text(page(results), "utf-8")
    print(page(results))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks of Memento-Skills")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"one of {', '.join(ROWS)}; none = all")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default 3)")
    parser.add_argument("--quick", action="store_true", help="a few files, once: does it work at all?")
    parser.add_argument("--out", default=str(HERE), help="folder for the results")
    chosen = parser.parse_args()
    if unknown := set(chosen.rows) - set(ROWS):
        parser.error(f"unknown row {min(unknown)}: one of {', '.join(ROWS)}")
    return chosen


def before(file: Path) -> dict[str, Any]:
    """The results of the last time, so that single rows may be measured anew."""
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}


def made(settings: Settings) -> dict[str, Any]:
    """How the figures were got."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "command": "make bench" if len(sys.argv) == 1 else shlex.join(["python", "-m", "bench", *_said()]),
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, shared",
        "python": platform.python_version(),
        **{name: version(name) for name in ("msgspec", "agentpile", "zstandard")},
        "rounds": settings.rounds,
    }


def _said() -> list[str]:
    """The command line without folders of this machine."""
    given = sys.argv[1:]
    return [word for i, word in enumerate(given) if word != "--out" and given[i - 1 : i] != ["--out"]]


if __name__ == "__main__":
    main()
