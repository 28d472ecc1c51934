"""`memento audit`: the hash-chained log of decisions, promotions, rollbacks and erasures."""

from __future__ import annotations

import click

from memento_skills.app.cli.base import Command, Group
from memento_skills.app.cli.session import Session


@click.group("audit", cls=Group)
def command() -> None:
    """Check or list the log of what was decided and done."""


@command.command("verify", cls=Command)
@click.pass_obj
def verify(session: Session) -> None:
    """Find any edit, deletion, reordering or truncation. Exit code 1 if there is one.

    Each promotion's commit carries the chain's head, so a shortened log is found out, too.
    """
    from memento_skills.app import pipeline

    with session.open_store() as store:
        problems = pipeline.audit_problems(store)
        entries = sum(1 for _ in store.audit_entries())
        head = store.audit_head()
    if session.json:
        session.emit({"ok": not problems, "entries": entries, "head": head, "problems": list(problems)})
    elif problems:
        for problem in problems:
            session.row(problem)
    else:
        session.say(f"intact: {entries} entries, head {head}")
    if problems:
        session.stop(1)


@command.command("list", cls=Command)
@click.pass_obj
def list_(session: Session) -> None:
    """List the entries, oldest first."""
    from memento_skills.app import surfaces
    from memento_skills.app.when import day

    with session.open_store() as store:
        entries = tuple(store.audit_entries())
    if session.json:
        session.emit_lines(surfaces.audit_entry(e) for e in entries)
        return
    for e in entries:
        words = (f"{name}={str(value)[:16]}" for name, value in sorted(e.body.items()) if value not in ("", None))
        session.row(f"{e.seq:>4}  {day(e.at)}  {e.kind:<10} {', '.join(words)}")
