"""Does a skill say a rule already, in whatever words? Then no patch is written, and the reason is on record.

Compared are the rule's headline (its first, bold sentence) and each paragraph or list item of the skill, by their
words without endings and function words. A paragraph says the rule where it holds nearly all of these words, every
command and option that the headline names, and does not deny what the rule asks for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from memento_skills.skilldoc import SkillDoc
from memento_skills.skilldoc.document import blocks

ENOUGH = 0.8
"""Share of the headline's words that a paragraph must hold."""
LEAST_WORDS = 4
"""A headline of fewer words is found by chance, unless it names things that are not."""
LEAST_CODES = 2
LONGEST = 1_200
"""A paragraph of more characters holds any few words somewhere."""

_HEADLINE = re.compile(r"\*\*(.{1,400}?)\*\*")
_CODE = re.compile(r"`([^`\n]{1,200})`")
_WORD = re.compile(r"[^\W\d_]+(?:'[a-z]+)?")
_ENDINGS = ("ings", "ing", "ies", "es", "ed", "s")


class Said(NamedTuple):
    """Where a skill says a rule already."""

    line: int
    """In the file, from 1."""
    same: bool
    """Word for word, or only near enough."""


def said_already(doc: SkillDoc, rule: str) -> Said | None:
    """The first paragraph or list item of the skill that says the rule; None where there is none."""
    wanted = _bare(rule)
    head = headline(rule)
    codes, words = codes_of(head), words_of(head)
    denies = _denies(head)
    for token in blocks(doc.lines, doc.body_line - 1):
        if token.type != "inline" or token.map is None:
            continue
        text = " ".join(token.content.split())
        line = doc.body_line + token.map[0]
        if _bare(text) == wanted:
            return Said(line, same=True)
        telling = len(words) >= LEAST_WORDS or (len(codes) >= LEAST_CODES and _in_order(codes, text))
        if telling and len(text) <= LONGEST and set(codes) <= _commands(text) and _denies(text) == denies:
            held = len(words & words_of(text)) / len(words) if words else 1.0
            if held >= ENOUGH:
                return Said(line, same=False)
    return None


def _bare(text: str) -> str:
    """On one line and without emphasis: rules are written with or without, as the skill's manner is."""
    return " ".join(text.replace("**", "").replace("__", "").split())


def _in_order(codes: Sequence[str], text: str) -> bool:
    """Whether the text names them in the same order: `a`, not `b` is another rule than `b`, not `a`."""
    at = 0
    for code in codes:
        at = text.find(code, at) + 1
        if not at:
            return False
    return True


def headline(rule: str) -> str:
    """The bold sentence at the beginning of a rule, else its first sentence."""
    found = _HEADLINE.match(rule.lstrip("-*+ ") if not rule.startswith("**") else rule)
    return found.group(1) if found else re.split(r"(?<=[.!?。！？])\s", rule, maxsplit=1)[0]


def words_of(text: str) -> frozenset[str]:
    """The words that say something, without code, endings and function words; Chinese text as pairs of characters."""
    bare = _CODE.sub(" ", text.lower())
    found: set[str] = set()
    for word in _WORD.findall(bare):
        runs = re.findall(r"[\u3400-\u9fff]+", word)
        found.update(run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1)))
        if not runs and word not in _function_words():
            found.add(_stem(word))
    return frozenset(found)


def codes_of(text: str) -> tuple[str, ...]:
    """What stands between backticks, in order, blanks made one."""
    return tuple(" ".join(code.split()) for code in _CODE.findall(text))


def _commands(text: str) -> frozenset[str]:
    """Everything in backticks and its beginnings: a text with `go test ./...` names `go test`."""
    found: set[str] = set()
    for code in codes_of(text):
        words = code.split(" ")
        found.update(" ".join(words[:n]) for n in range(1, min(len(words), 8) + 1))
        found.update(words[:8])
        found.add(code)
    return frozenset(found)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word[: -len(ending)].rstrip("e")
            return stem[:-1] if stem[-1:] == stem[-2:-1] and stem[-1:] not in "ls" else stem
    return word.rstrip("e") if len(word) > 3 else word


@cache
def _table() -> dict[str, str]:
    data = files("memento_skills.write").joinpath("known.toml").read_text(encoding="utf-8")
    return {key: str(value) for key, value in tomllib.loads(data).items()}


@cache
def _function_words() -> frozenset[str]:
    return frozenset(_table()["function"].split())


@cache
def _denials() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(_table()["denial"], re.IGNORECASE), re.compile(_table()["undone"], re.IGNORECASE)


def _denies(text: str) -> bool:
    """Whether the sentence forbids, by an odd number of denials: "never … without …" asks for something."""
    first = re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]
    denial, undone = _denials()
    return (len(denial.findall(first)) + len(undone.findall(first))) % 2 == 1
