"""`memento forget`: a run, a user or a secret, removed for good."""

from __future__ import annotations

import sys

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session
from memento_skills.errors import BadInput, UsageError


@click.command("forget", cls=Command)
@click.option("--run", "run", metavar="ID", help="A run, by its native id or client:id.")
@click.option("--user", "user", metavar="NAME", help="All runs of a user.")
@click.option("--secret", "secret", metavar="TEXT|-", help="A literal text, wherever it stands; - reads it from stdin.")
@flags.yes
@click.pass_obj
def command(session: Session, run: str | None, user: str | None, secret: str | None, yes: bool) -> None:
    """Remove a run, a user or a secret for good: archive, quotes and all; the audit log still verifies.

    What is forgotten is not ingested again. Copies elsewhere (your logs, commits, backups) are yours to remove.
    """
    given = [value for value in (run, user, secret) if value]
    if len(given) != 1:
        raise UsageError("say what to forget", hint="exactly one of --run, --user, --secret")
    literal = sys.stdin.read().strip("\r\n") if secret == "-" else secret  # noqa: S105 - the flag's own dash
    if secret and len(literal or "") < 4:
        raise UsageError(
            "a secret of fewer than four characters would erase half of everything", hint="give more of it"
        )
    with session.open_store() as store:
        target = "the secret" if secret else f"the user {user}" if user else f"the run {run}"
        session.confirm(f"Forget {target} for good?", yes)
        with store.write() as tx:
            if run:
                done = tx.forget_run(_key([header.key for header in store.headers()], run))
            elif user:
                done = tx.forget_user(user)
            else:
                done = tx.forget_secret(literal or "")
    import msgspec

    counts = {name: getattr(done, name) for name in msgspec.structs.asdict(done)}
    if session.json:
        session.emit(counts)
    else:
        session.say(
            f"forgotten: {', '.join(f'{value} {name}' for name, value in counts.items() if value) or 'nothing found'}"
        )


def _key(keys: list[str], run: str) -> str:
    hits = [key for key in keys if run in (key, key.partition(":")[2])]
    if len(hits) != 1:
        said = "no run" if not hits else f"{len(hits)} runs"
        hint = "give client:id" if hits else "`memento failures --json` names runs"
        raise BadInput(f"{said} with the id {run!r}", hint=hint)
    return hits[0]
