"""Speed of reading logs, masked, on one core: `python bench/ingest_read.py [FOLDER]` (default: MEMENTO_BENCH_DATA).

Prints bytes/s of `msgspec.json.decode` on the same decompressed lines (objects dropped at once), of `read_batches`
with the masker and MessagePack encoding of the steps, their ratio (aim 0.10, stretch 0.20), the same without the
masker, and the peak memory of reading. Decompression is part of reading, not of decoding.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec

from memento_skills.ingest import framing
from memento_skills.ingest.discover import files_under
from memento_skills.ingest.ingest import read_batches
from memento_skills.ingest.onepass import Masks
from memento_skills.ingest.sniff import reader_for
from memento_skills.masking import HomePrefixes, Masker

DEFAULT = os.environ.get("MEMENTO_BENCH_DATA") or str(Path(__file__).parents[2] / "shared" / "data")


class Unmasked:
    """The masker's shape, without masking: what reading costs beside it."""

    def mask_block(self, block: bytes, homes: HomePrefixes) -> bytes:
        del homes
        return block


def logs(folder: Path) -> list[str]:
    """The files below `folder` that a reader takes."""
    return [f.path for f in files_under([folder]) if reader_for(framing.head_of(Path(f.path))[0])]


def seconds(work: Callable[[], int], repeats: int) -> tuple[float, int]:
    """The best of `repeats` runs, and the bytes that it went through."""
    best, size = float("inf"), 0
    for _ in range(repeats):
        start = time.process_time()
        size = work()
        best = min(best, time.process_time() - start)
    return best, size


def decoding(files: list[str]) -> tuple[float, int]:
    """Seconds of bare decoding of all lines, read into memory file by file, and their bytes."""
    spent, size = 0.0, 0
    for file in files:
        path = Path(file)
        _, kind = framing.head_of(path)
        pieces = framing.blocks(path, kind)
        lines = [line for p in pieces if isinstance(p, framing.Block) for line in p.lines if line.strip()]
        size += sum(map(len, lines))
        start = time.process_time()
        for line in lines:
            try:
                msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
        spent += time.process_time() - start
    return spent, size


def reading(files: list[str], masker: Masks) -> int:
    """Read and encode everything; returns decompressed bytes."""
    encode = msgspec.msgpack.Encoder().encode
    size = 0
    for file in files:
        for batch in read_batches(file, masker=masker):
            size += batch.bytes
            for run in batch.runs:
                encode(run.steps)
    return size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=f"{DEFAULT}/claude-code", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    files = logs(given.folder)
    if not files:
        sys.exit(f"no logs below {given.folder}")
    spent, size = min(decoding(files) for _ in range(given.repeats))
    masker = Masker(salt=b"bench" * 8)
    masked, _ = seconds(lambda: reading(files, masker), given.repeats)
    bare, _ = seconds(lambda: reading(files, Unmasked()), given.repeats)
    tracemalloc.start()
    reading(files, Unmasked())
    peak = tracemalloc.get_traced_memory()[1]
    found = {
        "files": len(files),
        "megabytes": round(size / 1e6, 1),
        "decode_mb_s": round(size / spent / 1e6, 1),
        "read_masked_mb_s": round(size / masked / 1e6, 1),
        "read_unmasked_mb_s": round(size / bare / 1e6, 1),
        "ratio": round(spent / masked, 3),
        "ratio_unmasked": round(spent / bare, 3),
        "peak_python_mb": round(peak / 1e6, 1),
    }
    print(json.dumps(found) if given.json else "\n".join(f"{name:20} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
