"""The generic JSON lines; the examples of the reference page are read here as well."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ingest_build import Unmasked, conserved, read

from memento_skills.ingest.generic import Entry
from memento_skills.ingest.ingest import joined, read_file
from memento_skills.ingest.result import FileResult
from memento_skills.records import Run

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "generic-jsonl.md"


def given(path: Path, *entries: dict[str, Any]) -> FileResult:
    found = read(path, b"".join(json.dumps({"session": "s1", **e}).encode() + b"\n" for e in entries))
    assert found.format == "generic@1", found.reason
    assert conserved(found)
    return found


def only(found: FileResult) -> Run:
    (run,) = found.runs
    return run


def test_one_step_a_line(tmp_path: Path) -> None:
    run = only(
        given(
            tmp_path,
            {"kind": "message", "actor": "user", "text": "list the files", "user": "ada", "cwd": "/srv/app"},
            {"kind": "call", "call_id": "c1", "tool": "bash", "args": {"command": "ls"}, "ts": 1772359200},
            {"kind": "result", "call_id": "c1", "result": "ls: no", "exit_code": 2, "ts": "2026-03-01T10:00:09Z"},
            {"kind": "skill", "skill": "deploy"},
            {"kind": "outcome", "reward": 0.0, "reason": "wrong"},
        )
    )
    assert [(s.kind, s.actor, s.tool, s.call_id, s.status, s.exit_code) for s in run.steps] == [
        ("message", "user", "", "", None, None),
        ("call", "agent", "bash", "c1", None, None),
        ("result", "tool", "bash", "c1", "error", 2),
        ("skill", "agent", "deploy", "", None, None),
    ]
    assert (run.task, run.user, run.cwd, run.skills_loaded) == ("list the files", "ada", "/srv/app", ("deploy",))
    assert (run.started_at, run.ended_at) == (1772359200.0, 1772359209.0)
    assert (run.outcome.label, run.outcome.reward, run.outcome.reason) == ("failure", 0.0, "wrong")


def test_a_call_with_its_result_on_one_line(tmp_path: Path) -> None:
    run = only(given(tmp_path, {"kind": "call", "tool": "find", "args": {}, "result": "Error: none"}))
    assert [(s.kind, s.status) for s in run.steps] == [("call", None), ("result", "error")]
    assert run.steps[0].call_id == run.steps[1].call_id != ""


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "denied_user"}, "denied_user"),
        ({"status": "failed"}, "error"),
        ({"error": True}, "error"),
        ({"error": "boom"}, "error"),
        ({"error": False, "result": "Error: in a text"}, "ok"),
        ({"exit_code": 0}, "ok"),
        ({"exit_code": 0, "result": "Error: printed"}, "ok"),
        ({"exit_code": 3}, "error"),
        ({"result": "fine"}, "ok"),
        ({"status": "no such status"}, "ok"),
    ],
)
def test_how_a_call_ended(tmp_path: Path, fields: dict[str, Any], status: str) -> None:
    run = only(given(tmp_path, {"kind": "call", "call_id": "c1"}, {"kind": "result", "call_id": "c1", **fields}))
    assert run.steps[1].status == status


def test_sessions_are_runs(tmp_path: Path) -> None:
    found = given(
        tmp_path, {"kind": "notice"}, {"kind": "notice", "session": 7}, {"kind": "notice", "client": "my-agent"}
    )
    assert [(run.key, len(run.steps)) for run in found.runs] == [("my-agent:s1", 2), ("generic:7", 1)]


def test_a_repeated_id_adds_nothing(tmp_path: Path) -> None:
    found = given(tmp_path, {"kind": "message", "id": "m1", "text": "a"}, {"kind": "message", "id": "m1", "text": "a"})
    assert (len(only(found).steps), found.ignored) == (1, {"(repeated row)": 1})


def test_wrong_types_and_unknown_fields_are_tolerated(tmp_path: Path) -> None:
    run = only(
        given(tmp_path, {"kind": "message", "text": ["a", {"type": "text", "text": "b"}], "exit_code": "x", "new": 1})
    )
    assert run.steps[0].text == "a\nb"


def test_unknown_kinds_are_ignored_and_lines_without_session_quarantined(tmp_path: Path) -> None:
    found = given(tmp_path, {"kind": "message", "text": "a"}, {"kind": "dance"}, {"kind": "message", "session": None})
    assert (found.counts.ignored, found.counts.quarantined) == (1, 1)


def test_a_file_that_grew_is_read_from_where_it_ended(tmp_path: Path) -> None:
    entries = [
        {"session": "s1", "kind": "message", "actor": "user", "text": "do it", "cwd": "/srv"},
        {"session": "s1", "kind": "call", "call_id": "c1", "tool": "bash"},
        {"session": "s1", "kind": "result", "call_id": "c1", "result": "ok"},
    ]
    data = [json.dumps(e).encode() + b"\n" for e in entries]
    file = tmp_path / "log.jsonl"
    file.write_bytes(b"".join(data[:2]))
    first = read_file(file, masker=Unmasked())
    file.write_bytes(b"".join(data))
    more = read_file(file, masker=Unmasked(), start=first.state)
    assert more.counts.seen == 1
    assert joined([*first.runs, *more.runs]) == read_file(file, masker=Unmasked()).runs


def test_the_reference_page_names_every_field() -> None:
    named = set(re.findall(r"^\| `(\w+)`", PAGE.read_text("utf-8"), re.MULTILINE))
    assert named == set(Entry.__struct_fields__)


def test_the_examples_of_the_reference_page_are_understood(tmp_path: Path) -> None:
    examples = re.findall(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert examples
    for example in examples:
        found = read(tmp_path, example.encode())
        assert found.format == "generic@1"
        assert found.counts.seen == found.counts.understood > 0
