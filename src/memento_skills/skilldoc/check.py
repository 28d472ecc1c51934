"""What the Agent Skills specification says of a SKILL.md: limits as data, one small function a field.

Mode `spec` is the specification as its reference validator reads it. Mode `lenient` is what clients do: they warn
and load, and skip a skill only where there is no description or no readable front matter.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from memento_skills.skilldoc.document import UNREADABLE, SkillDoc
from memento_skills.skilldoc.frontmatter import Problem, split_lines

Mode = Literal["spec", "lenient"]

FIELDS = frozenset({"name", "description", "license", "compatibility", "metadata", "allowed-tools"})
MAX_NAME = 64
MAX_DESCRIPTION = 1024
MAX_COMPATIBILITY = 500
MAX_BODY_LINES = 500
"""Recommended, not required: a longer body costs every task that loads it."""

_LENIENT_ERRORS = UNREADABLE | {"description-missing"}


def check(doc: SkillDoc, *, folder: str, mode: Mode = "spec") -> tuple[Problem, ...]:
    """All problems of a document in a folder of that name (its last part; "" = not known), by line.

    A problem of severity `error` means: in mode `spec`, not a valid skill; in mode `lenient`, not loadable.
    """
    found = list(doc.problems)
    if doc.front is not None:
        lines = _field_lines(doc)
        found += _front_problems(doc.front, folder)
        found = [msgspec.structs.replace(p, line=lines.get(_field_of(p), p.line)) for p in found]
        found += _body_problems(doc)
    if mode == "lenient":
        found = [_as_client(p) for p in found]
    return tuple(sorted(found, key=lambda p: (p.line, p.code, p.message)))


def new_problems(before: SkillDoc | None, after: SkillDoc, *, folder: str, mode: Mode = "spec") -> tuple[Problem, ...]:
    """The problems that a change brings: those of `after` that `before` did not have already, wherever they stand.

    An old violation that the change leaves as it is does not count; one that it changes does. `before` is None for a
    new skill.
    """
    old = Counter(_identity(p) for p in check(before, folder=folder, mode=mode)) if before is not None else Counter()
    brought = []
    for problem in check(after, folder=folder, mode=mode):
        if old[_identity(problem)] > 0:
            old[_identity(problem)] -= 1
        else:
            brought.append(problem)
    return tuple(brought)


def _identity(problem: Problem) -> tuple[str, str]:
    """Errors name the value they are about, so a changed value is a new problem; a warning is one of its code."""
    return problem.code, problem.message if problem.severity == "error" else ""


def _as_client(problem: Problem) -> Problem:
    if problem.severity == "error" and problem.code not in _LENIENT_ERRORS:
        return msgspec.structs.replace(problem, severity="warning")
    return problem


def _field_of(problem: Problem) -> str:
    return problem.code.partition("-")[0] if not problem.code.startswith("allowed-tools") else "allowed-tools"


def _field_lines(doc: SkillDoc) -> dict[str, int]:
    """Line of each top-level key; the first part of a problem's code names its field."""
    lines: dict[str, int] = {}
    for number, line in enumerate(split_lines(doc.text)[: doc.body_line - 1], start=1):
        key, colon, _ = line.partition(":")
        if colon and key == key.strip() and key in FIELDS:
            lines.setdefault(key, number)
    return lines


def _front_problems(front: dict[str, Any], folder: str) -> Iterator[Problem]:
    yield from _name_problems(front.get("name"), folder)
    yield from _description_problems(front.get("description"))
    if "compatibility" in front:
        yield from _compatibility_problems(front["compatibility"])
    if "metadata" in front:
        yield from _metadata_problems(front["metadata"])
    if not isinstance(front.get("allowed-tools", ""), str):
        message = "allowed-tools is not one space-separated string"
        yield Problem(code="allowed-tools-type", message=message, severity="warning")
    for key in sorted(set(front) - FIELDS):
        message = f"the field {_shown(key)} is not in the specification: clients may ignore it"
        yield Problem(code="unknown-field", message=message)


def _name_problems(value: object, folder: str) -> Iterator[Problem]:
    if not isinstance(value, str) or not value.strip():
        yield Problem(code="name-missing", message="the field name is missing or empty: give the folder's name")
        return
    name = unicodedata.normalize("NFKC", value.strip())
    if len(name) > MAX_NAME:
        yield Problem(code="name-length", message=f"the name {_shown(name)} has {len(name)} characters, {MAX_NAME} fit")
    if not _valid_characters(name):
        message = f"the name {_shown(name)} may hold lowercase letters, digits and single inner hyphens only"
        yield Problem(code="name-characters", message=message)
    elif not name.isascii():
        message = f"the name {_shown(name)} is not ASCII: some clients refuse it"
        yield Problem(code="name-ascii", message=message, severity="warning")
    own = unicodedata.normalize("NFKC", folder.rstrip("/\\").replace("\\", "/").rpartition("/")[2])
    if own and own != name:
        message = f"the name {_shown(name)} is not its folder's {_shown(own)}: make them equal"
        yield Problem(code="name-folder", message=message)


def _valid_characters(name: str) -> bool:
    parts = name.split("-")
    return name == name.lower() and all(part and part.isalnum() for part in parts)


def _description_problems(value: object) -> Iterator[Problem]:
    if not isinstance(value, str) or not value.strip():
        message = "the field description is missing or empty: say what the skill does and when to use it"
        yield Problem(code="description-missing", message=message)
    elif len(value) > MAX_DESCRIPTION:
        message = f"the description has {len(value)} characters, {MAX_DESCRIPTION} fit"
        yield Problem(code="description-length", message=message)


def _compatibility_problems(value: object) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(code="compatibility-type", message="compatibility is not text")
    elif len(value) > MAX_COMPATIBILITY:
        message = f"compatibility has {len(value)} characters, {MAX_COMPATIBILITY} fit"
        yield Problem(code="compatibility-length", message=message)


def _metadata_problems(value: object) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(code="metadata-type", message="metadata is not a map of text to text", severity="warning")
    elif not all(isinstance(v, str) for v in value.values()):
        message = "metadata holds values that are not text: quote them"
        yield Problem(code="metadata-type", message=message, severity="warning")


def _body_problems(doc: SkillDoc) -> Iterator[Problem]:
    lines = len(split_lines(doc.body.strip()))
    if lines >= MAX_BODY_LINES:
        message = f"the body has {lines} lines; fewer than {MAX_BODY_LINES} are recommended: move parts to references/"
        yield Problem(code="body-long", message=message, line=doc.body_line, severity="warning")
    if not lines:
        yield Problem(code="body-empty", message="there is no body", line=doc.body_line, severity="warning")


def _shown(value: str) -> str:
    """A value of the file in a message: quoted, cut, everything unprintable escaped."""
    return repr(value if len(value) <= 60 else value[:59] + "…")
