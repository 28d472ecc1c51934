"""What a run had shown before a failing call, and what a person said after a refusal: no error text holds that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from memento_skills.detect.evidence import command_of, file_of
from memento_skills.detect.literals import searches
from memento_skills.detect.rules import Rules
from memento_skills.detect.view import View
from memento_skills.guards.state import cwd_after
from memento_skills.guards.tools import normal
from memento_skills.records import Step
from memento_skills.shell import commands

_OLD = ("old_string", "oldString", "old_str", "old_text")
_PATCH = ("input", "patchText", "patch", "_raw")
_NUMBER = re.compile(r"^ {0,8}\d{1,7}[→\t|:] ?", re.MULTILINE)
"""Line numbers that a client puts before the lines of a file."""
_PATCHED = re.compile(r"^\*\*\* (?:Update|Delete) File: (.{1,400})$", re.MULTILINE)
_MISSING = re.compile(
    r"(?i)no such file|does not exist|not found|cannot find (?:path|the)|unknown revision|did not match any"
)
LINES = 400
"""Lines of the text to replace that are compared."""
CALLS = 400
"""Calls before the failing one that are looked at."""
_AFTER = 12
"""Steps after a refusal among which a person's words are looked for."""


class _Edit(NamedTuple):
    """What a call would change: the file, and the text that must stand in it."""

    file: str
    old: str


def context(view: View, call: Step | None, shown: Step, rules: Rules) -> tuple[str, ...]:
    """Names of what holds for a failing call whose outcome the step `shown` tells.

    Of an edit: `read-earlier` (by a tool of the client) | `seen-earlier` (by a command) | `not-read`. Of the text to
    replace: `shown` | `spaced` (with other white space) | `not-shown`; texts that the agent itself wrote to the file
    count as shown. `retried` where the last edit of the file had failed, too. Of a path that is not there:
    `path-known` where an earlier call that worked had shown or used it, `shell-moved` where a `cd` of an earlier call
    had led the shell elsewhere. Of a refusal: `said-after` where the person's next words say what should have been
    done instead.
    """
    if shown.status in ("denied_user", "interrupted"):
        return ("said-after",) if searches(rules.redirects, _words_after(view, shown)) else ()
    if call is None:
        return ()
    if call.tool in rules.tools.edits and (edit := _edit(call, shown)).file:
        return (*_of_edit(view, call, edit, rules), *_of_path(view, call, shown))
    return _of_path(view, call, shown)


# ------------------------------------------------------------------------------------------------------------- edits


def _edit(call: Step, shown: Step) -> _Edit:
    patch = next((call.args[key] for key in _PATCH if isinstance(call.args.get(key), str)), "")
    files = [found.strip() for found in _PATCHED.findall(patch)]
    if files:
        told = shown.text[:600].split("\n", 1)[0]
        file = next((name for name in files if _base(name) in told), files[0])
        part = patch.split(f"File: {file}", 1)[-1].split("\n*** ", 1)[0]
        old = [line[1:] for line in part.split("\n")[1:] if line[:1] in (" ", "-")]
        return _Edit(file, "\n".join(old))
    old_text = next((call.args[key] for key in _OLD if isinstance(call.args.get(key), str)), "")
    return _Edit(file_of(call.args), old_text)


def _of_edit(view: View, call: Step, edit: _Edit, rules: Rules) -> tuple[str, ...]:
    found = list(_texts(view, call, edit.file, rules))
    texts = [text for _, text in found]
    read = "read-earlier" if any(by_tool for by_tool, _ in found) else "seen-earlier" if found else "not-read"
    known = (read, *(_comparison(edit.old, texts) if edit.old else ()))
    return (*known, "retried") if _retried(view, call, edit) else known


def _texts(view: View, call: Step, file: str, rules: Rules) -> Iterator[tuple[bool, str]]:
    """Texts of the file that worked calls before showed or wrote, each with whether a tool for files did."""
    name = _base(file)
    for step, result in _before(view, call):
        if result.status != "ok":
            continue
        command = command_of(step.args)
        if file_of(step.args) != file and not (command and name in command) and name not in _patch_of(step):
            continue
        yield not command, result.text
        if step.tool in rules.tools.edits:
            yield True, "\n".join(value for value in step.args.values() if isinstance(value, str))
            yield True, "\n".join(line[1:] for line in _patch_of(step).split("\n") if line[:1] in (" ", "+"))


def _patch_of(step: Step) -> str:
    return next((str(step.args[key]) for key in _PATCH if isinstance(step.args.get(key), str)), "")


def _retried(view: View, call: Step, edit: _Edit) -> bool:
    """Whether the last edit of the file, decided in an earlier message, failed too."""
    for step, result in _before(view, call):
        if step.tool != call.tool or (step.message and step.message == call.message):
            continue
        if (before := _edit(step, result)).file == edit.file:
            return result.status == "error" and bool(before.old and edit.old)
    return False


def _comparison(old: str, texts: Sequence[str]) -> tuple[str, ...]:
    wanted = [line.rstrip() for line in old.split("\n")[:LINES] if line.strip()]
    if not wanted:
        return ()
    lines = {line.rstrip() for text in texts for line in _NUMBER.sub("", text).split("\n")}
    if all(line in lines for line in wanted):
        return ("shown",)
    bare = {"".join(line.split()) for line in lines}
    return ("spaced",) if all("".join(line.split()) in bare for line in wanted) else ("not-shown",)


# ------------------------------------------------------------------------------------------------------------- paths


def _of_path(view: View, call: Step, shown: Step) -> tuple[str, ...]:
    if not _MISSING.search(shown.text[:4_096]):
        return ()
    found = []
    paths = _paths(call, shown)
    if paths and any(_known(view, call, path) for path in paths):
        found.append("path-known")
    if command_of(call.args) and _moved(view, call):
        found.append("shell-moved")
    return tuple(found)


def _paths(call: Step, shown: Step) -> tuple[str, ...]:
    """What the call names and its answer repeats as missing; long enough to be told from a common word."""
    command = command_of(call.args)
    if not command:
        path = file_of(call.args)
        return (path,) if "/" in path or "\\" in path else ()
    words = {word.strip("'\"") for one in commands(command) for word in one.argv[1:]}
    plain = (word for word in words if len(word) > 4 and ("/" in word or "." in word[1:]) and "*" not in word)
    return tuple(word for word in plain if word in shown.text)


def _known(view: View, call: Step, path: str) -> bool:
    """Whether a call that worked had used or shown the path."""
    return any(
        result.status == "ok"
        and (path in result.text or any(isinstance(value, str) and path in value for value in step.args.values()))
        for step, result in _before(view, call)
    )


def _moved(view: View, call: Step) -> bool:
    """Whether a `cd` of an earlier line leads to another folder than the run began in."""
    root = view.run.cwd or call.cwd or "."
    cwd = root
    for step, result in reversed(list(_before(view, call))):
        line = command_of(step.args)
        if result.status == "ok" and "cd" in line:
            cwd = cwd_after(commands(line), cwd)
        if "Shell cwd was reset to" in result.text[-600:]:
            cwd = root
    return cwd != root and normal(cwd) != normal(root)


def _before(view: View, call: Step) -> Iterator[tuple[Step, Step]]:
    """The last `CALLS` calls before `call` with their results, newest first; only those known before it was made."""
    at = view.positions[call.seq]
    seen = 0
    for step in reversed(view.run.steps[:at]):
        if step.kind != "call" or seen >= CALLS:
            continue
        seen += 1
        result = view.results.get(step.call_id)
        if result is not None and result.seq < call.seq:
            yield step, result


def _base(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1]


# ---------------------------------------------------------------------------------------------------------- refusals


def _words_after(view: View, shown: Step) -> str:
    """The person's next words, where the agent did nothing before them; cut to 400 characters."""
    at = view.positions[shown.seq]
    for step in view.run.steps[at + 1 : at + 1 + _AFTER]:
        if step.kind in ("call", "reasoning") or (step.kind == "message" and step.actor == "agent"):
            return ""
        words = step.text.strip()
        human = step.kind in ("message", "permission") and step.actor == "user" and not step.meta
        if human and words and not words.startswith(("[Request interrupted", "<")):
            return words[:400]
    return ""
