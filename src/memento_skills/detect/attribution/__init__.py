"""A failed run in; which moment decided it, which actor, how sure, and what shows it, out. No model, no network."""

from memento_skills.detect.attribution.attribute import Attribution, attribute
from memento_skills.detect.attribution.like import deviations, same_task
from memento_skills.detect.attribution.moments import Moment, Story, story
from memento_skills.detect.attribution.rank import Ranked, Ranking, rank, weights
from memento_skills.detect.attribution.say import PLACE, Told, certainty, tell
from memento_skills.detect.attribution.signs import Signs, signs

__all__ = [
    "PLACE",
    "Attribution",
    "Moment",
    "Ranked",
    "Ranking",
    "Signs",
    "Story",
    "Told",
    "attribute",
    "certainty",
    "deviations",
    "rank",
    "same_task",
    "signs",
    "story",
    "tell",
    "weights",
]
