"""One tool use of a SpecStory transcript: what was called, and what came back.

In: the lines between `<tool-use …>` and `</tool-use>`. The transcript keeps what its writer shows of the arguments (a
shell command, a path, a pattern; of an edit nothing) and the output, without an error flag.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from memento_skills.ingest.status import StatusOf, classify, exit_code_of, says_error
from memento_skills.ingest.values import arguments_of

_PAIR = re.compile(r"(\w{1,40}):? `([^`]{1,4096})`")
_FENCE = re.compile(r"```(\w*)\s*$")
_SUMMARY = re.compile(r"\s*(?:</?details>\s*)?(?:<summary>.{0,4096}</summary>)?\s*")
_ANSWER = "**Answer:**"
_REFUSAL_LENGTH = 2000
"""Characters of the longest text that is taken for the client's own word; what programs print may quote it."""


class Block(NamedTuple):
    """A tool use as far as it is told."""

    args: dict[str, Any]
    output: str
    shown: bool
    """Whether an output stands in the transcript at all."""


def parsed(kind: str, lines: Sequence[str]) -> Block:
    """The arguments and the output of a tool use of a `kind` (`data-tool-type`)."""
    body = [line for i, line in enumerate(lines) if i > 1 or _SUMMARY.fullmatch(line[:8192]) is None]
    while body and body[-1].strip() in ("", "</details>"):
        body.pop()
    before, given, output, shown = _cut(body, kind)
    args = _arguments(kind, before, given)
    if not shown and (at := next((i for i, line in enumerate(body) if line.startswith(_ANSWER)), -1)) >= 0:
        return Block({"questions": "\n".join(body[:at]).strip()}, "\n".join(body[at:]), True)
    return Block(args, output, shown)


def _cut(body: list[str], kind: str) -> tuple[list[str], str | None, str, bool]:
    """What stands before the fences, the fenced argument where there is one, the output, whether there is one."""
    fences = [i for i, line in enumerate(body) if _FENCE.match(line)]
    if not fences:
        return body, None, "", False
    first = fences[0]
    language = _FENCE.match(body[first])[1]  # type: ignore[index]  # it matched above
    close = next((i for i in fences[1:] if body[i].strip() == "```"), len(body))
    later = next((i for i in fences if i > close), -1)
    argument = later > 0 and (language not in ("", "text") or kind == "write")
    if argument and all(not line.strip() or line.startswith("Output:") for line in body[close + 1 : later]):
        return body[:first], _plain(body[first + 1 : close]), _plain(_unfenced(body[later + 1 :])), True
    if language not in ("", "text", "json") and kind in ("shell", "write") and later < 0:
        return body[:first], _plain(body[first + 1 : close]), "", False
    return body[:first], None, _plain(_unfenced(body[first + 1 :])), True


def _unfenced(lines: list[str]) -> list[str]:
    """An output less its closing fence; fences inside it stay."""
    return lines[:-1] if lines and lines[-1].strip() == "```" else lines


def _plain(lines: list[str]) -> str:
    """Lines as they were: the writer escapes the fences that stand in them."""
    return "\n".join(line[1:] if line.startswith("\\```") else line for line in lines)


def _arguments(kind: str, before: list[str], given: str | None) -> dict[str, Any]:
    text = "\n".join(before).strip()
    if kind == "shell":
        return _command(text, given)
    if given is not None and kind == "write":
        return {"content": given}
    if given is not None:
        return arguments_of(given)
    if kind == "read" and text.startswith("`") and text.endswith("`") and "\n" not in text:
        name = "url" if text[1:9].startswith(("http://", "https://")) else "file_path"
        return {name: text.strip("`")}
    pairs = {name.lower(): value for name, value in _PAIR.findall(text)} if kind in ("search", "grep") else {}
    return pairs or ({"description": text} if text else {})


def _command(text: str, given: str | None) -> dict[str, Any]:
    """A description, then the command: in backticks, or in a fence of its own where it has several lines."""
    start = -1 if given is not None else 0 if text.startswith("`") else text.find("\n`")
    inline = text[start:].strip() if start >= 0 else ""
    words = text if start < 0 else text[:start]
    if given is None and len(inline) > 1 and inline.endswith("`"):
        given = inline[1:-1]
    found = {"command": given} if given is not None else {}
    return found | ({"description": words.strip()} if words.strip() else {})


def ended(block: Block, kind: str, *, claude: bool) -> StatusOf:
    """How the call ended, as far as its text tells; `unknown` where it does not.

    Claude Code writes exit codes and `<tool_use_error>` at the beginning of a failed call's output, so there an output
    without them, or none at all of a shell command, means that it worked.
    """
    text = block.output
    if exit_code_of(text):
        return classify(text, error=None)
    if text.lstrip().startswith("<tool_use_error>"):
        return classify(text, error=True)
    if len(text) <= _REFUSAL_LENGTH and not _numbered(text):
        told = classify(text, error=True)
        if told.status not in ("error", "timeout", "denied_policy") or text.startswith(("Permission ", "Claude ")):
            return told
    if claude and (block.shown or kind == "shell"):
        return StatusOf("ok", None, "")
    return StatusOf("error" if says_error(text) else "unknown", None, "")


def _numbered(text: str) -> bool:
    return re.match(r"\s*\d{1,7}[→:|\t]", text[:40]) is not None
