"""`memento propose`: patches for patterns."""

from __future__ import annotations

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session


@click.command("propose", cls=Command)
@click.argument("pattern", required=False)
@click.pass_obj
def command(session: Session, pattern: str | None) -> None:
    """Write the smallest amendment that would have prevented PATTERN (every repeated one without it)."""
    from memento_skills.app import pipeline, surfaces

    with session.open_store() as store:
        patches = pipeline.propose(store, pattern)
        why = pipeline.refusals(store, pattern)
    if session.json:
        session.emit([surfaces.patch(p) for p in patches])
        return
    if not patches:
        said = next(iter(why.values()), "") if pattern else ""
        session.say(f"no patch: {said or 'nothing that a skill could say (`memento reflect` tells why)'}")
    elif why and not pattern:
        session.say(f"{len(why)} patterns give no patch: `memento reflect` tells why")
    for patch in patches:
        session.say(f"{patch.id}  {patch.kind} {patch.skill.name}  pattern {patch.pattern}\n{patch.diff}")
