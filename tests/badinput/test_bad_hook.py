"""The guard as a client's hook must never be in the way: exit code 2 would refuse the client's call."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from badinput.build import Memento, Said, inert, refused

CALL = {
    "session_id": "s1", "transcript_path": "/nowhere.jsonl", "cwd": "/tmp", "hook_event_name": "PreToolUse",
    "tool_name": "Bash", "tool_input": {"command": "./dev run test"},
}  # fmt: skip

PENDING = {
    "a call": json.dumps(CALL).encode(),
    "nothing": b"",
    "no JSON": b"{nope",
    "a list": b"[]",
    "other types": json.dumps(CALL | {"tool_input": 7, "session_id": None}).encode(),
    "no tool": b"{}",
    "deep": b'{"tool_input": ' + b"[" * 100_000,
    "not UTF-8": b'{"tool_name": "\xff"}',
    "a half character": b'{"tool_name": "Bash", "tool_input": {"command": "\\ud83d"}}',
    "escapes": json.dumps(CALL | {"tool_name": "\x1b[2J\n", "tool_input": {"command": "\x00\u202e"}}).encode(),
    "a device": json.dumps(CALL | {"transcript_path": "/dev/zero"}).encode(),
    "a folder": json.dumps(CALL | {"transcript_path": "/etc", "cwd": "/nowhere/at/all"}).encode(),
    "much": json.dumps(CALL | {"tool_input": {"command": "x" * 9_000_000}}).encode(),
}


def hook(memento: Memento, data: bytes, mode: str = "advise") -> Said:
    done = subprocess.run(
        memento.words("guard", "--mode", mode), input=data, cwd=memento.project, env=memento.env, capture_output=True,
        timeout=60,
    )  # fmt: skip
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("kind", PENDING)
def test_whatever_stands_on_stdin_the_call_goes_on(kind: str, memento: Memento) -> None:
    said = hook(memento, PENDING[kind], "stop-once")
    assert (said.code, said.out) == (0, "")
    inert(said.err)


def broken(kind: str, memento: Memento) -> Path:
    match kind:
        case "settings":
            (memento.project / "memento.toml").write_text("splitt = = 1\n")
        case "store":
            memento.store.write_bytes(b"no database" * 900)
        case "folder":
            memento.store.parent.rmdir()
            memento.store.parent.write_text("a file")
        case "armed":
            (memento.store.parent / "armed.json").write_bytes(b"[{]")
        case "armed folder":
            (memento.store.parent / "armed.json").mkdir()
        case "fires":
            (memento.store.parent / "armed.json").write_bytes(b"[]")
            (memento.store.parent / "fires.jsonl").mkdir()
            (memento.store.parent / "hook.log").mkdir()
    return memento.store


@pytest.mark.parametrize("kind", ["settings", "store", "folder", "armed", "armed folder", "fires", "nothing"])
def test_whatever_is_broken_the_call_goes_on(kind: str, memento: Memento) -> None:
    broken(kind, memento)
    said = hook(memento, PENDING["a call"], "stop-once")
    if kind == "settings":  # said to the person, and no refusal
        refused(said, 4, "memento.toml")
    else:
        assert (said.code, said.out) == (0, "")
