"""Where an agent would have read the rule in time: which tier of the skill failed, told from the logs.

A skill reaches an agent in three tiers: its description is offered at the start, its body is read when the skill is
loaded, its reference files when the body sends the agent there. A rule goes to the tier that failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from memento_skills.records import Placement


class Exposure(NamedTuple):
    """What one failing run had of the skill when it failed."""

    run: str
    listed: bool
    """The client offered the skill to the model, or the log tells that it was loaded."""
    loaded: bool
    read: frozenset[str] = frozenset()
    """Its other files that the run read, relative to the skill's folder."""
    knows_lists: bool = False
    """Whether the log tells at all which skills were offered."""


def placement(exposures: Sequence[Exposure], references: Mapping[str, str], codes: frozenset[str]) -> Placement:
    """Which tier failed in these failing runs, one exposure a run.

    `references` are the skill's other text files by path, `codes` what the rule says in backticks: a reference file
    that holds all of them covers the rule.
    """
    runs, loaded = len(exposures), sum(e.loaded for e in exposures)
    told = [e for e in exposures if e.knows_lists or e.loaded]
    offered = sum(e.listed for e in told)
    if runs and 2 * loaded >= runs:
        file = _covering(references, codes)
        readers = sum(file in e.read for e in exposures if e.loaded)
        if file and 2 * readers < loaded:
            why = f"loaded in {loaded} of {runs} failing runs, and `{file}`, which covers it, was read in {readers}"
            return Placement(tier="reference", why=why, file=file)
        return Placement(tier="body", why=f"loaded in {loaded} of {runs} failing runs, and the rule was not in it")
    if told and 2 * offered >= len(told):
        why = f"offered in {offered} of {len(told)} failing runs whose logs tell it, and loaded in {loaded}"
        return Placement(tier="description", why=why)
    if told:
        why = f"offered in {offered} of {len(told)} failing runs whose logs tell it: it was not there to be loaded"
        return Placement(tier="body", why=why)
    return Placement(tier="body", why=f"the logs of the {runs} failing runs do not tell which skills were offered")


def new_skill(runs: int, listed: int) -> Placement:
    """The placement of a rule for which no skill exists; `listed` runs tell which skills were offered."""
    if not runs:
        return Placement(tier="new", why="no skill of the library covers it")
    told = f"{listed} of these tell which skills were offered, none of them this one" if listed else "no skill loaded"
    return Placement(tier="new", why=f"no skill of the library covers it in {runs} failing runs; {told}")


def _covering(references: Mapping[str, str], codes: frozenset[str]) -> str:
    """The first reference file that holds every one of `codes`; "" where none does, or the rule names nothing."""
    named = {code for code in codes if len(code) > 1}
    if not named:
        return ""
    return next((path for path in sorted(references) if all(code in references[path] for code in named)), "")
