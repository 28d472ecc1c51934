"""`memento guard`: where patches speak up, in a log (`--replay`) or at a pending call on stdin (a client's hook)."""

from __future__ import annotations

import sys
from typing import Literal

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session
from memento_skills.errors import MementoError, UsageError


@click.command("guard", cls=Command)
@click.option("--replay", "file", type=click.Path(exists=True), metavar="FILE", help="Log to walk through.")
@click.option(
    "--status", type=click.Choice(["promoted", "passed", "all"]), default="promoted", show_default=True,
    help="With --replay: which patches: promoted, passed (verdict better), or all.",
)  # fmt: skip
@click.option(
    "--mode", type=click.Choice(["advise", "stop-once"]), default="advise", show_default=True,
    help="Without --replay: advise = say it beside the call; stop-once = refuse, and let the identical retry pass.",
)  # fmt: skip
@click.pass_obj
def command(session: Session, file: str | None, status: str, mode: Literal["advise", "stop-once"]) -> None:
    """Say which promoted patch would advise what, from what precedes a call alone.

    With --replay: for each call of a log. Without it: for the pending call that stands on stdin as the JSON of Claude
    Code's PreToolUse hook; the answer is the hook's, or nothing. It never allows a call; after any error the call goes
    on.
    """
    if not file:
        _pending(session, mode)
        return
    from memento_skills.app import pipeline

    with session.open_store() as store:
        fires = pipeline.guard_replay(store, file, status, session.options())
        if session.json:
            session.emit_lines(fires)
            return
        for fire in fires:
            session.row(f"{fire['file']}:{fire['line']}  {fire['tool']}  {fire['patch']}  {fire['advice']}")


def _pending(session: Session, mode: Literal["advise", "stop-once"]) -> None:
    if sys.stdin.isatty():
        raise UsageError("no log given and no call on stdin", hint="name a log with --replay FILE")
    from memento_skills.app import hook

    data = sys.stdin.buffer.read(hook.MAX_INPUT)
    try:
        folder, tenant = session.store_path.resolve().parent, session.settings.tenant
    except UsageError as error:
        # a client takes exit code 2 for a refusal: a project's broken settings file would stop every call in it
        raise MementoError(error.what, where=error.where, hint=error.hint) from error
    answer = hook.respond(data, folder, mode, user=session.home.name, tenant=tenant)
    if answer is not None:
        session.emit(answer)
