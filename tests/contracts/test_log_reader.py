"""The contract of `LogReader`, for every built-in reader."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memento_skills.ingest.framing import Line
from memento_skills.ingest.reader import BaseReader
from memento_skills.ingest.sniff import READERS
from memento_skills.interfaces import LogReader
from memento_skills.records import Run, to_json

SAMPLES: dict[str, list[bytes]] = {
    "claude-code": [
        b'{"type":"user","uuid":"u1","sessionId":"s1","message":{"role":"user","content":"fix it"}}',
        (
            b'{"type":"assistant","uuid":"a1","sessionId":"s1","message":{"id":"m1","model":"model-a","content":'
            b'[{"type":"text","text":"so"},{"type":"tool_use","id":"c1","name":"Bash","input":{"command":"ls"}}]}}'
        ),
        (
            b'{"type":"user","uuid":"u2","sessionId":"s1","message":{"role":"user","content":'
            b'[{"type":"tool_result","tool_use_id":"c1","content":"Exit code 1","is_error":true}]}}'
        ),
        b'{"type":"user","uuid":"u3","sessionId":"s2","message":{"role":"user","content":"other session"}}',
    ],
    "codex": [
        b'{"timestamp":"2026-03-01T10:00:00.000Z","type":"session_meta","payload":{"id":"s1","cwd":"/home/ada/app"}}',
        (
            b'{"timestamp":"2026-03-01T10:00:01.000Z","type":"response_item","payload":{"type":"message","role":"user",'
            b'"content":[{"type":"input_text","text":"fix it"}]}}'
        ),
        (
            b'{"timestamp":"2026-03-01T10:00:03.000Z","type":"response_item","payload":{"type":"function_call",'
            b'"name":"shell","arguments":"{\\"command\\":[\\"ls\\",\\"x\\"]}","call_id":"c1"}}'
        ),
        (
            b'{"timestamp":"2026-03-01T10:00:04.000Z","type":"response_item","payload":{"type":"function_call_output",'
            b'"call_id":"c1","output":"Exit code: 2\\nWall time: 0 seconds\\nOutput:\\nls: x: No such file"}}'
        ),
        b'{"timestamp":"2026-03-01T11:00:00.000Z","type":"session_meta","payload":{"id":"s2","cwd":"/home/ada/app"}}',
        (
            b'{"timestamp":"2026-03-01T11:00:01.000Z","type":"response_item","payload":{"type":"message","role":"user",'
            b'"content":[{"type":"input_text","text":"other session"}]}}'
        ),
    ],
    "atif": [
        (
            b'{"schema_version":"ATIF-v1.7","session_id":"s1","agent":{"name":"a","version":"1"},"steps":['
            b'{"step_id":1,"source":"user","message":"fix it"},{"step_id":2,"source":"agent","message":"so",'
            b'"tool_calls":[{"tool_call_id":"c1","function_name":"run","arguments":{}}],"observation":{"results":'
            b'[{"source_call_id":"c1","content":"no","extra":{"is_error":true}}]}}]}'
        ),
        (
            b'{"schema_version":"ATIF-v1.8","session_id":"s2","agent":{"name":"a","version":"1"},"steps":['
            b'{"step_id":1,"source":"user","message":"other session"}]}'
        ),
    ],
    "opencode": [
        (
            b'{"info":{"id":"s1","projectID":"p1","directory":"/app"},"messages":[{"info":{"id":"m1","role":"user"},'
            b'"parts":[{"id":"p1","type":"text","text":"fix it"}]},{"info":{"id":"m2","role":"assistant"},"parts":['
            b'{"id":"p2","type":"tool","callID":"c1","tool":"read","state":{"status":"error","input":{},"error":"no"}}'
            b"]}]}"
        ),
        (
            b'{"info":{"id":"s2","projectID":"p1","directory":"/app"},"messages":[{"info":{"id":"m3","role":"user"},'
            b'"parts":[{"id":"p3","type":"text","text":"other session"}]}]}'
        ),
    ],
    "copilot": [
        b'{"type":"session.start","data":{"sessionId":"s1","copilotVersion":"1.0"},"id":"e1"}',
        b'{"type":"user.message","data":{"content":"fix it"},"id":"e2"}',
        (
            b'{"type":"assistant.message","data":{"messageId":"m1","content":"so","toolRequests":[{"toolCallId":"c1",'
            b'"name":"bash","arguments":{"command":"ls x"}}]},"id":"e3"}'
        ),
        b'{"type":"tool.execution_start","data":{"toolCallId":"c1","toolName":"bash","arguments":{}},"id":"e4"}',
        (
            b'{"type":"tool.execution_complete","data":{"toolCallId":"c1","success":true,"result":'
            b'{"content":"ls: x: No such file\\n<shellId: 1 completed with exit code 2>"}},"id":"e5"}'
        ),
        b'{"type":"session.start","data":{"sessionId":"s2"},"id":"e6"}',
        b'{"type":"user.message","data":{"content":"other session"},"id":"e7"}',
    ],
    "gemini": [
        b'{"sessionId":"s1","projectHash":"abc","startTime":"2026-03-01T10:00:00.000Z","kind":"main"}',
        b'{"id":"u1","timestamp":"2026-03-01T10:00:01.000Z","type":"user","content":[{"text":"fix it"}]}',
        (
            b'{"id":"g1","timestamp":"2026-03-01T10:00:02.000Z","type":"gemini","content":"so","toolCalls":[{"id":"c1",'
            b'"name":"read_file","args":{"file_path":"x"},"status":"executing"}]}'
        ),
        (
            b'{"id":"g1","timestamp":"2026-03-01T10:00:02.000Z","type":"gemini","content":"so","toolCalls":[{"id":"c1",'
            b'"name":"read_file","args":{"file_path":"x"},"status":"error","result":[{"functionResponse":{"id":"c1",'
            b'"name":"read_file","response":{"error":"File not found."}}}]}]}'
        ),
        b'{"$set":{"lastUpdated":"2026-03-01T10:00:03.000Z"}}',
        b'{"sessionId":"s2","projectHash":"abc","startTime":"2026-03-01T11:00:00.000Z","kind":"main"}',
        b'{"id":"u2","timestamp":"2026-03-01T11:00:01.000Z","type":"user","content":"other session"}',
    ],
    "langsmith": [
        (
            b'{"id":"r1","run_type":"llm","trace_id":"t1","start_time":"2026-03-01T10:00:00","extra":{"metadata":'
            b'{"thread_id":"s1"}},"inputs":{"messages":[{"role":"user","content":"fix it"}]},"outputs":{"choices":['
            b'{"message":{"role":"assistant","content":"","tool_calls":[{"id":"c1","function":{"name":"run"}}]}}]}}'
        ),
        (
            b'{"id":"r2","run_type":"tool","name":"run","trace_id":"t1","start_time":"2026-03-01T10:00:01",'
            b'"inputs":{},"error":"ValueError(\'no\')"}'
        ),
        (
            b'{"id":"r3","run_type":"llm","trace_id":"t2","start_time":"2026-03-01T10:00:02","extra":{"metadata":'
            b'{"thread_id":"s2"}},"inputs":{"messages":[{"role":"user","content":"other session"}]}}'
        ),
    ],
    "langfuse": [
        (
            b'{"id":"g1","traceId":"t1","sessionId":"s1","type":"GENERATION","startTime":"2026-03-01T10:00:00Z",'
            b'"input":[{"role":"user","content":"fix it"}],"output":{"role":"assistant","tool_calls":[{"id":"c1",'
            b'"function":{"name":"run"}}]}}'
        ),
        (
            b'{"id":"x1","traceId":"t1","type":"TOOL","name":"run","level":"ERROR","statusMessage":"no",'
            b'"startTime":"2026-03-01T10:00:01Z"}'
        ),
        (
            b'{"id":"g2","traceId":"t2","sessionId":"s2","type":"GENERATION","startTime":"2026-03-01T10:00:02Z",'
            b'"input":"other session"}'
        ),
    ],
    "swe-agent": [
        (
            b'{"environment":"e","trajectory":[{"thought":"so","action":"make","observation":"make: ***: No such file",'
            b'"state":{}}],"history":[{"role":"user","content":"fix it"},{"role":"assistant","content":"so","action":'
            b'"make","tool_calls":[{"id":"c1","function":{"name":"bash","arguments":"{}"}}],"message_type":"action"}]}'
        ),
        b'{"history":[{"role":"user","content":"other session","message_type":"observation"}]}',
    ],
    "mini-swe-agent": [
        (
            b'{"trajectory_format":"mini-swe-agent-1.1","messages":[{"role":"user","content":"fix it"},{"role":'
            b'"assistant","content":"so","tool_calls":[{"id":"c1","function":{"name":"bash","arguments":"{}"}}]},'
            b'{"role":"tool","tool_call_id":"c1","content":"no","extra":{"returncode":1}}]}'
        ),
        b'{"trajectory_format":"mini-swe-agent-1.1","messages":[{"role":"user","content":"other session"}]}',
    ],
    "inspect": [
        (
            b'{"id":"a","epoch":1,"input":"fix it","target":"x","messages":[{"role":"user","content":"fix it"},{"role":'
            b'"assistant","content":"so","tool_calls":[{"id":"c1","function":"bash","arguments":{}}]},{"role":"tool",'
            b'"tool_call_id":"c1","content":"no","error":{"type":"unknown","message":"no"}}]}'
        ),
        (
            b'{"id":"b","epoch":1,"input":"other session","target":"x",'
            b'"messages":[{"role":"user","content":"other session"}]}'
        ),
    ],
    "otel": [
        (
            b'{"traceId":"t1","spanId":"l1","name":"chat m","startTimeUnixNano":"1000000000000000000","attributes":{'
            b'"gen_ai.operation.name":"chat","gen_ai.conversation.id":"s1","gen_ai.input.messages":[{"role":"user",'
            b'"parts":[{"type":"text","content":"fix it"}]}],"gen_ai.output.messages":[{"role":"assistant","parts":['
            b'{"type":"tool_call","id":"c1","name":"run","arguments":{}}]}]}}'
        ),
        (
            b'{"traceId":"t1","spanId":"x1","parentSpanId":"l1","name":"execute_tool run","startTimeUnixNano":'
            b'"1000000001000000000","status":{"code":2},"attributes":{"gen_ai.tool.name":"run",'
            b'"gen_ai.tool.call.id":"c1"}}'
        ),
        (
            b'{"traceId":"t2","spanId":"l2","name":"chat m","startTimeUnixNano":"1000000002000000000","attributes":{'
            b'"gen_ai.operation.name":"chat","gen_ai.conversation.id":"s2","gen_ai.input.messages":[{"role":"user",'
            b'"parts":[{"type":"text","content":"other session"}]}]}}'
        ),
    ],
    "openhands": [
        (
            b'{"instance_id":"s1","history":[{"kind":"MessageEvent","id":"e1","source":"user","llm_message":{"content":'
            b'"fix it"}},{"kind":"ActionEvent","id":"e2","source":"agent","tool_name":"terminal","tool_call_id":"c1",'
            b'"action":{"command":"ls"}},{"kind":"AgentErrorEvent","id":"e3","source":"agent","tool_call_id":"c1",'
            b'"error":"no"}]}'
        ),
        (
            b'{"instance_id":"s2","history":[{"kind":"MessageEvent","id":"e4","source":"user","llm_message":{"content":'
            b'"other session"}}]}'
        ),
    ],
    "chat": [
        (
            b'{"id":"x1","messages":[{"role":"user","content":"fix it"},{"role":"assistant","content":"so",'
            b'"tool_calls":[{"id":"c1","function":{"name":"run","arguments":"{}"}}]},'
            b'{"role":"tool","tool_call_id":"c1","content":"Error: no"}]}'
        ),
        b'{"id":"x2","messages":[{"role":"user","content":"other session"}]}',
    ],
    "generic": [
        b'{"session":"s1","kind":"message","actor":"user","text":"fix it"}',
        b'{"session":"s1","kind":"call","call_id":"c1","tool":"run","args":{}}',
        b'{"session":"s1","kind":"result","call_id":"c1","result":"Error: no"}',
        b'{"session":"s2","kind":"message","actor":"user","text":"other session"}',
    ],
}
NAMES = sorted(name for name in READERS if not READERS[name].text)
"""The formats whose lines stand for themselves; transcripts in Markdown have tests of their own."""
GARBAGE = st.lists(
    st.binary(max_size=40)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=5), x)
    ).map(lambda value: json.dumps(value).encode()),
    max_size=8,
)


def placed(lines: list[bytes]) -> Iterator[Line]:
    offset = 0
    for number, data in enumerate(lines, 1):
        yield Line(number, offset, data)
        offset += len(data) + 1


def fed(name: str, lines: list[bytes]) -> BaseReader:
    reader = READERS[name]("logs/a.jsonl")
    reader.feed(placed(lines))
    return reader


def comparable(runs: list[Run]) -> list[bytes]:
    return [to_json(run) for run in runs]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_log_reader_with_a_versioned_name(name: str) -> None:
    reader = READERS[name]()
    assert isinstance(reader, LogReader)
    assert reader.name == f"{name}@1"


@pytest.mark.parametrize("name", NAMES)
def test_it_accepts_its_own_format_and_no_other(name: str) -> None:
    for other, lines in SAMPLES.items():
        sure = READERS[name].accepts(b"\n".join(lines) + b"\n")
        assert 0 <= sure <= 1
        assert (sure >= 0.5) == (other == name)


@pytest.mark.parametrize("name", NAMES)
def test_runs_are_one_for_each_session_in_the_order_of_the_log(name: str) -> None:
    first, second = fed(name, SAMPLES[name]).runs()
    kinds = [step.kind for step in first.steps]
    assert kinds[0] == "message"
    assert kinds.index("call") < kinds.index("result")
    assert [step.seq for step in first.steps] == list(range(len(first.steps)))
    assert [step.text for step in second.steps] == ["other session"]
    assert first.task == "fix it"
    assert first.reader == READERS[name].name


@pytest.mark.parametrize("name", NAMES)
def test_a_call_and_its_result_share_the_native_call_id(name: str) -> None:
    run = next(fed(name, SAMPLES[name]).runs())
    assert [(s.call_id, s.status) for s in run.steps if s.kind in ("call", "result")] == [("c1", None), ("c1", "error")]


@pytest.mark.parametrize("name", NAMES)
def test_every_step_knows_its_place_and_its_row(name: str) -> None:
    for run in fed(name, SAMPLES[name]).runs():
        assert run.sources == ("logs/a.jsonl",)
        assert len({step.uid for step in run.steps}) == len(run.steps)
        assert all(step.uid for step in run.steps)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_deterministic(name: str) -> None:
    assert comparable(list(fed(name, SAMPLES[name]).runs())) == comparable(list(fed(name, SAMPLES[name]).runs()))


@pytest.mark.parametrize("name", NAMES)
def test_how_the_lines_are_handed_over_does_not_matter(name: str) -> None:
    reader = READERS[name]("logs/a.jsonl")
    for line in placed(SAMPLES[name]):
        reader.feed([line])
    assert comparable(list(reader.runs())) == comparable(list(fed(name, SAMPLES[name]).runs()))


@pytest.mark.parametrize("name", NAMES)
def test_what_was_taken_is_not_given_again(name: str) -> None:
    reader = fed(name, SAMPLES[name])
    taken = [step for run in reader.take() for step in run.steps]
    assert taken
    assert [step for run in reader.take() for step in run.steps] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@given(garbage=GARBAGE)
@settings(max_examples=60, deadline=None)
def test_it_never_raises_and_accounts_for_every_line(name: str, garbage: list[bytes]) -> None:
    mixed = [line for pair in itertools.zip_longest(garbage, SAMPLES[name]) for line in pair if line is not None]
    reader = fed(name, [line.replace(b"\n", b" ") for line in mixed])
    counts = reader.counts()
    assert counts.seen == counts.understood + counts.ignored + counts.quarantined
    assert counts.quarantined == len(reader.quarantined())
    assert {"fix it", "other session"} <= {step.text for run in reader.runs() for step in run.steps}


@pytest.mark.parametrize("name", NAMES)
@given(head=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_it_says_of_any_bytes_how_sure_it_is(name: str, head: bytes) -> None:
    assert 0 <= READERS[name].accepts(head) <= 1
    assert READERS[name].document(head) in (True, False)
