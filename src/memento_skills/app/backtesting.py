"""`memento backtest`: learn on the first part of each project's calls, test on lineages after it, with the controls."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memento_skills import detect
from memento_skills.app import analysis, reading
from memento_skills.app.options import Options, Progress
from memento_skills.app.parts import Parts
from memento_skills.guards import Row, in_time
from memento_skills.guards.builtin import builtin
from memento_skills.interfaces import Reflector
from memento_skills.records import Counts, Guard, Run
from memento_skills.verify import backtest as measure

SALT = b"nothing is stored by a backtest"


def backtest(paths: Sequence[str], options: Options, progress: Progress) -> dict[str, Any]:
    """Counts and rates of section 5 of the design, per project and in total, origins apart, with the controls.

    Nothing is stored. Every project is listed; only those with enough held-out episodes enter the macro means.
    """
    used = Parts(options)
    progress("reading", 0, 0)
    runs = _whole([run for result in reading.runs_of(paths, options, salt=SALT) for run in result.runs])
    lineages = reading.lineages_of(runs)
    failures = detect.unique(f for run in runs for f in detect.failures(run, extra=used.detectors))
    by_key = {r.key: r for r in runs}
    parts = {
        name: measure.split(rows, options.split)
        for name, rows in measure.by_project(analysis.table_of(in_time(runs), failures, lineages)).items()
    }
    learned: dict[str, list[Guard]] = {}
    for number, (name, part) in enumerate(parts.items()):
        progress("learning", number, len(parts))
        learned[name] = learn_project(part.before, by_key, lineages, options.now, used.reflectors)
    projects = {
        name: _project(part, learned[name], _foreign(learned, name), random.Random(options.seed))  # noqa: S311
        for name, part in parts.items()
    }
    return {
        "split": options.split,
        "projects": [{"project": name, **found} for name, found in projects.items()],
        "total": {origin: _total(projects, origin) for origin in ("learned", "builtin")},
        "macro": {origin: _macro(projects, origin) for origin in ("learned", "builtin", "foreign", "shuffled")},
        "min_episodes": measure.MIN_EPISODES,
    }


def _whole(runs: Sequence[Run]) -> list[Run]:
    """A session that several files hold (checkpoints, resumed copies) is one run: its longest form."""
    longest: dict[str, Run] = {}
    for run in runs:
        if run.key not in longest or len(run.steps) > len(longest[run.key].steps):
            longest[run.key] = run
    return list(longest.values())


def learn_project(
    before: Sequence[Row],
    runs: Mapping[str, Run],
    lineages: Mapping[str, str],
    now: float,
    reflectors: Sequence[Reflector],
) -> list[Guard]:
    """Guards learnt from rows before T alone: patterns, contrast and alternatives see nothing later."""
    failures = [r.failure for r in before if r.failure is not None]
    patterns = detect.patterns(failures, lineages, now=now)
    found = analysis.reflect_all({"": before}, patterns, runs, reflectors)
    return [r.guard for r in found.values() if r.guard is not None]


def _foreign(learned: Mapping[str, Sequence[Guard]], name: str) -> list[Guard]:
    return [g for other, guards in learned.items() if other != name for g in guards]


def _project(part: measure.Split, guards: list[Guard], foreign: list[Guard], rng: random.Random) -> dict[str, Any]:
    repeated = measure.repeated_signatures(part.before)
    first, again = measure.retries(part.after)
    answer: dict[str, Any] = {
        "t": part.at,
        "training": _sizes(part.before),
        "held_out": _sizes(part.after),
        "crossing": _sizes(part.crossing),
        "patches": len(guards),
        "ceiling": _ceiling(part.after, repeated),
    }
    for origin, chosen in (("learned", guards), ("builtin", list(builtin()))):
        answer[origin] = _counted(part.after, chosen, repeated)
        answer[origin]["intervals"] = measure.intervals(part.after, measure.adviser(chosen), rng, repeated)
        answer[origin]["crossing"] = _counted(part.crossing, chosen, repeated)
        answer[origin]["first_calls"] = _counted(first, chosen, repeated)
        answer[origin]["retries"] = _counted(again, chosen, repeated)
        answer[origin]["blunt"] = _blunt(part.after, measure.adviser(chosen))
    answer["trivial"] = {"blunt": _blunt(part.after, measure.by_prefix(measure.trivial_prefixes(part.before)))}
    answer["denials"] = _denials(part.after, guards)
    answer["shuffled"] = _counted(part.after, measure.shuffled(guards, rng), repeated)
    answer["foreign"] = _counted(part.after, foreign, repeated)
    return answer


def _blunt(rows: Sequence[Row], fire: Callable[[Row], object]) -> dict[str, Any]:
    """Fires on failing calls against fires on good ones, whatever was advised: the trivial rule advises nothing."""
    found = measure.blunt(rows, fire)
    return {**found._asdict(), **found.rates()}


def _denials(rows: Sequence[Row], guards: Sequence[Guard]) -> dict[str, int]:
    """Calls that a permission stopped, which count nowhere else, and on how many of them a guard fires."""
    advise = measure.adviser(guards)
    denied = [r for r in rows if r.failure is not None and r.failure.fault == "denial"]
    return {"calls": len(denied), "fires": sum(advise(r) is not None for r in denied)}


def _ceiling(rows: Sequence[Row], repeated: frozenset[str]) -> dict[str, int]:
    """Episodes that anything could be right on: those that recovered within the window, also of those seen before."""
    recovered = [r for r in rows if r.label == "episode" and r.after]
    again = [r for r in recovered if r.failure is not None and r.failure.signature.id in repeated]
    return {"recovered": len(recovered), "repeated_recovered": len(again)}


def _sizes(rows: Sequence[Row]) -> dict[str, int]:
    return {
        "calls": len(rows),
        "lineages": len({r.lineage for r in rows}),
        "episodes": sum(r.label == "episode" for r in rows),
    }


def _counted(rows: Sequence[Row], guards: Sequence[Guard], repeated: frozenset[str]) -> dict[str, Any]:
    counts = measure.count(rows, measure.adviser(guards), repeated)
    return _numbers(counts)


def _numbers(counts: Counts) -> dict[str, Any]:
    return {name: getattr(counts, name) for name in Counts.__struct_fields__} | measure.rates(counts)


def _total(projects: Mapping[str, Mapping[str, Any]], origin: str) -> dict[str, Any]:
    total = Counts()
    for found in projects.values():
        total += Counts(**{name: found[origin][name] for name in Counts.__struct_fields__})
    return _numbers(total)


def _macro(projects: Mapping[str, Mapping[str, Any]], origin: str) -> dict[str, float | None]:
    """Mean over the projects with enough held-out episodes; a project without a fire has no precision to average."""
    chosen = [p[origin] for p in projects.values() if p["held_out"]["episodes"] >= measure.MIN_EPISODES]
    means: dict[str, float | None] = {}
    for name in ("precision", "recall", "repeated_recall", "false_per_1000"):
        values = [p[name] for p in chosen if p[name] is not None]
        means[name] = round(sum(values) / len(values), 4) if values else None
    return means
