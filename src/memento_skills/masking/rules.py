"""The table of secrets: `masking_rules.toml`, compiled once into one fast expression for each anchor byte."""

from __future__ import annotations

import functools
import math
import re
import tomllib
from collections import Counter
from importlib import resources

import msgspec

from memento_skills.records import Record

Pattern = re.Pattern[bytes]

# A token begins where no token character stands before it; the letters of an escape such as \n or \u003c are none.
_EDGE = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrtbf])|(?<=\\u003[cCeE]))"


_TOKEN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"


class RuleText(Record, frozen=True, kw_only=True):
    """One `[[rule]]` as it stands in the file; the file's head explains the fields."""

    kind: str
    anchor: str
    regex: str
    reason: str
    behind: str = ""
    ahead: str = ""
    start: int = 0
    window: int = 0
    entropy: float = 0.0
    digit: bool = False
    joined: bool = False
    word: bool = False


class AssignmentText(Record, frozen=True, kw_only=True):
    """One `[[assignment]]` as it stands in the file."""

    kind: str
    left: str
    value: str
    reason: str
    entropy: float = 0.0
    digit: bool = False
    mixed: bool = False


class HarmlessText(Record, frozen=True, kw_only=True):
    """Fillers: `words` anywhere in a value, `starts` at its begin; lower case."""

    words: tuple[str, ...]
    starts: tuple[str, ...]


class RulesText(Record, frozen=True, kw_only=True):
    """The whole file."""

    gates: dict[str, str]
    rule: tuple[RuleText, ...]
    assignment: tuple[AssignmentText, ...]
    harmless: HarmlessText


class Rule:
    """A compiled `[[rule]]`: `find` gives the span of the secret at an anchor, or None."""

    __slots__ = ("_pattern", "_start", "_text", "_window", "context", "kind")

    def __init__(self, text: RuleText) -> None:
        self.kind = text.kind
        self.context = (f"(?<={text.behind})" if text.behind else "") + f"(?:{text.ahead})"
        self._text = text
        self._start = text.start
        self._window = text.window
        self._pattern = re.compile((("" if text.joined else _EDGE) + text.regex).encode(), re.ASCII)

    def find(self, data: bytes, at: int, harmless: Harmless) -> tuple[int, int] | None:
        """Span of the secret whose anchor stands at `at`, None where it is no secret."""
        match = self._search(data, at) if self._window else self._pattern.match(data, max(0, at - self._start))
        if match is None:
            return None
        span = match.span("value" if "value" in self._pattern.groupindex else 0)
        value = data[span[0] : span[1]]
        if harmless.filler(value) or not dense(value, self._text.entropy, digit=self._text.digit):
            return None
        return span

    def _search(self, data: bytes, at: int) -> re.Match[bytes] | None:
        begin = max(0, at - self._window)
        if self._text.word:
            begin += len(data[begin:at].rstrip(_TOKEN))
            return self._pattern.match(data, begin) or self._pattern.match(data, begin + 1)
        while (match := self._pattern.search(data, begin, at + 256)) is not None and match.end() <= at:
            begin = match.end()
        return match if match is not None and match.start() <= at else None


class Harmless:
    """Values that stay as they are: fillers and code."""

    def __init__(self, text: HarmlessText) -> None:
        words = "|".join(re.escape(word) for word in text.words)
        self._words = re.compile(words.encode())
        self._starts = tuple(start.encode() for start in text.starts)

    def filler(self, value: bytes) -> bool:
        """Is the value a filler, a reference to a variable, or already masked?"""
        lowered = value.lower()
        return lowered.startswith(self._starts) or self._words.search(lowered) is not None


class Assignment:
    """A compiled `[[assignment]]`."""

    __slots__ = ("_text", "_value", "kind", "left")

    def __init__(self, text: AssignmentText) -> None:
        self.kind = text.kind
        self._text = text
        # `db_password`, `clientSecret`: anything may stand before the word, only quotes between it and the sign.
        left = rf"(?:{text.left})s?(?:_?(?:key|value))?[\"'`\\\])]{{0,6}} ?:?$"
        self.left = re.compile(left.encode(), re.IGNORECASE)
        self._value = re.compile(text.value.encode())

    def accepts(self, value: bytes, *, quoted: bool) -> bool:
        """Does the value look like a secret of this kind? A bare word must look more like one than a quoted."""
        if self._value.fullmatch(value) is None:
            return False
        if self._text.mixed and not _mixed(value, quoted=quoted):
            return False
        return dense(value, self._text.entropy, digit=self._text.digit or not quoted)


class Rules:
    """Everything that the scan needs, compiled."""

    def __init__(self, text: RulesText) -> None:
        self.harmless = Harmless(text.harmless)
        self.gates = text.gates
        self.assignments = tuple(Assignment(one) for one in text.assignment)
        self.kinds = tuple(sorted({r.kind for r in text.rule} | {a.kind for a in text.assignment}))
        self.by_anchor: dict[str, list[Rule]] = {}
        for rule in text.rule:
            self.by_anchor.setdefault(rule.anchor, []).append(Rule(rule))


def dense(value: bytes, entropy: float, *, digit: bool) -> bool:
    """Has the value at least this Shannon entropy (bits per character) and, if asked, a digit and a letter?"""
    if digit and not (any(48 <= c <= 57 for c in value) and any(c > 64 for c in value)):
        return False
    if not entropy:
        return True
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values()) >= entropy


def _mixed(value: bytes, *, quoted: bool) -> bool:
    """Something beside lower-case letters; of a bare word, a digit and no call, attribute or index."""
    if not quoted:
        return any(48 <= c <= 57 for c in value) and re.search(rb"[()\[\]{}<>;|,]|\w\.\w", value) is None
    return not re.fullmatch(rb"[a-z]+|[A-Z]+|[A-Za-z_.-]+", value)


@functools.cache
def load() -> Rules:
    """The rules of this version, compiled once in a process."""
    raw = resources.files(__package__).joinpath("masking_rules.toml").read_text("utf-8")
    return Rules(msgspec.convert(tomllib.loads(raw), RulesText))
