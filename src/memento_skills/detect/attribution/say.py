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
from memento_skills.records import Cause, Citation, Failure, FailureKind, Run

QUOTE = 300
"""Characters of a quote."""
NAME = 80
"""Characters of a name in a sentence."""
PLACE = "place"
"""The telling of a moment whose words show nothing."""
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
    kinds: tuple[FailureKind, ...] = ()
    """Kind of a failure that detection found at that moment; empty = any or none."""
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


def tell(run: Run, story: Story, at: int, shown: Signs, failure: Failure | None = None) -> Told:
    """What a moment did wrong, as far as its signs say. `failure`: one that detection found there."""
    moment = story.moments[at]
    cause = failure.cause if failure else "unknown"
    after = _after(run, story, at, failure)
    kind = failure.kind if failure else None
    known = (t for t in tellings() if (not t.causes or cause in t.causes) and (not t.kinds or kind in t.kinds))
    fitting = (t for t in known if _holds(t, moment, shown))
    telling = next(t for t in fitting if after is not None or not t.answer)
    tool = (failure.tool if failure else "") or next(iter(moment.tools), "") or "a tool"
    names: dict[str, Any] = {
        "actor": _named(story, moment),
        "step": moment.entry,
        "tool": tool[:NAME],
        "to": moment.to[:NAME] or "another agent",
        "next": after if after is not None else moment.entry,
    }
    quotes = [_cited(run, moment, telling.quote, failure.call_step if failure else None)]
    if failure is not None and failure.quote:
        quotes.append(Citation(run=run.id, step=_entry(run, failure.step), quote=failure.quote))
    elif telling.answer and after is not None:
        shown_by = next(m for m in story.moments if m.entry == after)
        quotes.append(_cited(run, shown_by, "trouble"))
    return Told(
        telling=telling.name,
        cause=cause if cause != "unknown" else telling.cause,
        wrong_decision=_sentence(telling.wrong, names),
        missing_information=_sentence(telling.missing, names) or None,
        failed_assumption=_sentence(telling.assumed, names) or None,
        citations=tuple(quote for quote in quotes if quote is not None),
    )


def _named(story: Story, moment: Moment) -> str:
    if moment.actor in ("agent", "user", "tool"):
        return f"the {moment.actor}"
    return f"the sub-agent {moment.actor[:NAME]}" if story.shape == "work" else moment.actor[:NAME]


def _after(run: Run, story: Story, at: int, failure: Failure | None) -> int | None:
    """The history entry that answers a moment: the failure's own, the result, else what comes next."""
    if failure is not None:
        return _entry(run, failure.step)
    answer = reply(story, at)
    if answer is None and story.moments[at].part != "call":
        answer = at + 1 if at + 1 < len(story.moments) else None
    return story.moments[answer].entry if answer is not None else None


def _entry(run: Run, seq: int) -> int:
    """History entry of a step; `seq` is its position in all but spliced runs."""
    if seq < len(run.steps) and run.steps[seq].seq == seq:
        return run.steps[seq].entry
    return next((step.entry for step in run.steps if step.seq == seq), 0)


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


def _cited(run: Run, moment: Moment, words: str, call: int | None = None) -> Citation | None:
    """A line of the moment's own words, at most `QUOTE` characters, that stands literally in one of its steps.

    `call`: of this step, where it says anything.
    """
    wanted = set(moment.steps)
    own = sorted((s for s in run.steps if s.seq in wanted), key=lambda s: s.seq != call)
    for step in own:
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
