"""Results that say otherwise than the last message: bad news that nobody took up, numbers that do not agree."""

from __future__ import annotations

import re
from collections.abc import Iterator

from memento_skills.detect.facts import Act, Facts, prose
from memento_skills.detect.literals import first
from memento_skills.detect.silent_build import Seen
from memento_skills.shell import program

LAST = 2
"""Calls before the last message whose results it should know of."""
SHORT = 1500
"""Characters of a result up to which its bad news stands out."""
_COUNTED = re.compile(r"(?<![\w.,-])(\d{1,3}(?:,\d{3})+|\d{1,9}) (?:\w{3,14} )?(\w{3,20}s)\b")


def bad_news(facts: Facts) -> Iterator[Seen]:
    """The last results hold bad news at status ok, and the last message says nothing of it."""
    said = facts.last
    if said is None:
        return
    text = prose(said.text)
    if facts.claim("question").said(text) or facts.claim("acknowledged").said(text):
        return
    for act in _last_reports(facts):
        news = first(facts.claim("bad-news").patterns, act.said)
        if news and facts.claim("bad-news").said(act.said):
            line = next((one for one in act.said.split("\n") if news[0] in one), news[0])
            yield Seen(
                finding="bad-news", detector="bad-news@1", at=_shows(facts, act), quote=line, tool=act.call.tool,
                since=act.at,
            )  # fmt: skip
            return


def numbers(facts: Facts) -> Iterator[Seen]:
    """The last message counts things otherwise than the last results did, with a number that no result holds."""
    said = facts.last
    if said is None or not facts.acts:
        return
    claimed = {thing.lower(): number.replace(",", "") for number, thing in _COUNTED.findall(prose(said.text)[:1500])}
    for act in _last_reports(facts):
        shown = act.said.replace(",", "")
        for number, thing in _COUNTED.findall(shown):
            other = claimed.get(thing.lower())
            if (
                other is None
                or thing.lower() in facts.silent.checks.words_of.units
                or other == number
                or other in facts.numbers
            ):
                continue
            yield Seen(
                finding="other-number", detector="numbers@1", at=facts.view.positions[said.seq],
                quote=next((line for line in said.text.split("\n") if other in line.replace(",", "")), ""),
                tool=act.call.tool,
            )  # fmt: skip
            return


def _last_reports(facts: Facts) -> list[Act]:
    """Short results of the last commands of the main agent that did more than show what stands in files."""
    readers = facts.silent.checks.hides.readers | facts.rules.tools.readonly
    acts = [act for act in facts.acts if not act.call.agent and act.at > facts.leg][-LAST:]
    found = [act for act in acts if act.line and act.result is not None and act.result.status == "ok"]
    return [
        act for act in found
        if len(act.result.text if act.result else "") <= SHORT
        and act.check is None
        and any(program(command.argv[0]) not in readers for command in act.commands)
    ]  # fmt: skip


def _shows(facts: Facts, act: Act) -> int:
    return facts.view.positions[act.result.seq] if act.result is not None else act.at
