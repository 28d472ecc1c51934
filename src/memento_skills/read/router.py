"""Which skill fits a task: BM25 over name, description and the whole body, in plain Python; *none fits* is an answer.

A score alone says nothing, so it is compared with two self-scores: the most that any skill could get for the task's
words, and what the skill's own name and description score against the skill. A task that reaches too little of both
fits no skill. Chinese and Japanese text is cut into pairs of characters.
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
TASK_SHARE = 0.4
"""Least share of the task's self-score. Measured with a sentence taken out of each of 1,009 public skills'
descriptions as the task, among 10 / 30 / 100 skills: the skill is found for 83 / 85 / 80 %, and a sentence about
another skill is let in for 4 / 8 / 13 %."""
SKILL_SHARE = 0.25
"""Or least share of the skill's self-score, with `LEAST_WORDS` words of its name and description: for long tasks."""
NAMED_SHARE = 0.15
"""Or least share of the skill's self-score where the task says the skill's whole name."""
LEAST_WORDS = 3
MAX_TASK = 4_000
"""Characters of a task that are looked at."""

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")


class Choice(NamedTuple):
    """The skill for a task."""

    skill: SkillRef | None
    """None where no skill fits."""
    score: float
    """Share of the task's self-score that the best skill reaches, 0-1."""
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
        return [self._choice(i, weights, asked) for i, weights, asked in self._hits(task)]

    def choose(self, task: str) -> Choice:
        """The skill that fits the task best, or none with how near the best one came and the words that say why."""
        best = Choice(None, 0.0, ())
        for i, weights, asked in self._hits(task):
            choice = self._choice(i, weights, asked)
            if self._fits(i, choice, _total(weights), asked):
                return choice
            best = best if best.why else Choice(None, choice.score, choice.why)
        return best

    def _hits(self, task: str) -> list[tuple[int, dict[str, float], frozenset[str]]]:
        """(skill, weight of each matching word, the task's words), highest score first."""
        asked = frozenset(words(task[:MAX_TASK]))
        found = [(i, {word: self._weight(word, i) for word in asked & own.keys()}, asked)
                 for i, own in enumerate(self._counts)]  # fmt: skip
        return sorted((hit for hit in found if hit[1]), key=lambda hit: (-_total(hit[1]), hit[0]))

    def _choice(self, i: int, weights: dict[str, float], asked: frozenset[str]) -> Choice:
        most = (K1 + 1) * math.fsum(self._rarity(word) for word in asked)
        why = sorted(weights, key=lambda word: (-weights[word], word))
        return Choice(self._skills[i][0], _total(weights) / most, tuple(why))

    def _fits(self, i: int, choice: Choice, score: float, asked: frozenset[str]) -> bool:
        own = math.fsum(self._weight(word, i) for word in self._own[i])
        share = score / own if own else 0.0
        named = bool(self._names[i]) and self._names[i] <= asked
        shared = len(asked & self._own[i])
        return (
            choice.score >= TASK_SHARE
            or (share >= SKILL_SHARE and shared >= LEAST_WORDS)
            or (share >= NAMED_SHARE and named)
        )

    def _weight(self, word: str, i: int) -> float:
        """BM25 of one word in one skill."""
        times = self._counts[i][word]
        length = 1 - B + B * self._sizes[i] / self._mean
        return self._rarity(word) * times * (K1 + 1) / (times + K1 * length)

    def _rarity(self, word: str) -> float:
        return math.log(1 + (len(self._skills) - self._spread[word] + 0.5) / (self._spread[word] + 0.5))


def choose(skills: Sequence[SkillRef], task_text: str, texts: Mapping[str, str]) -> Choice:
    """The skill for a task among `skills`; `texts` gives each SKILL.md's text by the skill's path."""
    return Router((ref, texts[ref.path]) for ref in skills).choose(task_text)


def _total(weights: Mapping[str, float]) -> float:
    return math.fsum(weights.values())  # the same sum in whatever order the words come


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
