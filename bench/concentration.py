"""Row *concentration*: what share of what repeats the top 20 % of patterns cover, for every log set, and how surely."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from bench.data import Settings
from memento_skills.app.reading import lineages_of
from memento_skills.detect import concentration, failures
from memento_skills.ingest.ingest import read_tree
from memento_skills.masking import Masker
from memento_skills.records import Concentration, Failure

SETS = (
    "claude-code", "codex", "opencode", "copilot", "gemini", "tau-bench", "agentrx-tau", "mini-swe-agent", "swe-agent",
)  # fmt: skip
"""Folders of the data with logs of use."""
BY_PROJECT = ("claude-code", "codex", "opencode", "copilot", "gemini")
"""Those in which every folder is a project, which is measured by itself, too."""
ROUNDS = 10
"""Times that a tenth of the lineages is left out: each lineage once."""
FEWEST = 10
"""Lineages with a failure below which leaving a tenth out says nothing."""
CURVE = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Shares of the patterns at which the curve is shown."""


def row(settings: Settings) -> dict[str, Any]:
    """Of every set and project: concentration of all failures and of the agents' own, and its stability."""
    answer = {}
    for name in SETS:
        if not (settings.data / name).is_dir():
            continue
        folder = settings.data / name
        projects = [p for p in sorted(folder.iterdir()) if p.is_dir()] if name in BY_PROJECT else [folder]
        measured = {f"{name}/{p.name}" if p != folder else name: _found(p) for p in projects}
        if len(measured) > 1:
            answer[name] = _measured(*_joined(measured.values()))
        answer |= {logs: _measured(*found) for logs, found in measured.items()}
    return answer


def _found(folder: Path) -> tuple[list[Failure], dict[str, str]]:
    runs = [run for result in read_tree([folder], masker=Masker(salt=b"bench")) for run in result.runs]
    return [failure for run in runs for failure in failures(run)], dict(lineages_of(runs))


def _joined(parts: Any) -> tuple[list[Failure], dict[str, str]]:
    known: list[Failure] = []
    lineages: dict[str, str] = {}
    for found, own in parts:
        known += found
        lineages |= own
    return known, lineages


def _measured(found: Sequence[Failure], lineages: Mapping[str, str]) -> dict[str, Any]:
    own = [failure for failure in found if failure.fault in ("agent", "denial")]
    return {name: _one(some, lineages) for name, some in (("all", found), ("agents", own))}


def _one(found: Sequence[Failure], lineages: Mapping[str, str]) -> dict[str, Any]:
    whole = concentration(found, lineages, seed=0)
    names = sorted({lineages.get(failure.run, failure.run) for failure in found})
    without = [_without(found, lineages, left) for left in _tenths(names)] if len(names) >= FEWEST else []
    return {
        "failures": len(found),
        "lineages": len(names),
        "patterns": whole.patterns,
        "episodes": whole.episodes,
        "in_sample": whole.in_sample,
        "held_out": whole.held_out,
        "interval": [whole.low, whole.high],
        "curve": {str(share): _at(whole, share) for share in CURVE},
        "without_a_tenth": {
            kind: _range([getattr(one, kind) for one in without]) for kind in ("in_sample", "held_out")
        },
    }


def _tenths(names: Sequence[str]) -> list[set[str]]:
    shuffled = list(names)
    Random(0).shuffle(shuffled)
    return [set(shuffled[number::ROUNDS]) for number in range(ROUNDS)]


def _without(found: Sequence[Failure], lineages: Mapping[str, str], left: set[str]) -> Concentration:
    return concentration([f for f in found if lineages.get(f.run, f.run) not in left], lineages, seed=0)


def _range(values: Sequence[float | None]) -> list[float] | None:
    known = [value for value in values if value is not None]
    return [min(known), max(known)] if known else None


def _at(whole: Concentration, share: float) -> float | None:
    if not whole.curve:
        return None
    return whole.curve[max(math.ceil(share * len(whole.curve)) - 1, 0)]


def _stable(one: Mapping[str, Any], kind: str) -> bool | None:
    spread, value = one["without_a_tenth"][kind], one[kind]
    if spread is None or value is None:
        return None
    return max(value - spread[0], spread[1] - value) <= 0.05


def entries(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str, bool | None]]:
    """Lines of the summary: sets in which leaving out a tenth says something."""
    judged = {name: _stable(one["all"], "held_out") for name, one in found.items()}
    known = {name: stable for name, stable in judged.items() if stable is not None}
    steady = sum(known.values())
    aim = "within 5 points of all, everywhere"
    what = "concentration, held out, a tenth of the lineages left out"
    yield what, f"within in {steady} of {len(known)}", aim, all(known.values())


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The section of the page."""
    yield "## Concentration"
    yield ""
    yield "Share of the repeated episodes in the top 20 % of patterns: ranked and measured on the same lineages (in"
    yield "sample), and ranked on half of them and measured on the other (held out, with a 90 % interval by bootstrap"
    yield f"over lineages). Last: the range when each tenth of the lineages is left out in turn (from {FEWEST}"
    yield "lineages on), and whether it stays within 5 points. n/a = too few lineages. The product's claim is 0.78."
    for name in ("all", "agents"):
        yield ""
        yield f"### {'All failures' if name == 'all' else 'Failures of agents and denials only'}"
        yield ""
        yield (
            "| logs | failures, lineages | repeated: patterns, episodes | in sample | held out (90 %)"
            " | at 5, 10, 20, 30, 50 % of patterns | a tenth left out: in sample | held out | stable |"
        )
        yield "|---|---|---|---|---|---|---|---|---|"
        for logs, both in found.items():
            if both[name]["patterns"]:
                yield _row(logs, both[name])
        bare = [logs for logs, both in found.items() if not both[name]["patterns"]]
        yield ""
        yield f"Nothing is repeated in: {', '.join(bare) or 'none of them'}."


def _row(logs: str, one: Mapping[str, Any]) -> str:
    low, high = one["interval"]
    span = f" ({low:.2f} to {high:.2f})" if low is not None else ""
    curve = ", ".join(_number(value) for value in one["curve"].values())
    spreads = [one["without_a_tenth"][kind] for kind in ("in_sample", "held_out")]
    shown = [f"{spread[0]:.2f} to {spread[1]:.2f}" if spread else "n/a" for spread in spreads]
    stable = {None: "n/a", True: "yes", False: "**no**"}
    judged = ", ".join(stable[_stable(one, kind)] for kind in ("in_sample", "held_out"))
    return (
        f"| {logs} | {one['failures']}, {one['lineages']} | {one['patterns']}, {one['episodes']} |"
        f" {_number(one['in_sample'])} | {_number(one['held_out'])}{span} | {curve} |"
        f" {shown[0]} | {shown[1]} | {judged} |"
    )


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"
