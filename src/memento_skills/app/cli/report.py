"""`memento report`: what fails most and what it costs, as a table, as JSON or as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session
from memento_skills.errors import MementoError


@click.command("report", cls=Command)
@click.option("--html", "page", type=click.Path(dir_okay=False), metavar="FILE", help="Write one self-contained page.")
@click.pass_obj
def command(session: Session, page: str | None) -> None:
    """Show how few patterns cause how many failures, the causes, and what each pattern costs."""
    from memento_skills.app import pipeline

    options = session.options()
    with session.open_store() as store:
        report = pipeline.report(store, options)
        proposals = pipeline.proposals(store) if page else ()
    if page:
        from memento_skills.app import html

        _write(Path(page), html.page(report, proposals, now=session.now))
    if session.json:
        session.emit(report)
    elif page:
        session.say(f"wrote {page}")
    else:
        from memento_skills.app import report_screen

        session.show(report_screen.render(report, width=session.console().width))


def _write(path: Path, text: str) -> None:
    """Write the page as a whole or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, "utf-8", errors="backslashreplace", newline="\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        hint = "choose another FILE"
        raise MementoError(f"cannot write the page: {error.strerror}", where=str(path), hint=hint) from error
