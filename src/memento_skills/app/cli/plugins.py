"""`memento plugins`: readers, detectors and other parts, with versions and where they come from."""

from __future__ import annotations

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session


@click.command("plugins", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """List the replaceable parts. Exit code 1 if one does not load."""
    from memento_skills.app import plugins

    found = plugins.listed(session.settings.plugins)
    if session.json:
        session.emit([{name: getattr(p, name) for name in p.__struct_fields__} for p in found])
    else:
        for p in found:
            origin = f"{p.package} {p.version}".strip() or "unknown package"
            state = f"BROKEN: {p.problem}" if p.problem else origin
            session.row(f"{p.group:<11} {p.part or p.name:<24} {p.target:<48} {state}")
    if any(p.problem for p in found):
        session.stop(1)
