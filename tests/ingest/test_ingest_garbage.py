"""Any JSON in any field of any format: read without an exception, accounted for, and fit to be stored."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_build import Unmasked, answers, call, conserved, lines, read, result, row, says

from memento_skills.ingest.ingest import read_file
from memento_skills.ingest.result import FileResult
from memento_skills.records import to_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "name", "input", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
GENERIC: dict[str, Any] = {"session": "s1", "kind": "call", "call_id": "c1", "tool": "t", "args": {}, "result": "r"}
CHAT: list[dict[str, Any]] = [
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "r", "name": "f", "timestamp": 1, "is_error": False},
]


def read_bytes(data: bytes) -> FileResult:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log"
        file.write_bytes(data)
        return read_file(file, masker=Unmasked())


def sound(found: FileResult) -> bool:
    return conserved(found) and all(to_json(run) for run in found.runs)


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] * bool(at) + [p for key, part in inner for p in paths(part, (*at, key))]


def put(value: Any, at: tuple[Any, ...], garbage: Any) -> Any:
    copy = json.loads(json.dumps(value))
    inside = copy
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = garbage
    return copy


SAMPLES = {
    "user": says("u1", [{"type": "text", "text": "x"}]),
    "result": {**result("r1", "c1", [{"type": "text", "text": "x"}]), "toolUseResult": {"interrupted": False}},
    "answer": answers("a1", call("c1", "Skill", skill="x")),
    "progress": row("progress", "p1", data={"type": "agent_progress", "agentId": "a", "message": says("i1", "x")}),
    "notice": row("system", "n1", subtype="api_error", error={"x": 1}, content="x"),
    "compaction": row(
        "system", "n2", subtype="microcompact_boundary", microcompactMetadata={"compactedToolIds": ["c"]}
    ),
    "listing": row("attachment", "l1", attachment={"type": "skill_listing", "content": "- a: b", "hookName": "h"}),
    "queued": row("attachment", "l2", attachment={"type": "queued_command", "prompt": "x", "commandMode": "prompt"}),
    "hook": row("attachment", "l3", attachment={"type": "hook_blocking_error", "blockingError": {"x": 1}}),
    "allowed": row("attachment", "l4", attachment={"type": "command_permissions", "allowedTools": ["a"]}),
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
@given(garbage=JSON, data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_value_in_any_field_of_a_claude_code_row(name: str, garbage: Any, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(paths(SAMPLES[name])))
    found = read_bytes(lines([says("u0", "before"), put(SAMPLES[name], at, garbage), says("u9", "after")]))
    words = [step.text for run in found.runs for step in run.steps]
    assert sound(found)
    assert {"before", "after"} <= set(words)


@given(garbage=JSON, data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_value_in_any_field_of_a_chat(garbage: Any, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(paths(CHAT)))
    first = {"messages": [{"role": "user", "content": "before"}]}
    assert sound(read_bytes(json.dumps([first, {"messages": put(CHAT, at, garbage)}]).encode()))


@given(
    garbage=JSON,
    field=st.sampled_from(["args", "result", "status", "error", "ts", "text", "id", "exit_code", "skills"]),
)
@settings(max_examples=150, deadline=None)
def test_any_value_in_any_field_of_a_generic_line(garbage: Any, field: str) -> None:
    found = read_bytes(json.dumps(GENERIC).encode() + b"\n" + json.dumps({**GENERIC, field: garbage}).encode() + b"\n")
    assert sound(found)
    assert found.counts.understood >= 1


@pytest.mark.parametrize("depth", [50, 200, 900, 990, 2000])
def test_arguments_nested_deeply_can_be_stored(tmp_path: Path, depth: int) -> None:
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    row_of_call = lines([answers("a1", call("c1", "Bash", x="DEEP"))]).replace(b'"DEEP"', deep)
    found = read(tmp_path, lines([says("u0", "before")]) + row_of_call + lines([says("u9", "after")]))
    assert sound(found)
    assert [s.text for s in found.runs[0].steps if s.kind == "message"] == ["before", "after"]


def test_contents_nested_deeply_can_be_stored(tmp_path: Path) -> None:
    for depth in (100, 300, 450, 990):
        deep = b'[{"type":5,"content":' * depth + b'"x"' + b"}]" * depth
        data = lines([says("u1", "DEEP")]).replace(b'"DEEP"', deep)
        assert sound(read(tmp_path, lines([says("u0", "before")]) + data))


def test_many_unclosed_wrappers_are_read_in_time(tmp_path: Path) -> None:
    hostile = "<command-name>x</command-name>" + "<command-args>" * 200_000 + "<system-reminder>" * 100_000
    found = read(
        tmp_path, lines([says("u1", hostile), says("u2", "<bash-input></bash-input>" * 50_000, cwd="/a" * 90_000)])
    )
    assert found.counts.understood == 2
