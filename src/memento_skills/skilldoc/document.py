"""A parsed SKILL.md: its text as it is, its front matter, and where its sections begin and end."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from functools import lru_cache
from typing import Any, Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from memento_skills.records import Record
from memento_skills.skilldoc.frontmatter import Problem, load, split_lines

MAX_BYTES = 1 << 20
"""A SKILL.md is read into a model's context; one of a mebibyte is an accident or an attack."""

BOM = "\ufeff"

UNREADABLE = frozenset(
    {
        "encoding",
        "too-large",
        "front-missing",
        "front-unclosed",
        "front-large",
        "front-mapping",
        "yaml",
        "yaml-anchor",
        "yaml-tag",
        "yaml-depth",
    }
)
"""Codes of documents that no client could load with certainty: they are reported and never rewritten."""

Newline = Literal["\n", "\r\n", "\r"]


class Section(Record, frozen=True, kw_only=True):
    """One heading of the body and what stands under it, subsections included."""

    heading: str
    """As written, without the `#` marks; inline marks stay."""
    level: int
    start: int
    """Line of the heading in the file, from 1."""
    end: int
    """Line after the section's last, from 1."""


class SkillDoc(Record, frozen=True, kw_only=True):
    """A SKILL.md as it stands. `text` encoded as UTF-8 is the file, byte for byte, where it was UTF-8."""

    text: str
    """Whole file, byte order mark and line endings included."""
    newline: Newline = "\n"
    """The commonest line ending."""
    bom: bool = False
    front: dict[str, Any] | None = None
    """Fields of the front matter; scalars as text but for true, false, null. None where it cannot be read."""
    body_line: int = 1
    """First line of the body in the file, from 1."""
    sections: tuple[Section, ...] = ()
    """In the order of the file."""
    name: str = ""
    description: str = ""
    problems: tuple[Problem, ...] = ()
    """What parsing met; `check` adds what the specification says."""

    @property
    def unreadable(self) -> Problem | None:
        """The first problem for which this document may not be rewritten, None where it may."""
        return next((p for p in self.problems if p.code in UNREADABLE), None)

    @property
    def body(self) -> str:
        """Everything after the closing `---` line."""
        return "".join(self.lines[self.body_line - 1 :])

    @property
    def lines(self) -> list[str]:
        """The lines of the file with their endings, without the byte order mark."""
        return split_lines(self.text.removeprefix(BOM))


def parse(data: bytes | str) -> SkillDoc:
    """Read a SKILL.md from the bytes of a file or its text. Never raises: what is wrong is in `problems`."""
    text, problem = _decode(data)
    if problem is not None:
        return SkillDoc(text=text, problems=(problem,))
    lines = split_lines(text.removeprefix(BOM))
    front = load(lines)
    fields = front.fields or {}
    return SkillDoc(
        text=text,
        newline=_newline(lines),
        bom=text.startswith(BOM),
        front=front.fields,
        body_line=front.body + 1,
        sections=_sections(lines, front.body),
        name=_word(fields.get("name")),
        description=_word(fields.get("description")),
        problems=(*_layout_problems(text, lines), *front.problems),
    )


def revision(data: bytes | str) -> str:
    """SHA-256 of the bytes of a SKILL.md, in hexadecimal: what a patch is bound to."""
    # A text with lone surrogates cannot be a file; it still gets a name rather than an exception.
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    return hashlib.sha256(raw).hexdigest()


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # Blocks alone are asked for; without the inline rules a document of 500 lines takes a third of the time.
    return MarkdownIt("commonmark").enable("table").disable("inline")


def blocks(lines: list[str], body: int) -> list[Token]:
    """The Markdown blocks of the body that begins at line index `body`; `.map` counts from the body's first line."""
    return _blocks("".join(lines[body:]))


@lru_cache(maxsize=8)
def _blocks(body: str) -> list[Token]:
    # One amendment asks four times about two texts, and parsing is nearly all of its time. Nobody changes a token.
    return _markdown().parse(body)


def _decode(data: bytes | str) -> tuple[str, Problem | None]:
    large = Problem(code="too-large", message=f"larger than {MAX_BYTES} bytes: cut it")
    if len(data) > MAX_BYTES:
        return "", large
    if isinstance(data, str):
        try:
            size = len(data.encode())
        except UnicodeEncodeError as error:
            line = data[: error.start].count("\n") + 1
            return "", Problem(code="encoding", message="holds a lone surrogate, which no file can hold", line=line)
        return ("", large) if size > MAX_BYTES else (data, None)
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"not UTF-8 (byte {data[error.start]:#04x} at offset {error.start}): save it as UTF-8"
        return data.decode("utf-8", "replace"), Problem(code="encoding", message=message, line=line)


def _layout_problems(text: str, lines: list[str]) -> list[Problem]:
    found = []
    if text.startswith(BOM):
        message = "begins with a byte order mark: some clients do not find the front matter behind it"
        found.append(Problem(code="bom", message=message, severity="warning"))
    if len({_ending(line) for line in lines} - {""}) > 1:
        found.append(Problem(code="newlines", message="mixes line endings: use one", severity="warning"))
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        found.append(Problem(code="nul", message="holds a NUL character: remove it", line=line))
    return found


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _newline(lines: list[str]) -> Newline:
    counted = Counter(_ending(line) for line in lines)
    del counted[""]
    endings: tuple[Newline, ...] = ("\n", "\r\n", "\r")
    return max(endings, key=lambda ending: counted[ending])


def _word(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _sections(lines: list[str], body: int) -> tuple[Section, ...]:
    tokens = blocks(lines, body)
    # Level 0: a heading inside a quotation or a list item divides nothing.
    heads = [
        (int(token.tag[1:]), body + token.map[0], re.sub(r"\s*\n\s*", " ", tokens[i + 1].content))
        for i, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map is not None
    ]
    sections = []
    for i, (level, start, heading) in enumerate(heads):
        end = next((s for other, s, _ in heads[i + 1 :] if other <= level), len(lines))
        sections.append(Section(heading=heading, level=level, start=start + 1, end=end + 1))
    return tuple(sections)
