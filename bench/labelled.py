"""The two sets of failure labels, each label with the failure that the program finds for that call."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from bench.data import ROOT
from memento_skills.detect import failures
from memento_skills.ingest.ingest import read_tree
from memento_skills.masking import Masker
from memento_skills.records import Failure, Step

SECOND = ROOT / "bench" / "labels" / "second.jsonl"
SETS = ("claude-code", "codex", "opencode", "copilot", "tau-bench")
"""Folders of the data that the labels are about."""


class Labelled(NamedTuple):
    """A label, and what the program says of the same call (None = it sees no failure there)."""

    label: dict[str, Any]
    failure: Failure | None
    result: Step | None
    """The failing result itself, for methods that read texts."""


def labels(data: Path) -> dict[str, list[dict[str, Any]]]:
    """The labels by set: `first` (made with the data) and `second` (bench/labels)."""
    first = data / "labels" / "failures.jsonl"
    found = {"first": first, "second": SECOND}
    return {name: [json.loads(line) for line in file.open(encoding="utf-8")] for name, file in found.items()}


@cache
def labelled(data: Path) -> dict[str, list[Labelled]]:
    """Every label of both sets with its failure."""
    sets = labels(data)
    wanted = {(_place(row), row["call_id"]) for rows in sets.values() for row in rows}
    found: dict[tuple[str, str], tuple[Failure | None, Step | None]] = {}
    for name in SETS:
        for result in read_tree([data / name], masker=Masker(salt=b"bench")):
            for run in result.runs:
                place = _of_source(run.sources, data)
                own = {step.call_id: step for step in reversed(run.steps) if step.kind == "result"}
                keys = {(place, call) for call in own} & wanted
                if keys:
                    seen = {failure.call_id: failure for failure in failures(run)}
                    found |= {
                        key: (seen.get(key[1]), own[key[1]]) for key in keys if found.get(key, (None,))[0] is None
                    }
    return {
        name: [Labelled(row, *found.get((_place(row), row["call_id"]), (None, None))) for row in rows]
        for name, rows in sets.items()
    }


def _place(row: dict[str, Any]) -> str:
    return str(row["file"])


def _of_source(sources: Iterable[str], data: Path) -> str:
    return next((str(Path(s).resolve().relative_to(data.resolve())) for s in sources if _under(s, data)), "")


def _under(source: str, data: Path) -> bool:
    return Path(source).resolve().is_relative_to(data.resolve())
