"""ATIF in and out: what is written is valid and gives the same run back; what others write is read without loss."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import atif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_build import SHARED, Unmasked, conserved, needs_data

from memento_skills.ingest.atif import AtifReader
from memento_skills.ingest.atif_out import to_atif
from memento_skills.ingest.framing import Line
from memento_skills.ingest.ingest import read_file
from memento_skills.ingest.result import FileResult
from memento_skills.records import Outcome, Run, Step, Usage

WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
NAMES = st.sampled_from(["", "c1", "c2", "m1", "scout", "Read"])
VALUES = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | WORDS | st.lists(WORDS, max_size=2)
TIMES = st.none() | st.floats(-1e18, 1e18)
USAGES = st.none() | st.builds(
    Usage, input=st.integers(0, 99), output=st.integers(0, 99), cache_write=st.integers(0, 9), usd=st.floats(0, 9)
)
STEPS = st.builds(
    Step,
    seq=st.integers(0, 50),
    kind=st.sampled_from(["message", "reasoning", "call", "result", "skill", "permission", "notice"]),
    actor=st.sampled_from(["user", "agent", "tool", "system"]),
    text=WORDS,
    tool=NAMES,
    args=st.dictionaries(WORDS, VALUES, max_size=2),
    call_id=NAMES,
    status=st.sampled_from([None, "ok", "error", "denied_user", "timeout"]),
    exit_code=st.none() | st.integers(-9, 255),
    agent=st.sampled_from(["", "", "scout", "second"]),
    message=NAMES,
    uid=WORDS,
    at=TIMES,
    line=st.integers(0, 9),
    cwd=NAMES,
    model=NAMES,
    usage=USAGES,
    meta=st.booleans(),
)
RUNS = st.builds(
    Run,
    id=WORDS.filter(bool),
    client=st.sampled_from(["claude-code", "generic"]),
    reader=st.just("generic@1"),
    client_version=NAMES,
    model=NAMES,
    user=WORDS,
    tenant=WORDS,
    started_at=TIMES,
    task=WORDS,
    skills_loaded=st.lists(WORDS, max_size=2).map(tuple),
    links=st.lists(WORDS, max_size=2).map(tuple),
    shared_ids=st.booleans(),
    outcome=st.builds(Outcome, label=st.sampled_from(["success", "failure", "unknown"]), reason=WORDS),
    sources=st.lists(WORDS, max_size=2).map(tuple),
    steps=st.lists(STEPS, max_size=8).map(tuple),
)


def read_back(trajectory: dict[str, Any]) -> list[Run]:
    reader = AtifReader("back.json")
    reader.feed([Line(1, 0, json.dumps(trajectory).encode())])
    counts = reader.counts()
    assert counts.seen == counts.understood
    return list(reader.runs())


@given(RUNS, st.sampled_from(["1.7", "1.8"]))
@settings(max_examples=80, deadline=None)
def test_reading_what_was_written_gives_the_same_run(run: Run, version: Any) -> None:
    assert read_back(to_atif(run, version)) == [run]


@given(RUNS, st.sampled_from(["1.7", "1.8"]))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_valid_for_the_models_of_the_format(run: Run, version: Any) -> None:

    made = json.loads(json.dumps(to_atif(run, version)))
    assert atif.Trajectory.model_validate(made).schema_version == f"ATIF-v{version}"


@pytest.mark.data
@needs_data
def test_real_sessions_survive_the_way_out_and_back() -> None:
    files = sorted((SHARED / "claude-code" / "starcar").glob("*.gz")) + sorted(
        (SHARED / "claude-code-small").glob("dag*.gz")
    )
    runs = [run for file in files for run in read_file(file, masker=Unmasked()).runs]
    assert len(runs) > 5
    assert [read_back(to_atif(run)) for run in runs] == [[run] for run in runs]


# ----------------------------------------------------------------------- trajectories of others, by the RFC


def agent_step(number: int, **more: Any) -> dict[str, Any]:
    return {"step_id": number, "source": "agent", "message": "", **more}


def tool_call(call_id: str, name: str = "bash", **arguments: Any) -> dict[str, Any]:
    return {"tool_call_id": call_id, "function_name": name, "arguments": arguments}


def observed(*results: dict[str, Any]) -> dict[str, Any]:
    return {"results": list(results)}


def trajectory(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "schema_version": "ATIF-v1.7",
        "session_id": "s1",
        "agent": {"name": "helper", "version": "2.0", "model_name": "model-a"},
        "steps": [{"step_id": 1, "source": "user", "message": "fix it"}, *steps],
        **more,
    }


def read(folder: Path, value: Any, name: str = "trajectory.json") -> FileResult:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, indent=1), "utf-8")
    found = read_file(file, masker=Unmasked())
    assert conserved(found)
    return found


def run_of(folder: Path, *steps: dict[str, Any], **more: Any) -> Run:
    (run,) = read(folder, trajectory(*steps, **more)).runs
    return run


@pytest.mark.parametrize("version", ["ATIF-v1.4", "ATIF-v1.7", "ATIF-v1.8"])
def test_every_minor_version_is_read(tmp_path: Path, version: str) -> None:
    assert run_of(tmp_path, schema_version=version).task == "fix it"


def test_another_major_version_is_kept_out_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, trajectory(schema_version="ATIF-v2.0"))
    assert [q.reason for q in found.quarantined] == ["ATIF version 'ATIF-v2.0' is not known"]


@pytest.mark.parametrize(
    ("extra", "status", "code"),
    [
        ({"tool_result_is_error": True}, "error", None),
        ({"is_error": True}, "error", None),
        ({"is_error": False}, "ok", None),
        ({"exit_code": 2}, "error", 2),
        (None, "ok", None),
    ],
)
def test_flags_of_converters_tell_how_a_call_ended(tmp_path: Path, extra: Any, status: str, code: Any) -> None:
    result = {"source_call_id": "c1", "content": "said", "extra": extra}
    run = run_of(tmp_path, agent_step(2, tool_calls=[tool_call("c1")], observation=observed(result)))
    assert [(s.tool, s.status, s.exit_code) for s in run.steps if s.kind == "result"] == [("bash", status, code)]


def test_a_result_is_joined_to_the_call_it_names(tmp_path: Path) -> None:
    results = observed({"source_call_id": "c2", "content": "two"}, {"source_call_id": "c1", "content": "one"})
    calls = [tool_call("c1", "Read", path="a"), tool_call("c2", "Grep")]
    run = run_of(tmp_path, agent_step(2, tool_calls=calls, observation=results))
    assert {s.call_id: (s.tool, s.text) for s in run.steps if s.kind == "result"} == {
        "c1": ("Read", "one"), "c2": ("Grep", "two"),
    }  # fmt: skip


def test_what_a_converter_put_into_a_result_is_taken_out(tmp_path: Path) -> None:
    content = 'no such file\n\n[metadata] {"a": 1}\n\n[error] tool reported failure'
    result = {"source_call_id": "c1", "content": content}
    run = run_of(tmp_path, agent_step(2, tool_calls=[tool_call("c1")], observation=observed(result)))
    assert [(s.text, s.status) for s in run.steps if s.kind == "result"] == [("no such file", "error")]


def test_the_text_of_a_result_is_the_native_one_where_it_was_kept(tmp_path: Path) -> None:
    extra = {"tool_result_metadata": {"raw_tool_result": {"content": "plain", "is_error": True}}, "is_error": True}
    result = {"source_call_id": "c1", "content": "plain\n\n[stdout]\nplain", "extra": extra}
    run = run_of(tmp_path, agent_step(2, tool_calls=[tool_call("c1")], observation=observed(result)))
    assert [s.text for s in run.steps if s.kind == "result"] == ["plain"]


def test_copied_context_is_not_counted_twice(tmp_path: Path) -> None:
    old = agent_step(2, tool_calls=[tool_call("c1")], is_copied_context=True)
    new = agent_step(3, tool_calls=[tool_call("c2")])
    found = read(tmp_path, trajectory(old, new))
    assert [s.call_id for s in found.runs[0].steps if s.kind == "call"] == ["c2"]
    assert found.ignored == {"(copied context)": 1}


def test_an_embedded_sub_agent_acts_within_the_run_before_its_result(tmp_path: Path) -> None:
    inner = {**trajectory(agent_step(2, message="looked")), "trajectory_id": "scout"}
    result = {"source_call_id": "c1", "content": "done", "subagent_trajectory_ref": [{"trajectory_id": "scout"}]}
    call = agent_step(2, tool_calls=[tool_call("c1", "task")], observation=observed(result))
    run = run_of(tmp_path, call, subagent_trajectories=[inner])
    assert [(s.kind, s.agent) for s in run.steps] == [
        ("message", ""), ("call", ""), ("message", "scout"), ("message", "scout"), ("result", ""),
    ]  # fmt: skip
    assert run.task == "fix it"


def test_a_sub_agent_in_a_file_of_its_own_is_a_linked_run(tmp_path: Path) -> None:
    ref = {"trajectory_path": "sub.json", "session_id": "s2"}
    result = {"source_call_id": "c1", "subagent_trajectory_ref": [ref]}
    run = run_of(tmp_path, agent_step(2, tool_calls=[tool_call("c1")], observation=observed(result)))
    assert run.links == ("s2",)


def test_tokens_from_the_cache_are_counted_once(tmp_path: Path) -> None:
    metrics = {"prompt_tokens": 100, "cached_tokens": 90, "completion_tokens": 7, "cost_usd": 0.5}
    run = run_of(tmp_path, agent_step(2, message="so", reasoning_content="hm", metrics=metrics))
    assert [s.usage for s in run.steps if s.usage] == [Usage(input=10, cache_read=90, output=7, usd=0.5)]


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"verifier_result": {"rewards": {"reward": 1.0}}}, Outcome(label="success", reward=1.0)),
        ({"verifier_result": {"rewards": {"a": 1, "b": 0}}}, Outcome(label="failure", reward=0.5)),
        (
            {"exception_info": {"exception_type": "AgentTimeoutError", "exception_message": "60 s"}},
            Outcome(label="failure", reason="AgentTimeoutError: 60 s"),
        ),
        ({}, Outcome()),
    ],
)
@pytest.mark.parametrize("place", ["trajectory.json", "agent/trajectory.json"])
def test_the_result_of_a_harbor_trial_is_the_outcome(tmp_path: Path, result: Any, outcome: Outcome, place: str) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"trial_name": "t", **result}, indent=2), "utf-8")
    (run,) = read(tmp_path, trajectory(agent_step(2, message="so")), place).runs
    assert run.outcome == outcome


def test_a_kept_run_that_was_tampered_with_is_read_as_any_other(tmp_path: Path) -> None:
    made = to_atif(
        Run(id="s1", client="generic", reader="generic@1", steps=(Step(seq=0, kind="message", actor="user"),))
    )
    made["extra"]["memento"]["run"]["id"] = 5
    (run,) = read(tmp_path, made).runs
    assert (run.client, run.id) == ("atif-generic", "s1")
