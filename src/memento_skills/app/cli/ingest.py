"""`memento ingest`: log files into the store, and the account of every line."""

from __future__ import annotations

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session
from memento_skills.app.options import Ingested


@click.command("ingest", cls=Command)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True), metavar="PATH...")
@flags.reading
@click.pass_obj
def command(
    session: Session,
    /,
    paths: tuple[str, ...],
    **given: object,
) -> None:
    """Read log files into the store; what is already there is not read twice."""
    from memento_skills.app import pipeline

    options = session.options(**given)
    with session.open_store(create=True) as store:
        result = pipeline.ingest(store, paths, options, session.progress())
    if session.json:
        session.emit(result.public())
    else:
        session.say(account(result))


def account(done: Ingested) -> str:
    """Two lines: runs, and where every line went."""
    lines = done.lines
    return (
        f"{done.files:,} files, {done.runs:,} runs: {done.new_runs:,} new, {done.duplicates:,} already known\n"
        f"{lines.seen:,} lines = {lines.understood:,} understood + {lines.ignored:,} ignored"
        f" + {lines.quarantined:,} quarantined"
    )
