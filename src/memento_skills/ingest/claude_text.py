"""What in a Claude Code user row a person typed, and what the client put there. Table: `claude_code.toml`."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec

from memento_skills.ingest.values import TASK_LENGTH


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table of the client's own words."""

    elements: tuple[str, ...]
    meta_starts: tuple[str, ...]
    interrupted_starts: tuple[str, ...]
    client_commands: frozenset[str]
    reason_marks: tuple[str, ...]
    notices: frozenset[str]
    agent_tools: frozenset[str]


class Part(NamedTuple):
    """A piece of a user text: by the client (`meta`) or by a person."""

    text: str
    meta: bool


class Command(NamedTuple):
    """A slash command that a person typed."""

    name: str
    args: str


@cache
def words() -> Words:
    """The table, read once."""
    return msgspec.convert(tomllib.loads(files(__package__).joinpath("claude_code.toml").read_text("utf-8")), Words)


@cache
def _element() -> re.Pattern[str]:
    return re.compile(r"\s*<(" + "|".join(words().elements) + r")(?:\s[^<>]{0,300})?>")


_COMMAND = re.compile(r"<command-name>\s*/?([^<]{1,200})</command-name>")
_SKILL_BASE = re.compile(r"Base directory for this skill: *([^\n]{1,1000})")


def parts(text: str) -> list[Part]:
    """`text` cut into what the client put in front (or whole) and what a person typed; nothing is lost or changed."""
    if text.startswith(words().meta_starts):
        return [Part(text, True)]
    end = 0
    while (found := _element().match(text, end)) is not None:
        closing = f"</{found[1]}>"
        close = text.find(closing, found.end())
        if close < 0:
            return [Part(text, True)]
        end = close + len(closing)
    if not end:
        return [Part(text, False)]
    if not text[end:].strip():
        return [Part(text, True)]
    return [Part(text[:end], True), Part(text[end:], False)]


def is_interruption(text: str) -> bool:
    """Whether the row says that a person stopped the agent."""
    return text.startswith(words().interrupted_starts)


def command_of(text: str) -> Command | None:
    """The slash command in a command wrapper."""
    if "<command-name>" not in text[:2000]:
        return None
    name = _COMMAND.search(text)
    _, _, rest = text.partition("<command-args>")
    args, closed, _ = rest.partition("</command-args>")
    return Command(name[1].strip(), args.strip() if closed else "") if name else None


def task_of(text: str, meta: bool) -> str:
    """What a person asked for in this text, cut to `TASK_LENGTH` characters; "" where it holds no request."""
    if not meta:
        return text.strip()[:TASK_LENGTH]
    command = command_of(text)
    if command is None or command.name.lower() in words().client_commands:
        return ""
    return command.args[:TASK_LENGTH]


def skill_folder(text: str) -> str:
    """The folder of a skill whose body a row brings; "" for other texts."""
    found = _SKILL_BASE.match(text)
    return found[1].strip() if found else ""


def folder_name(folder: str) -> str:
    """Last part of a path of either system."""
    return re.split(r"[\\/]", folder.rstrip("\\/"))[-1]


def rejection_reason(text: str) -> str:
    """What a person said when refusing a call; "" where nothing was said."""
    for mark in words().reason_marks:
        at = text.find(mark)
        if at >= 0:
            return text[at + len(mark) :].split("\n\nNote: The user's next message", maxsplit=1)[0].strip()
    return ""


def listed_skills(content: str) -> list[str]:
    """Names in a skill listing: one line a skill, `- name: description`; descriptions may run over lines."""
    return [m[1] for m in re.finditer(r"^- ([^\s:][^\n]{0,120}?)(?:: |:?$)", content, re.MULTILINE)]
