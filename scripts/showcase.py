"""Scans the shared logs into a store that is thrown away and writes `out/showcase.html` (never committed: it quotes).

    python scripts/showcase.py [DATA] [OUT]

DATA is `MEMENTO_TEST_DATA`, else `../shared/data` beside the repository.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from memento_skills.app import pipeline, showcase
from memento_skills.app.options import Options
from memento_skills.store.store import open_store

ROOT = Path(__file__).resolve().parents[1]
LOGS = (
    "claude-code",
    "codex",
    "opencode",
    "copilot",
    "gemini",
    "swe-agent",
    "mini-swe-agent",
)
"""Folders of real sessions. Benchmarks with simulated users are left out: their agents have no skills."""


def main() -> int:
    arguments = sys.argv[1:]
    data = Path(arguments[0]) if arguments else data_folder()
    out = Path(arguments[1]) if len(arguments) > 1 else ROOT / "out" / "showcase.html"
    found = [data / name for name in LOGS if (data / name).is_dir()]
    if not found:
        print(f"no logs below {data}: name the folder, or set MEMENTO_TEST_DATA", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory(prefix="memento-showcase-") as scratch:
        text = built(data, found, Path(scratch))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8", newline="\n")
    print(out)
    return 0


def data_folder() -> Path:
    """`MEMENTO_TEST_DATA`, else the shared data beside the repository."""
    return Path(os.environ.get("MEMENTO_TEST_DATA") or ROOT.parent / "shared" / "data")


def built(data: Path, found: list[Path], scratch: Path) -> str:
    """The page of all the logs."""
    now = time.time()
    users = data / "users.json"
    options = Options(now=now, home=str(scratch / "home"), users=str(users) if users.is_file() else "")
    with open_store(scratch / "store.db", clock=time.time) as store:
        scanned = pipeline.scan(store, [str(p) for p in found], options)
        done = scanned.ingested
        lines = done.lines
        said = f"{done.files:,} files, {lines.seen:,} lines: {lines.understood:,} understood, {lines.ignored:,} ignored"
        return showcase.page(store, now=now, said=[f"{said}, {lines.quarantined:,} quarantined."])


if __name__ == "__main__":
    raise SystemExit(main())
