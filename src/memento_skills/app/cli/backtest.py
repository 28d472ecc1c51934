"""`memento backtest`: what patches learnt from earlier calls catch among later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session

if TYPE_CHECKING:
    from rich.table import Table


@click.command("backtest", cls=Command)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True), metavar="PATH...")
@flags.split
@flags.skills
@flags.users
@click.pass_obj
def command(session: Session, /, paths: tuple[str, ...], **given: object) -> None:
    """Learn from the first part of each project's calls, test on the rest; nothing is stored."""
    from memento_skills.app import pipeline

    options = session.options(**given)
    answer = pipeline.backtest(paths, options, session.progress())
    if session.json:
        session.emit(answer)
        return
    session.show(table(answer, session.console().width))
    for line in _means(answer):
        session.say(line)


COUNTS = {"episodes": "episodes", "right": "right", "wrong": "wrong", "false": "false", "undec.": "undecidable"}
INTERVALS = 100
"""Columns of a terminal from which on there is room for intervals."""


def table(answer: dict[str, Any], width: int) -> Table:
    """Counts and rates by project, learned and builtin apart, as a rich table for `width` columns."""
    from rich.table import Table

    from memento_skills.masking import visible

    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    grid.add_column("project", overflow="ellipsis", no_wrap=True, max_width=24 if width >= INTERVALS else 14)
    grid.add_column("guards", no_wrap=True)
    for name in (*COUNTS, "precision", "recall", "false/1000"):
        grid.add_column(name, justify="right", no_wrap=True)
    for project in [*answer.get("projects", ()), {"project": "TOTAL", **answer.get("total", {})}]:
        for origin in ("learned", "builtin"):
            row = project.get(origin)
            if isinstance(row, dict):
                grid.add_row(visible(str(project.get("project", ""))), origin, *_cells(row, width))
    return grid


def _cells(row: dict[str, Any], width: int) -> list[str]:
    counts = [f"{row.get(key, 0):,}" for key in COUNTS.values()]
    low, high = row.get("intervals", {}).get("precision", (None, None))
    interval = "" if width < INTERVALS or low is None or high is None else f" ({low:.2f}–{high:.2f})"
    return [*counts, _rate(row.get("precision")) + interval, _rate(row.get("recall")), _rate(row.get("false_per_1000"))]


def _means(answer: dict[str, Any]) -> list[str]:
    """Means over the projects with enough held-out episodes; foreign and shuffled guards are the controls."""
    rows = []
    for origin, means in answer.get("macro", {}).items():
        if any(value is not None for value in means.values()):
            rates = (f"{name.replace('_', ' ')} {_rate(value)}" for name, value in means.items())
            rows.append(f"mean, {origin}: {', '.join(rates)}")
    return rows or ["no project has held-out episodes enough for a mean"]


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
