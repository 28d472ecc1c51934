"""Small logs for the tests of `ingest`, and a masker that changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from memento_skills.ingest.ingest import read_file
from memento_skills.ingest.result import FileResult
from memento_skills.masking import HomePrefixes
from memento_skills.records import Run, Step

SHARED = Path(os.environ.get("MEMENTO_TEST_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared logs are not here (MEMENTO_TEST_DATA)")


class Unmasked:
    """The masker's shape, without masking."""

    def mask_block(self, block: bytes, homes: HomePrefixes) -> bytes:
        return block


def row(kind: str, uuid: str, **more: Any) -> dict[str, Any]:
    second = sum(uuid.encode()) % 60
    base = {
        "type": kind,
        "uuid": uuid,
        "parentUuid": None,
        "sessionId": "s1",
        "timestamp": f"2026-03-01T10:00:{second:02d}.000Z",
        "cwd": "/home/ada/app",
        "gitBranch": "main",
        "version": "2.1.0",
        "isSidechain": False,
        "userType": "external",
    }
    return {**base, **more}


def says(uuid: str, content: Any, **more: Any) -> dict[str, Any]:
    return row("user", uuid, message={"role": "user", "content": content}, **more)


def answers(uuid: str, *blocks: dict[str, Any], message: str = "m1", **more: Any) -> dict[str, Any]:
    usage = more.pop("usage", {"input_tokens": 5, "output_tokens": 7})
    model = more.pop("model", "model-a")
    body = {"id": message, "role": "assistant", "model": model, "content": list(blocks), "usage": usage}
    return row("assistant", uuid, message=body, **more)


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(call_id: str, tool: str = "Bash", **args: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": tool, "input": args}


def result(uuid: str, call_id: str, content: Any, *, error: bool = False, **more: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": error}
    return says(uuid, [block], **more)


def lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(r, ensure_ascii=False).encode() + b"\n" for r in rows)


def read(path: Path, data: bytes, name: str = "log.jsonl") -> FileResult:
    file = path / name
    file.write_bytes(data)
    return read_file(file, masker=Unmasked())


def one_run(path: Path, *rows: dict[str, Any]) -> Run:
    found = read(path, lines(rows))
    assert found.format == "claude-code@1", found.reason
    (run,) = found.runs
    return run


def steps(path: Path, *rows: dict[str, Any]) -> tuple[Step, ...]:
    return one_run(path, *rows).steps


def conserved(found: FileResult) -> bool:
    counts = found.counts
    same = counts.seen == counts.understood + counts.ignored + counts.quarantined
    return same and counts.quarantined == len(found.quarantined) and counts.ignored == sum(found.ignored.values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=4,
)


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> Any:
    """`document` with up to three of its values, at any depth, replaced by any other."""
    changed = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(1, 3))):
        here = changed
        while isinstance(here, dict | list) and here:
            key = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else list(range(len(here)))))
            if not isinstance(here[key], dict | list) or draw(st.integers(0, 3)) == 0:
                here[key] = draw(JSON)
                break
            here = here[key]
    return changed
