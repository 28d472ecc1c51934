"""The guard at a client's side: a pending call on stdin, advice out. Never a permission, and never in the way.

Input and answer are those of Claude Code's `PreToolUse` hook. The answer is advice beside the call (*advise*), or a
refusal with the advice that the identical retry passes (*stop-once*). It never says `allow`, which would skip the
client's own questions; on any error it says nothing and the call goes on (the error is noted in `hook.log`). Nothing
here opens the store: the guards of promoted patches lie beside it in `armed.json`.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any, Literal

import msgspec

from memento_skills.errors import MementoError
from memento_skills.records import Guard, Record, Run, Scope, Step

Mode = Literal["advise", "stop-once"]
ARMED = "armed.json"
FIRES = "fires.jsonl"
LOG = "hook.log"
MAX_INPUT = 8 << 20
PREFIX = "[memento-skills]"
"""Begins every advice: in later logs it tells our own words from a client's (`ingest/status.toml`)."""


class ArmedGuard(Record, frozen=True, kw_only=True):
    """A promoted patch's guard, for whom it is meant."""

    patch: str
    guard: Guard
    scope: Scope = Scope()


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of the hook's input that are used; further ones are passed over."""

    tool_name: str
    tool_input: dict[str, Any] = {}
    tool_use_id: str = ""
    session_id: str = ""
    transcript_path: str = ""
    cwd: str = ""


def write_armed(folder: Path, armed: list[ArmedGuard]) -> None:
    """Put the guards where the hook finds them, whole or not at all."""
    part = folder / f"{ARMED}.{os.getpid()}.part"
    part.write_bytes(msgspec.json.encode(sorted(armed, key=lambda a: (-a.guard.confidence, a.patch))))
    part.replace(folder / ARMED)


def respond(data: bytes, folder: Path, mode: Mode, *, user: str = "", tenant: str = "") -> dict[str, Any] | None:
    """The hook's answer, or None where nothing is to be said. Any error is noted and gives None."""
    try:
        return _respond(data, folder, mode, user, tenant)
    except (MementoError, OSError, ValueError, msgspec.MsgspecError, KeyError, TypeError, RecursionError) as error:
        _note(folder, LOG, {"at": time.time(), "error": f"{type(error).__name__}: {error}"[:300]})
        return None


def _respond(data: bytes, folder: Path, mode: Mode, user: str, tenant: str) -> dict[str, Any] | None:
    file = folder / ARMED
    if not file.is_file():
        return None
    armed = msgspec.json.decode(file.read_bytes(), type=list[ArmedGuard])
    if not armed:
        return None
    pending = msgspec.json.decode(data, type=Pending)
    hit = _hit(pending, armed, user, tenant)
    if hit is None:
        return None
    key = hashlib.sha256(msgspec.json.encode([pending.session_id, pending.tool_name, pending.tool_input])).hexdigest()
    again = mode == "stop-once" and _was_stopped(folder, key)
    event = "overridden" if again else "stopped" if mode == "stop-once" else "advised"
    _note(folder, FIRES, {"at": time.time(), "session": pending.session_id, "call": pending.tool_use_id,
                          "patch": hit.patch, "key": key, "event": event})  # fmt: skip
    if again:
        return None
    advice = f"{PREFIX} {hit.guard.advice} (patch {hit.patch})"
    if mode == "stop-once":
        said = f"{advice} If you mean it as it is, make the same call again: it will pass."
        answer = {"permissionDecision": "deny", "permissionDecisionReason": said}
    else:
        answer = {"additionalContext": advice}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **answer}}


def _hit(pending: Pending, armed: list[ArmedGuard], user: str, tenant: str) -> ArmedGuard | None:
    """The most confident guard that fires on the pending call after what its transcript holds."""
    from memento_skills import guards

    run = _run(pending)
    last = None
    for call in guards.calls(run):
        if call.step.call_id == run.steps[-1].call_id or call.step.call_id == pending.tool_use_id:
            last = call
    if last is None:
        return None
    mine = (
        a for a in armed if a.scope.level == "base" or a.scope.name == (user if a.scope.level == "user" else tenant)
    )
    return next((a for a in mine if guards.fires(a.guard, last)), None)


def _run(pending: Pending) -> Run:
    """The session so far with the pending call at its end, masked like any log."""
    from memento_skills.ingest.ingest import read_file
    from memento_skills.masking import Masker

    masker = Masker(salt=b"what the hook reads is not stored")
    found: tuple[Run, ...] = ()
    if pending.transcript_path and Path(pending.transcript_path).is_file():
        found = read_file(pending.transcript_path, masker=masker).runs
    run = next((r for r in found if r.id == pending.session_id), found[-1] if found else None)
    if run is None:
        run = Run(id=pending.session_id, client="claude-code", reader="hook@1", cwd=_home_masked(pending.cwd))
    if any(s.call_id == pending.tool_use_id for s in run.steps if s.kind == "call" and pending.tool_use_id):
        return run
    plain = masker.mask_json_line(msgspec.json.encode(pending.tool_input))
    step = Step(
        seq=len(run.steps), kind="call", actor="agent", tool=pending.tool_name, args=msgspec.json.decode(plain),
        call_id=pending.tool_use_id or "pending", message="pending", cwd=_home_masked(pending.cwd),
    )  # fmt: skip
    return msgspec.structs.replace(run, steps=(*run.steps, step))


def _home_masked(cwd: str) -> str:
    home = str(Path.home())
    return "~" + cwd[len(home) :] if cwd == home or cwd.startswith(home + "/") else cwd


def _was_stopped(folder: Path, key: str) -> bool:
    """Whether this very call of this session was stopped last: the retry passes, and is then forgotten."""
    file = folder / FIRES
    if not file.is_file():
        return False
    last = ""
    with file.open("rb") as lines:
        lines.seek(max(0, file.stat().st_size - (1 << 18)))
        for line in lines:
            if key.encode() in line:
                last = msgspec.json.decode(line).get("event", "") if line.startswith(b"{") else ""
    return last == "stopped"


def _note(folder: Path, name: str, entry: dict[str, Any]) -> None:
    """Append a line; a hook that cannot write still lets the call go on."""
    import contextlib

    with contextlib.suppress(OSError), (folder / name).open("ab") as file:
        file.write(msgspec.json.encode(entry) + b"\n")
