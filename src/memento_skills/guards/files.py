"""What a run knows of one file: the text that was displayed or written, how, and what happened to it since."""

from __future__ import annotations

import re
from typing import Any

from memento_skills.guards import tools

_NUMBERED = re.compile(r"^ *(\d+)(?:→|\t|\|)([^\n]*)", re.MULTILINE)
_NUMBERED_LINES = re.compile(r"(?: *\d+(?:→|\t|\|)[^\n]*(?:\n|\Z))+")
# OpenCode puts a file's lines into an element, as `12: text`, its older versions as `00012| text`
_WRAPPED = re.compile(r"\s{0,8}(?:<path>[^\n]{0,4096}\n<type>file</type>\n<content>|<file>)\n")
_WRAPPED_LINES = re.compile(r"(?:\d+[:|][^\n]*(?:\n|\Z))+")
_WRAPPED_LINE = re.compile(r"^(\d+)[:|] ?([^\n]*)", re.MULTILINE)
SHOWN_LIMIT = 400_000
"""Characters of a text that are kept."""


class FileState:
    """What the run knows of one file."""

    __slots__ = (
        "_content", "_displayed", "_numbers", "boundary", "changed_by", "epoch", "newer", "read_whole", "replaced",
        "too_big", "touched",
    )  # fmt: skip

    def __init__(self) -> None:
        self.epoch = -1
        """Epoch of the last read or write by this agent; -1 = never."""
        self._content = ""
        self._numbers: list[int] = []
        self._displayed: list[tuple[str, bool]] = []
        """What reading tools displayed and nobody asked for yet: most files are never edited."""
        self.touched = -1
        """Number of the call that read or wrote it last."""
        self.newer = 0
        """How many other files were touched after it when the last boundary came: clients carry a few of the
        latest over a compaction."""
        self.changed_by: set[str] = set()
        """Heads of shell commands run since, that may have rewritten it."""
        self.too_big = False
        self.read_whole = False
        """Read without a part being asked for, or written."""
        self.boundary = ""
        """What came between the last reading and now: compaction, resume; a resume after both counts."""
        self.replaced: set[str] = set()
        """Lines that this run itself took out of the file."""

    @property
    def content(self) -> str:
        """The text that was displayed or written, as far as known."""
        self._look()
        return self._content

    @property
    def numbers(self) -> list[int]:
        """Line number of each line of `content`, where a reading tool displayed them; else empty."""
        self._look()
        return self._numbers

    def know(self, content: str, numbers: list[int]) -> None:
        """The text is this, whatever was known before."""
        self._displayed.clear()
        self._content, self._numbers = content, numbers

    def display(self, text: str, *, fresh: bool) -> None:
        """A reading tool showed (part of) the file; `fresh` = nothing known before counts."""
        self._displayed.append((text, fresh))

    def _look(self) -> None:
        shown, self._displayed = self._displayed, []
        for text, fresh in shown:
            _merge(self, text, fresh=fresh)


def _merge(state: FileState, text: str, *, fresh: bool) -> None:
    """What was known stays where the displayed part does not cover it."""
    numbers, lines = _numbered(text)
    if state.content and not numbers and len(lines) <= 2:
        return  # a note that the file is unchanged since the last reading
    shown = "\n".join(lines)
    if fresh or not state.content:
        state.know(shown, numbers)
        return
    if not numbers or not state.numbers:
        if shown not in state.content:
            state.know((state.content + "\n" + shown)[-SHOWN_LIMIT:], [])
        return
    known = dict(zip(state.numbers, state.content.split("\n"), strict=False))
    known.update(zip(numbers, lines, strict=False))
    state.know("\n".join(known[n] for n in sorted(known)), sorted(known))


def _numbered(text: str) -> tuple[list[int], list[str]]:
    """Line numbers and lines of what a reading tool displayed, without what the client wrote below them."""
    wrapped = _WRAPPED.match(text)
    block = _WRAPPED_LINES.match(text, wrapped.end()) if wrapped else _NUMBERED_LINES.match(text)
    if block is None:
        return [], text.split("\n")
    # what follows the file's own lines is the client's: reminders, notes on cut lines
    found = (_WRAPPED_LINE if wrapped else _NUMBERED).findall(block[0])
    return [int(number) for number, _ in found], [line for _, line in found]


def apply_edit(state: FileState, args: dict[str, Any]) -> None:
    """A replacement took place: the known text follows it, and the numbers of the lines behind it."""
    old, new = tools.argument(args, "old"), tools.argument(args, "new")
    content, numbers = state.content, state.numbers
    at = content.find(old) if old else -1
    if at < 0:
        state.know((content + "\n" + new)[-SHOWN_LIMIT:] if new else content, [])
        return
    if args.get("replace_all") or args.get("replaceAll"):
        state.know(content.replace(old, new), [])
        return
    first = content.count("\n", 0, at)
    removed, added = old.count("\n"), new.count("\n")
    if numbers:
        start = numbers[first]
        behind = [n + added - removed for n in numbers[first + removed + 1 :]]
        numbers = [*numbers[:first], *range(start, start + added + 1), *behind]
    state.know(content[:at] + new + content[at + len(old) :], numbers)
