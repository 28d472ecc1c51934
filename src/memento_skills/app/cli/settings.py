"""`memento settings`: each value and where it comes from."""

from __future__ import annotations

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session


@click.command("settings", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Show every setting and where it comes from.

    Strongest first: flags, MEMENTO_* variables, the project's memento.toml (or [tool.memento] in
    pyproject.toml), config.toml in your settings folder.
    """
    from memento_skills.app.settings import unknown_variables

    rows = session.loaded.listed()
    ignored = unknown_variables(session.env)
    if session.json:
        session.emit(
            {
                "settings": [{"name": r.name, "value": r.value, "source": r.source} for r in rows],
                "store": str(session.store_path),
                "ignored_variables": list(ignored),
            }
        )
        return
    width = max(len(str(_shown(r.value))) for r in rows)
    for row in rows:
        session.row(f"{row.name:<10} {_shown(row.value):<{min(width, 48)}}  {row.source}")
    session.say(f"\nstore in use: {session.store_path}\nyour settings folder: {session.user_folder}")
    for name in ignored:
        session.note(f"{name} is set but no setting answers to it")


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "-"
    return str(value) if value not in ("", None) else "-"
