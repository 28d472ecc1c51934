"""`memento failures`: every failure, one a line."""

from __future__ import annotations

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session
from memento_skills.records import SURE, Failure


@click.command("failures", cls=Command)
@flags.paths
@flags.reading
@click.option("--fault", multiple=True, metavar="FAULT", help="Only of this fault: agent, user, service, work, …")
@click.pass_obj
def command(
    session: Session,
    /,
    paths: tuple[str, ...],
    fault: tuple[str, ...],
    **given: object,
) -> None:
    """List every failure of log files (PATH), or of the store, one a line.

    With PATH nothing is stored. With --json: JSON lines.
    """
    from memento_skills.app import surfaces

    options = session.options(**given)
    if paths:
        from memento_skills.app import pipeline

        found = pipeline.failures(paths, options)
    else:
        with session.open_store() as store:
            found = tuple(store.failures())
    chosen = (failure for failure in found if not fault or failure.fault in fault)
    if session.json:
        session.emit_lines(surfaces.failure(failure) for failure in chosen)
        return
    for failure in chosen:
        session.row(line(failure))


def line(failure: Failure) -> str:
    """`file:line  severity  fault  kind  tool  quote`, the quote on one line; `kind?(0.5)` where it is unsure."""
    quote = " ".join(failure.quote.split())[:120]
    kind = failure.kind if failure.confidence >= SURE else f"{failure.kind}?({failure.confidence:.2f})"
    where = f"{failure.file}:{failure.line}"
    return f"{where}  s{failure.severity}  {failure.fault}  {kind}  {failure.tool or '-'}  {quote}"
