"""The logs that are measured: where they are, decompressed copies of them, and their lines."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = ROOT.parent / "shared" / "data"


class Settings(NamedTuple):
    """What a row is measured with."""

    data: Path
    """Folder of the shared logs."""
    rounds: int
    """Repetitions; figures are medians of these, ratios medians of the ratios within each."""
    copies: int
    """Copies of the logs in the growth row."""
    bytes: int
    """Decompressed size of the logs that the first screen is waited for."""
    files: int
    """At most so many files (the largest first), 0 = all: for the smoke run."""

    @property
    def claude(self) -> Path:
        """The real Claude Code logs."""
        return self.data / "claude-code"


def folder() -> Path:
    """`MEMENTO_BENCH_DATA`, else the shared data beside the repository."""
    return Path(os.environ.get("MEMENTO_BENCH_DATA") or DEFAULT)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on disk that is gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="memento-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def sessions(settings: Settings) -> list[Path]:
    """The compressed session logs; lists of checkpoints are none."""
    found = [f for f in sorted(settings.claude.rglob("*.jsonl.gz")) if not f.name.startswith("checkpoints")]
    if not found:
        raise SystemExit(f"no *.jsonl.gz below {settings.claude}: set MEMENTO_BENCH_DATA")
    return sorted(found, key=lambda f: -f.stat().st_size)[: settings.files] if settings.files else found


def decompressed(settings: Settings, target: Path) -> list[Path]:
    """Copies of the session logs without gzip, in the same folders."""
    made = []
    for file in sessions(settings):
        copy = target / file.parent.relative_to(settings.claude) / file.name.removesuffix(".gz")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(gzip.decompress(file.read_bytes()))
        made.append(copy)
    return made


def size(files: list[Path]) -> int:
    """Bytes of all files."""
    return sum(f.stat().st_size for f in files)
