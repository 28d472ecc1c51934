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
    session.show(table(answer))


def table(answer: dict[str, Any]) -> Table:
    """Counts and rates by project, learned and builtin apart, as a rich table."""
    from rich import box
    from rich.table import Table

    from memento_skills.masking import visible

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = ("episodes", "caught", "right", "wrong", "false", "undecidable", "precision", "recall")
    grid.add_column("project")
    grid.add_column("origin")
    for name in columns:
        grid.add_column(name, justify="right")
    for project in [*answer.get("projects", ()), {"project": "total", **answer.get("total", {})}]:
        for origin in ("learned", "builtin"):
            row = project.get(origin)
            if isinstance(row, dict):
                grid.add_row(visible(str(project.get("project", ""))), origin, *(_cell(row.get(c)) for c in columns))
    return grid


def _cell(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("value")
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
