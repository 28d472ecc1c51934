"""`memento patterns --merge | --split | --undo | --rulings`: a person's word on the grouping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memento_skills.errors import UsageError
from memento_skills.masking import visible

if TYPE_CHECKING:
    from memento_skills.app.cli.session import Session
    from memento_skills.records import Ruling


def answer(
    session: Session,
    pattern: str | None,
    *,
    merge: tuple[str, str] | None,
    split: str | None,
    part: str | None,
    undo: str | None,
    curator: str | None,
) -> None:
    """Do what one of the options asks, or list what stands. Raises UsageError where they do not go together."""
    from memento_skills.app import grouping
    from memento_skills.app.parts import Parts
    from memento_skills.detect.regroup import standing

    if pattern or sum(bool(given) for given in (merge, split, undo)) > 1 or bool(part) != bool(split):
        hint = "--merge A B, or --split A --by PART, or --undo RULING"
        raise UsageError("these options do not go together", where="patterns", hint=hint)
    options = session.options()
    with session.open_store() as store:
        given = (options, Parts(options))
        if merge:
            made = grouping.merge(store, *merge, *given, session.curator(curator))
        elif split:
            made = grouping.split(store, split, str(part), *given, session.curator(curator))
        elif undo:
            made = grouping.undo(store, undo, *given, session.curator(curator))
        else:
            _list(session, standing(store.rulings()))
            return
        ids = {p.id for p in store.patterns()}
        into = [store.moved().get(made.pattern, made.pattern)]
    if session.json:
        session.emit(public(made) | {"now": [i for i in into if i in ids]})
    else:
        session.say(f"{text(made)}\nit counts from the next scan on; take it back with --undo {made.id}")


def _list(session: Session, rulings: tuple[Ruling, ...]) -> None:
    if session.json:
        session.emit([public(ruling) for ruling in rulings])
        return
    for ruling in rulings:
        session.row(text(ruling))
    if not rulings:
        session.say("nobody merged or split a pattern")


def public(ruling: Ruling) -> dict[str, Any]:
    """A ruling as JSON."""
    return {
        "ruling": ruling.id,
        "kind": ruling.kind,
        "pattern": ruling.pattern,
        "into": ruling.into.id if ruling.into else "",
        "part": ruling.part,
        "undoes": ruling.undoes,
        "curator": ruling.curator,
        "at": ruling.at,
    }


def text(ruling: Ruling) -> str:
    """A ruling in one line for a person."""
    what = {
        "merge": f"pattern {ruling.pattern} is part of {ruling.into.id if ruling.into else ''}",
        "split": f"pattern {ruling.pattern} is divided by {ruling.part}",
        "undo": f"ruling {ruling.undoes} is taken back",
    }[ruling.kind]
    return visible(f"{ruling.id}  {what}, by {ruling.curator}")
