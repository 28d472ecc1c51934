"""The words of a scripted session: what the user says, what the model answers, which calls it makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """One tool call of the scripted model, and what the real tool is expected to answer.

    `fails` is a piece of the expected error text; empty means that the call has to succeed.
    """

    tool: str
    args: dict[str, Any]
    fails: str = ""


@dataclass(frozen=True)
class Reply:
    """One answer of the scripted model: a sentence and the calls that come with it."""

    text: str
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True)
class Turn:
    """What the user types, and the answers up to the end of the model's turn."""

    says: str
    replies: tuple[Reply, ...]


@dataclass(frozen=True)
class Session:
    """One session: who, where, when, and its script. `{root}` in texts stands for the project folder."""

    slug: str
    family: str
    user: str
    start: str
    turns: tuple[Turn, ...]
    project: str = "shop"
    files: dict[str, str] = field(default_factory=dict)
    uncommitted: dict[str, str] = field(default_factory=dict)
    remote: str = ""
    agent_prompt: str = ""
    agent_replies: tuple[Reply, ...] = ()

    @property
    def replies(self) -> tuple[Reply, ...]:
        """All answers of the main thread, in order."""
        return tuple(reply for turn in self.turns for reply in turn.replies)


def bash(command: str, note: str, fails: str = "") -> Call:
    """A Bash call with the client's two usual arguments."""
    return Call("Bash", {"command": command, "description": note}, fails)


def read(path: str, fails: str = "") -> Call:
    """A Read call on a file of the project."""
    return Call("Read", {"file_path": "{root}/" + path}, fails)


def edit(path: str, old: str, new: str, fails: str = "") -> Call:
    """An Edit call on a file of the project."""
    return Call("Edit", {"file_path": "{root}/" + path, "old_string": old, "new_string": new}, fails)


def write(path: str, content: str, fails: str = "") -> Call:
    """A Write call on a file of the project."""
    return Call("Write", {"file_path": "{root}/" + path, "content": content}, fails)


def skill(name: str) -> Call:
    """A Skill call: the client loads the skill's text."""
    return Call("Skill", {"skill": name})


def say(text: str, *calls: Call) -> Reply:
    """An answer."""
    return Reply(text, calls)


def turn(says: str, *replies: Reply) -> Turn:
    """A user turn."""
    return Turn(says, replies)
