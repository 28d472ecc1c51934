"""Records for the tests of the store, small and all different; and what lies in a store's files as bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from memento_skills.records import (
    Citation,
    Claim,
    Decision,
    Failure,
    Health,
    Part,
    Patch,
    Pattern,
    Promotion,
    Reflection,
    Rollback,
    Run,
    Signature,
    SkillRef,
    Step,
    Verdict,
)
from memento_skills.store import Store, Tx, codec, open_store

NOON = 1_790_000_000.0
SALT = b"s" * 32


def opened(path: Path | str = ":memory:") -> Store:
    return open_store(path, clock=lambda: NOON, salt=SALT)


def steps(count: int = 3, name: str = "a", first: int = 0, text: str = "") -> tuple[Step, ...]:
    """A message, then calls and results in turn."""
    made = []
    for seq in range(first, first + count):
        base: dict[str, Any] = {"seq": seq, "uid": f"row-{name}-{seq}", "at": NOON + seq, "line": seq + 1}
        if seq == 0:
            made.append(Step(kind="message", actor="user", text=f"do {name} {text}", **base))
        elif seq % 2:
            args = {"command": f"run {name} {text}", "n": seq}
            made.append(Step(kind="call", actor="agent", tool="Bash", args=args, call_id=f"call-{name}-{seq}", **base))
        else:
            made.append(
                Step(
                    kind="result",
                    actor="tool",
                    text=f"failed: {name} {text}",
                    call_id=f"call-{name}-{seq - 1}",
                    status="error",
                    **base,
                )
            )
    return tuple(made)


def run(name: str = "a", count: int = 3, **fields: Any) -> Run:
    text = fields.pop("text", "")
    base: dict[str, Any] = {
        "id": f"session-{name}",
        "client": "made",
        "reader": "made@1",
        "user": "user01",
        "project": "project",
        "started_at": NOON,
        "task": f"task {name}",
        "sources": (f"~/logs/{name}.jsonl",),
        "steps": steps(count, name, text=text),
    }
    return Run(**(base | fields))


def signature(text: str = "not found") -> Signature:
    return Signature(version="made@1", parts=(Part(name="tool", text="Bash"), Part(name="text", text=text)))


def failure(of: Run, step: int = 2, sign: str = "not found", **fields: Any) -> Failure:
    result = of.steps[step]
    base: dict[str, Any] = {
        "id": f"failure-{result.call_id}",
        "run": of.key,
        "step": step,
        "call_id": result.call_id,
        "kind": "tool_error",
        "fault": "agent",
        "detector": "made@1",
        "signature": signature(sign),
        "quote": result.text,
        "at": result.at,
        "user": of.user,
        "project": of.project,
    }
    return Failure(**(base | fields))


def citation(of: Run, step: int = 2) -> Citation:
    return Citation(run=of.key, step=step, quote=of.steps[step].text)


def pattern(sign: str = "not found", examples: tuple[Citation, ...] = (), **fields: Any) -> Pattern:
    base: dict[str, Any] = {
        "id": signature(sign).id,
        "signature": signature(sign),
        "title": f"a command fails: {sign}",
        "cause": "wrong_command",
        "remedy": "skill",
        "fault": "agent",
        "severity": 3,
        "lane": "broad",
        "failures": 2,
        "episodes": 2,
        "runs": 2,
        "lineages": 2,
        "examples": examples,
    }
    return Pattern(**(base | fields))


def reflection(cited: Citation, sign: str = "not found", **fields: Any) -> Reflection:
    base: dict[str, Any] = {
        "id": f"reflection-{signature(sign).id}",
        "pattern": signature(sign).id,
        "reflector": "made@1",
        "cause": "wrong_command",
        "remedy": "skill",
        "wrong_decision": Claim(text=f"It ran the wrong command, as in: {cited.quote}", citations=(cited,)),
    }
    return Reflection(**(base | fields))


def patch(cited: Citation, sign: str = "not found", **fields: Any) -> Patch:
    base: dict[str, Any] = {
        "id": f"patch-{signature(sign).id}",
        "pattern": signature(sign).id,
        "reflection": f"reflection-{signature(sign).id}",
        "skill": SkillRef(name="skill", path="skill/SKILL.md", revision="0" * 32, library="~/skills"),
        "after": "# Skill\n\n- Run the right command.\n",
        "diff": "+- Run the right command.\n",
        "rule": "Run the right command.",
        "rationale": (Claim(text="It failed twice.", citations=(cited,)),),
        "writer": "made@1",
    }
    return Patch(**(base | fields))


def verdict(of: Patch, cited: Citation, **fields: Any) -> Verdict:
    base: dict[str, Any] = {
        "id": f"verdict-{of.id}",
        "patch": of.id,
        "value": "better",
        "reason": "3 right, none wrong",
        "examples": (cited,),
    }
    return Verdict(**(base | fields))


def decision(of: Patch, **fields: Any) -> Decision:
    base: dict[str, Any] = {
        "id": f"decision-{of.id}",
        "patch": of.id,
        "verdict": f"verdict-{of.id}",
        "action": "approve",
        "curator": "Ada",
        "seen": "1" * 32,
        "at": NOON,
    }
    return Decision(**(base | fields))


def promotion(of: Decision, **fields: Any) -> Promotion:
    base: dict[str, Any] = {
        "id": f"promotion-{of.id}",
        "patch": of.patch,
        "decision": of.id,
        "skill": SkillRef(name="skill", path="skill/SKILL.md"),
        "commit": "c" * 40,
        "parent": "b" * 40,
        "at": NOON,
    }
    return Promotion(**(base | fields))


def rollback(of: Promotion, **fields: Any) -> Rollback:
    base: dict[str, Any] = {
        "id": f"rollback-{of.id}",
        "promotion": of.id,
        "commit": "d" * 40,
        "curator": "Ada",
        "reason": "it did not help",
        "at": NOON,
    }
    return Rollback(**(base | fields))


def health(of: Promotion, **fields: Any) -> Health:
    base: dict[str, Any] = {"promotion": of.id, "status": "watching", "reason": "no run yet", "at": NOON}
    return Health(**(base | fields))


def fill(tx: Tx, *of: Run, sign: str = "not found", decided: bool = True) -> Patch:
    """Carry the failures of these runs through the whole ledger, cited from the first."""
    for one in of:
        tx.put_run(one)
    tx.add_failures([failure(one, sign=sign) for one in of])
    cited = citation(of[0])
    tx.set_patterns([pattern(sign, tuple(citation(one) for one in of), users=tuple(sorted({r.user for r in of})))])
    tx.add_reflection(reflection(cited, sign))
    made = patch(cited, sign)
    tx.add_patch(made)
    tx.add_verdict(verdict(made, cited))
    if decided:
        answer = decision(made)
        tx.add_decision(answer)
        done = promotion(answer)
        tx.add_promotion(done)
        tx.add_rollback(rollback(done))
        tx.add_health(health(done))
    return made


def everything(path: Path) -> bytes:
    """All bytes of all files of a store, and all that its archive holds, decompressed."""
    raw = b"".join(file.read_bytes() for file in sorted(path.parent.glob(path.name + "*")))
    return raw + b"".join(_archived(path))


def _archived(path: Path) -> Iterator[bytes]:
    connection = sqlite3.connect(path)
    for key, payload in connection.execute("SELECT key, payload FROM archive"):
        yield key.encode()
        yield codec.unpack(payload).body
    connection.close()


def dumped(path: Path) -> dict[str, list[Any]]:
    """Every table of a store, row by row, without what tells only when and in which order."""
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in names}
    connection.close()
    return found


def without_steps(of: Run) -> Run:
    return msgspec.structs.replace(of, steps=())
