"""`python -m bench.risk_training`: the weights of `detect/rules/risk.toml`, from the training part of two sets.

Prints the numbers that belong into the table. Pure Python, no randomness: gradient descent on the weighted logistic
loss, 300 rounds, L2 = 10, each set and each class with the same total weight, features standardised.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.data import folder
from memento_skills.detect.facts import Facts
from memento_skills.detect.risk import LIMIT, Feature, Risk, features, table
from memento_skills.detect.rules import load as load_rules
from memento_skills.detect.silent_rules import load as load_silent
from memento_skills.ingest.ingest import read_tree
from memento_skills.masking import Masker
from memento_skills.records import Outcome, Run

SETS = ("tau-bench", "agentrx-tau")
L2 = 10.0
ROUNDS = 300
RATE = 0.5


class Case(NamedTuple):
    """One labelled run, its label taken out of what is looked at."""

    set: str
    task: str
    failed: bool
    values: dict[str, float]
    run: Run


def cases(data: Path) -> list[Case]:
    """All labelled runs; the record that is looked at holds neither reward nor label."""
    found: list[Case] = []
    for name in SETS:
        for result in read_tree([data / name], masker=Masker(salt=b"bench")):
            for run in result.runs:
                bare = msgspec.structs.replace(run, outcome=Outcome())
                facts = Facts(run=bare, rules=load_rules(), silent=load_silent())
                task = f"{name}/{run.id.split('/')[-2]}"
                found.append(Case(name, task, run.outcome.label == "failure", features(facts), bare))
    return found


def training(task: str, seed: str = "a") -> bool:
    """Whether a task belongs to the training part: half of them, by hash."""
    return hashlib.sha256((seed + task).encode()).digest()[0] % 2 == 0


def fit(found: Sequence[Case]) -> Risk:
    """The table learnt from these cases."""
    names = [feature.name for feature in table().feature]
    mean = {n: sum(c.values[n] for c in found) / len(found) for n in names}
    scale = {n: max(1e-6, math.sqrt(sum((c.values[n] - mean[n]) ** 2 for c in found) / len(found))) for n in names}
    rows = [[max(-LIMIT, min(LIMIT, (c.values[n] - mean[n]) / scale[n])) for n in names] + [1.0] for c in found]
    sizes = Counter((c.set, c.failed) for c in found)
    weights = [len(found) / (len(sizes) * sizes[c.set, c.failed]) for c in found]
    learnt = [0.0] * (len(names) + 1)
    for _ in range(ROUNDS):
        slope = [L2 * b for b in learnt[:-1]] + [0.0]
        for row, case, weight in zip(rows, found, weights, strict=True):
            error = 1 / (1 + math.exp(-sum(a * b for a, b in zip(row, learnt, strict=True)))) - case.failed
            slope = [s + weight * error * a for s, a in zip(slope, row, strict=True)]
        learnt = [b - RATE * s / len(found) for b, s in zip(learnt, slope, strict=True)]
    reasons = {feature.name: feature.reason for feature in table().feature}
    made = tuple(
        Feature(name=n, reason=reasons[n], mean=round(mean[n], 3), scale=round(scale[n], 3), weight=round(w, 3))
        for n, w in zip(names, learnt, strict=False)
    )
    return msgspec.structs.replace(table(), bias=round(learnt[-1], 3), feature=made)


def main() -> None:
    """Print what belongs into the table."""
    made = fit([case for case in cases(folder()) if training(case.task)])
    print(f"bias = {made.bias}")
    for feature in made.feature:
        print(f"{feature.name}: mean = {feature.mean}, scale = {feature.scale}, weight = {feature.weight}")


if __name__ == "__main__":
    main()
