"""The language that a skill is written in, told by script and by function words; rules follow it where they can."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from memento_skills.skilldoc import parse

_FENCE = re.compile(r"^[ \t]*(?:```|~~~)")
_CODE = re.compile(r"`[^`\n]{0,200}`|https?://\S{1,200}|[\w./-]*[/\\][\w./-]+")
_WORD = re.compile(r"[^\W\d_]+")
MAX_PROSE = 40_000
"""Characters of a skill that are looked at."""


class _Table(NamedTuple):
    scripts: dict[str, re.Pattern[str]]
    words: dict[str, frozenset[str]]
    names: dict[str, str]
    least_script: float
    least_words: int
    least_share: float


@cache
def _table() -> _Table:
    table = tomllib.loads(files("memento_skills.write").joinpath("languages.toml").read_text(encoding="utf-8"))
    return _Table(
        {code: re.compile(f"[{ranges}]") for code, ranges in table["scripts"].items()},
        {code: frozenset(words.split()) for code, words in table["words"].items()},
        table["names"],
        table["least_script"],
        table["least_words"],
        table["least_share"],
    )


def language_of(text: str) -> str:
    """Two-letter code of the language of a SKILL.md's prose; "" where it cannot be told (too little prose).

    Code, links and paths do not count. Japanese is told from Chinese by its syllable letters.
    """
    prose = _prose(text)
    letters = sum(c.isalpha() for c in prose)
    if not letters:
        return ""
    table = _table()
    shares = {code: len(script.findall(prose)) / letters for code, script in table.scripts.items()}
    # Japanese prose is full of Chinese letters; a tenth of syllable letters tells it
    if shares["ja"] >= 0.1:
        return "ja"
    best = max(shares, key=lambda code: shares[code])
    if shares[best] >= table.least_script:
        return best
    words = Counter(word.lower() for word in _WORD.findall(prose))
    total = words.total()
    if total < table.least_words:
        return ""
    counts = {code: sum(words[w] for w in known) / total for code, known in table.words.items()}
    code = max(counts, key=lambda c: counts[c])
    return code if counts[code] >= table.least_share else ""


def language_name(code: str) -> str:
    """`zh` -> `Chinese`; the code itself where it has no name here."""
    return _table().names.get(code, code)


def _prose(text: str) -> str:
    doc = parse(text)
    kept: list[str] = [doc.description]
    inside = False
    for line in doc.body[:MAX_PROSE].splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(_CODE.sub(" ", line))
    return "\n".join(kept)
