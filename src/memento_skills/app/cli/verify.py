"""`memento verify`: one patch against failures it has not seen."""

from __future__ import annotations

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session


@click.command("verify", cls=Command)
@click.argument("patch")
@click.pass_obj
def command(session: Session, patch: str) -> None:
    """Test PATCH again: specification, secrets, hidden characters, capabilities, backtest, slices.

    Exit code 0 if the verdict is *better*, else 1.
    """
    from memento_skills.app import pipeline, review_screen, surfaces

    with session.open_store() as store:
        verdict = pipeline.verify(store, patch, session.options())
    if session.json:
        session.emit(surfaces.verdict(verdict))
    else:
        session.show(review_screen.verdict_block(verdict))
    if verdict.value != "better":
        session.stop(1)
