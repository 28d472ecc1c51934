"""How a call ended: one classification for every format, with its evidence (the rule's name). Rules: `status.toml`."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from memento_skills.records import Status

_HEAD = 600  # characters of a result that rules look at: what the client says stands first
_NO_WORD = re.compile(r"[^A-Za-z0-9]")
_OPENING = re.compile(r"\s*(?:<[a-z_]{1,40}>\s*)?")


class StatusOf(NamedTuple):
    """How a call ended, the exit code that the text states, and the rule that told it."""

    status: Status
    exit_code: int | None
    rule: str


class _Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    status: Status
    flagged: bool
    starts: tuple[str, ...] = ()
    has: tuple[str, ...] = ()


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rule: tuple[_Rule, ...]
    denial: dict[str, Status]
    exit_code: dict[str, tuple[str, ...]]
    unflagged: dict[str, tuple[str, ...]]
    error_type: dict[str, Status]


@cache
def _table() -> _Table:
    raw: dict[str, Any] = tomllib.loads(files(__package__).joinpath("status.toml").read_text("utf-8"))
    return msgspec.convert(raw, _Table)


@cache
def _exit_pattern() -> re.Pattern[str]:
    return re.compile("|".join(_table().exit_code["patterns"]))


def exit_code_of(text: str) -> int | None:
    """The exit code that a result's text states at its beginning, else None."""
    found = _exit_pattern().match(text[:_HEAD].lstrip())
    return int(next(g for g in found.groups() if g is not None)) if found else None


def classify(text: str, *, error: bool | None, denial: str = "", interrupted: bool = False) -> StatusOf:
    """How the call ended whose result has this `text`.

    `error` is the log's own flag (None where the format has none: then only the exit code tells), `denial` the log's
    own name of a denial's kind, `interrupted` the log's own word that the call was stopped.
    """
    if denial:
        return StatusOf(_table().denial.get(denial, "denied_policy"), None, f"log:{denial}")
    if error is False and not interrupted:
        return StatusOf("ok", None, "")
    code = exit_code_of(text)
    failed = bool(error) or bool(code)
    head = text[:_HEAD]
    opened = head[_OPENING.match(head).end() :]  # type: ignore[union-attr]  # the pattern matches everything
    for rule in _table().rule:
        if (failed or not rule.flagged) and (opened.startswith(rule.starts) or any(part in head for part in rule.has)):
            return StatusOf(rule.status, code, rule.name)
    if interrupted:
        return StatusOf("interrupted", code, "log:interrupted")
    if not failed:
        return StatusOf("ok" if error is False or code == 0 else "unknown", code, "")
    return StatusOf("error", code, "flag" if error else "exit-code")


def says_error(text: str) -> bool:
    """Whether a result begins with the word by which formats without an error flag report a failed call."""
    return text.lstrip()[:_HEAD].startswith(_table().unflagged["starts"])


def status_of_type(name: str) -> Status | None:
    """The status that an error's type tells, such as `asyncio.TimeoutError`; None where it tells only "error"."""
    return _table().error_type.get(_NO_WORD.sub("", name[-200:].rpartition(".")[2]).lower())
