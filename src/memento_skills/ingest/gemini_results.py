"""Results of Gemini CLI's calls: the text that a tool gave, without the client's frame, and how the call ended.

`status` says whether the tool worked; the exit code of a command stands in the text ("Exit Code: 2").
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from memento_skills.ingest.gemini_rows import ToolCall
from memento_skills.ingest.status import classify
from memento_skills.ingest.values import json_text, text_of
from memento_skills.records import Status

_OVER = frozenset({"success", "error", "cancelled"})
_HEAD = re.compile(r"(?:\A|\n)(?:Output|Stdout): ")
_AFTER = re.compile(
    r"\n(Stderr|Error|Exit Code|Signal|Background PIDs|Process Group PGID): "
    r"(\(none\)|\(empty\)|-?\d{1,10}|[A-Z0-9]{1,12})(?=\n|\Z)"
)
_TAIL = 2000  # characters at the end of a result in which the client's own lines stand
_FRAME = 20_000  # characters in which the output begins: the command stands before it
_SERVICE = re.compile(
    r"API Error|RESOURCE_EXHAUSTED|quota|fetch failed|ECONN|ETIMEDOUT|\b(?:429|5\d\d)\b", re.IGNORECASE
)
_SHELLS = frozenset({"run_shell_command"})


class Result(NamedTuple):
    """A result as it becomes a step."""

    text: str
    status: Status
    exit_code: int | None


def result_of(call: ToolCall) -> Result | None:
    """The result of a call; None while it has not ended."""
    if call.status not in _OVER:
        return None
    text, failed = _text(call)
    if call.status == "cancelled":
        stopped = classify(text, error=True).status == "interrupted"
        return Result(text, "interrupted" if stopped else classify(text, error=True, denial="cancelled").status, None)
    text, code = unframed(text) if call.name in _SHELLS else (text, None)
    error = call.status == "error" or failed or bool(code)
    ended = classify(text, error=error)
    return Result(text, ended.status, code if code is not None else ended.exit_code)


def is_service(text: str) -> bool:
    """Whether an error message is about the model's service."""
    return bool(_SERVICE.search(text[:2000]))


def _text(call: ToolCall) -> tuple[str, bool]:
    """The text of a result, and whether it stands as an error there."""
    texts: list[str] = []
    failed = False
    for part in call.result if isinstance(call.result, list) else [call.result]:
        response = _response(part)
        if response is None:
            texts.append(text_of([part]) if isinstance(part, dict) else text_of(part))
            continue
        error = response.get("error")
        failed = failed or (error is not None and response.get("output") is None)
        value = response.get("output", error if error is not None else response)
        texts.append(value if isinstance(value, str) else json_text(value))
    text = "\n".join(t for t in texts if t)
    return (text or (call.resultDisplay if isinstance(call.resultDisplay, str) else "")), failed


def _response(part: object) -> dict[str, Any] | None:
    answer = part.get("functionResponse") if isinstance(part, dict) else None
    response = answer.get("response") if isinstance(answer, dict) else None
    return response if isinstance(response, dict) else None


def unframed(text: str) -> tuple[str, int | None]:
    """The output of a command without the client's lines around it, and its exit code."""
    end, code, told = len(text), None, ""
    for mark in reversed(list(_AFTER.finditer(text, max(end - _TAIL, 0)))):
        if mark.end() != end:
            break
        end = mark.start()
        if mark[1] == "Exit Code" and mark[2].lstrip("-").isdigit():
            code, told = int(mark[2]), mark[0].strip()
    begins = _HEAD.search(text, 0, _FRAME)
    output = text[begins.end() : max(end, begins.end())] if begins else text
    telling = output.strip() not in ("", "(empty)")
    return (output if telling or not code else told), code
