"""Raw Claude Code rows read from outside: calls with their results and what became of them, by nothing but the text.

Nothing of the package is used here, on purpose: this is the second reading that the product's own count is held to.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WINDOW = 10
"""Calls in which a recovery is looked for (design, section 5)."""

USER = re.compile(r"user doesn't want to (?:proceed|take)|request interrupted by user|user rejected", re.IGNORECASE)
CASCADE = re.compile(r"sibling tool call errored|cancelled: parallel tool call", re.IGNORECASE)
DENIAL = re.compile(r"permission to use .{0,80} has been denied|requires approval|haven't granted", re.IGNORECASE)
SERVICE = re.compile(
    r"\bHTTP 5\d\d|overloaded|could not resolve host|connection (?:refused|reset|timed out)", re.IGNORECASE
)
MISUSE = re.compile(
    r"unknown (?:flag|command|option|argument)|unrecognized|command not found|not a git repository"
    r"|no such file or directory|usage:|parse error|no configuration file|not in std|permission denied",
    re.IGNORECASE,
)
"""A usage error stays the agent's, whatever program reports it."""
REPORTS = re.compile(
    r"\bgo (?:test|build|vet|run)\b|golangci-lint|\bmise run\b|\bmake\b|\bnpm (?:test|run)\b|\bpytest\b|\bgofmt\b"
    r"|\b(?:grep|rg|diff|test|which|ls)\b|\bgit (?:merge|rebase|cherry-pick|pull|stash|diff)\b"
)
"""Commands whose exit code 1 or 2 reports on the work: tests, lint, builds, searches, merges."""


@dataclass
class Use:
    """One call, as the file has it."""

    id: str
    name: str
    input: dict[str, Any]
    at: str
    file: Path
    line: int
    cwd: str
    root: str
    """Folder of the file's first row that names one."""
    result: str | None = None
    error: bool = False


def opened(file: Path) -> list[str]:
    """The lines of a log."""
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return data.decode("utf-8", "replace").splitlines()


def read(lines: Iterable[str], file: Path) -> list[Use]:
    """The calls of one file in its own order, each with its result."""
    calls: dict[str, Use] = {}
    root = ""
    for number, line in enumerate(lines, 1):
        row = json.loads(line)
        message = row.get("message") if isinstance(row, dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        cwd = row.get("cwd") or ""
        root = root or cwd
        for block in content if isinstance(content, list) else ():
            if block.get("type") == "tool_use" and block["id"] not in calls:
                calls[block["id"]] = Use(
                    block["id"], block["name"], block["input"], row["timestamp"], file, number, cwd, root
                )
            if block.get("type") == "tool_result" and block["tool_use_id"] in calls:
                call = calls[block["tool_use_id"]]
                call.result, call.error = _text(block.get("content")), bool(block.get("is_error"))
    return list(calls.values())


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def fault(call: Use) -> str:
    """Whose the failure is; "" where the call did not fail."""
    if not call.error or call.result is None:
        return ""
    for name, said in (("user", USER), ("cascade", CASCADE), ("denial", DENIAL)):
        if said.search(call.result[:600]):
            return name
    command = str(call.input.get("command", "")) if call.name == "Bash" else ""
    if command and SERVICE.search(call.result[:2000]):
        return "service"
    ended = re.match(r"Exit code (\d+)", call.result)
    if (
        command
        and ended
        and ended[1] in ("1", "2")
        and REPORTS.search(command)
        and not MISUSE.search(call.result[:600])
    ):
        return "work"
    return "agent"


def signature(call: Use) -> tuple[str, str]:
    """Tool and result with quoted texts, paths and numbers masked, its first 120 characters: crude on purpose."""
    text = (call.result or "")[:600]
    text = re.sub(r"\"[^\"\n]{0,300}\"|'[^'\n]{0,300}'|`[^`\n]{0,300}`", "Q", text)
    text = re.sub(r"[\w.~@-]*/[\w./@~-]+", "P", text)
    text = re.sub(r"\b[0-9a-f]{7,40}\b|\d+", "N", text)
    if text.startswith(("<tool_use_error>String to replace not found", "<tool_use_error>Found N matches")):
        text = text[:40]
    return call.name, " ".join(text.split())[:120]


def path(call: Use) -> str:
    """The file that a call is about; "" for none."""
    return str(next((call.input[k] for k in ("file_path", "notebook_path", "path") if call.input.get(k)), ""))


def heads(call: Use) -> set[str]:
    """First two words of each simple command of a line, `cd` and assignments apart."""
    found = set()
    for part in re.split(r"&&|\|\||[;|\n]", str(call.input.get("command", "")) if call.name == "Bash" else ""):
        words = [w for w in part.split() if not re.match(r"\w+=", w)]
        if words and words[0] not in ("cd", "echo", "#"):
            found.add(" ".join(words[:2]))
    return found


def recovered(calls: list[Use], i: int) -> list[Use]:
    """The calls after call `i` up to and with the first success of the same intent within the window; [] for none."""
    for n, later in enumerate(calls[i + 1 : i + 1 + WINDOW], 1):
        same = bool(path(calls[i])) and path(later) == path(calls[i])
        if later.result is not None and not later.error and (same or heads(later) & heads(calls[i])):
            return calls[i + 1 : i + 1 + n]
    return []


def right(expect: dict[str, Any], call: Use, after: list[Use]) -> bool:
    """Whether `expect` is false of the failing call and true of what recovered."""
    ((form, wanted),) = expect.items()
    if form == "first":
        name, argument = wanted["tool"], wanted.get("same_arg", "")
        return bool(call.name != name) and any(
            c.name == name and not c.error and c.input.get(argument) == call.input.get(argument) for c in after
        )
    return not _is(form, wanted, call) and _is(form, wanted, after[-1])


def _is(form: str, wanted: dict[str, Any], call: Use) -> bool:
    command = str(call.input.get("command", ""))
    if form in ("with", "without"):
        flag = wanted["flag"]
        has = flag in re.split(r"[\s=]+", command) if flag.startswith("-") else flag in call.input
        return bool(has) == (form == "with")
    if form == "cwd":
        return bool(_folder(call) == wanted["path"].replace("<root>", call.root))
    prefix = " ".join(wanted.get("argv_prefix", ()))
    return bool(
        wanted.get("tool", call.name) == call.name
        and all(call.input.get(k) == v for k, v in wanted.get("args", {}).items())
        and (not prefix or any(" ".join(p.split()).startswith(prefix) for p in re.split(r"&&|\|\||[;|\n]", command)))
    )


def _folder(call: Use) -> str:
    """The folder that a line works in after its own first `cd`."""
    moved = re.match(r"\s*cd\s+(\S+)", str(call.input.get("command", "")))
    return str(Path(call.cwd) / moved[1].strip("'\"")) if moved else call.cwd
