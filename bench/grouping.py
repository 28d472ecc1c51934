"""Row *grouping*: patterns against the groups of the labels and the generated corpus, beside Drain3 and trivial keys.

Drain3 (`drain3-improved`) is a peer, needed for this row only; where it is not installed its lines are left out.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bench import agreement, corpus
from bench.causes import DRAWN, SEED
from bench.data import Settings
from bench.labelled import labelled
from memento_skills.detect import failures
from memento_skills.detect.evidence import window
from memento_skills.records import Failure, Step

SIMILARITIES = (0.3, 0.4, 0.5, 0.6)
"""Drain3's threshold; the best B-cubed F1 of these is shown, which favours it."""
_WHOLE = 4_000
_MASKS = (
    (r"(?<!\w)(?:~|\.{1,2})?/[^\s:'\"]{1,300}", "PATH"),
    (r"\b[0-9a-f]{7,40}\b", "HEX"),
    (r"(?<![A-Za-z0-9])[-+]?\d{1,20}(?![A-Za-z0-9])", "NUM"),
)


class Sample(NamedTuple):
    """One failure: its true group, the result, and what the program says."""

    group: str
    result: Step
    failure: Failure


Method = Callable[[Sequence[Sample]], list[Hashable]]


def row(settings: Settings) -> dict[str, Any]:
    """B-cubed, adjusted mutual information and V of every method on every set."""
    sets: dict[str, list[Sample]] = {
        f"{name} labels": [Sample(r.label["group"], r.result, r.failure) for r in rows if r.result and r.failure]
        for name, rows in labelled(settings.data).items()
    }
    drawn = [(case.form, Sample(case.form.cause, case.run.steps[2], failures(case.run)[0])) for case in _cases()]
    sets["corpus"] = [sample for _, sample in drawn]
    sets["corpus, forms seen"] = [sample for form, sample in drawn if not form.held]
    sets["corpus, forms held out"] = [sample for form, sample in drawn if form.held]
    return {name: {"n": len(samples), "methods": _methods(samples)} for name, samples in sets.items()}


def _cases() -> list[corpus.Case]:
    return [case for case in corpus.draw(DRAWN, SEED) if failures(case.run)]


def _methods(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    plain: dict[str, Method] = {
        "ours": lambda found: [s.failure.signature.id for s in found],
        "exact text": lambda found: [s.result.text for s in found],
        "first 40 characters": lambda found: [s.result.text[:40] for s in found],
        "tool and exit code": lambda found: [(s.result.tool, s.result.exit_code) for s in found],
    }
    truth = [s.group for s in samples]
    answer = {name: _scores(truth, method(samples)) for name, method in plain.items()}
    if importlib.util.find_spec("drain3"):
        readings = {
            "Drain3, whole result": [" ".join(window(s.result.text).split())[:_WHOLE] for s in samples],
            "Drain3, our decisive line": [s.failure.quote for s in samples],
        }
        for name, texts in readings.items():
            answer[name] = _best(truth, [_drain(texts, similarity) for similarity in SIMILARITIES])
        answer["ours, Drain3 for unknown errors"] = _best(
            truth, [_mixed(samples, similarity) for similarity in SIMILARITIES]
        )
    return answer


def _mixed(samples: Sequence[Sample], similarity: float) -> list[Hashable]:
    """Our key, but with Drain3's cluster in place of the masked line of errors that no alias knows."""
    clusters = _drain([s.failure.quote for s in samples], similarity)
    keys: list[Hashable] = []
    for sample, cluster in zip(samples, clusters, strict=True):
        parts = {part.name: part.text for part in sample.failure.signature.parts if part.contributes}
        unknown = "error" in parts and set(parts) <= {"tool", "program", "command", "error"} and len(parts) > 1
        rest = tuple(sorted((k, v) for k, v in parts.items() if k != "error"))
        keys.append((rest, cluster) if unknown else sample.failure.signature.id)
    return keys


def _drain(texts: Sequence[str], similarity: float) -> list[Hashable]:
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    logging.getLogger("drain3").setLevel(logging.CRITICAL)
    config = TemplateMinerConfig()
    config.drain_sim_th = similarity
    config.masking_instructions = [MaskingInstruction(pattern, name) for pattern, name in _MASKS]
    miner = TemplateMiner(config=config)
    return [miner.add_log_message(text or "(nothing)")["cluster_id"] for text in texts]


def _best(truth: list[str], found: Sequence[list[Hashable]]) -> dict[str, float]:
    return max((_scores(truth, groups) for groups in found), key=lambda scores: scores["b_cubed"])


def _scores(truth: list[str], groups: list[Hashable]) -> dict[str, float]:
    cubed = agreement.b_cubed(truth, groups)
    return {
        "b_cubed": cubed.f1,
        "precision": cubed.precision,
        "recall": cubed.recall,
        "ami": agreement.adjusted_mutual_information(truth, groups),
        "v": agreement.v_measure(truth, groups).f1,
        "groups": len(set(groups)),
        "true_groups": len(set(truth)),
    }


def entries(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str, bool | None]]:
    """Lines of the summary."""
    for name, one in found.items():
        ours, peer = one["methods"]["ours"], one["methods"].get("Drain3, whole result")
        figure = f"B-cubed F1 {ours['b_cubed']:.2f}, AMI {ours['ami']:.2f}"
        if peer is None:
            yield f"grouping, {name}", figure, "Drain3 not installed", None
            continue
        met = min(ours["b_cubed"] - peer["b_cubed"], ours["ami"] - peer["ami"]) >= 0.1
        aim = f">= Drain3 + 0.10 ({peer['b_cubed']:.2f}, {peer['ami']:.2f})"
        yield f"grouping, {name}", figure, aim, met


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The section of the page."""
    yield "## Grouping"
    yield ""
    yield "Groups of the labels, and of a generated corpus (`bench/corpus.toml`, written before the rules were tuned on"
    yield "it; half of the forms of each cause held out; the same language model wrote forms and rules). Drain3"
    yield f"with masks for paths, hashes, numbers, at the best of the thresholds {', '.join(map(str, SIMILARITIES))}."
    for name, one in found.items():
        truth = one["methods"]["ours"]["true_groups"]
        yield ""
        yield f"### {name}: {one['n']} failures in {truth} groups"
        yield ""
        yield "| method | B-cubed F1 (precision, recall) | AMI | V | groups |"
        yield "|---|---|---|---|---|"
        for method, s in one["methods"].items():
            yield (
                f"| {method} | {s['b_cubed']:.3f} ({s['precision']:.2f}, {s['recall']:.2f}) | {s['ami']:.3f} |"
                f" {s['v']:.3f} | {s['groups']} |"
            )
