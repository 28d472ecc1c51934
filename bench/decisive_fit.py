"""The weights of `detect/attribution/weights.toml`: a conditional logit over the moments of labelled runs.

For each shape of run the sum of two log-likelihoods is maximised, that of the labelled step and that of the labelled
agent (the moments of one agent together), with an L2 penalty. `python -m bench.decisive_fit` prints the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.data import folder
from bench.decisive_cases import SUBSETS, TAU, Case, cases

Array = NDArray[np.float64]


class Plan(NamedTuple):
    """Which signs a shape's table has, and how strongly it is held towards zero."""

    signs: tuple[str, ...]
    penalty: float
    sharpness: float = 1.0
    """Factor on the scores of moments; 1, 1.25, 1.5 and 2 were tried out of fold."""


PLANS: Mapping[str, Plan] = {
    "orchestrated": Plan(("worker", "worker_early", "last_finding", "last", "long"), 2.0),
    "group": Plan(
        (
            "first", "second", "place", "last", "long", "terse", "numbers", "coded", "met_trouble", "answers",
            "answers_well", "handed_over", "assumed", "newcomer", "strays", "first_coded",
        ),
        5.0,
        1.25,
    ),
    "dialogue": Plan(
        (
            "changes", "first_change", "change_refused", "asks", "on_task", "repeated", "place", "last",
            "blocked_later", "objected", "gives_up", "first_report", "chooses",
        ),
        4.0,
        1.5,
    ),
}  # fmt: skip
OF = {"orchestrated": "hand-crafted", "group": "algorithm-generated", "dialogue": TAU}
"""Which labelled set a shape's weights are made from."""


def fit(chosen: Sequence[Case], plan: Plan) -> dict[str, float]:
    """Weights by sign; cases whose labelled step is nobody's are left out."""
    rows = [_matrix(case, plan.signs) for case in chosen]
    marks = [np.array([e == case.step for e in case.entries], dtype=float) for case in chosen]
    agents = [np.array([a == case.agent for a in case.actors], dtype=float) for case in chosen]

    def loss(w: Array) -> tuple[float, Array]:
        total, slope = plan.penalty * float(w @ w) / 2, plan.penalty * w
        for matrix, *labels in zip(rows, marks, agents, strict=True):
            score = matrix @ w
            p = np.exp(score - score.max())
            p /= p.sum()
            for label in labels:
                if label.any():
                    held = p * label
                    mass = held.sum()
                    total -= float(np.log(mass))
                    slope = slope - (held / mass) @ matrix + p @ matrix
        return total, slope

    found = minimize(loss, np.zeros(len(plan.signs)), jac=True, method="L-BFGS-B")
    table = {name: round(float(w), 3) for name, w in zip(plan.signs, found.x, strict=True)}
    return {"sharpness": plan.sharpness, **table}


def _matrix(case: Case, names: Sequence[str]) -> Array:
    return np.array([[case.signs[at].get(name, 0.0) for name in names] for at in sorted(case.signs)])


def shape_of(set_name: str) -> str:
    """The shape whose table is made from a labelled set."""
    return next(shape for shape, of in OF.items() if SUBSETS.get(of, of) == set_name)


def main() -> None:
    """Print the learnt tables."""
    every = cases(folder())
    for shape, plan in PLANS.items():
        chosen = [case for case in every if shape_of(case.set) == shape]
        print(f"\n# {len(chosen)} runs, penalty {plan.penalty}\n[{shape}]")
        for name, weight in fit(chosen, plan).items():
            print(f"{name} = {weight}")


if __name__ == "__main__":
    main()
