"""Which step decided one failed run, by whom, how sure, and what shows it: `memento reflect --run FILE`.

The judgement is `detect.attribution`'s; here files are read, the run is chosen, and the answer is put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memento_skills import detect
from memento_skills.app import reading
from memento_skills.app.options import Options
from memento_skills.app.parts import Parts
from memento_skills.detect import attribution
from memento_skills.errors import BadInput
from memento_skills.records import SURE, Failure, Run

SHOWN = 10
"""Candidates in the answer."""
WHOLE = ("doubtful_end", "gave_up", "goal_dropped", "check_failing", "unchecked_claim")
"""Kinds of failures that are about the run as a whole."""
QUOTED = 5
"""Failures that are quoted beside the decisive step."""


def decisive(file: str, options: Options, *, like: Sequence[str] = (), chosen: str = "") -> dict[str, Any]:
    """The answer of `reflect --run FILE`.

    `like`: files or folders with runs of the same task that did not fail. `chosen`: the id of the run where the file
    holds several; "" = the one with most steps. Raises BadInput where the file holds no run, or not that one.
    """
    runs = _runs([file], options)
    run = _chosen(runs, chosen, file)
    others = [other for other in runs if other.outcome.label == "success"]
    others = attribution.same_task(run, others) + (attribution.same_task(run, _runs(like, options)) if like else [])
    failures = detect.failures(run, extra=Parts(options).detectors)
    return answer(run, failures, others)


def answer(run: Run, failures: Sequence[Failure], like: Sequence[Run] = ()) -> dict[str, Any]:
    """The decisive step of a run, its candidates with scores, and the sentences with their quotes."""
    found = attribution.attribute(run, failures, like)
    ranking, story = found.ranking, found.story
    blamed = [f for f in failures if f.fault in ("agent", "denial", "user")]
    candidates = [
        {"step": story.moments[c.at].entry, "actor": story.moments[c.at].actor, "score": round(c.score, 4)}
        for c in ranking.candidates[:SHOWN]
    ]
    measured = story.shape != "work" and not like
    base = {"run": run.id, "failed": _failed(run, story, blamed), "shape": story.shape, "like": len(like)}
    if not ranking.candidates:
        nothing = dict.fromkeys(("wrong_decision", "missing_information", "failed_assumption"))
        return base | {"decisive": None, "candidates": [], "cause": "unknown"} | nothing | {"citations": []}
    best = ranking.candidates[0]
    own = [f for f in blamed if (f.call_step if f.call_step is not None else f.step) in story.moments[best.at].steps]
    shows = next((f for f in own if f.kind != "outcome"), None)
    told = attribution.tell(run, story, best.at, found.signs[best.at], shows)
    runner_up = max((c.score for c in ranking.candidates[1:]), default=0.0)
    return base | {
        "decisive": {
            "step": candidates[0]["step"],
            "actor": ranking.actors[0][0],
            "confidence": candidates[0]["score"],
            "speaker": candidates[0]["actor"],
            "actor_confidence": round(ranking.actors[0][1], 4),
            "certainty": attribution.certainty(
                best.score, runner_up, measured=measured and told.telling != attribution.PLACE
            ),
            "calibrated": measured,
        },
        "candidates": candidates,
        "cause": told.cause,
        "wrong_decision": told.wrong_decision,
        "missing_information": told.missing_information,
        "failed_assumption": told.failed_assumption,
        "citations": _citations(run, told, own),
    }


def _failed(run: Run, story: attribution.Story, blamed: Sequence[Failure]) -> bool:
    """What the log's label says; without one, whether something is left that went wrong and was not made good.

    In a talk a failure left over says little (of 300 labelled ones 65 % of the good and 73 % of the failed have one):
    there only what the whole run shows counts.
    """
    if run.outcome.label != "unknown":
        return run.outcome.label == "failure"
    left = [f for f in blamed if not f.cost.recovered and f.confidence >= SURE and f.kind != "correction"]
    if story.shape == "dialogue":
        left = [f for f in left if f.kind in WHOLE]
    return bool(left)


def _runs(paths: Sequence[str], options: Options) -> list[Run]:
    found = list(reading.runs_of(paths, options, salt=b"nothing is stored by this command"))
    runs = [run for result in found for run in result.runs]
    if not runs:
        notes = [r.reason for r in found if r.reason] + [q.reason for r in found for q in r.quarantined]
        reasons = ", ".join(dict.fromkeys(notes[:5])) or "it holds none"
        raise BadInput("no run can be read", where=", ".join(paths), hint=reasons)
    return runs


def _chosen(runs: Sequence[Run], chosen: str, file: str) -> Run:
    if not chosen:
        return max(runs, key=lambda r: len(r.steps))
    named = next((run for run in runs if chosen in (run.id, run.key)), None)
    if named is None:
        ids = ", ".join(run.id for run in runs[:5]) + (", …" if len(runs) > 5 else "")
        raise BadInput(f"no run {chosen!r}", where=file, hint=f"it holds {ids}")
    return named


def _citations(run: Run, told: attribution.Told, own: Sequence[Failure]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"run": c.run, "step": c.step, "quote": c.quote} for c in told.citations]
    rows += [{"run": run.id, "step": run.steps[f.step].entry, "quote": f.quote} for f in own[:QUOTED] if f.quote]
    rows = list({(row["step"], row["quote"]): row for row in rows}.values())
    quotes = {str(row["quote"]) for row in rows}
    return [row for row in rows if not any(str(row["quote"]) in quote for quote in quotes - {str(row["quote"])})]
