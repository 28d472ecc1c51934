"""What SWE-agent's and mini-swe-agent's texts say: of observations, actions and ends. Rules: `swe_agent.toml`."""

from __future__ import annotations

import re
import shlex
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from memento_skills.ingest.building import Ended
from memento_skills.ingest.status import exit_code_of, status_of_type
from memento_skills.records import Outcome, Run, digest

_LINE = 600  # characters of a first line that are looked at
_ACTION = 400  # characters of an action in which its file is looked for


@cache
def _rules() -> dict[str, Any]:
    made: dict[str, Any] = tomllib.loads(files(__package__).joinpath("swe_agent.toml").read_text("utf-8"))
    return made


@cache
def _first_line() -> re.Pattern[str]:
    return re.compile("|".join(_rules()["failed"]["first_line"]))


def ended(text: str, *, code: int | None = None, exception: str = "") -> Ended:
    """How the command ended whose output is `text`; `code` and `exception` (its class) where the log states them."""
    rules, words = _rules(), text.strip()
    if exception:
        return Ended(error=True, exit_code=code if code and code > 0 else None, status=status_of_type(exception))
    head = words[:_LINE]
    if words.endswith(tuple(rules["timeout"]["ends"])) or (
        head.startswith(tuple(rules["timeout"]["starts"])) and any(part in words for part in rules["timeout"]["needs"])
    ):
        return Ended(error=True, status="timeout")
    code = exit_code_of(text) if code is None else code
    if code is not None:
        return Ended(error=code != 0, exit_code=code)
    line = head.partition("\n")[0].rstrip("\r")
    return Ended(error=head.startswith(tuple(rules["failed"]["starts"])) or bool(_first_line().fullmatch(line)))


def called(action: str, open_file: str = "") -> tuple[str, dict[str, Any]]:
    """(tool, arguments) of an action in words: a command of the agent's editor, else one of the shell.

    `open_file` is the file that was open before, which commands without a file's name work on.
    """
    action = action.strip("\r\n")
    word = action.split(None, 1)[0] if action.strip() else ""
    commands = _rules()["commands"]
    first = action.partition("\n")[0][:_ACTION]
    if any(mark in first for mark in ("&&", "||", ";", "|")):
        return "bash", {"command": action}
    if word in commands["with_path"]:
        return word, {"command": action, **_path(first)}
    if word in commands["of_open_file"]:
        return word, {"command": action, **({"path": open_file} if open_file not in ("", "n/a") else {})}
    return (word, {"command": action}) if word in commands["others"] else ("bash", {"command": action})


def _path(line: str) -> dict[str, str]:
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    return {"path": words[1]} if len(words) > 1 else {}


def outcome(status: str, submission: object, *, exception: str = "") -> Outcome:
    """How a run ended: a failure where it stopped without handing anything in; else unknown, since to hand in is not to
    have solved.
    """
    plain = status.partition(" ")[0]
    stopped = plain in _rules()["ended"]["failed"] or (bool(exception) and plain == exception)
    label = "failure" if stopped and not submission else "unknown"
    return Outcome(label=label, reason=status[:300])  # type: ignore[arg-type]  # one of the two


def run_id(source: str, stem: str, *marks: object) -> str:
    """Neither format has a session id: the folder, the file and a hash of how the run began."""
    folder = source.replace("\\", "/").split("/")[-2:-1]
    return "/".join([*folder, f"{stem}-{digest(*marks, size=8)}"])


def header(reader: str, client: str, source: str) -> Run:
    """A run of which only where it comes from is known."""
    return Run(id="", client=client, reader=reader, shared_ids=False, sources=(source,))
