"""The scanner under `shell`: a command line in, its words and operators out. Linear, never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from memento_skills.records import Record

_PLAIN = re.compile(r"[^\s\\'\"`$;&|<>()#@=]+")
_OPERATOR = re.compile(r"&&|\|\||;;|\|&|[;|&\n()]")
_REDIRECT = re.compile(r"\d{0,3}(?:<<<|<<-?|<>|<&|>>|>\||>&|<|>)|&>>?")


class Token(Record, frozen=True, kw_only=True):
    """One word or operator."""

    kind: Literal["word", "op"]
    value: str
    """A word without its quotes; an operator as it stands."""
    raw: str = ""
    """A word as it stands in the line."""
    inner: tuple[str, ...] = ()
    """The lines of the substitutions in a word."""


def tokens(line: str) -> Iterator[Token]:
    """Words and operators of a line; redirections with their targets, comments and heredoc bodies are left out."""
    i = 0
    waiting: list[str] = []  # delimiters of heredocs that begin at the next line break
    while i < len(line):
        if line[i] == "\n" and waiting:
            i = _after_heredocs(line, i, waiting)
            waiting = []
            yield Token(kind="op", value="\n")
        elif line[i] == "#":
            i = _find(line, "\n", i, past=False)
        elif line[i] in " \t\r\f\v" or line.startswith(("\\\n", "`\n"), i):
            i += 1 if line[i] in " \t\r\f\v" else 2
        elif (redirect := _REDIRECT.match(line, i)) and not line.startswith(("<(", ">("), i):
            target, i = _target(line, redirect.end())
            if redirect[0].endswith(("<<", "<<-")):
                waiting.append(target)
        elif operator := _OPERATOR.match(line, i):
            i = operator.end()
            yield Token(kind="op", value=operator[0])
        else:
            token, end = _word(line, i)
            i = max(end, i + 1)
            yield token


def _target(line: str, i: int) -> tuple[str, int]:
    while i < len(line) and line[i] in " \t":
        i += 1
    if i >= len(line) or line[i] in ";|&\n()<>":
        return "", i
    token, end = _word(line, i)
    return token.value, max(end, i + 1)


def _word(line: str, start: int) -> tuple[Token, int]:
    i = start
    value: list[str] = []
    inner: list[str] = []
    while i < len(line) and not line[i].isspace():
        if line[i] in ";&|" or (line[i] in "<>" and not line.startswith(("<(", ">("), i)):
            break
        if line[i] in "()" and (i == start or line[i] == ")"):
            break
        text, subs, end = _piece(line, i, start)
        value.append(text)
        inner += subs
        i = end
    return Token(kind="word", value="".join(value), raw=line[start:i], inner=tuple(inner)), i


def _piece(line: str, i: int, start: int) -> tuple[str, list[str], int]:
    """One piece of a word at `i`: its text without quotes, the substitutions in it, and where it ends."""
    if plain := _PLAIN.match(line, i):
        return plain[0], [], plain.end()
    if line[i] == "\\":
        return _escaped(line, i, start)
    if line[i] in "'\"" or line.startswith(("$'", "@'\n", '@"\n'), i):
        return _quoted(line, i)
    end, inner = _substituted(line, i)
    return line[i:end], inner, end


def _quoted(line: str, i: int) -> tuple[str, list[str], int]:
    if line[i] == "'":
        end = _find(line, "'", i + 1)
        return line[i + 1 : end].removesuffix("'"), [], end
    if line[i] == "$":
        end = _close_ansi(line, i + 2)
        return line[i + 2 : end].removesuffix("'"), [], end
    if line[i] == "@":  # a here-string of PowerShell
        end = _find(line, f"\n{line[i + 1]}@", i)
        return line[i:end], [], end
    end = _matching(line, i + 1, '"')
    body = line[i + 1 : end].removesuffix('"')
    return re.sub(r"\\([\"\\$`])", r"\1", body), _substitutions(body), end


def _substituted(line: str, i: int) -> tuple[int, list[str]]:
    """Where the substitution, group or single character at `i` ends, and the lines inside it."""
    if line.startswith(("$(", "<(", ">("), i):
        end = _matching(line, i + 2, "(")
        body = line[i + 2 : end].removesuffix(")")
        return end, [] if body.startswith("(") else [body]
    if line.startswith("${", i):
        return _find(line, "}", i), []
    if line[i] == "(":
        return _matching(line, i + 1, "("), []
    if line[i] == "`":
        end = _find(line, "`", i + 1)
        return end, [line[i + 1 : end].removesuffix("`")]
    return i + 1, []


def _escaped(line: str, i: int, start: int) -> tuple[str, list[str], int]:
    following = line[i + 1 : i + 2]
    if following == "\n":
        return "", [], i + 2
    if i > start and (following.isalnum() or following in ("_", ".", "")):
        return "\\", [], i + 1  # a Windows path: C:\src\main.go
    return following, [], i + 2


def _substitutions(body: str) -> list[str]:
    """The bodies of `$( )` in a double-quoted text."""
    found: list[str] = []
    i = body.find("$(")
    while i >= 0:
        end = _matching(body, i + 2, "(")
        if not body.startswith("$((", i):
            found.append(body[i + 2 : end].removesuffix(")"))
        i = body.find("$(", end)
    return found


_SPECIAL = re.compile(r"[\\'\"()#<\n$]")


def _matching(line: str, i: int, opener: str) -> int:
    """Index after what closes the `"` or `(` opened just before `i`, or the line's end."""
    stack = [opener]
    waiting: list[str] = []
    while stack and (special := _SPECIAL.search(line, i)):
        i, char = special.end(), special[0]
        if char == "\\":
            i += 1
        elif char == '"':
            _toggle(stack)
        elif stack[-1] == '"':
            if char == "$" and line.startswith("(", i):
                stack.append("(")
                i += 1
        elif char == "\n" and waiting:
            i, waiting = _after_heredocs(line, i - 1, waiting), []
        else:
            i = _unquoted(line, i, stack, waiting)
    return len(line) if stack else i


def _toggle(stack: list[str]) -> None:
    if stack[-1] == '"':
        stack.pop()
    else:
        stack.append('"')


def _unquoted(line: str, i: int, stack: list[str], waiting: list[str]) -> int:
    """Handle the special character before `i` outside of double quotes; gives where to go on."""
    char = line[i - 1]
    if char == "(":
        stack.append("(")
    elif char == ")":
        stack.pop()
    elif char == "'":
        return _find(line, "'", i)
    elif char == "#" and line[i - 2 : i - 1].isspace():
        return _find(line, "\n", i, past=False)
    elif char == "<" and line.startswith("<", i) and not line.startswith("<<", i):
        target, i = _target(line, i + 1 + line.startswith("-", i + 1))
        waiting.append(target)
    return i


def _after_heredocs(line: str, i: int, delimiters: Sequence[str]) -> int:
    """Index after the last body line of heredocs that begin after the line break at `i`."""
    for delimiter in delimiters:
        end = re.compile(rf"\n[ \t]*{re.escape(delimiter)}[ \t]*(?=\n|$|\))").search(line, i)
        if end is None:
            return len(line)
        i = end.end()
    return i


def _close_ansi(line: str, i: int) -> int:
    closing = re.compile(r"(?:[^'\\]|\\.)*'", re.DOTALL).match(line, i)
    return closing.end() if closing else len(line)


def _find(line: str, mark: str, i: int, *, past: bool = True) -> int:
    """Index after the next `mark` (before it with `past=False`), or the line's end."""
    at = line.find(mark, i)
    return len(line) if at < 0 else at + len(mark) * past
