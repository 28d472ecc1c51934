"""Bytes to lines: compression, long lines, tails, growth."""

from __future__ import annotations

import gzip
import hashlib
import os
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from ingest_build import Unmasked, conserved, lines, read, says

from memento_skills.ingest import framing
from memento_skills.ingest.framing import Block, Unframed
from memento_skills.ingest.ingest import read_batches, read_file
from memento_skills.ingest.result import Options

ROWS = [says(f"u{i}", f"message number {i}") for i in range(500)]


def texts(found: object) -> list[str]:
    return [step.text for run in found.runs for step in run.steps]  # type: ignore[attr-defined]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_compression_is_told_by_content_whatever_the_name(tmp_path: Path, compress: object) -> None:
    found = read(tmp_path, compress(lines(ROWS)), "log.txt")  # type: ignore[operator]
    assert texts(found) == [f"message number {i}" for i in range(500)]
    assert conserved(found)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_several_members_are_one_stream(tmp_path: Path, compress: object) -> None:
    data = lines(ROWS)
    members = b"".join(compress(data[i : i + 10_000]) for i in range(0, len(data), 10_000))  # type: ignore[operator]
    assert len(texts(read(tmp_path, members))) == 500


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_cut_archive_keeps_what_was_readable_and_says_the_rest(tmp_path: Path, compress: object) -> None:
    noisy = [says(f"u{i}", os.urandom(2000).hex()) for i in range(300)]
    data = compress(lines(noisy))  # type: ignore[operator]
    found = read(tmp_path, data[: len(data) * 2 // 3])
    assert 100 < len(texts(found)) < 300
    assert any("ends before its end mark" in q.reason for q in found.quarantined)
    assert conserved(found)


def test_zero_padding_after_a_gzip_member_is_no_fault(tmp_path: Path) -> None:
    assert read(tmp_path, gzip.compress(lines(ROWS)) + b"\0" * 512).quarantined == ()


def test_junk_after_a_gzip_member_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, gzip.compress(lines(ROWS)) + b"junk that is no member")
    assert len(texts(found)) == 500
    assert ["gzip" in q.reason for q in found.quarantined] == [True]


def test_a_line_of_100_mib_is_quarantined_and_the_rest_goes_on(tmp_path: Path) -> None:
    before, after = lines([says("u1", "before")]), lines([says("u2", "after")])
    long = b'{"x":"' + b"a" * (100 << 20) + b'"}'
    file = tmp_path / "log.jsonl"
    file.write_bytes(before + long + b"\n" + after)
    tracemalloc.start()
    found = read_file(file, masker=Unmasked())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (kept_out,) = found.quarantined
    assert texts(found) == ["before", "after"]
    assert (kept_out.line, kept_out.offset, kept_out.size) == (2, len(before), len(long))
    assert kept_out.sha256 == hashlib.sha256(long).hexdigest()
    assert "16 MiB" in kept_out.reason
    assert found.runs[0].steps[1].line == 3
    assert peak < 90 << 20


def test_an_endless_line_at_the_end_is_quarantined(tmp_path: Path) -> None:
    found = read(tmp_path, lines([says("u1", "before")]) + b"a" * (17 << 20))
    assert [q.size for q in found.quarantined] == [17 << 20]
    assert conserved(found)


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_decompression_bomb_is_bounded(tmp_path: Path, compress: object) -> None:
    file = tmp_path / "bomb.jsonl"
    head = lines([says("u1", "before")])
    file.write_bytes(compress(head) + b"".join([compress(b"\0" * (60 << 20))] * 3))  # type: ignore[operator]
    tracemalloc.start()
    found = read_file(file, masker=Unmasked())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert texts(found) == ["before"]
    assert peak < 80 << 20
    assert [q.size for q in found.quarantined] == [180 << 20]


def test_an_unfinished_last_line_waits(tmp_path: Path) -> None:
    data = lines(ROWS[:3])
    found = read(tmp_path, data[:-20])
    assert (len(texts(found)), found.waiting) == (2, len(lines([ROWS[2]])) - 20)
    assert found.quarantined == ()
    rest = tmp_path / "log.jsonl"
    rest.write_bytes(data)
    assert texts(read_file(rest, masker=Unmasked(), start=found.state)) == ["message number 2"]


def test_a_whole_last_object_without_line_break_is_read_once(tmp_path: Path) -> None:
    data = lines(ROWS[:3])
    found = read(tmp_path, data[:-1])
    file = tmp_path / "log.jsonl"
    file.write_bytes(data + lines([ROWS[3]]))
    more = read_file(file, masker=Unmasked(), start=found.state)
    assert texts(found) == [f"message number {i}" for i in range(3)]
    assert texts(more) == ["message number 3"]
    assert (more.counts.seen, more.runs[0].steps[0].line) == (1, 4)


def test_an_unfinished_last_line_of_an_archive_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, gzip.compress(lines(ROWS[:3])[:-20]))
    assert [q.reason for q in found.quarantined] == ["the file ends in the middle of a line"]


def test_a_file_with_another_beginning_is_read_whole(tmp_path: Path) -> None:
    first = read(tmp_path, lines(ROWS[:5]))
    other = lines([says(f"v{i}", f"other text {i} of the same length?") for i in range(9)])
    file = tmp_path / "log.jsonl"
    file.write_bytes(other)
    again = read_file(file, masker=Unmasked(), start=first.state)
    assert (again.resumed, len(texts(again))) == (False, 9)


def test_a_truncated_prefix_glued_to_a_whole_row_is_quarantined(tmp_path: Path) -> None:
    whole = lines([ROWS[1]])
    found = read(tmp_path, lines([ROWS[0]]) + whole[:80] + whole + lines([ROWS[2]]))
    assert texts(found) == ["message number 0", "message number 2"]
    assert [q.line for q in found.quarantined] == [2]


def test_the_hash_of_a_quarantined_line_is_that_of_the_file(tmp_path: Path) -> None:
    data = lines(ROWS[:2]) + b'{"broken": \n' + lines(ROWS[2:4])
    (kept_out,) = read(tmp_path, data).quarantined
    piece = data[kept_out.offset : kept_out.offset + kept_out.size]
    assert kept_out.sha256 == hashlib.sha256(piece).hexdigest()


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
def test_blocks_tile_the_file(tmp_path: Path, size: int) -> None:
    file = tmp_path / "log.jsonl"
    data = lines(ROWS) + b"tail"
    file.write_bytes(data)
    pieces = list(framing.blocks(file, "plain"))
    assert b"".join(p.data for p in pieces if isinstance(p, Block)) == data
    assert [p.tail for p in pieces if isinstance(p, Block)][-1]
    assert not any(isinstance(p, Unframed) for p in pieces)


def test_reading_in_batches_keeps_memory_flat(tmp_path: Path) -> None:
    peaks = []
    for size in (300, 1200):
        file = tmp_path / f"{size}.jsonl"
        with file.open("wb") as out:
            for i in range(size):
                out.write(lines([says(f"u{i}-{k}", "word " * 4000) for k in range(2)]))
        tracemalloc.start()
        count = sum(
            len(run.steps)
            for batch in read_batches(file, masker=Unmasked(), options=Options(batch=1 << 20))
            for run in batch.runs
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == 2 * size
    assert peaks[1] < 1.2 * peaks[0]


def test_each_batch_can_be_gone_on_from(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(lines([says(f"u{i}", "word " * 4000) for i in range(200)]))
    batches = list(read_batches(file, masker=Unmasked(), options=Options(batch=1 << 20)))
    assert len(batches) > 2
    for n, batch in enumerate(batches[:-1]):
        rest = read_file(file, masker=Unmasked(), start=batch.state)
        done = sum(len(r.steps) for b in batches[: n + 1] for r in b.runs)
        assert len(texts(rest)) == 200 - done
        assert rest.runs[0].steps[0].seq == done
