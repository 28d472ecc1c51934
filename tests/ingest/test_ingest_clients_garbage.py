"""Any JSON in any field of a Codex, Copilot CLI or Gemini CLI log: no exception, every line accounted for."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_build import Unmasked, conserved, lines

from memento_skills.ingest.ingest import read_file
from memento_skills.ingest.result import FileResult
from memento_skills.masking import Masker
from memento_skills.records import to_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e308, -1e308, 2**63, "\\ud83d", "\ud83d", "x" * 50, "{", "Output:\n", "*** Update File: a"])
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "command", "output", "id"]), inner, max_size=3)
    ),
    max_leaves=8,
)
AT = "2026-03-01T10:00:00.000Z"


def codex(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": AT, "type": kind, "payload": payload}


def copilot(kind: str, name: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "id": name, "timestamp": AT, "agentId": "a1", "data": data}


def gemini(name: str, kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "timestamp": AT, "type": kind, "content": content, **more}


PATCH = "*** Begin Patch\n*** Update File: a\n*** End Patch"
SPENT = {"total_token_usage": {"total_tokens": 9}, "last_token_usage": {"input_tokens": 5, "output_tokens": 4}}
ITEM = {"id": "i1", "type": "command_execution", "command": "bash -lc ls", "aggregated_output": "x", "exit_code": 1}
ANSWERED = [{"functionResponse": {"id": "c1", "name": "ls", "response": {"output": "Output: a\nExit Code: 1"}}}]
LOGS: dict[str, list[dict[str, Any]]] = {
    "codex": [
        codex("session_meta", id="s1", cwd="/srv", source={"subagent": {"thread_spawn": {"parent_thread_id": "p"}}}),
        codex("turn_context", cwd="/srv", model="m", approval_policy="never", sandbox_policy={"type": "x"}),
        codex("response_item", type="message", role="user", content=[{"type": "input_text", "text": "go"}]),
        codex("response_item", type="reasoning", summary=[{"type": "summary_text", "text": "t"}]),
        codex("response_item", type="function_call", name="shell", arguments='{"command":["ls"]}', call_id="c1"),
        codex("response_item", type="custom_tool_call", name="apply_patch", input=PATCH, call_id="c2"),
        codex("response_item", type="local_shell_call", call_id="c3", action={"type": "exec", "command": ["ls"]}),
        codex("event_msg", type="token_count", info=SPENT),
        codex("event_msg", type="exec_command_end", call_id="c1", exit_code=1, status="failed"),
        codex("event_msg", type="mcp_tool_call_end", call_id="c2", result={"Ok": {"isError": True}}),
        codex("response_item", type="function_call_output", call_id="c1", output="Exit code: 1\nOutput:\nno"),
        codex("response_item", type="custom_tool_call_output", call_id="c2", output='{"output":"","metadata":{}}'),
        codex("event_msg", type="turn_aborted", reason="interrupted"),
        codex("event_msg", type="error", message="x", codex_error_info={"other": {}}),
        codex("compacted", message=""),
    ],
    "codex-exec": [
        {"type": "thread.started", "thread_id": "t1"},
        {"type": "item.started", "item": ITEM},
        {"type": "item.completed", "item": {**ITEM, "status": "failed"}},
        {"type": "item.completed", "item": {"id": "i2", "type": "file_change", "changes": [{"path": "a"}]}},
        {"type": "item.completed", "item": {"id": "i3", "type": "mcp_tool_call", "error": {"message": "x"}}},
        {"type": "item.completed", "item": {"id": "i4", "type": "agent_message", "text": "done"}},
        {"type": "turn.completed", "usage": {"input_tokens": 3, "output_tokens": 2}},
        {"type": "turn.failed", "error": {"message": "x"}},
    ],
    "copilot": [
        copilot("session.start", "e1", sessionId="s1", copilotVersion="1", context={"cwd": "/srv", "branch": "b"}),
        copilot("user.message", "e2", content="go", source="user"),
        copilot(
            "assistant.message", "e3", messageId="m", content="so", outputTokens=3, reasoningText="t",
            toolRequests=[{"toolCallId": "c1", "name": "str_replace_editor", "arguments": {"command": "view"}}],
        ),
        copilot("tool.execution_start", "e4", toolCallId="c2", toolName="bash", arguments={"command": "ls"}),
        copilot("permission.completed", "e5", toolCallId="c2", result={"kind": "denied-by-rules"}),
        copilot("tool.execution_complete", "e6", toolCallId="c1", success=True, result={"content": "x"}),
        copilot("tool.execution_complete", "e7", toolCallId="c2", success=False, error={"message": "no"}),
        copilot("session.error", "e8", errorType="quota", message="x"),
        copilot("abort", "e9", reason="x"),
    ],
    "gemini": [
        {"sessionId": "s1", "projectHash": "h", "startTime": AT, "kind": "subagent"},
        gemini("u1", "user", [{"text": "go"}], displayContent=[{"text": "go"}]),
        gemini(
            "g1", "gemini", "so", thoughts=[{"subject": "a", "description": "b"}], tokens={"input": 3, "output": 2},
            toolCalls=[{"id": "c1", "name": "run_shell_command", "args": {}, "status": "success", "result": ANSWERED}],
        ),
        gemini("i1", "info", "Request cancelled."),
        {"$set": {"messages": [gemini("u1", "user", "go")]}},
        {"$rewindTo": "u1"},
    ],
}  # fmt: skip


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


def read_rows(rows: list[dict[str, Any]], format_: str, masker: Any) -> FileResult:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log.jsonl"
        file.write_bytes(b"".join(json.dumps(r).encode() + b"\n" for r in rows))
        return read_file(file, masker=masker, format=format_)


@pytest.mark.parametrize("name", sorted(LOGS))
@given(garbage=JSON, data=st.data())
@settings(max_examples=80, deadline=None)
def test_any_value_in_any_field(name: str, garbage: Any, data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(paths(LOGS[name])))
    found = read_rows(put(LOGS[name], at, garbage), name.split("-", maxsplit=1)[0], Unmasked())
    assert conserved(found)
    assert all(to_json(run) for run in found.runs)
    assert all(s.seq == index for run in found.runs for index, s in enumerate(run.steps))


@pytest.mark.parametrize("name", sorted(LOGS))
def test_the_sample_is_read_whole_and_masking_changes_no_place(name: str) -> None:
    plain, masked = (
        read_rows(LOGS[name], name.split("-", maxsplit=1)[0], m) for m in (Unmasked(), Masker(salt=b"0" * 32))
    )
    assert plain.quarantined == masked.quarantined == ()
    assert plain.counts == masked.counts
    view = [[(s.kind, s.tool, s.call_id, s.status, s.line, s.uid) for s in f.runs[0].steps] for f in (plain, masked)]
    assert view[0] == view[1]


@pytest.mark.parametrize("name", sorted(LOGS))
@pytest.mark.parametrize("depth", [990, 3000])
def test_values_nested_deeply_do_no_harm(name: str, depth: int) -> None:
    deep = b'{"a":' * depth + b"1" + b"}" * depth
    for at in paths(LOGS[name]):
        data = lines(put(LOGS[name], at, "DEEP")).replace(b'"DEEP"', deep)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "log.jsonl"
            file.write_bytes(data)
            found = read_file(file, masker=Unmasked(), format=name.split("-", maxsplit=1)[0])
        assert conserved(found)
        assert all(to_json(run) for run in found.runs)
