"""The words by which a skill is found: its description says the calls it is about and what the tasks were about.

Words of users reach a description one at a time, each a plain word that several lineages said, in alphabetical
order: nobody's sentence can be read in it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from memento_skills.skilldoc.check import MAX_DESCRIPTION

MAX_WORDS = 16
FEWER = (0, 4, 8)
"""Numbers of words that are tried besides all of them."""
LEAST_LINEAGES = 2
LEAST_SHARE = 0.1
MAX_TASK = 400
"""Characters of a task that are looked at: what is asked stands first, what is pasted behind it."""
_SAFE = re.compile(r"[a-z]{4,20}|[\u4e00-\u9fff]{2}")
ROOM = 300
"""Characters that one addition to an existing description may take."""


class Task(NamedTuple):
    """What a run was asked for."""

    lineage: str
    text: str
    project: str = ""


Words = Callable[[str], Iterable[str]]
"""Splits a text as the router does: lower case, without function words."""


def trigger_words(
    failing: Sequence[Task], others: Sequence[Task], split: Words, *, names: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """At most `MAX_WORDS` words that tell the failing tasks from the others, the most telling first.

    A word counts once a lineage; it must come from two lineages that fail (and a tenth of them, and from two projects
    where they are of several), be a plain word, be no one's name (`names`: words of user names and home folders), and
    be at least as common in failing tasks as in the others.
    """
    fail, rest = _spread(failing, split), _spread(others, split)
    lineages, all_others = len({t.lineage for t in failing}), len({t.lineage for t in others})
    projects = _spread(failing, split, by_project=True)
    wanted = min(2, len({t.project for t in failing}))
    scored = []
    for word, said in fail.items():
        if len(said) < max(LEAST_LINEAGES, LEAST_SHARE * lineages) or len(projects[word]) < wanted:
            continue
        if not _SAFE.fullmatch(word) or word in names:
            continue
        share = len(said) / lineages
        other = len(rest.get(word, ())) / all_others if all_others else 0.0
        if share >= other:
            scored.append((-(share - other), -len(said), word))
    return tuple(word for _, _, word in sorted(scored)[:MAX_WORDS])


def _spread(tasks: Sequence[Task], split: Words, *, by_project: bool = False) -> dict[str, set[str]]:
    """The lineages (or projects) in whose tasks each word stands."""
    found: dict[str, set[str]] = defaultdict(set)
    for task in tasks:
        for word in set(split(task.text[:MAX_TASK])):
            found[word].add(task.project if by_project else task.lineage)
    return found


def descriptions(base: str, calls: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """Candidate descriptions of a new skill, the shortest first: what it is for, with or without the calls and tools
    that it is about, and none, the first few, or all of the tasks' words (the most telling first).

    Each is cut at whole items to 1,024 characters. All of `calls` and `words` are plain words that passed the gate.
    """
    some = [*(words[:n] for n in FEWER), words]
    found = (_described(base, c, sorted(w)) for w in some for c in ((), calls))
    return tuple(sorted(dict.fromkeys(found), key=len))


def _described(base: str, calls: Sequence[str], words: Sequence[str]) -> str:
    text = base
    for lead, items in (("Covers ", calls), ("Fits tasks about ", words)):
        said = _listed(lead, items, MAX_DESCRIPTION - len(text) - 1)
        text = f"{text} {said}".strip()
    return text


def addition(calls: Sequence[str], words: Sequence[str]) -> str:
    """The sentence that an existing description gains; "" where there is nothing to name."""
    return _listed("Use it also before ", calls, ROOM) or _listed("Use it also for tasks about ", sorted(words), ROOM)


def _listed(lead: str, items: Sequence[str], room: int) -> str:
    chosen: list[str] = []
    for item in dict.fromkeys(items):
        if len(lead) + len(", ".join([*chosen, item])) + 1 > room:
            break
        chosen.append(item)
    return f"{lead}{', '.join(chosen)}." if chosen else ""
