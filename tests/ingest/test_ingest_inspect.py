"""Inspect's evaluation logs: samples are runs, archives are read within bounds."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_build import Unmasked, conserved

from memento_skills.ingest import zipped
from memento_skills.ingest.ingest import read_file
from memento_skills.ingest.result import FileResult
from memento_skills.records import Outcome, Run, Usage

HEADER = {
    "version": 2,
    "status": "success",
    "eval": {"run_id": "r1", "task": "sheets", "model": "model-a", "packages": {"inspect_ai": "0.3.1"}},
}


def asked(text: str) -> dict[str, Any]:
    return {"id": "m0", "content": text, "source": "input", "role": "user"}


def called(call_id: str = "c1", tool: str = "bash", **arguments: Any) -> dict[str, Any]:
    call = {"id": call_id, "function": tool, "arguments": arguments, "type": "function"}
    return {"id": f"m-{call_id}", "content": "so", "role": "assistant", "tool_calls": [call]}


def answered(call_id: str = "c1", content: Any = "", **more: Any) -> dict[str, Any]:
    return {"content": content, "role": "tool", "tool_call_id": call_id, "function": "bash", **more}


def sample(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"id": 1, "epoch": 2, "input": "fix it", "target": "x", "messages": [asked("fix it"), *messages]}
    return {**base, **more}


def archive(*samples: dict[str, Any], header: dict[str, Any] | None = HEADER) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for number, one in enumerate(samples):
            target.writestr(f"samples/{number}_epoch_1.json", json.dumps(one, indent=2))
        target.writestr("summaries.json", "[]")
        if header is not None:
            target.writestr("header.json", json.dumps(header, indent=2))
    return made.getvalue()


def read(folder: Path, data: bytes) -> FileResult:
    file = folder / "log.eval"
    file.write_bytes(data)
    found = read_file(file, masker=Unmasked())
    assert conserved(found)
    return found


def run_of(folder: Path, *messages: dict[str, Any], **more: Any) -> Run:
    (run,) = read(folder, archive(sample(*messages, **more))).runs
    return run


def result_of(run: Run) -> tuple[str | None, str]:
    (result,) = [s for s in run.steps if s.kind == "result"]
    return result.status, result.text


def test_each_sample_of_an_archive_is_a_run(tmp_path: Path) -> None:
    found = read(tmp_path, archive(sample(called(command="ls"), answered(content="a")), sample(uuid="u9")))
    assert (found.format, [run.id for run in found.runs]) == ("inspect@1", ["r1/1/2", "u9"])
    run = found.runs[0]
    assert [(s.kind, s.tool or s.text) for s in run.steps] == [
        ("message", "fix it"), ("message", "so"), ("call", "bash"), ("result", "bash"),
    ]  # fmt: skip
    assert (run.model, run.project, run.client_version, run.task) == ("model-a", "sheets", "0.3.1", "fix it")


def test_a_log_in_json_gives_the_same_runs(tmp_path: Path) -> None:
    one = sample(called(), answered(content="a"))
    document = json.dumps({**HEADER, "samples": [one]}, indent=1).encode()
    assert read(tmp_path, document).runs == read(tmp_path, archive(one)).runs


@pytest.mark.parametrize(
    ("kind", "status"),
    [("permission", "error"), ("timeout", "timeout"), ("approval", "denied_policy"), ("parsing", "error")],
)
def test_the_type_of_a_tool_s_error_tells_how_its_call_ended(tmp_path: Path, kind: str, status: str) -> None:
    answer = answered(error={"type": kind, "message": "not so"})
    assert result_of(run_of(tmp_path, called(), answer)) == (status, "not so")


def test_a_person_who_did_not_approve_denied_the_call(tmp_path: Path) -> None:
    rejected = {"event": "approval", "call": {"id": "c1"}, "approver": "human", "decision": "reject"}
    answer = answered(error={"type": "approval", "message": "no"})
    assert result_of(run_of(tmp_path, called(), answer, events=[rejected]))[0] == "denied_user"


def test_events_tell_when_and_at_what_cost(tmp_path: Path) -> None:
    output = {"choices": [{"message": {"id": "m-c1"}}], "usage": {"input_tokens": 5, "input_tokens_cache_read": 7}}
    model = {"event": "model", "timestamp": "2026-03-01T10:00:00Z", "output": output}
    tool = {"event": "tool", "id": "c1", "timestamp": "2026-03-01T10:00:01Z", "completed": "2026-03-01T10:00:02Z"}
    run = run_of(tmp_path, called(), answered(content="a"), events=[model, tool])
    assert [s.usage for s in run.steps if s.usage] == [Usage(input=5, cache_read=7)]
    assert (run.started_at, run.ended_at) == (1772359200.0, 1772359202.0)


def test_calls_that_only_events_tell_are_a_sub_agent_s(tmp_path: Path) -> None:
    within = {
        "event": "tool", "id": "c5", "function": "grep", "arguments": {"x": 1}, "agent": "scout",
        "timestamp": "2026-03-01T10:00:01Z", "error": {"type": "unknown", "message": "no"},
    }  # fmt: skip
    outer = {"event": "tool", "id": "c1", "timestamp": "2026-03-01T10:00:00Z", "completed": "2026-03-01T10:00:05Z"}
    run = run_of(tmp_path, called(tool="ask"), answered(content="a"), events=[outer, within])
    assert [(s.kind, s.call_id, s.agent) for s in run.steps if s.call_id] == [
        ("call", "c1", ""), ("call", "c5", "scout"), ("result", "c5", "scout"), ("result", "c1", ""),
    ]  # fmt: skip


def test_attachments_are_put_back(tmp_path: Path) -> None:
    answer = answered(content="attachment://abc")
    assert result_of(run_of(tmp_path, called(), answer, attachments={"abc": "long"})) == ("ok", "long")


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"scores": {"match": {"value": "C"}}}, Outcome(label="success", reason="match: pass")),
        (
            {"scores": {"a": {"value": 1}, "b": {"value": "I", "explanation": "no"}}},
            Outcome(label="failure", reason="b: no"),
        ),
        ({"scores": {"style": {"value": 0.5}}}, Outcome(reward=0.5, reason="style")),
        ({"error": {"message": "broke", "traceback": "x"}}, Outcome(label="failure", reason="broke")),
        ({"limit": {"type": "token", "limit": 9}}, Outcome(label="failure", reason="limit: token")),
    ],
)  # fmt: skip
def test_scores_errors_and_limits_are_the_outcome(tmp_path: Path, more: Any, outcome: Outcome) -> None:
    assert run_of(tmp_path, **more).outcome == outcome


def test_another_archive_is_no_log(tmp_path: Path) -> None:
    found = read(tmp_path, archive(sample(), header=None))
    assert (found.format, found.reason) == (None, "binary or UTF-16, not a log in UTF-8")


def test_a_member_that_is_too_large_is_left_out_and_said(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        target.writestr("samples/0.json", b"c" * (zipped.MEMBER_CAP + 1))
        target.writestr("samples/1.json", json.dumps(sample(uuid="u2")))
        target.writestr("header.json", json.dumps(HEADER))
    found = read(tmp_path, made.getvalue())
    assert [run.id for run in found.runs] == ["u2"]
    assert [q.reason for q in found.quarantined] == ["zip: member 1 is larger than 64 MiB, or all are than a GiB"]


def packed_with_zstd(text: bytes, **changed: int) -> bytes:
    """An archive with one member packed by Zstandard and a header, written by hand from the format's specification."""
    names, bodies = [b"samples/0.json", b"header.json"], [text, json.dumps(HEADER).encode()]
    local, central = b"", b""
    for title, body in zip(names, bodies, strict=True):
        data = zstandard.ZstdCompressor().compress(body)
        crc = changed.get("crc", zlib.crc32(body))
        size = changed.get("size", len(data))
        fields = struct.pack("<HHHHHIIIHH", 63, 0, 93, 0, 33, crc, size, len(body), len(title), 0)
        central += b"PK\x01\x02" + struct.pack("<H", 63) + fields
        central += struct.pack("<HHHII", 0, 0, 0, 0, len(local)) + title
        local += b"PK\x03\x04" + fields + title + data
    end = struct.pack("<HHHHIIH", 0, 0, 2, 2, len(central), len(local), 0)
    return local + central + b"PK\x05\x06" + end


def test_members_packed_with_zstandard_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, packed_with_zstd(json.dumps(sample(uuid="u1")).encode()))
    assert [run.id for run in found.runs] == ["u1"]
    assert found.quarantined == ()


@pytest.mark.parametrize("changed", [{"crc": 5}, {"size": 2**31}, {"size": 3}])
def test_wrong_facts_of_a_zstandard_member_are_said_or_harmless(tmp_path: Path, changed: dict[str, int]) -> None:
    found = read(tmp_path, packed_with_zstd(json.dumps(sample(uuid="u1")).encode(), **changed))
    assert [run.id for run in found.runs] in ([], ["u1"])


def test_a_zstandard_member_that_unpacks_to_too_much_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, packed_with_zstd(b"0" * (zipped.MEMBER_CAP + 1)))
    assert [q.reason[:23] for q in found.quarantined] == ["zip: member 1 is larger"]


def test_a_broken_or_encrypted_member_is_left_out_and_said(tmp_path: Path) -> None:
    data = bytearray(archive(sample(uuid="u1"), sample(uuid="u2")))
    first = data.index(b"PK\x01\x02")  # of the central directory: sample 0
    data[first + 8 : first + 10] = struct.pack("<H", 1)
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 16 : second + 20] = b"\0\0\0\0"
    found = read(tmp_path, bytes(data))
    assert [q.reason.partition(":")[0] for q in found.quarantined] == ["zip", "zip"]
    assert found.runs == ()


def test_names_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    made = io.BytesIO(archive(sample(uuid="u1")))
    with zipfile.ZipFile(made, "a") as target:
        target.writestr("samples/../../evil.json", json.dumps(sample(uuid="u2")))
    assert [run.id for run in read(tmp_path, made.getvalue()).runs] == ["u1", "u2"]
    assert [path.name for path in tmp_path.parent.rglob("evil.json")] == []


@given(st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_an_archive_with_any_bytes_changed_is_read_without_an_exception(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(archive(sample(called(), answered(content="a")), sample(uuid="u2")))
    for place, byte in changes:
        data[place % len(data)] = byte
    read(tmp_path_factory.mktemp("z"), bytes(data))
