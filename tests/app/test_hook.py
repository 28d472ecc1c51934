"""The guard on a pending call: advice or one stop, never a permission, never in the way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.test_loop import BUNDLE, NOW, Project
from memento_skills.app import hook, pipeline
from memento_skills.ingest.status import classify


class Armed:
    """A project whose amendment is promoted, and a real session up to just before its failing call."""

    def __init__(self, folder: Path) -> None:
        self.project = Project(folder)
        self.folder = folder
        self.project.scan()
        self.patch = self.project.approve("shop-dev")
        self.promotion = pipeline.promote(
            self.project.store, self.patch, curator="tester", to="tree", accept_risk=False, now=NOW
        )
        fires = pipeline.guard_replay(
            self.project.store, str(BUNDLE / "logs" / "shop"), "promoted", self.project.options()
        )
        fire = next(f for f in fires if f["patch"] == self.patch)
        log = next((BUNDLE / "logs").rglob(f"{fire['run']}.jsonl"))
        lines = log.read_text("utf-8").splitlines(keepends=True)
        self.transcript = folder / f"{fire['run']}.jsonl"
        self.transcript.write_text("".join(lines[: fire["line"] - 1]))
        row = json.loads(lines[fire["line"] - 1])
        block = next(b for b in row["message"]["content"] if b.get("id") == fire["call_id"])
        self.pending = {
            "session_id": fire["run"], "transcript_path": str(self.transcript), "cwd": row["cwd"],
            "hook_event_name": "PreToolUse", "tool_name": block["name"], "tool_input": block["input"],
            "tool_use_id": block["id"], "permission_mode": "default",
        }  # fmt: skip

    def ask(self, mode: hook.Mode = "advise", **changes: Any) -> dict[str, Any] | None:
        return hook.respond(json.dumps(self.pending | changes).encode(), self.folder, mode)

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in (self.folder / hook.FIRES).read_text().splitlines()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Armed]:
    armed = Armed(tmp_path_factory.mktemp("armed"))
    with armed.project.store:
        yield armed


@pytest.fixture
def armed(made: Armed) -> Armed:
    for name in (hook.FIRES, hook.LOG):
        (made.folder / name).unlink(missing_ok=True)
    return made


def output(answer: dict[str, Any] | None) -> dict[str, Any]:
    assert answer is not None
    found = answer["hookSpecificOutput"]
    assert isinstance(found, dict)
    return found


def test_a_call_that_would_fail_gets_advice_beside_it(armed: Armed) -> None:
    said = output(armed.ask())
    assert set(said) == {"hookEventName", "additionalContext"}
    assert "./dev run check" in said["additionalContext"]
    assert armed.events() == ["advised"]


def test_stop_once_refuses_and_lets_the_identical_retry_pass(armed: Armed) -> None:
    said = output(armed.ask("stop-once"))
    assert said["permissionDecision"] == "deny"
    assert armed.ask("stop-once", tool_use_id="another") is None
    assert armed.events() == ["stopped", "overridden"]
    assert output(armed.ask("stop-once"))["permissionDecision"] == "deny"


def test_a_call_that_already_does_what_is_advised_is_let_alone(armed: Armed) -> None:
    assert armed.ask(tool_input={"command": "./dev run check"}) is None


def test_without_a_transcript_the_call_alone_decides(armed: Armed) -> None:
    assert armed.ask(transcript_path="/nowhere") is not None
    assert armed.ask(transcript_path="") is not None


def test_the_refusal_is_recognised_in_later_logs_as_ours(armed: Armed) -> None:
    reason = output(armed.ask("stop-once"))["permissionDecisionReason"]
    assert classify(reason, error=True).status == "denied_hook"


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"not json", b'{"tool_name":1}', b"\xff", b"[" * 100_000])
def test_input_that_is_no_call_stops_nothing(armed: Armed, data: bytes) -> None:
    assert hook.respond(data, armed.folder, "stop-once") is None


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.one_of(st.text(max_size=40), st.integers(), st.none()), max_size=4),
       st.sampled_from(["Bash", "Edit", "Read", "", "x"]), st.sampled_from(["advise", "stop-once"]))  # fmt: skip
def test_it_never_allows_and_never_raises(made: Armed, args: dict[str, Any], tool: str, mode: hook.Mode) -> None:
    answer = made.ask(mode, tool_name=tool, tool_input=args)
    assert answer is None or output(answer).get("permissionDecision", "deny") == "deny"


def test_broken_guards_stop_nothing_and_are_noted(armed: Armed) -> None:
    file = armed.folder / hook.ARMED
    kept = file.read_bytes()
    file.write_bytes(b"{")
    try:
        assert armed.ask() is None
        assert "error" in json.loads((armed.folder / hook.LOG).read_text())
    finally:
        file.write_bytes(kept)


def test_the_command_answers_the_hook_and_exits_0(armed: Armed) -> None:
    # exit code 2 would make the client block the call
    words = [sys.executable, "-m", "memento_skills.app.cli.main", "--store", str(armed.folder / "store.db"), "guard"]
    for data, wants in ((json.dumps(armed.pending), True), ("nonsense", False), ("", False)):
        done = subprocess.run(words, input=data, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr, bool(done.stdout)) == (0, "", wants)


def test_a_rollback_disarms(tmp_path: Path) -> None:
    mine = Armed(tmp_path)
    assert mine.ask() is not None
    pipeline.rollback(mine.project.store, mine.promotion.id, "enough", curator="tester", now=NOW + 1)
    assert mine.ask() is None
    mine.project.store.close()
