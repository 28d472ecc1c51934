"""Verdicts -> queue with guaranteed shares; a person's answer -> decision."""

from memento_skills.curate.decide import Answer, decide, edited, seen_hash
from memento_skills.curate.lanes import assign, depths, lane, raised
from memento_skills.curate.queue import queue, reviewable
from memento_skills.curate.refile import evidence_hash, followed, refile_allowed
from memento_skills.curate.rules import LANES, Quotas, weight

__all__ = [
    "LANES",
    "Answer",
    "Quotas",
    "assign",
    "decide",
    "depths",
    "edited",
    "evidence_hash",
    "followed",
    "lane",
    "queue",
    "raised",
    "refile_allowed",
    "reviewable",
    "seen_hash",
    "weight",
]
