"""Signs -> who and which moment, with probabilities: a linear score for each moment, a softmax over the run.

The weights stand in `weights.toml`, one table for each shape of run; `bench/decisive_fit.py` makes them. Who and which
are two questions: the actor is the one whose moments hold most of the probability together, and need not be the one
of the best moment.
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
    """By score, the likeliest first; of equal ones the earlier."""
    actors: tuple[tuple[str, float], ...]
    """Actors with the probability that they did it, the likeliest first."""


@cache
def weights() -> Mapping[str, Weights]:
    """The tables of `weights.toml` by shape, and `like`, which is added in every shape."""
    text = resources.files("memento_skills.detect.attribution").joinpath("weights.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, dict[str, float]])


def rank(story: Story, signs: Mapping[int, Mapping[str, float]], table: Weights) -> Ranking:
    """Probabilities of all moments that have signs; an empty ranking where none has.

    Two names in a table are no signs: `none`, the score of "none of these", and `sharpness`, a factor on the scores of
    moments (not of actors) by which probabilities agree with how often they come true.
    """
    if not signs:
        return Ranking(candidates=(), actors=())
    scores = {at: sum(w * shown.get(name, 0.0) for name, w in table.items()) for at, shown in signs.items()}
    actors: dict[str, float] = {}
    for at, chance in _chances(scores, table, 1.0).items():
        actor = story.moments[at].actor
        actors[actor] = actors.get(actor, 0.0) + chance
    chances = _chances(scores, table, table.get("sharpness", 1.0))
    order = sorted(chances, key=lambda at: (-chances[at], at))
    return Ranking(
        candidates=tuple(Ranked(at=at, score=chances[at]) for at in order),
        actors=tuple(sorted(actors.items(), key=lambda pair: (-pair[1], pair[0]))),
    )


def _chances(scores: Mapping[int, float], table: Weights, factor: float) -> dict[int, float]:
    none = [factor * table["none"]] if "none" in table else []
    top = max(*(factor * score for score in scores.values()), *none, -math.inf)
    raised = {at: math.exp(factor * score - top) for at, score in scores.items()}
    total = sum(raised.values()) + sum(math.exp(score - top) for score in none)
    return {at: value / total for at, value in raised.items()}
