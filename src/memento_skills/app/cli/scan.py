"""`memento scan`: logs in, a queue of tested patches out, and one screen to read first."""

from __future__ import annotations

import shlex

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session


@click.command("scan", cls=Command)
@flags.paths
@flags.reading
@flags.skills
@flags.split
@flags.yes
@click.pass_obj
def command(
    session: Session,
    /,
    paths: tuple[str, ...],
    yes: bool,
    **given: object,
) -> None:
    """Read logs, find what repeats, write patches, test them, and show the best.

    Without PATH: this machine's agent logs of the last 90 days, newest first. With PATH: all of it.
    """
    from memento_skills.app import pipeline

    if not paths:
        session.confirm("Read the agent logs in your home folder (nothing leaves this machine)?", yes)
        given["since"] = given["since"] or session.settings.since
    options = session.options(**given)
    # a person waits for the first screen; a program waits for all of it
    seconds = pipeline.FIRST_SCREEN_SECONDS if session.interactive else None
    with session.open_store(create=True) as store:
        result = pipeline.scan(store, paths, options, session.progress(), seconds=seconds)
        if session.json:
            session.emit(result.public())
            return
        from memento_skills.app import first_screen

        flags = f"--store {shlex.quote(session.store_flag)}" if session.store_flag else ""
        session.show(first_screen.render(pipeline.first_screen(store, result, options), flags=flags))
