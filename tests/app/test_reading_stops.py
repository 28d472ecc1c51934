"""Reading that stops in time, within a long file too, and goes on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from memento_skills.app import reading
from memento_skills.app.options import Ingested, Options
from memento_skills.store.store import Store, open_store

ROWS = 2_400
WORDS = "the quick brown fox jumps over the lazy dog. " * 200
"""Of a row: with them the file has more than two batches of 8 MiB."""


def long_log(folder: Path) -> Path:
    file = folder / "long.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for n in range(ROWS):
            row = {
                "type": "user", "uuid": f"u{n}", "sessionId": "long", "timestamp": "2026-03-01T10:00:00.000Z",
                "cwd": "/home/dev1/shop", "version": "2.1.0", "message": {"role": "user", "content": f"{n} {WORDS}"},
            }  # fmt: skip
            out.write(json.dumps(row) + "\n")
    return file


def after(calls: int) -> Callable[[], bool]:
    asked = iter(range(1_000_000))
    return lambda: next(asked) >= calls


def read(store: Store, folder: Path, enough: Callable[[], bool]) -> Ingested:
    options = Options(now=0.0, home="")
    return reading.into_store(store, reading.find([str(folder)], options), options, lambda *_: None, enough=enough)


def test_a_long_file_is_left_in_the_middle_and_read_on_to_the_same_end(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    long_log(folder)
    salt = bytes(16)
    with (
        open_store(tmp_path / "stopped.db", clock=time.time, salt=salt) as stopped,
        open_store(tmp_path / "whole.db", clock=time.time, salt=salt) as whole,
    ):
        first = read(stopped, folder, after(1))
        assert (first.waiting, first.files) == (1, 0)
        assert 0 < first.lines.seen < ROWS
        rest = read(stopped, folder, lambda: False)
        assert (rest.waiting, rest.files) == (0, 1)
        read(whole, folder, lambda: False)
        assert [len(r.steps) for r in stopped.runs()] == [ROWS]
        assert next(iter(stopped.runs())).steps == next(iter(whole.runs())).steps
        counts = [next(iter(s.files().values())).counts for s in (stopped, whole)]
        assert counts[0] == counts[1]


def test_a_file_that_was_left_is_not_taken_for_unchanged(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    long_log(folder)
    with open_store(tmp_path / "s.db", clock=time.time) as store:
        read(store, folder, after(1))
        again = read(store, folder, after(0))
        assert again.waiting == 1
        assert [len(r.steps) for r in store.runs()] < [ROWS]
