"""Speed of masking on real log lines, against decoding the same lines: `python bench/masking.py [FOLDER]`.

FOLDER (default: `$MEMENTO_BENCH_DATA/claude-code/entire-cli`) holds `*.jsonl.gz`. Decompression is outside of the
timing; both sides run on the same blocks of whole lines (about 1 MiB), best of three, process time of one core.
"""

from __future__ import annotations

import gzip
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from memento_skills.masking import Masker, home_prefixes

BLOCK = 1 << 20


def blocks(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        end = data.find(b"\n", at + BLOCK) + 1 or len(data)
        yield data[at:end]
        at = end


def seconds(work: Callable[[bytes], object], parts: list[bytes]) -> float:
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        for part in parts:
            work(part)
        best = min(best, time.process_time() - start)
    return best


def measure(files: Iterable[Path]) -> dict[str, float]:
    """MB/s of masking and of `msgspec.json.decode` (objects dropped at once), and their ratio."""
    parts = [part for file in files for part in blocks(gzip.decompress(file.read_bytes()))]
    size = sum(map(len, parts)) / 1e6
    masker = Masker(salt=bytes(16))
    mask = size / seconds(lambda part: masker.mask_block(part, home_prefixes(part)), parts)
    decode = size / seconds(msgspec.json.Decoder().decode_lines, parts)
    return {"mb": size, "mask_mb_s": mask, "decode_mb_s": decode, "ratio": mask / decode}


def main() -> None:
    data = Path(os.environ.get("MEMENTO_BENCH_DATA", Path(__file__).parents[2] / "shared" / "data"))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else data / "claude-code" / "entire-cli"
    files = sorted(f for f in folder.glob("*.jsonl.gz") if not f.name.startswith("checkpoints"))
    if not files:
        raise SystemExit(f"no *.jsonl.gz in {folder}: give a folder of logs")
    for name, value in measure(files).items():
        print(f"{name:12} {value:8.2f}")


if __name__ == "__main__":
    main()
