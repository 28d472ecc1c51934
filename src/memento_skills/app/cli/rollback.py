"""`memento rollback`: the revert of a promotion, with a reason."""

from __future__ import annotations

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session


@click.command("rollback", cls=Command)
@click.argument("promotion", metavar="ID")
@click.option("--reason", metavar="TEXT", help="Why; it is kept in the commit and in the audit log.")
@flags.curator
@click.pass_obj
def command(session: Session, promotion: str, reason: str | None, curator: str | None) -> None:
    """Revert the promotion ID (or of the patch ID): the skill is what it was before."""
    from memento_skills.app import pipeline, surfaces

    with session.open_store() as store:
        why = session.need(reason, "Why is it taken back?", "--reason")
        done = pipeline.rollback(store, promotion, why, curator=session.curator(curator), now=session.now)
    if session.json:
        session.emit(surfaces.rollback(done))
    else:
        session.say(f"rolled back {done.promotion}: commit {done.commit[:12]}")
