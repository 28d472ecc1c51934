"""Which skill fits a task: BM25 over name, description and the whole body, in plain Python; *none fits* is an answer.

A score alone says nothing, so it is compared with what the skill's own name and description score against the skill:
a task that shares too little of that fits no skill. Chinese and Japanese text is cut into pairs of characters.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from memento_skills.records import SkillRef
from memento_skills.skilldoc import parse

K1 = 1.2
B = 0.75
NAME_WEIGHT = 3
DESCRIPTION_WEIGHT = 2
THRESHOLD = 0.15
"""Least share of a skill's self-score at which it fits."""
LEAST_WORDS = 2
"""Least number of different words that must match; a skill's whole name counts as enough."""
MAX_TASK = 4_000
"""Characters of a task that are looked at."""

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")


class Choice(NamedTuple):
    """The skill for a task."""

    skill: SkillRef | None
    """None where no skill fits."""
    score: float
    """Share of the best skill's self-score, 0 and up."""
    why: tuple[str, ...]
    """The matching words, the weightiest first."""


class Router:
    """An index over the skills of a library. Pure: the same skills and task give the same choice."""

    def __init__(self, skills: Iterable[tuple[SkillRef, str]]) -> None:
        """`skills` are references with the whole text of their SKILL.md."""
        self._skills = sorted(skills, key=lambda pair: (pair[0].name, pair[0].path))
        self._counts: list[Counter[str]] = []
        self._own: list[frozenset[str]] = []
        self._names: list[frozenset[str]] = []
        for ref, text in self._skills:
            doc = parse(text)
            name, description = words(ref.name), words(doc.description)
            self._counts.append(Counter(name * NAME_WEIGHT + description * DESCRIPTION_WEIGHT + words(doc.body)))
            self._own.append(frozenset(name) | frozenset(description))
            self._names.append(frozenset(name))
        self._sizes = [counts.total() for counts in self._counts]
        self._mean = sum(self._sizes) / len(self._sizes) if any(self._sizes) else 1.0
        self._spread = Counter(word for counts in self._counts for word in counts)

    def ranked(self, task: str) -> list[Choice]:
        """Every skill that shares a word with the task, best first, whether or not it fits."""
        asked = frozenset(words(task[:MAX_TASK]))
        found = []
        for i, (ref, _) in enumerate(self._skills):
            weights = {word: self._weight(word, i) for word in asked & self._counts[i].keys()}
            own = sum(self._weight(word, i) for word in self._own[i])
            if weights and own:
                why = sorted(weights, key=lambda word: (-weights[word], word))
                found.append(Choice(ref, sum(weights.values()) / own, tuple(why)))
        # the raw score orders skills, the share decides whether the first one fits
        return sorted(found, key=lambda c: (-c.score, c.skill.name if c.skill else ""))

    def choose(self, task: str) -> Choice:
        """The skill that fits the task best, or none, with the words that say why."""
        asked = frozenset(words(task[:MAX_TASK]))
        for choice in self.ranked(task):
            if self._fits(choice, asked):
                return choice
        best = next(iter(self.ranked(task)), None)
        return Choice(None, best.score if best else 0.0, best.why if best else ())

    def _fits(self, choice: Choice, asked: frozenset[str]) -> bool:
        i = next(i for i, (ref, _) in enumerate(self._skills) if ref == choice.skill)
        named = bool(self._names[i]) and self._names[i] <= asked
        shared = len(asked & self._own[i])
        return choice.score >= THRESHOLD and (named or shared >= LEAST_WORDS)

    def _weight(self, word: str, i: int) -> float:
        """BM25 of one word in one skill."""
        times = self._counts[i][word]
        among = len(self._skills)
        rarity = math.log(1 + (among - self._spread[word] + 0.5) / (self._spread[word] + 0.5))
        length = 1 - B + B * self._sizes[i] / self._mean
        return rarity * times * (K1 + 1) / (times + K1 * length)


def choose(skills: Sequence[SkillRef], task_text: str, texts: Mapping[str, str]) -> Choice:
    """The skill for a task among `skills`; `texts` gives each SKILL.md's text by the skill's path."""
    return Router((ref, texts[ref.path]) for ref in skills).choose(task_text)


def words(text: str) -> list[str]:
    """Lower-case words of a text without stop words, plural endings cut; CJK runs as pairs of characters."""
    found: list[str] = []
    for match in _WORD.finditer(text.lower()):
        word = match.group()
        runs = _CJK.findall(word)
        for run in runs:
            found.extend([run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)])
        rest = _CJK.split(word) if runs else [word]
        found.extend(_stem(part) for part in rest if len(part) > 1 and part not in _stop())
    return found


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@cache
def _stop() -> frozenset[str]:
    data = files("memento_skills.read").joinpath("router_words.toml").read_text(encoding="utf-8")
    return frozenset(str(tomllib.loads(data)["stop"]).split())
