"""The decisive moment in plain sentences, each with the quote that carries it.

Tellings stand in `tellings.toml`: the first whose signs all hold speaks. Quotes are literally in the step they name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from memento_skills.detect.attribution.moments import Moment, Story
from memento_skills.detect.attribution.signs import Signs, reply, vocabulary
from memento_skills.detect.literals import first
from memento_skills.records import Cause, Citation, Run

QUOTE = 300
"""Characters of a quote."""
SURE, LIKELY = 0.6, 0.4
"""Confidence from which on a step is said to be sure, or likely; below it the answer says that it is not sure."""


class Telling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said where some signs hold."""

    name: str
    signs: tuple[str, ...] = ()
    """All of them at least `least`."""
    parts: tuple[str, ...] = ()
    """The moment is one of these; empty = any."""
    causes: tuple[Cause, ...] = ()
    """What detection names as the cause of a failure at that moment; empty = any or none."""
    least: float = 0.5
    cause: Cause = "unknown"
    wrong: str
    missing: str = ""
    assumed: str = ""
    quote: str = ""
    """A set of `words.toml`: the line that holds one of its expressions is quoted; "" = the first line."""
    answer: bool = False
    """Whether what follows is quoted too: for `missing` and `assumed`."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The sentences of one decisive moment."""

    telling: str
    cause: Cause
    wrong_decision: str
    missing_information: str | None = None
    failed_assumption: str | None = None
    citations: tuple[Citation, ...] = ()


@cache
def tellings() -> tuple[Telling, ...]:
    """`tellings.toml` in order; the last one speaks for every moment."""
    text = resources.files("memento_skills.detect.attribution").joinpath("tellings.toml").read_text("utf-8")
    return tuple(msgspec.convert(tomllib.loads(text)["telling"], list[Telling]))


def tell(run: Run, story: Story, at: int, shown: Signs, cause: Cause = "unknown") -> Told:
    """What a moment did wrong, as far as its signs say. `cause`: of a failure that detection found there."""
    moment = story.moments[at]
    answer = reply(story, at)
    if answer is None and moment.part != "call":
        answer = at + 1 if at + 1 < len(story.moments) else None
    after = story.moments[answer] if answer is not None else None
    fitting = (t for t in tellings() if _holds(t, moment, shown) and (not t.causes or cause in t.causes))
    telling = next(t for t in fitting if after is not None or not t.answer)
    names: dict[str, Any] = {
        "actor": f"the {moment.actor}" if moment.actor in ("agent", "user", "tool") else moment.actor,
        "step": moment.entry,
        "tool": moment.tools[0] if moment.tools else "a tool",
        "to": moment.to or "another agent",
        "next": after.entry if after else moment.entry,
    }
    quotes = [_cited(run, moment, telling.quote)]
    if telling.answer and after is not None:
        quotes.append(_cited(run, after, "trouble"))
    return Told(
        telling=telling.name,
        cause=cause if cause != "unknown" else telling.cause,
        wrong_decision=_sentence(telling.wrong, names),
        missing_information=_sentence(telling.missing, names) or None,
        failed_assumption=_sentence(telling.assumed, names) or None,
        citations=tuple(quote for quote in quotes if quote is not None),
    )


def certainty(step: float, runner_up: float, *, measured: bool) -> str:
    """How sure the answer is, in words; never "sure" where the confidence was not measured."""
    if step >= SURE and measured:
        return "sure"
    return "likely" if step >= LIKELY and step >= 1.5 * runner_up else "not sure"


def _holds(telling: Telling, moment: Moment, shown: Mapping[str, float]) -> bool:
    if telling.parts and moment.part not in telling.parts:
        return False
    return all(shown.get(name, 0.0) >= telling.least for name in telling.signs)


def _sentence(template: str, names: Mapping[str, Any]) -> str:
    said = template.format(**names)
    return said[:1].upper() + said[1:]


def _cited(run: Run, moment: Moment, words: str) -> Citation | None:
    """A line of the moment's own words, at most `QUOTE` characters, that stands literally in one of its steps."""
    wanted = set(moment.steps)
    for step in (s for s in run.steps if s.seq in wanted):
        quote = _line(step.words, vocabulary().get(words, ()))
        if quote:
            return Citation(run=run.id, step=moment.entry, quote=quote)
    return None


def _line(text: str, patterns: Sequence[str]) -> str:
    shown = text[: 20 * QUOTE]
    found = first(tuple(patterns), shown) if patterns else None
    at = found.start() if found else len(shown) - len(shown.lstrip())
    begin = max(shown.rfind("\n", 0, at) + 1, at - QUOTE // 2)
    end = shown.find("\n", at)
    return shown[begin : end if end >= 0 else len(shown)].strip()[:QUOTE].rstrip()
