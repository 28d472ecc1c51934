"""Results of a Codex log: the text that a tool gave, without the client's frame, and how the call ended.

There is no error flag: the exit code stands in the frame of a command's output ("Process exited with code 2", "Exit
code: 1"), in the JSON `{"output", "metadata": {"exit_code"}}` of older versions, or in an `exec_command_end` event;
other tools say in words that they failed.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from memento_skills.ingest.loose import NotReadable, json_of
from memento_skills.ingest.status import StatusOf, classify, says_error
from memento_skills.ingest.values import text_of
from memento_skills.records import Status

_FRAME = 20_000  # characters in which a frame ends: a command line may stand in it
_OUTPUT = re.compile(r"^Output:\n", re.MULTILINE)
_IN_FRAME = re.compile(
    r"^(?:Command: |Chunk ID: |Wall time: |Process exited with code |Process running with session ID |Exit code: )"
)
_CODE = re.compile(r"^(?:Process exited with code|Exit code:) (-?\d{1,10})$", re.MULTILINE)
_RUNNING = re.compile(r"^Process running with session ID", re.MULTILINE)


class Ending(NamedTuple):
    """What an event told of a call before its result came."""

    exit_code: int | None = None
    failed: bool | None = None
    declined: bool = False


class Result(NamedTuple):
    """A result as it becomes a step."""

    text: str
    status: Status
    exit_code: int | None


def result_of(output: object, ending: Ending | None) -> Result:
    """The result with the `output` of the log, after an event that told `ending`."""
    text, code, failed = _unframed(output)
    known = code is not None
    if ending is not None and not known:
        code = ending.exit_code
        failed = ending.failed if failed is None else failed
    if ending is not None and ending.declined:
        failed = True
    if code is not None and failed is None:
        failed = code != 0
    ended = _ended(text, failed, code)
    status: Status = "ok" if ended.status == "unknown" else ended.status
    return Result(text, status, code if code is not None else ended.exit_code)


def _ended(text: str, failed: bool | None, code: int | None) -> StatusOf:
    if failed is None and code is None and says_error(text):
        failed = True
    return classify(text, error=failed)


class _Bare(NamedTuple):
    """The text of a result without its frame, the exit code in the frame, and whether the log flags a failure."""

    text: str
    code: int | None = None
    failed: bool | None = None


def _unframed(output: object) -> _Bare:
    """The text without its frame, the exit code in the frame, and whether the log flags a failure."""
    flag: bool | None = None
    if isinstance(output, dict):
        success = output.get("success")
        flag = None if not isinstance(success, bool) else not success
        output = output.get("content", output.get("output", output))
    text = text_of(output)
    if text.startswith("{"):
        inner = _from_json(text)
        if inner is not None:
            return inner if inner.failed is not None or inner.code is not None else inner._replace(failed=flag)
    if not _IN_FRAME.match(text):
        return _Bare(text, None, flag)
    ends = _OUTPUT.search(text, 0, _FRAME)
    frame, rest = (text[: ends.start()], text[ends.end() :]) if ends else (text[:_FRAME], "")
    found = _CODE.search(frame)
    code = int(found[1]) if found else None
    if found is None and _RUNNING.search(frame):
        flag = False
    # without an output the frame is all that can be quoted
    return _Bare(rest if rest.strip() or not code else found[0] if found else text, code, flag)


def _from_json(text: str) -> _Bare | None:
    """The text in the JSON in which older versions give a result, or a server's tool answers; None for other JSON."""
    try:
        value: Any = json_of(text.encode("utf-8", "replace"))
    except NotReadable:
        return None
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("content"), list) and isinstance(value.get("isError"), bool):
        return _Bare(text_of(value["content"]), None, value["isError"])
    if not isinstance(value.get("metadata"), dict) or "output" not in value:
        return None
    code = value["metadata"].get("exit_code")
    known = code if isinstance(code, int) and not isinstance(code, bool) and abs(code) < 1 << 40 else None
    inner = text_of(value["output"])
    if not inner.strip() and known:
        inner = f"exit_code: {known}"
    return _Bare(inner, known)


def ending_of(exit_code: int | None, success: bool | None, status: object, result: object) -> Ending:
    """What an `exec_command_end`, `patch_apply_end` or `mcp_tool_call_end` event tells."""
    failed = None if success is None else not success
    if isinstance(result, dict):
        inner = result.get("Ok", result.get("ok"))
        if "Err" in result or "err" in result:
            failed = True
        elif isinstance(inner, dict):
            failed = bool(inner.get("isError", inner.get("is_error")))
    declined = status == "declined"
    known = exit_code is not None and abs(exit_code) < 1 << 40 and not declined
    return Ending(exit_code if known else None, failed, declined)
