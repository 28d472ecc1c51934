"""What both generations of OpenHands' events share: open calls, folders, how a call ended."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from memento_skills.ingest.session import Context, Memory, Session
from memento_skills.ingest.status import StatusOf, classify
from memento_skills.records import Status

# Ids that a model's server counts within a conversation: the same one in another is another call.
_COUNTED = re.compile(r"(?:functions[.:])?[A-Za-z_.-]{0,40}[:_.-]?\d{1,6}")
_LARGEST_CODE = 1 << 32
_REMEMBERED = 512


class _Editor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: frozenset[str]
    commands: dict[str, str]


class _Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    shells: frozenset[str]
    editor: _Editor


@cache
def words() -> _Words:
    """The table `openhands.toml`, read once."""
    return msgspec.convert(tomllib.loads(files(__package__).joinpath("openhands.toml").read_text("utf-8")), _Words)


class OpenHandsMemory(Memory):
    """What has to be remembered between two reads of a file."""

    calls: dict[str, str] = msgspec.field(default_factory=dict)
    """Event id of an action, and native id of a call -> the id that the call goes by."""
    taken: list[str] = msgspec.field(default_factory=list)
    """Calls that were answered, the last ones."""
    counted: bool = False
    """Call ids count within the conversation."""
    folder: str = ""
    """Where the shell stands, as it said last."""
    stated: str = ""
    """The folder that the last shell command was said to start in."""


class OpenHandsSession(Session[OpenHandsMemory]):
    """One conversation while it is read."""

    def __init__(self, memory: OpenHandsMemory) -> None:
        super().__init__(memory)
        self._events: set[str] = set()

    def repeated(self, event: object) -> bool:
        """Whether an event of this id was read before: a stream that was taken up again sends its last ones twice."""
        if type(event) not in (int, str) or event == "":
            return False
        known = str(event) in self._events
        self._events.add(str(event))
        return known

    def begin(self, context: Context, event: str, tool: str, args: dict[str, Any], native: str) -> None:
        """A call; an action without a native id goes by its event's. The editor is called by what it does."""
        memory = self.memory
        name = self._unused(native) if native else f"{memory.id}:{event}"
        editor, command = words().editor, args.get("command")
        if tool in editor.name and isinstance(command, str) and command in editor.commands:
            rest = {key: value for key, value in args.items() if key != "command"}
            tool, args = editor.commands[command], {**rest, "_tool": tool, "_command": command}
        for key in (event, f"call {native}") if native else (event,):
            memory.calls.pop(key, None)
            memory.calls[key] = name
        for _ in range(len(memory.calls) - 2 * _REMEMBERED):
            del memory.calls[next(iter(memory.calls))]
        self.call(context, tool, args, name)
        if tool in words().shells and memory.folder:
            if memory.folder != memory.cwd or memory.stated not in ("", memory.cwd):
                self.steps[-1] = msgspec.structs.replace(self.steps[-1], cwd=memory.folder)
            memory.stated = memory.folder

    def _unused(self, native: str) -> str:
        """The native id, or with a number where the conversation used it before."""
        memory = self.memory
        last = memory.calls.get(f"call {native}")
        memory.counted = memory.counted or last is not None or _COUNTED.fullmatch(native) is not None
        if last is None:
            return native
        number = last.rpartition("#")[2] if "#" in last else ""
        return f"{native}#{int(number) + 1 if number.isdecimal() and len(number) < 9 else 2}"

    def _named(self, native: str, event: str) -> str:
        calls = self.memory.calls
        return calls.get(f"call {native}", native) if native else calls.get(event, "")

    def end(self, context: Context, native: str, event: str, text: str, ended: StatusOf, tool: str = "") -> None:
        """The result of a call, found by its native id or by the event of its action; a second one is no result."""
        memory = self.memory
        name = self._named(native, event)
        if name and name in memory.taken:
            self.notice(context, text)
            return
        if name:
            memory.taken = [*memory.taken[-_REMEMBERED:], name]
        tool = memory.tools.pop(name, "") or tool
        self.add(
            context, "result", "tool", text=text, tool=tool, call_id=name, status=ended.status,
            exit_code=ended.exit_code,
        )  # fmt: skip

    def refused(self, context: Context, native: str, event: str, text: str, status: Status) -> None:
        """A call that a person or a hook did not let happen; the person's answer is a step of its own."""
        self.end(context, native, event, text, StatusOf(status, None, "log:rejected"))
        if status == "denied_user":
            name = self._named(native, event)
            self.add(context, "permission", "user", text=text, call_id=name, status=status)

    def stands_in(self, folder: object) -> None:
        """The shell's folder after a command."""
        if isinstance(folder, str) and folder:
            self.memory.folder = folder
            self.memory.cwd = self.memory.cwd or folder


def shell_ended(text: str, code: object, *, timeout: bool = False) -> StatusOf:
    """How a shell command ended by its exit code; -1 says that it was still running when the client stopped waiting."""
    if not isinstance(code, int) or isinstance(code, bool) or abs(code) >= _LARGEST_CODE:
        return StatusOf("timeout" if timeout else "unknown", None, "")
    if code == -1 or timeout:
        told = classify(text[-600:], error=True)
        waited = timeout or told.status == "timeout"
        return StatusOf("timeout" if waited else "unknown", None, told.rule)
    return StatusOf("error" if code else "ok", code, "log:exit")
