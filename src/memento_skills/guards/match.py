"""Does a guard fire on a call, and does a call already do what the guard expects?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from memento_skills.guards import tools
from memento_skills.guards.calls import Call, Features
from memento_skills.records import Condition, Expect, Guard

FEATURES: dict[str, str] = {
    "tool": "name of the tool",
    "command": "a simple command of the line begins with these words",
    "flag": "an option is used in the line",
    "argument": "an argument of the tool is given",
    "shape": "single, chain or pipe",
    "cwd": "folder the line starts in: root, sub, outside or unknown",
    "folder": "folder the line works in after its own cd, written from the project's root",
    "begins": "first words of a simple command exactly as written",
    "from_root_in_sub": "a path written from the project's root while the shell stands in a subfolder of it",
    "failed_before": "a command that failed earlier in this run and did not succeed since",
    "extension": "extension of a file in the call",
    "under": "a file of the line lies in this folder of the project",
    "missing_path": "a path that an earlier result said does not exist",
    "path_written": "absolute or relative",
    "path_known": "used, listed, missing or new: what this run knows of the path",
    "where": "place of the file: root, sub, outside",
    "file_too_big": "an earlier result said that the file is too big to be read at once",
    "path_kind": "folder (files of this run lie in it), file (the name has an ending) or bare",
    "file_read": "never, before_boundary (before a compaction or resume), yes, in_this_message,"
    " by_shell (only a shell command named it) or gap (the log lacks rows before)",
    "read_whole": "yes where the whole file was read or written at some time, no where parts only",
    "boundary": "what came since the file was read: compaction or resume",
    "same_message": "an earlier call of the same message changes the same file",
    "client": "the agent's client",
    "newer_files": "of a file read before a boundary: how many other files were used after it",
    "file_changed": "a shell command that may rewrite files ran since the file was read",
    "changed_by": "such a command's first words",
    "old_text": "the text to replace: shown, other_whitespace, elsewhere, never, no_content",
    "old_text_matches": "how often the text to replace occurs in what was shown",
    "old_lines": "lines to be replaced that were displayed or written in this run: all_seen, some_seen, none_seen",
    "old_replaced": "a line to be replaced was taken out of the file earlier in this run",
    "old_size": "how many lines are to be replaced",
    "run_age": "early (fewer than ten calls so far in the log) or later",
    "retry": "same: the identical call failed before and nothing like it succeeded since",
}
"""The features that conditions may use, each in words."""


def holds(condition: Condition, features: Features) -> bool:
    """One condition over the features of a call; a feature that the call does not have makes it false."""
    value = features.get(condition.feature)
    test = _TESTS.get(condition.op)
    return value is not None and test is not None and test(value, condition.value)


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "is": lambda value, wanted: bool(value == wanted),
    "is_not": lambda value, wanted: bool(value != wanted),
    "has": lambda value, wanted: wanted in value,
    "lacks": lambda value, wanted: wanted not in value,
    "at_least": lambda value, wanted: bool(value >= wanted),
}


def fires(guard: Guard, call: Call) -> bool:
    """One of the guard's situations holds, and the call does not already do what is expected."""
    situations = (guard.conditions, *guard.also)
    return any(all(holds(c, call.features) for c in s) for s in situations) and not meets(guard.expect, call)


def meets(expect: Expect, call: Call) -> bool:
    """Whether the call by itself is what `expect` asks for. `first` is never met by the pending call itself."""
    match expect.form:
        case "instead":
            return _is_instead(expect, call)
        case "with":
            return _has_flag(expect.flag, call)
        case "without":
            return not _has_flag(expect.flag, call)
        case "cwd":
            return bool(call.features.get("folder") == expect.path)
        case _:
            return False


def recovery_meets(expect: Expect, failing: Call, after: Sequence[Call]) -> bool:
    """Whether what worked afterwards is what was advised: false of the failing call and true of the recovery.

    `after` = the calls from the one after the failing call up to and with the recovery, in order. For `first`,
    one of them (the recovery too) is a successful call of that tool with the same argument value.
    """
    if not after or meets(expect, failing):
        return False
    if expect.form != "first":
        return meets(expect, after[-1])
    if failing.step.tool == expect.tool:
        return False
    return any(
        c.step.tool == expect.tool
        and c.result is not None
        and c.result.status == "ok"
        and _argument(c, expect.same_arg) == _argument(failing, expect.same_arg) != ""
        for c in after
    )


def same_intent(failing: Call, later: Call) -> bool:
    """Same file, or the same first two command words (the design's recovery); `cd` alone is no intent."""
    if failing.path and later.path == failing.path:
        return True
    wanted = {h for h in failing.heads if " " in h and not h.startswith("cd ")} or set(failing.heads)
    return bool(wanted & set(later.heads))


def _argument(call: Call, name: str) -> str:
    value = call.step.args.get(name)
    if isinstance(value, str) and name in ("file_path", "path", "filePath", "notebook_path"):
        return tools.normal(value, call.cwd)
    return "" if value is None else str(value)


def _is_instead(expect: Expect, call: Call) -> bool:
    if expect.tool and call.step.tool != expect.tool:
        return False
    if any(call.step.args.get(k) != v for k, v in expect.args):
        return False
    return not expect.argv_prefix or " ".join(expect.argv_prefix) in call.features.get("begins", ())


def _has_flag(flag: str, call: Call) -> bool:
    if flag.startswith("-"):
        return flag in call.features.get("flag", ())
    return flag in call.features.get("argument", ())
