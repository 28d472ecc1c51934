"""Laws of reading, for any log: conservation, idempotence, growth."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingest_build import Unmasked, answers, call, conserved, lines, result, row, says, text

from memento_skills.ingest.framing import Resume
from memento_skills.ingest.ingest import joined, read_file
from memento_skills.ingest.result import FileResult
from memento_skills.records import Run

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["type", "uuid", "sessionId", "message", "content", "timestamp", "data", "attachment", "toolUseResult", "subtype"]
)
TYPES = st.sampled_from(["user", "assistant", "system", "progress", "attachment", "summary", "pr-link", ""])
ROWS = st.builds(
    lambda kind, more, message: {"sessionId": "s1", "uuid": "u", "type": kind, "message": message, **more},
    TYPES,
    st.dictionaries(FIELDS, JSON, max_size=3),
    st.fixed_dictionaries({"role": st.just("user"), "content": JSON}) | JSON,
)
LINES = st.lists(ROWS.map(lambda r: json.dumps(r).encode()) | st.binary(max_size=60), max_size=12)
HEAD = lines([says("u-head", "hello")])


def read_bytes(data: bytes, start: Resume | None = None) -> FileResult:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.jsonl"
        file.write_bytes(data)
        return read_file(file, masker=Unmasked(), start=start)


@given(LINES)
@settings(max_examples=120, deadline=None)
def test_every_line_is_understood_ignored_or_quarantined(found_lines: list[bytes]) -> None:
    data = HEAD + b"".join(line.replace(b"\n", b" ") + b"\n" for line in found_lines)
    found = read_bytes(data)
    assert conserved(found)
    assert found.counts.seen == 1 + len(found_lines)


@given(LINES, st.integers(0, 400))
@settings(max_examples=80, deadline=None)
def test_good_lines_survive_any_other_lines(found_lines: list[bytes], seed: int) -> None:
    good = [says(f"g{i}", f"good {i}") for i in range(5)]
    mixed = [json.dumps(g).encode() for g in good] + [line.replace(b"\n", b" ") for line in found_lines]
    random.Random(seed).shuffle(mixed)
    found = read_bytes(HEAD + b"".join(line + b"\n" for line in mixed))
    words = {step.text for run in found.runs for step in run.steps}
    assert {f"good {i}" for i in range(5)} <= words


def story(seed: int) -> list[dict[str, Any]]:
    """A session with everything whose reading needs a memory."""
    chance = random.Random(seed)
    rows: list[dict[str, Any]] = [says("u0", "please fix it")]
    for i in range(chance.randint(1, 6)):
        session = chance.choice(["s1", "s1", "s2"])
        rows += [
            answers(f"a{i}", text("so"), message=f"m{i}", sessionId=session),
            answers(f"b{i}", call(f"c{i}", chance.choice(["Bash", "Read"])), message=f"m{i}", sessionId=session),
            row("progress", f"p{i}", data={"type": "bash_progress"}),
            result(f"r{i}", f"c{i}", "Exit code 1\né", error=True, sessionId=session),
        ]
        if chance.random() < 0.5:
            rows += [
                answers(f"k{i}", call(f"sk{i}", "Skill", skill="kit:lint"), message=f"n{i}"),
                result(f"l{i}", f"sk{i}", "Launching skill: kit:lint"),
                says(f"q{i}", [text("Base directory for this skill: /x/lint")], isMeta=True),
            ]
        if chance.random() < 0.4:
            rows += [says(f"x{i}", "<command-name>/exit</command-name>"), says(f"y{i}", "back again")]
    return rows


def grown(data: bytes, cuts: list[int]) -> tuple[Run, ...]:
    """Read a file that grows by the given cuts, each time from where it ended."""
    state: Resume | None = None
    pieces: list[Run] = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.jsonl"
        for cut in [*cuts, len(data)]:
            file.write_bytes(data[:cut])
            found = read_file(file, masker=Unmasked(), start=state)
            assert not found.quarantined
            if found.format:
                assert found.resumed == bool(state and state.offset)
                pieces += found.runs
                state = found.state
    return joined(pieces)


@given(st.integers(0, 10_000), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_file_that_grows_anyhow_gives_the_runs_of_the_whole_file(seed: int, data: st.DataObject) -> None:
    whole = lines(story(seed))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    assert folderless(grown(whole, cuts)) == folderless(read_bytes(whole).runs)


def folderless(runs: tuple[Run, ...]) -> list[dict[str, Any]]:
    """Runs without what differs between two temporary folders."""
    return [{f: getattr(run, f) for f in run.__struct_fields__ if f not in ("sources", "project")} for run in runs]


def test_a_file_that_grows_byte_by_byte_gives_the_runs_of_the_whole_file() -> None:
    whole = lines(story(7)[:3])
    assert folderless(grown(whole, list(range(len(whole))))) == folderless(read_bytes(whole).runs)


@pytest.mark.parametrize("seed", range(5))
def test_reading_twice_gives_the_same(seed: int, tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(lines(story(seed)))
    assert read_file(file, masker=Unmasked()) == read_file(file, masker=Unmasked())


def test_what_is_carried_holds_nobody_s_words() -> None:
    assert "please" not in read_bytes(lines(story(1))).state.carry
