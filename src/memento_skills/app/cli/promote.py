"""`memento promote`: an approved patch becomes a commit in the skill library."""

from __future__ import annotations

from typing import Literal

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session
from memento_skills.records import Promotion


@click.command("promote", cls=Command)
@click.argument("patch")
@click.option(
    "--to", type=click.Choice(["branch", "tree"]), default="branch", show_default=True,
    help="branch: a branch of its own, nothing of yours moves. tree: a commit on the current branch.",
)  # fmt: skip
@click.option("--accept-risk", is_flag=True, help="Promote although the patch brings a dangerous capability.")
@flags.curator
@flags.yes
@click.pass_obj
def command(
    session: Session, patch: str, to: Literal["branch", "tree"], accept_risk: bool, curator: str | None, yes: bool
) -> None:
    """Commit the approved PATCH to its skill, if that skill is still what was reviewed."""
    from memento_skills.app import pipeline, surfaces

    with session.open_store() as store:
        item = store.patch(patch)
        session.confirm(f"Commit the patch {item.id} to the skill {item.skill.name} ({to})?", yes)
        done = pipeline.promote(
            store, item.id, curator=session.curator(curator), to=to, accept_risk=accept_risk, now=session.now
        )
    if session.json:
        session.emit(surfaces.promotion(done))
    else:
        session.say(text(done))


def text(done: Promotion) -> str:
    """What was committed, and how to take it back."""
    where = f" on {done.branch}" if done.branch else ""
    return (
        f"promoted {done.patch} to {done.skill.name}: commit {done.commit[:12]}{where} in {done.skill.library}\n"
        f"to take it back: memento rollback {done.id} --reason TEXT"
    )
