"""Row *start*: `memento --help`."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

from bench.child import MEMENTO, memento
from bench.data import Settings, scratch

TIMES = 10


def row(settings: Settings) -> dict[str, Any]:
    """Wall seconds and peak MB, medians of ten; a bare interpreter beside it."""
    installed = Path(sys.executable).parent / "memento"
    command = [str(installed)] if installed.exists() else list(MEMENTO)
    with scratch() as home:
        memento(["--help"], home, command)  # the first start fills the cache of compiled modules
        runs = [memento(["--help"], home, command) for _ in range(TIMES)]
        bare = [memento(["-c", "pass"], home, [sys.executable]) for _ in range(TIMES)]
    return {
        "times": TIMES,
        "wall": statistics.median(r.wall for r in runs),
        "cpu": statistics.median(r.cpu for r in runs),
        "rss": statistics.median(r.rss for r in runs),
        "python_wall": statistics.median(r.wall for r in bare),
        "python_rss": statistics.median(r.rss for r in bare),
        "rounds": settings.rounds,
    }
