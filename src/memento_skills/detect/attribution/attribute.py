"""A run with its failures in; its story, signs and ranking out."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from memento_skills.detect.attribution.like import deviations
from memento_skills.detect.attribution.moments import Story, story
from memento_skills.detect.attribution.rank import Ranking, rank, weights
from memento_skills.detect.attribution.signs import Reading, Signs, suspects
from memento_skills.records import Failure, Run


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was looked at, and what came of it."""

    story: Story
    signs: dict[int, Signs]
    ranking: Ranking


def attribute(run: Run, failures: Sequence[Failure] = (), like: Sequence[Run] = ()) -> Attribution:
    """Who decided the failure of a run, and where. `like`: runs that succeeded at the like task."""
    told = story(run)
    reading = Reading(told, tuple(failures))
    strange = deviations(run, told, like)
    shown = reading.signs(suspects(reading, strange) if told.shape == "work" else None)
    for at, more in strange.items():
        if at in shown:
            shown[at].update(more)
    tables = weights()
    return Attribution(story=told, signs=shown, ranking=rank(told, shown, {**tables[told.shape], **tables["like"]}))
