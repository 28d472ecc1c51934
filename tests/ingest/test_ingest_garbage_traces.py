"""Any JSON in any field of trajectories, traces and exports: no exception, all accounted for, fit to be stored."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_build import Unmasked
from test_ingest_atif import agent_step, observed, tool_call, trajectory
from test_ingest_exports import fuse_story, smith_story, top, trace
from test_ingest_garbage import JSON, paths, put, sound
from test_ingest_inspect import HEADER, answered, called, sample
from test_ingest_swe import FENCED, PRELUDE, done, mini, seen, shown, swe, tooled
from test_ingest_traces import INFERENCE, event, old_events, request, root, span, story

from memento_skills.ingest.atif_out import to_atif
from memento_skills.ingest.ingest import read_file
from memento_skills.records import Run, Step

SUB = {**trajectory(agent_step(2, message="x")), "trajectory_id": "scout"}
REFERENCE = {"source_call_id": "c1", "content": "x", "subagent_trajectory_ref": [{"trajectory_id": "scout"}]}
TOOL_EVENT = {"event": "tool", "id": "c9", "function": "f", "arguments": {}, "timestamp": "2026-03-01T10:00:00Z"}
EVALUATION = event("gen_ai.evaluation.result", gen_ai__evaluation__score__value=1)
SAMPLES: dict[str, Any] = {
    "atif": trajectory(
        agent_step(2, tool_calls=[tool_call("c1")], observation=observed(REFERENCE), metrics={"prompt_tokens": 1}),
        subagent_trajectories=[SUB],
    ),
    "atif-own": to_atif(
        Run(
            id="s1",
            client="generic",
            reader="generic@1",
            steps=(
                Step(seq=0, kind="message", actor="user", text="x"),
                Step(seq=1, kind="call", actor="agent", tool="t", call_id="c1", args={"a": 1}),
                Step(seq=2, kind="result", actor="tool", call_id="c1", status="error"),
                Step(seq=3, kind="message", actor="agent", agent="scout"),
            ),
        )
    ),
    "otlp": request(*story(), {**root(), "events": [EVALUATION], "status": {"code": 2}}),
    "otlp-old": request(span("m", 1, 2, {"gen_ai.operation.name": "chat"}, events=old_events())),
    "openinference": request(span("m", 1, 2, INFERENCE)),
    "langsmith": [top(feedback_stats={"a": {"avg": 1}}), *smith_story(error="ValueError('x')")],
    "langfuse": trace(*fuse_story(), scores=[{"name": "a", "value": 1}]),
    "swe-agent": swe(done("ls", "x", state="{}"), history=[*PRELUDE, shown("assistant", "so", action="ls")]),
    "mini-1": mini(FENCED, seen("<returncode>1</returncode>\n<output>\nx\n</output>")),
    "mini-2": mini(tooled(), {"role": "tool", "tool_call_id": "call_1", "extra": {"returncode": 1}}),
    "inspect": {
        **HEADER,
        "samples": [
            sample(
                called(),
                answered(error={"type": "timeout", "message": "x"}),
                events=[TOOL_EVENT],
                scores={"a": {"value": "C"}},
                limit={"type": "x"},
            )
        ],
    },
}


FORMATS = {
    "atif": "atif@1", "atif-own": "atif@1", "otlp": "otel@1", "otlp-old": "otel@1", "openinference": "otel@1",
    "langsmith": "langsmith@1", "langfuse": "langfuse@1", "swe-agent": "swe-agent@1", "mini-1": "mini-swe-agent@1",
    "mini-2": "mini-swe-agent@1", "inspect": "inspect@1",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SAMPLES))
@given(garbage=JSON, data=st.data())
@settings(max_examples=20, deadline=None)
def test_any_value_in_any_field_is_read_without_an_exception(name: str, garbage: Any, data: st.DataObject) -> None:
    changed = put(SAMPLES[name], data.draw(st.sampled_from(paths(SAMPLES[name]))), garbage)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "log"
        file.write_text(json.dumps(changed), "utf-8")
        found = read_file(file, masker=Unmasked())
    assert sound(found)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_sample_itself_is_known_and_read(name: str, tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text(json.dumps(SAMPLES[name]), "utf-8")
    found = read_file(file, masker=Unmasked())
    assert found.format == FORMATS[name]
    assert sound(found)
    assert not found.quarantined
    assert all(run.steps for run in found.runs)


@pytest.mark.parametrize("depth", [60, 400, 900, 2000])
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_what_is_nested_deeply_is_read_without_an_exception(name: str, depth: int, tmp_path: Path) -> None:
    deep = '{"content":[' * depth + "1" + "]}" * depth
    places = [
        at for at in paths(SAMPLES[name]) if at[-1] in ("arguments", "content", "inputs", "value", "input", "state")
    ]
    assert places
    file = tmp_path / "log"
    file.write_text(json.dumps(put(SAMPLES[name], places[-1], "DEEP")).replace('"DEEP"', deep), "utf-8")
    assert sound(read_file(file, masker=Unmasked()))
