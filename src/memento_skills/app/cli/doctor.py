"""`memento doctor`: what is installed, found and missing."""

from __future__ import annotations

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session

MARKS = {"ok": "ok     ", "warning": "warning", "missing": "MISSING"}


@click.command("doctor", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Say what is installed, found and missing. Exit code 1 if something needed is missing."""
    from memento_skills.app import doctor

    findings = doctor.examine(
        doctor.Place(
            home=session.home,
            cwd=session.cwd,
            store=session.store_path,
            env=session.env,
            skills=session.settings.skills,
        )
    )
    if session.json:
        session.emit({"ok": not doctor.needed_is_missing(findings), "findings": doctor.public(findings)})
    else:
        for finding in findings:
            session.row(f"{MARKS[finding.state]}  {finding.name}: {finding.detail}")
            if finding.hint:
                session.row(f"         -> {finding.hint}")
    if doctor.needed_is_missing(findings):
        session.stop(1)
