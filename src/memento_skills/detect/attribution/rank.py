"""Signs -> who and which moment, with probabilities: a linear score for each moment, a softmax over the run.

The weights stand in `weights.toml`, one table for each shape of run; `bench/decisive_fit.py` makes them. The actor is
the one whose moments hold most of the probability; the moment is the best one of that actor.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec

from memento_skills.detect.attribution.moments import Story

Weights = Mapping[str, float]


class Ranked(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate."""

    at: int
    """Index of the moment."""
    score: float
    """Probability that it decided the failure."""


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """All candidates of a run."""

    candidates: tuple[Ranked, ...]
    """The decisive one first, the others by score."""
    actors: tuple[tuple[str, float], ...]
    """Actors with the probability that they did it, the likeliest first."""


@cache
def weights() -> Mapping[str, Weights]:
    """The tables of `weights.toml` by shape, and `like`, which is added in every shape."""
    text = resources.files("memento_skills.detect.attribution").joinpath("weights.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, dict[str, float]])


def rank(story: Story, signs: Mapping[int, Mapping[str, float]], table: Weights) -> Ranking:
    """Probabilities of all moments that have signs; an empty ranking where none has.

    A weight `none` is the score of "none of these": what the candidates' probabilities leave to it.
    """
    if not signs:
        return Ranking(candidates=(), actors=())
    scores = {at: sum(w * shown.get(name, 0.0) for name, w in table.items()) for at, shown in signs.items()}
    top = max(scores.values())
    raised = {at: math.exp(score - top) for at, score in scores.items()}
    total = sum(raised.values()) + (math.exp(table["none"] - top) if "none" in table else 0.0)
    chances = {at: value / total for at, value in raised.items()}
    actors: dict[str, float] = {}
    for at, chance in chances.items():
        actor = story.moments[at].actor
        actors[actor] = actors.get(actor, 0.0) + chance
    blamed = max(actors, key=lambda name: (actors[name], name))
    order = sorted(chances, key=lambda at: (-chances[at], at))
    first = next(at for at in order if story.moments[at].actor == blamed)
    order = [first, *(at for at in order if at != first)]
    return Ranking(
        candidates=tuple(Ranked(at=at, score=chances[at]) for at in order),
        actors=tuple(sorted(actors.items(), key=lambda pair: (-pair[1], pair[0]))),
    )
