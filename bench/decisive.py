"""Row *decisive*: the step and the actor that decided a failed run, against people's labels and trivial rules.

Out of fold: weights are made on nine tenths of the questions and tried on the tenth, so that no run is judged by
weights that saw it or another run of its question. The shipped weights, made from all of them, are beside it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench.data import Settings
from bench.decisive_cases import Case, Trial, cases, trials
from bench.decisive_fit import PLANS, fit, shape_of
from memento_skills.detect.attribution import attribute, rank, weights
from memento_skills.detect.attribution.signs import LOOKS

FOLDS = 10
SEEDS = 5
"""Divisions into folds; figures are means over them."""
DRAWS = 2_000
"""Resamples of questions for an interval."""
AIM = 0.05
Results = Mapping[str, Any]
Guess = Callable[[Case, Sequence[Case]], tuple[int, str]]
"""A run and the runs of the training part -> history entry and actor."""


def row(settings: Settings) -> dict[str, Any]:
    """Each labelled set apart: ours out of fold, ours as shipped, and the trivial rules."""
    every = cases(settings.data, each=8 if settings.files else 1)
    found = {}
    for name in dict.fromkeys(case.set for case in every):
        chosen = [case for case in every if case.set == name]
        found[name] = _set(chosen)
    return {"sets": found, "folds": FOLDS, "seeds": SEEDS, "like": _like(trials(settings.data))}


def _set(chosen: Sequence[Case]) -> dict[str, Any]:
    shipped = weights()[shape_of(chosen[0].set)]
    plan = PLANS[shape_of(chosen[0].set)]
    ours = [hit for seed in range(SEEDS) for hit in _folded(chosen, seed, lambda train: fit(train, plan))]
    rules = {name: [hit for seed in range(SEEDS) for hit in _ruled(chosen, seed, rule)] for name, rule in RULES.items()}
    return {
        "runs": len(chosen),
        "questions": len({case.question for case in chosen}),
        "ours": _figures(ours),
        "calibration": _calibration(ours),
        "shipped": _figures([_judged(case, shipped) for case in chosen]),
        "rules": {name: _figures(hits) for name, hits in rules.items()},
    }


def _like(chosen: Sequence[Trial]) -> dict[str, Any]:
    """Failed runs with like runs that succeeded: the first unwanted change, found without those and with them."""
    known = [trial for trial in chosen if trial.like]
    hits: dict[str, list[int]] = {"without": [], "with": [], "first change": []}
    for trial in known:
        for name, like in (("without", []), ("with", trial.like)):
            found = attribute(trial.run, (), like)
            hits[name].append(found.story.moments[found.ranking.candidates[0].at].entry == trial.step)
        changes = [s.entry for s in trial.run.steps if s.kind == "call" and not LOOKS.match(s.tool)]
        hits["first change"].append(changes[0] == trial.step)
    shares = {
        name: {"step": sum(h) / len(h), "interval": _interval([(x, 1) for x in h])} for name, h in hits.items() if h
    }
    return {"runs": len(known), "of": len(chosen), "figures": shares}


def _divided(chosen: Sequence[Case], seed: int) -> Iterator[tuple[list[Case], list[Case]]]:
    questions = sorted({case.question for case in chosen})
    random.Random(seed).shuffle(questions)
    fold = {question: number % FOLDS for number, question in enumerate(questions)}
    for number in range(FOLDS):
        test = [case for case in chosen if fold[case.question] == number]
        if test:
            yield [case for case in chosen if fold[case.question] != number], test


def _folded(chosen: Sequence[Case], seed: int, learn: Callable[[list[Case]], dict[str, float]]) -> list[dict[str, Any]]:
    hits = []
    for train, test in _divided(chosen, seed):
        table = learn(train)
        hits += [_judged(case, table) for case in test]
    return hits


def _judged(case: Case, table: Mapping[str, float]) -> dict[str, Any]:
    ranking = rank(case.story, case.signs, table)
    best = ranking.candidates[0]
    moment = case.story.moments[best.at]
    actor, chance = ranking.actors[0]
    sure = {"confidence": best.score, "actor_confidence": chance, "of_one": moment.actor == actor}
    return _hit(case, moment.entry, actor) | sure


def _hit(case: Case, step: int, agent: str) -> dict[str, Any]:
    off = abs(step - case.step)
    return {
        "question": case.question, "step": off == 0, "within_1": off <= 1, "within_3": off <= 3,
        "agent": agent == case.agent,
    }  # fmt: skip


def _ruled(chosen: Sequence[Case], seed: int, rule: Guess) -> list[dict[str, Any]]:
    return [_hit(case, *rule(case, train)) for train, test in _divided(chosen, seed) for case in test]


def _figures(hits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    by_question: dict[str, list[Mapping[str, Any]]] = {}
    for hit in hits:
        by_question.setdefault(hit["question"], []).append(hit)
    found: dict[str, Any] = {}
    for name in ("step", "within_1", "within_3", "agent"):
        parts = [(sum(h[name] for h in group), len(group)) for group in by_question.values()]
        found[name] = sum(p[0] for p in parts) / sum(p[1] for p in parts)
        found[f"{name}_interval"] = _interval(parts)
    return found


def _interval(parts: Sequence[tuple[int, int]]) -> list[float]:
    draw = random.Random(0)
    means = []
    for _ in range(DRAWS):
        sample = draw.choices(parts, k=len(parts))
        means.append(sum(p[0] for p in sample) / sum(p[1] for p in sample))
    means.sort()
    return [means[int(0.05 * DRAWS)], means[int(0.95 * DRAWS) - 1]]


def _calibration(hits: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Expected calibration error in five bins of equal size, and the mean confidence, for step and agent."""
    found: dict[str, float] = {}
    for what, said in (("step", "confidence"), ("agent", "actor_confidence")):
        ordered = sorted(hits, key=lambda hit: hit[said])
        size = max(len(ordered) // 5, 1)
        bins = [ordered[i : i + size] for i in range(0, len(ordered), size)]
        gaps = [abs(sum(h[said] for h in part) - sum(h[what] for h in part)) for part in bins]
        found[f"{what}_ece"] = sum(gaps) / len(ordered)
        found[f"{what}_confidence"] = sum(h[said] for h in hits) / len(hits)
    return found


# ---------------------------------------------------------------------------------------------- trivial rules


def _at(case: Case, place: int) -> tuple[int, str]:
    place = min(max(place, 0), len(case.entries) - 1)
    return case.entries[place], case.actors[place]


def _first_agent(case: Case, _: Sequence[Case]) -> tuple[int, str]:
    parts = [case.story.moments[at].part for at in sorted(case.signs)]
    return _at(case, next((i for i, part in enumerate(parts) if part != "ask"), 0))


def _first_error(case: Case, _: Sequence[Case]) -> tuple[int, str]:
    bad = [i for i, at in enumerate(sorted(case.signs)) if case.signs[at]["ran_badly"] or case.signs[at]["met_trouble"]]
    return _at(case, bad[0] if bad else len(case.entries) - 1)


def _random(case: Case, train: Sequence[Case]) -> tuple[int, str]:
    return _at(case, random.Random(f"{case.set} {case.run.id} {len(train)}").randrange(len(case.entries)))


def _usual_step(case: Case, train: Sequence[Case]) -> tuple[int, str]:
    usual = Counter(c.step for c in train).most_common(1)[0][0]
    return usual, next((a for e, a in zip(case.entries, case.actors, strict=True) if e == usual), "")


def _usual_agent(case: Case, train: Sequence[Case]) -> tuple[int, str]:
    agent = Counter(c.agent for c in train).most_common(1)[0][0]
    return next((e for e, a in zip(case.entries, case.actors, strict=True) if a == agent), -1), agent


def _busiest_agent(case: Case, _: Sequence[Case]) -> tuple[int, str]:
    agent = Counter(case.actors).most_common(1)[0][0]
    return next(e for e, a in zip(case.entries, case.actors, strict=True) if a == agent), agent


RULES: dict[str, Guess] = {
    "first step": lambda case, _: _at(case, 0),
    "first step of an agent": _first_agent,
    "middle step": lambda case, _: _at(case, len(case.entries) // 2),
    "last step": lambda case, _: _at(case, len(case.entries) - 1),
    "first error": _first_error,
    "random step": _random,
    "most frequent step of the training part": _usual_step,
    "most frequent agent of the training part, its first step": _usual_agent,
    "busiest agent of the run, its first step": _busiest_agent,
}


# ------------------------------------------------------------------------------------------------- the page


def entries(found: Results) -> Iterator[tuple[str, str, str, bool | None]]:
    """Lines of the table of aims."""
    for name, result in found["sets"].items():
        for what in ("step", "agent"):
            best = max(rule[what] for rule in result["rules"].values())
            figure, aim = result["ours"][what], best + AIM
            said = f"{figure:.3f} (best trivial rule {best:.3f})"
            yield f"decisive {what}, {name}", said, f">= {aim:.3f}", figure >= aim


def lines(found: Results) -> Iterator[str]:
    """The section with every rule."""
    yield "## Decisive step"
    yield ""
    yield f"Weights made on the training part of {found['folds']} folds by question, {found['seeds']} divisions; 90 %"
    yield "intervals by bootstrap over questions. *Shipped*: weights made from these same runs, so no test of them."
    for name, result in found["sets"].items():
        yield ""
        yield f"### {name}: {result['runs']} runs, {result['questions']} questions"
        yield ""
        yield "| rule | step | within 1 | within 3 | agent |"
        yield "|---|---|---|---|---|"
        yield _cells("**ours, out of fold**", result["ours"])
        for rule, figures in result["rules"].items():
            yield _cells(rule, figures)
        yield _cells("ours, shipped weights", result["shipped"])
        told = result["calibration"]
        yield ""
        yield (
            f"Confidence of the step {told['step_confidence']:.2f} on average, expected calibration error"
            f" {told['step_ece']:.3f}; of the agent {told['agent_confidence']:.2f}, {told['agent_ece']:.3f}."
        )

    yield ""
    yield "### tau-bench, airline: the first change that the task did not want"
    yield ""
    like = found["like"]
    yield f"{like['runs']} of {like['of']} such failed runs have runs beside them that succeeded at the like task. The"
    yield "weights are those of another domain (retail); the reference actions are read by the benchmark alone."
    yield ""
    for name, figures in like["figures"].items():
        said = {"without": "ours, no like runs", "with": "ours, with the like runs"}.get(name, name)
        yield f"- {said}: {figures['step']:.3f} ({figures['interval'][0]:.2f} to {figures['interval'][1]:.2f})"


def _cells(rule: str, figures: Results) -> str:
    cells = []
    for name in ("step", "within_1", "within_3", "agent"):
        low, high = figures[f"{name}_interval"]
        cells.append(f"{figures[name]:.3f} ({low:.2f} to {high:.2f})")
    return f"| {rule} | " + " | ".join(cells) + " |"
