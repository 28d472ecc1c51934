"""`memento export`: stored runs as trajectories that other programs read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session, json_text
from memento_skills.errors import BadInput, MementoError, UsageError

if TYPE_CHECKING:
    from memento_skills.ingest.atif_out import AtifVersion
    from memento_skills.records import Run
    from memento_skills.store.store import Store

_NAME_LENGTH = 80


@click.command("export", cls=Command)
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--all", "every", is_flag=True, help="Every run of the store.")
@click.option("--format", "form", type=click.Choice(["atif"]), default="atif", help="Format to write (default: atif).")
@click.option(
    "--atif-version", "version", type=click.Choice(["1.7", "1.8"]), default="1.7", help="Of ATIF (default: 1.7)."
)
@click.option(
    "--out", type=click.Path(file_okay=False), metavar="DIR", help="One file a run (default: a line a run on stdout)."
)
@click.pass_obj
def command(
    session: Session, run: str | None, every: bool, form: str, version: AtifVersion, out: str | None
) -> None:  # fmt: skip
    """Write a run (its native id, or client:id), or all, as ATIF trajectories; `memento ingest` reads them back.

    What ATIF has no field for stands under extra.memento. Texts are masked, as in the store.
    """
    del form  # one format so far
    from memento_skills.ingest.atif_out import to_atif

    if bool(run) == every:
        raise UsageError("say what to export", hint="a run's id, or --all")
    with session.open_store() as store:
        chosen = _chosen(store, run)
        if out is None:
            session.emit_lines(to_atif(one, version) for one in chosen)
            return
        folder = _folder(Path(out))
        written = [_write(folder, one.key, json_text(to_atif(one, version))) for one in chosen]
    if session.json:
        session.emit({"exported": len(written), "files": [str(path) for path in written]})
    else:
        session.say(f"wrote {len(written)} trajectories to {out}")


def _chosen(store: Store, run: str | None) -> Iterator[Run]:
    if run is None:
        return store.runs()
    hits = [header.key for header in store.headers() if run in (header.key, header.id)]
    if len(hits) != 1:
        said = "no run" if not hits else f"{len(hits)} runs"
        hint = "give client:id" if hits else "`memento failures --json` names runs"
        raise BadInput(f"{said} with the id {run!r}", hint=hint)
    return store.runs(hits)


def _folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        hint = "choose another --out"
        raise MementoError(f"cannot make the folder: {error.strerror}", where=str(folder), hint=hint) from error
    return folder


def file_name(key: str) -> str:
    """A file name for a run's key, which comes from a log: safe characters only, told apart by a hash."""
    from memento_skills.records import digest

    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', key).strip('-')[:_NAME_LENGTH]}-{digest(key, size=8)}.json"


def _write(folder: Path, key: str, text: str) -> Path:
    """Write one file as a whole or not at all."""
    path = folder / file_name(key)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text + "\n", "utf-8", newline="\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        hint = "choose another --out"
        raise MementoError(f"cannot write a trajectory: {error.strerror}", where=str(path), hint=hint) from error
    return path
