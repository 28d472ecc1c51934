"""JSON test cases and naughty strings as lines among good ones."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from ingest_build import SHARED, Unmasked, conserved, lines, needs_data, read, says

from memento_skills.ingest.ingest import read_file
from memento_skills.masking import Masker

pytestmark = [pytest.mark.data, needs_data]
BEFORE, AFTER = says("g1", "good line before"), says("g2", "good line after")


def cases() -> list[tuple[str, bytes]]:
    with tarfile.open(SHARED / "security" / "json-test-suite" / "json-test-suite.tar.gz") as archive:
        return [
            (member.name.rsplit("/", 1)[-1], archive.extractfile(member).read())  # type: ignore[union-attr]
            for member in archive
            if member.isfile() and "test_parsing" in member.name
        ]


def words(found: object) -> list[str]:
    return [step.text for run in found.runs for step in run.steps]  # type: ignore[attr-defined]


def test_each_of_the_318_cases_leaves_the_good_lines(tmp_path: Path) -> None:
    found_cases = cases()
    assert len(found_cases) == 318
    wrong = []
    for name, data in found_cases:
        found = read(tmp_path, lines([BEFORE]) + data + b"\n" + lines([AFTER]))
        good = words(found) == ["good line before", "good line after"] and conserved(found)
        refused = name.startswith("n_") and b"\n" not in data and data.strip() and not found.quarantined
        accepted = name.startswith("y_") and b"\n" not in data and found.quarantined
        if not good or refused or accepted:
            wrong.append(name)
    assert wrong == []


def test_all_cases_in_one_file_leave_every_good_line(tmp_path: Path) -> None:
    pieces = [lines([says(f"g{i}", f"good {i}")]) + data + b"\n" for i, (_, data) in enumerate(cases())]
    found = read(tmp_path, b"".join(pieces))
    assert words(found) == [f"good {i}" for i in range(318)]
    assert conserved(found)


def test_each_case_as_an_unread_field_is_refused_or_skipped(tmp_path: Path) -> None:
    refused = set()
    for name, data in cases():
        if b"\n" in data or b"\r" in data:
            continue
        inside = b'{"snapshot":' + data + b"," + lines([says("u1", "x")])[1:]
        found = read(tmp_path, lines([BEFORE]) + inside + lines([AFTER]))
        assert [w for w in words(found) if w.startswith("good")] == ["good line before", "good line after"], name
        if found.quarantined:
            refused.add(name[0])
    assert "y" not in refused


def test_naughty_strings_are_stored_unchanged(tmp_path: Path) -> None:
    naughty = json.loads((SHARED / "security" / "naughty-strings" / "blns.json").read_text("utf-8"))
    assert len(naughty) > 500
    rows = [says(f"u{i}", [{"type": "text", "text": f"|{string}|"}]) for i, string in enumerate(naughty)]
    assert words(read(tmp_path, lines(rows))) == [f"|{string}|" for string in naughty]


def test_naughty_strings_survive_the_masker(tmp_path: Path) -> None:
    """The list holds no secret; addresses and home folders in it may be masked."""
    naughty = json.loads((SHARED / "security" / "naughty-strings" / "blns.json").read_text("utf-8"))
    file = tmp_path / "log.jsonl"
    file.write_bytes(lines([says(f"u{i}", [{"type": "text", "text": f"|{s}|"}]) for i, s in enumerate(naughty)]))
    found = read_file(file, masker=Masker(salt=b"0" * 32))
    changed = [s for s, w in zip(naughty, words(found), strict=True) if w != f"|{s}|"]
    assert len(changed) <= 12


@pytest.mark.parametrize("masker", [Unmasked(), Masker(salt=b"0" * 32)], ids=["unmasked", "masked"])
def test_deep_nesting_does_not_crash(tmp_path: Path, masker: Unmasked | Masker) -> None:
    file = tmp_path / "log.jsonl"
    deep = b"[" * 100_000 + b"]" * 100_000
    inside = b'{"x":' + deep + b"," + lines([says("u1", "x")])[1:]
    file.write_bytes(lines([BEFORE]) + deep + b"\n" + inside + lines([AFTER]))
    found = read_file(file, masker=masker)
    assert words(found) == ["good line before", "good line after"]
    assert [q.reason for q in found.quarantined] == ["nested too deeply"] * 2
