"""`memento demo`: the whole loop on bundled real logs, in a folder of its own."""

from __future__ import annotations

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session


@click.command("demo", cls=Command)
@click.option("--into", type=click.Path(file_okay=False), metavar="DIR", help="Folder to play in (default: a new one).")
@click.pass_obj
def command(session: Session, into: str | None) -> None:
    """Show the whole loop on bundled real logs: scan, review, promote, report, roll back.

    Your own skills, logs and store are not touched.
    """
    from memento_skills.app import pipeline

    answer = pipeline.demo(into, say=(lambda _text: None) if session.json else session.say, now=session.now)
    if session.json:
        session.emit(answer)
