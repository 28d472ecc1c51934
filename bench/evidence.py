"""The rows that the backtest counts, with what it learns from them, for rows of the bench that look closer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from memento_skills import detect
from memento_skills.app import analysis, backtesting, reading
from memento_skills.app.options import Options
from memento_skills.app.parts import Parts
from memento_skills.guards import in_time
from memento_skills.records import Failure, Guard, Run
from memento_skills.verify import backtest as measure

CLIENTS = ("claude-code", "codex", "opencode", "copilot", "gemini")
"""Folders of the data with logs of sessions of people at work."""


class Evidence(NamedTuple):
    """What `memento backtest` works on."""

    failures: Sequence[Failure]
    lineages: Mapping[str, str]
    parts: Mapping[str, measure.Split]
    """By project."""
    learned: Mapping[str, Sequence[Guard]]
    """By project, from what came before T."""


@cache
def evidence(data: Path, paths: tuple[Path, ...] = ()) -> Evidence:
    """Read the session logs (or `paths`) and learn, as `memento backtest` does."""
    users = data / "users.json"
    options = Options(now=0.0, home="", users=str(users) if users.exists() else "")
    used = Parts(options)
    chosen = [str(p) for p in paths] or [str(data / name) for name in CLIENTS if (data / name).is_dir()]
    longest: dict[str, Run] = {}
    for run in (run for result in reading.runs_of(chosen, options, salt=backtesting.SALT) for run in result.runs):
        if run.key not in longest or len(run.steps) > len(longest[run.key].steps):
            longest[run.key] = run
    runs = list(longest.values())
    lineages = reading.lineages_of(runs)
    failures = detect.unique(f for run in runs for f in detect.failures(run, extra=used.detectors))
    table = analysis.table_of(in_time(runs), failures, lineages)
    parts = {name: measure.split(rows, options.split) for name, rows in measure.by_project(table).items()}
    learned = {
        name: backtesting.learn_project(part.before, longest, lineages, options.now, used.reflectors)
        for name, part in parts.items()
    }
    return Evidence(list(failures), lineages, parts, learned)
