"""How much of a skill is ours, and whether one more rule fits: every load of the skill pays for each line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

import msgspec

from memento_skills import skilldoc
from memento_skills.records import Record


class Budget(Record, frozen=True, kw_only=True):
    """Limits of one skill (`budget.toml`)."""

    rules: int
    """Rules written by us."""
    tokens: int
    """Tokens of these rules."""
    body_lines: int
    body_tokens: int
    """Of the whole body, whoever wrote it."""
    characters_per_token: float


class Size(Record, frozen=True, kw_only=True):
    """What a skill holds."""

    rules: int
    tokens: int
    body_lines: int
    body_tokens: int


@cache
def budget() -> Budget:
    """The limits as shipped."""
    text = files("memento_skills.write").joinpath("budget.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Budget)


def size_of(text: str, ours: Iterable[str], limits: Budget) -> Size:
    """The size of a skill of that text in which the rules `ours` are written by us; those not in it do not count."""
    doc = skilldoc.parse(text)
    standing = [rule for rule in dict.fromkeys(ours) if skilldoc.has_rule(doc, rule)]
    return Size(
        rules=len(standing),
        tokens=sum(tokens_of(rule, limits) for rule in standing),
        body_lines=len(doc.body.splitlines()),
        body_tokens=tokens_of(doc.body, limits),
    )


def tokens_of(text: str, limits: Budget) -> int:
    """About as many tokens as a text has, from its characters; Chinese, Japanese and Korean ones count whole."""
    wide = sum(c >= "\u2e80" for c in text)
    return round((len(text) - wide) / limits.characters_per_token + wide)


def over(before: Size, after: Size, limits: Budget) -> str:
    """Which limit the change breaks, in words; "" where it breaks none.

    A body that was too long before does not count against the rule: it is somebody else's, and it is said elsewhere.
    """
    for name, words in _WORDS.items():
        limit = getattr(limits, name)
        was, now = getattr(before, name), getattr(after, name)
        if now > limit and was <= limit:
            return f"{words.format(now)}: {limit} fit"
    return ""


_WORDS = {
    "rules": "{} rules of ours would stand in the skill",
    "tokens": "our rules would take {} tokens",
    "body_lines": "the body would have {} lines",
    "body_tokens": "the body would have {} tokens",
}


def cheapest(worth: Mapping[str, float], standing: Iterable[str]) -> str:
    """The patch whose rule is worth least for each line; "" where none stands. Of equals the smaller id."""
    return min(standing, key=lambda patch: (worth.get(patch, 0.0), patch), default="")
