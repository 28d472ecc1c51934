"""A run with its failures in; its story, signs and ranking out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from memento_skills.detect.attribution.like import deviations
from memento_skills.detect.attribution.moments import Story, story
from memento_skills.detect.attribution.rank import Ranking, rank, weights
from memento_skills.detect.attribution.signs import Signs, signs
from memento_skills.records import Failure, Run


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was looked at, and what came of it."""

    story: Story
    signs: dict[int, Signs]
    ranking: Ranking


def attribute(run: Run, failures: Sequence[Failure] = (), like: Sequence[Run] = ()) -> Attribution:
    """Who decided the failure of a run, and where. `like`: runs that succeeded at the like task."""
    told = story(run)
    shown = signs(told, failures)
    for at, more in deviations(run, told, like).items():
        if at in shown:
            shown[at].update(more)
    tables = weights()
    table = {**tables[told.shape], **tables["like"]}
    return Attribution(story=told, signs=shown, ranking=rank(told, _suspects(told, shown), table))


def _suspects(told: Story, shown: dict[int, Signs]) -> dict[int, Signs]:
    """The moments among which the decisive one is looked for.

    Where one agent works through calls, these are the moments that failed or left the ways of like runs; without any,
    the last moment of the agent.
    """
    if told.shape != "work":
        return shown
    marked = {at: row for at, row in shown.items() if "failed" in row or "strange" in row}
    if marked:
        return marked
    last = [at for at in shown if told.moments[at].part != "ask"][-1:] or list(shown)[-1:]
    return {at: shown[at] for at in last}
