"""`memento skills`: what is in a skill library, what is wrong with it, and which skill a task would get."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command, Group
from memento_skills.app.cli.session import Session
from memento_skills.errors import BadInput

if TYPE_CHECKING:
    from memento_skills.read.library import Entry, Library
    from memento_skills.skilldoc import Problem


@click.group("skills", cls=Group)
def command() -> None:
    """List, show, check and route the skills of a library.

    Without --skills: the libraries that clients would use in this folder.
    """


@command.command("list", cls=Command)
@flags.skills
@click.pass_obj
def list_(session: Session, skills: tuple[str, ...]) -> None:
    """List every SKILL.md; malformed ones too, with how many problems they have."""
    rows = []
    refused = []
    for library in _libraries(session, skills):
        listing = library.listing()
        refused += [f"{library.root}: {reason}" for reason in listing.refused]
        rows += [(library, entry) for entry in listing.entries]
    if session.json:
        session.emit(
            [
                {
                    "name": e.ref.name,
                    "path": e.ref.path,
                    "library": str(library.root),
                    "revision": e.ref.revision,
                    "description": e.description,
                    "problems": [_public(p) for p in e.problems],
                }
                for library, e in rows
            ]
        )
    else:
        for library, e in rows:
            wrong = f"  ({len(e.problems)} problems)" if e.problems else ""
            session.row(f"{e.ref.name or '?':<28} {library.root / e.ref.path}{wrong}")
            session.row(f"    {' '.join(e.description.split())[:100]}")
    for reason in refused:
        session.note(reason)


@command.command("show", cls=Command)
@click.argument("name")
@flags.skills
@click.option("--user", default="", metavar="NAME", help="As this user's overlay makes it.")
@flags.tenant
@click.pass_obj
def show(session: Session, name: str, skills: tuple[str, ...], user: str, tenant: str | None) -> None:
    """Show the skill NAME; with --user or --tenant, as their overlays make it."""
    from memento_skills.read.overlays import overlay_path, resolve
    from memento_skills.records import Scope

    for library in _libraries(session, skills):
        ref = library.find(name)
        if ref is None:
            continue
        scopes = [Scope(level="tenant", name=tenant or ""), Scope(level="user", name=user)]
        overlays = {s.level: _overlay(library.root / overlay_path(ref.name, s)) for s in scopes if s.name}
        resolved = resolve(library.text(ref), overlays.get("tenant", ""), overlays.get("user", ""))
        if session.json:
            session.emit(
                {"name": ref.name, "path": ref.path, "library": str(library.root), "revision": ref.revision}
                | {"text": resolved.text, "overlays": sorted(level for level, text in overlays.items() if text)}
            )
        else:
            session.say(resolved.text)
        return
    raise BadInput(f"no skill {name!r}", hint="`memento skills list` names them")


@command.command("lint", cls=Command)
@flags.skills
@click.option("--strict", is_flag=True, help="Warnings count, too.")
@click.pass_obj
def lint(session: Session, skills: tuple[str, ...], strict: bool) -> None:
    """Check every SKILL.md against the specification; nothing is rewritten. Exit code 1 if one breaks it."""
    rows = [
        (library.root / entry.ref.path, problem)
        for library in _libraries(session, skills)
        for entry in library.listing().entries
        for problem in entry.problems
    ]
    if session.json:
        session.emit([{"path": str(path)} | _public(problem) for path, problem in rows])
    else:
        for path, problem in rows:
            session.row(f"{path}:{problem.line}: {problem.severity}: {problem.message} ({problem.code})")
        if not rows:
            session.say("no problem found")
    if any(strict or problem.severity == "error" for _, problem in rows):
        session.stop(1)


@command.command("route", cls=Command)
@click.argument("task")
@flags.skills
@click.pass_obj
def route(session: Session, task: str, skills: tuple[str, ...]) -> None:
    """Say which skill fits TASK, and by which words. Exit code 1 if none does."""
    from memento_skills.read.router import Router

    texts = []
    for library in _libraries(session, skills):
        texts += [(entry.ref, text) for entry in library.listing().entries if (text := _text(session, library, entry))]
    chosen = Router(texts).choose(task)
    name = chosen.skill.name if chosen.skill else None
    if session.json:
        session.emit({"skill": name, "score": chosen.score, "why": list(chosen.why)})
    else:
        session.row(f"{name or 'none fits'} (score {chosen.score:.2f}: {', '.join(chosen.why) or 'no word in common'})")
    if name is None:
        session.stop(1)


def _libraries(session: Session, given: tuple[str, ...]) -> list[Library]:
    from memento_skills.read.library import Library
    from memento_skills.read.locate import clients, library_for

    roots = [Path(root) for root in given or session.settings.skills]
    if not roots:
        found = (library_for(client, str(session.cwd), session.home) for client in clients())
        roots = list(dict.fromkeys(root for folders in found for root in folders))
    if not roots:
        raise BadInput("no skill library found", where=str(session.cwd), hint="name one with --skills DIR")
    return [Library(root) for root in roots]


def _text(session: Session, library: Library, entry: Entry) -> str:
    """The skill's text; "" with a remark for one that cannot be read: it is not routed to."""
    try:
        return library.text(entry.ref)
    except BadInput as error:
        session.note(str(error))
        return ""


def _overlay(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the overlay cannot be read", where=str(path), hint=str(error)) from error


def _public(problem: Problem) -> dict[str, object]:
    return {"code": problem.code, "message": problem.message, "line": problem.line, "severity": problem.severity}
