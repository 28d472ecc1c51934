"""How well two partitions of the same things, or two labels of each, agree. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

Labels = Sequence[Hashable]


class Scores(NamedTuple):
    """Precision, recall and their harmonic mean."""

    precision: float
    recall: float
    f1: float


def b_cubed(truth: Labels, found: Labels) -> Scores:
    """B-cubed (Bagga and Baldwin 1998): for each thing, the share of its group that belongs with it, and of its class
    that is in its group; averaged over things."""
    both, classes, groups = Counter(zip(truth, found, strict=True)), Counter(truth), Counter(found)
    n = len(truth)
    precision = sum(c * c / groups[g] for (_, g), c in both.items()) / n
    recall = sum(c * c / classes[t] for (t, _), c in both.items()) / n
    return Scores(precision, recall, _harmonic(precision, recall))


def v_measure(truth: Labels, found: Labels) -> Scores:
    """Homogeneity, completeness and V (Rosenberg and Hirschberg 2007)."""
    mutual = _mutual(truth, found)
    of_truth, of_found = _entropy(truth), _entropy(found)
    homogeneity = mutual / of_truth if of_truth else 1.0
    completeness = mutual / of_found if of_found else 1.0
    return Scores(homogeneity, completeness, _harmonic(homogeneity, completeness))


def adjusted_mutual_information(truth: Labels, found: Labels) -> float:
    """Mutual information above what chance gives (Vinh, Epps and Bailey 2010), over the mean entropy: 1 = the same."""
    classes, groups = list(Counter(truth).values()), list(Counter(found).values())
    if len(classes) == len(groups) == 1 or len(classes) == len(groups) == len(truth):
        return 1.0
    expected = _expected(classes, groups, len(truth))
    mean = (_entropy(truth) + _entropy(found)) / 2
    return (_mutual(truth, found) - expected) / (mean - expected) if mean != expected else 0.0


def kappa(one: Labels, other: Labels) -> float:
    """Cohen's kappa of two labels of each thing."""
    n = len(one)
    same = sum(a == b for a, b in zip(one, other, strict=True)) / n
    first, second = Counter(one), Counter(other)
    chance = sum(first[k] * second[k] for k in first) / n / n
    return (same - chance) / (1 - chance) if chance < 1 else 1.0


def by_class(truth: Labels, found: Labels) -> dict[Hashable, Scores]:
    """Precision, recall and F1 of each label that occurs in `truth`."""
    scores = {}
    for label in sorted(set(truth), key=str):
        hits = sum(t == f == label for t, f in zip(truth, found, strict=True))
        said, there = sum(f == label for f in found), sum(t == label for t in truth)
        precision, recall = hits / said if said else 0.0, hits / there
        scores[label] = Scores(precision, recall, _harmonic(precision, recall))
    return scores


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0


def _entropy(labels: Labels) -> float:
    n = len(labels)
    return -sum(c / n * math.log(c / n) for c in Counter(labels).values())


def _mutual(truth: Labels, found: Labels) -> float:
    n, classes, groups = len(truth), Counter(truth), Counter(found)
    both = Counter(zip(truth, found, strict=True))
    return sum(c / n * math.log(n * c / (classes[t] * groups[g])) for (t, g), c in both.items())


def _expected(classes: Sequence[int], groups: Sequence[int], n: int) -> float:
    """Mutual information of two random partitions with these sizes (hypergeometric)."""
    pairs = Counter((a, b) for a in classes for b in groups)
    return sum(times * _pair(a, b, n) for (a, b), times in pairs.items())


def _pair(a: int, b: int, n: int) -> float:
    fixed = _log(a) + _log(b) + _log(n - a) + _log(n - b) - _log(n)
    total = 0.0
    for k in range(max(1, a + b - n), min(a, b) + 1):
        chance = fixed - _log(k) - _log(a - k) - _log(b - k) - _log(n - a - b + k)
        total += k / n * math.log(n * k / (a * b)) * math.exp(chance)
    return total


def _log(n: int) -> float:
    return math.lgamma(n + 1)
