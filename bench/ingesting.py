"""Row *ingest*: the program's own path into the store against bare decoding and against a peer that only parses."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import agentpile
import msgspec

from bench.data import Settings, decompressed, scratch, sessions, size
from memento_skills import detect
from memento_skills.app import reading
from memento_skills.app.options import Options
from memento_skills.ingest.ingest import read_batches, read_file
from memento_skills.store.store import open_store

SALT = bytes(32)
OPTIONS = Options(now=0.0, home="")


def quiet(what: str, done: int, total: int) -> None:
    """No progress."""


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Processor and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def decode(lines: Sequence[bytes]) -> None:
    """Bare decoding, objects dropped at once."""
    decoder = msgspec.json.Decoder()
    for line in lines:
        decoder.decode(line)


def parse(files: Sequence[Path]) -> None:
    """The peer: reads and parses, stores nothing, masks nothing."""
    for file in files:
        for run in agentpile.load(str(file), reader="claude-code-jsonl"):
            del run


def ingest(files: Sequence[Path], store: Path) -> None:
    """What `memento ingest` does after its start: read, mask, detect, store, commit."""
    with open_store(store, clock=time.time) as opened:
        found = [reading.LogFile(f, f.stat().st_size, f.stat().st_mtime_ns) for f in files]
        reading.into_store(opened, found, OPTIONS, quiet, enough=lambda: False)


def read(files: Sequence[Path]) -> None:
    """Framing, masking and decoding alone."""
    masker, told = reading.masker_of(SALT, OPTIONS), reading.reader_options(OPTIONS)
    for file in files:
        for batch in read_batches(file, masker=masker, options=told):
            del batch


def detecting(files: Sequence[Path]) -> float:
    """Processor seconds of the detectors alone."""
    masker, spent = reading.masker_of(SALT, OPTIONS), 0.0
    for file in files:
        for run in read_file(file, masker=masker).runs:
            start = time.process_time()
            detect.failures(run)
            spent += time.process_time() - start
    return spent


def row(settings: Settings) -> dict[str, Any]:
    """MB/s of everything, on one core, and the ratios."""
    with scratch() as folder:
        files = decompressed(settings, folder / "logs")
        lines = [line for f in files for line in f.read_bytes().split(b"\n") if line]
        total = size(files) / 1e6
        rounds = [_round(files, lines, folder, number) for number in range(settings.rounds)]
        zipped = seconds(lambda: ingest(sessions(settings), folder / "zipped.db"))
        found = detecting(files)
    medians = {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}
    store = medians["ingest_cpu"] - medians["read_cpu"] - found
    return {
        "mb": total,
        "files": len(files),
        "mb_per_s": {
            "ingest": total / medians["ingest_cpu"],
            "ingest_wall": total / medians["ingest_wall"],
            "ingest_gz": total / zipped[0],
            "decode": total / medians["decode_cpu"],
            "agentpile": total / medians["agentpile_cpu"],
        },
        "seconds": {
            "read_mask_decode": medians["read_cpu"],
            "detect": found,
            "store": store,
            "ingest": medians["ingest_cpu"],
        },
        "ratio_decode": statistics.median(r["decode_cpu"] / r["ingest_cpu"] for r in rounds),
        "ratio_agentpile": statistics.median(r["agentpile_cpu"] / r["ingest_cpu"] for r in rounds),
        "ratio_decode_range": [f(r["decode_cpu"] / r["ingest_cpu"] for r in rounds) for f in (min, max)],
    }


def _round(files: Sequence[Path], lines: Sequence[bytes], folder: Path, number: int) -> dict[str, float]:
    works: dict[str, Callable[[], object]] = {
        "decode": lambda: decode(lines),
        "ingest": lambda: ingest(files, folder / f"{number}.db"),
        "agentpile": lambda: parse(files),
        "read": lambda: read(files),
    }
    spent: dict[str, float] = {}
    for name, work in works.items():
        spent[f"{name}_cpu"], spent[f"{name}_wall"] = seconds(work)
    return spent
