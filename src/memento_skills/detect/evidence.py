"""One failing call seen from the side of the rules: tool, command, status and a bounded window of its text.

Everything here is linear in what it reads and reads at most `WINDOW` characters from each end of a result, with
lines cut to `LINE` characters, so that the regular expressions of the rule tables cannot be made slow by a log.
"""

from __future__ import annotations

import re
import shlex
from functools import cached_property
from typing import Any

import msgspec

from memento_skills.records import Run, Status, Step
from memento_skills.shell import Command, commands

WINDOW = 4_096
"""Characters read from the beginning and from the end of a text."""
LINE = 400
"""Characters kept of one line."""
COMMAND = 8_192
"""Characters of a command line that rules look at."""

_COMMAND_KEYS = ("command", "cmd", "commandLine", "script")
_FILE_KEYS = ("file_path", "filePath", "path", "notebook_path", "filename", "target_file", "absolute_path")


class Evidence(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What a rule may look at."""

    tool: str = ""
    line: str = ""
    """The command line, "" where the tool runs none."""
    status: Status = "error"
    exit_code: int | None = None
    text: str = ""
    """The result, cut by `window`."""
    kind: str = ""
    """Kind of the failure where it is known before the rules are asked."""
    moved: bool = False
    """The working directory was another one than at the run's start."""
    context: tuple[str, ...] = ()
    """What the run had shown before, see `context`."""
    args: dict[str, Any] = {}
    client: str = ""

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Simple commands of the line."""
        return commands(self.line)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Lines of the text that say something."""
        return tuple(line for line in self.text.split("\n") if line.strip())


def window(text: str) -> str:
    """First and last part of a text, lines cut, terminal colours and carriage returns removed."""
    cut = text if len(text) <= 2 * WINDOW else text[:WINDOW] + "\n" + text[-WINDOW:]
    plain = _COLOUR.sub("", cut).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line[:LINE] for line in plain.split("\n"))


_COLOUR = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")


def command_of(args: dict[str, Any]) -> str:
    """The command line among a call's arguments, "" where there is none."""
    for key in _COMMAND_KEYS:
        value = args.get(key)
        if isinstance(value, str) and value:
            return value[:COMMAND]
        if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
            return shlex.join(value)[:COMMAND]
    return ""


def file_of(args: dict[str, Any]) -> str:
    """The file among a call's arguments, "" where there is none."""
    return next((str(args[key]) for key in _FILE_KEYS if isinstance(args.get(key), str) and args[key]), "")


def of_result(run: Run, call: Step | None, result: Step) -> Evidence:
    """The evidence of one result and its call."""
    args = call.args if call else {}
    return Evidence(
        tool=result.tool or (call.tool if call else ""),
        line=command_of(args),
        status=result.status or "unknown",
        exit_code=result.exit_code,
        text=window(result.text),
        moved=bool(result.cwd or (call.cwd if call else "")),
        args=args,
        client=f"{run.client} {run.client_version}".strip(),
    )
