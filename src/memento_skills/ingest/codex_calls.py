"""Calls of a Codex log: arguments as guards and rules know them, with what is needed to get the original back.

- A command given as words, `["bash", "-lc", "LINE"]`, becomes `command = "LINE"` and `_shell = ["bash", "-lc"]`; any
  other list of words is quoted (`shlex.join`) and has `_shell = []`. `cmd` becomes `command`, and `_name` says so.
- A patch becomes `input`, with `path` (its first file) and `paths` (all). A patch that a shell call carries is a call
  of `apply_patch`, as the client itself treats it; `_tool` keeps the name.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from memento_skills.ingest.values import arguments_of

_FILE = re.compile(r"^\*\*\* (?:Add File|Update File|Delete File|Move to): ([^\n]{1,4096})$", re.MULTILINE)
_HEREDOC = re.compile(r"\s*(?:applypatch|apply_patch)\s+<<-?\s*(['\"]?)(\w{1,40})\1[ \t]*\n")
_PATCH_TOOLS = ("apply_patch", "applypatch")
_MOST_FILES = 200


class LineAfter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Programs whose argument is a line for a shell."""

    programs: frozenset[str]
    options: frozenset[str]
    powershells: frozenset[str]
    powershell_options: frozenset[str]
    cmds: frozenset[str]
    cmd_options: frozenset[str]


class Events(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What events mean."""

    by_person: frozenset[str]
    not_service: frozenset[str]


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table of the client's own words."""

    meta_starts: tuple[str, ...]
    shells: frozenset[str]
    line_after: LineAfter
    events: Events


class Call(NamedTuple):
    """A call as it becomes a step."""

    tool: str
    args: dict[str, Any]
    cwd: str


@cache
def words() -> Words:
    """The table, read once."""
    return msgspec.convert(tomllib.loads(files(__package__).joinpath("codex.toml").read_text("utf-8")), Words)


def call_of(tool: str, raw: object) -> Call:
    """The call of `tool` with the arguments `raw` (an object, the JSON of one, or the text of a custom tool)."""
    if tool in _PATCH_TOOLS and isinstance(raw, str) and not raw.lstrip().startswith("{"):
        return Call(tool, _patch_args({"input": raw}, raw), "")
    args = dict(arguments_of(raw))
    if tool in _PATCH_TOOLS:
        patch = args.get("input") or args.get("patch")
        return Call(tool, _patch_args(args, patch) if isinstance(patch, str) else args, "")
    if tool not in words().shells:
        return Call(tool, args, "")
    return _shell_call(tool, args)


def _shell_call(tool: str, args: dict[str, Any]) -> Call:
    command = args.get("command")
    if command is None and "cmd" in args:
        command = args.pop("cmd")
        args = {"command": command, **args, "_name": "cmd"}
    folder = args.get("workdir") or args.get("working_directory")
    cwd = folder if isinstance(folder, str) else ""
    if isinstance(command, list) and all(isinstance(word, str) for word in command):
        if len(command) == 2 and command[0] in _PATCH_TOOLS:
            rest = {k: v for k, v in args.items() if k != "command"}
            return Call("apply_patch", _patch_args({"input": command[1], **rest, "_tool": tool}, command[1]), cwd)
        line, shell = line_of(command)
        args = {**args, "command": line, "_shell": shell}
    text = args.get("command")
    heredoc = _HEREDOC.match(text) if isinstance(text, str) else None
    if isinstance(text, str) and heredoc and text.rstrip().endswith(heredoc[2]):
        return Call("apply_patch", _patch_args({**args, "_tool": tool}, text), cwd)
    return Call(tool, args, cwd)


def line_of(command: list[str]) -> tuple[str, list[str]]:
    """A command given as words -> the line that a shell runs, and the words before it ([] = the words were quoted)."""
    table = words().line_after
    program = re.split(r"[\\/]", command[0])[-1].lower() if command else ""
    if program in table.programs:
        fits = len(command) == 3 and command[1] in table.options
    elif program in table.powershells:
        fits = len(command) >= 3 and command[-2].lower() in table.powershell_options
    else:
        fits = program in table.cmds and len(command) == 3 and command[1] in table.cmd_options
    if fits:
        return command[-1], command[:-1]
    return shlex.join(command), []


def original(args: dict[str, Any]) -> list[str] | None:
    """The words that a normalised command line was made of; None where it was a line in the log too."""
    shell, line = args.get("_shell"), args.get("command")
    if not isinstance(shell, list) or not isinstance(line, str):
        return None
    return [*shell, line] if shell else shlex.split(line)


def paths_of(patch: str) -> list[str]:
    """Files that a patch names, each once, in order; at most 200."""
    found: dict[str, None] = {}
    for match in _FILE.finditer(patch):
        found[match[1].strip()] = None
        if len(found) >= _MOST_FILES:
            break
    return list(found)


def _patch_args(args: dict[str, Any], patch: str) -> dict[str, Any]:
    paths = paths_of(patch)
    return {"path": paths[0], "paths": paths, **args} if paths else args
