"""Row *backtest*: `memento backtest` on every project of the data that the readers know, reported as it is."""

from __future__ import annotations

from typing import Any

from bench.data import Settings, scratch, sessions
from memento_skills.app import pipeline
from memento_skills.app.options import Options

SETS = ("claude-code", "tau-bench", "agentrx-tau")
"""Logs of real use; test fixtures are left out."""
ORIGINS = ("learned", "builtin", "shuffled", "foreign")
NUMBERS = (
    "right", "wrong", "false", "undecidable", "episodes", "calls", "precision", "recall", "repeated_recall",
    "false_per_1000",
)  # fmt: skip


def row(settings: Settings) -> dict[str, Any]:
    """Counts, rates and intervals of each project; the controls; the macro means of each set."""
    users = settings.data / "users.json"
    options = Options(now=0.0, home="", users=str(users) if users.exists() else "")
    found: dict[str, Any] = {}
    with scratch() as folder:
        for name in SETS:
            source = settings.data / name
            if name == "claude-code" and settings.files:
                source = folder / name
                source.mkdir()
                for file in sessions(settings):
                    (source / file.name).write_bytes(file.read_bytes())
            if source.is_dir():
                found[name] = _set(pipeline.backtest([str(source)], options, pipeline.quiet))
    return found


def _set(answer: dict[str, Any]) -> dict[str, Any]:
    projects = [
        {"project": p["project"], "patches": p["patches"], "training": p["training"], "held_out": p["held_out"]}
        | {origin: _origin(p[origin]) for origin in ORIGINS}
        for p in answer["projects"]
    ]
    return {"projects": projects, "macro": answer["macro"], "min_episodes": answer["min_episodes"]}


def _origin(found: dict[str, Any]) -> dict[str, Any]:
    chosen = {name: found[name] for name in NUMBERS}
    return chosen | ({"intervals": found["intervals"]} if "intervals" in found else {})
