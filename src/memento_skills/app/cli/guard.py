"""`memento guard --replay`: where patches would have spoken up in a log, decided call by call."""

from __future__ import annotations

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session
from memento_skills.errors import UsageError


@click.command("guard", cls=Command)
@click.option("--replay", "file", type=click.Path(exists=True), metavar="FILE", help="Log to walk through.")
@click.option(
    "--status", type=click.Choice(["promoted", "passed", "all"]), default="promoted", show_default=True,
    help="Which patches: promoted, passed (verdict better), or all.",
)  # fmt: skip
@click.pass_obj
def command(session: Session, file: str | None, status: str) -> None:
    """For each call of a log, say which patch would have advised what, from what precedes that call alone."""
    from memento_skills.app import pipeline

    if not file:
        raise UsageError("no log given", hint="name one with --replay FILE")
    with session.open_store() as store:
        fires = pipeline.guard_replay(store, file, status, session.options())
        if session.json:
            session.emit_lines(fires)
            return
        for fire in fires:
            session.row(f"{fire['file']}:{fire['line']}  {fire['tool']}  {fire['patch']}  {fire['advice']}")
