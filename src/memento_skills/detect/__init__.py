"""Runs in; failures, patterns and their concentration out. Rule tables in `rules/`, the grouping key in `signature`."""

from memento_skills.detect import rules
from memento_skills.detect.find import detectors, failures, unique
from memento_skills.detect.grouping import episodes, patterns, with_lineages
from memento_skills.detect.pareto import concentration
from memento_skills.detect.signature import Template

__all__ = [
    "Template",
    "concentration",
    "detectors",
    "episodes",
    "failures",
    "patterns",
    "rules",
    "unique",
    "with_lineages",
]
