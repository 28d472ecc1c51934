"""Stored runs -> patterns, reflections, patches and verdicts: what a scan does after reading.

Learning takes place twice. On the calls before T of each project, so that a lesson can be tested on later lineages
that it has not seen; and on all calls, for what only the later logs teach. A patch whose guard stood the test is
proposed as it was tested; one that only all the logs teach waits for evidence, and says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from memento_skills import curate, detect
from memento_skills.app.drafting import Lessons, Proposal, choose, draft, evidence_for, finished, said_of
from memento_skills.app.options import Options, Progress
from memento_skills.app.parts import Parts
from memento_skills.app.retiring import Standing, retirements, with_room
from memento_skills.app.shelf import Shelf, shelf_of
from memento_skills.app.stored import Stored
from memento_skills.guards import Row, rows
from memento_skills.interfaces import Gate, Reflector
from memento_skills.records import (
    Failure,
    Patch,
    Pattern,
    Reflection,
    Run,
    Verdict,
)
from memento_skills.reflect import Evidence, evidence
from memento_skills.verify import backtest


class Analysis(NamedTuple):
    """Everything a scan found."""

    patterns: tuple[Pattern, ...]
    reflections: tuple[Reflection, ...]
    proposals: tuple[Proposal, ...]
    tried: dict[str, list[float]]
    """By pattern, the p-value of every guard that was tested, proposed or not: what a later test is corrected for."""


def keyed(failures: Iterable[Failure]) -> dict[str, Failure]:
    """Failures by the call they belong to, as `guards.rows` wants them; the gravest of a call."""
    found: dict[str, Failure] = {}
    for failure in failures:
        if failure.call_id:
            key = f"{failure.run}\0{failure.call_id}"
            if key not in found or failure.kind in ("tool_error", "exit_code"):
                found[key] = failure
    return found


def table_of(runs: Iterable[Run], failures: Iterable[Failure], lineages: Mapping[str, str]) -> list[Row]:
    """The rows of all calls of the runs, which come in order of time (`guards.in_time`), one in memory at a time."""
    return rows(runs, keyed(failures), lineages)


def learn(
    table: Sequence[Row],
    patterns: Sequence[Pattern],
    runs: Mapping[str, Run],
    split: float,
    reflectors: Sequence[Reflector],
) -> tuple[Lessons, list[Row]]:
    """Lessons of all patterns and the held-out rows (of all projects) on which the early ones may be tested."""
    parts = {name: backtest.split(found, split) for name, found in backtest.by_project(table).items()}
    early = {name: part.before for name, part in parts.items()}
    whole = {name: list(found) for name, found in backtest.by_project(table).items()}
    held_out = [row for part in parts.values() for row in part.after]
    return Lessons(
        reflect_all(early, patterns, runs, reflectors), reflect_all(whole, patterns, runs, reflectors)
    ), held_out


def reflect_all(
    tables: Mapping[str, Sequence[Row]],
    patterns: Sequence[Pattern],
    runs: Mapping[str, Run],
    reflectors: Sequence[Reflector],
) -> dict[str, Reflection]:
    """One reflection a pattern: contrasted within its project, or over all of them where several have it.

    The reflectors are asked in order; the first that gives a guard speaks, else the last.
    """
    known: dict[str, Evidence] = {}

    def contrast(name: str) -> Evidence:
        if name not in known:
            chosen = [r for rs in tables.values() for r in rs] if name == "*" else tables.get(name, ())
            known[name] = evidence(chosen)
        return known[name]

    found: dict[str, Reflection] = {}
    for pattern in patterns:
        name = pattern.projects[0] if len(pattern.projects) == 1 and pattern.projects[0] in tables else "*"
        for reflector in reflectors:
            made = reflector.reflect(pattern, contrast(name), runs)
            # of what happened once only a lesson that the error states itself is worth a word
            if pattern.repeated or made.guard is not None:
                found[pattern.id] = made
            if made.guard is not None:
                break
    return found


class Past(NamedTuple):
    """What earlier scans left."""

    patterns: Sequence[Pattern] = ()
    """Those of the last analysis."""
    standing: Sequence[Standing] = ()
    """The rules of ours that were promoted."""


NO_PAST = Past()


def analyse(
    failures: Sequence[Failure],
    lineages: Mapping[str, str],
    runs: Stored,
    options: Options,
    progress: Progress,
    *,
    parts: Parts,
    past: Past = NO_PAST,
) -> Analysis:
    """From stored failures and runs to proposals. Pure but for reading the skill libraries.

    A lane of `past` moves up by itself, never down; promoted rules that no longer earn their place are proposed to go.
    """
    headers = list(runs.headers.values())
    patterns = with_lanes(detect.patterns(failures, lineages, now=options.now), failures, headers, past.patterns)
    progress("learning", 0, 0)
    table = table_of(runs.values(), failures, lineages)
    lessons, held_out = learn(table, patterns, runs, options.split, parts.reflectors)
    progress("testing", 0, 0)
    shelf = shelf_of(options, headers)
    drafts, refused = draft(lessons, patterns, held_out, table, shelf, runs.headers, options.now)
    going = retirements(past.standing, table, shelf, options.now)
    proposals = [*finished(choose(drafts, parts.gate), held_out, table), *going]
    proposals = with_room(proposals, past.standing, table, shelf, options.now)
    chosen = refused | {p.patch.pattern: p.reflection for p in proposals if p.patch.kind != "retire"}
    reflections = [chosen.get(k) or lessons.late[k] for k in lessons.late]
    tried: dict[str, list[float]] = defaultdict(list)
    for one in drafts:
        if one.evidence.p_value is not None:
            tried[one.patch.pattern].append(one.evidence.p_value)
    return Analysis(patterns, tuple(reflections), tuple(proposals), dict(tried))


def with_lanes(
    patterns: Sequence[Pattern], failures: Iterable[Failure], runs: Iterable[Run], before: Sequence[Pattern]
) -> tuple[Pattern, ...]:
    """Patterns in their lanes, the few told from the many by all users that the logs know."""
    users = {r.key: r.user for r in runs}
    return curate.assign(
        patterns,
        users=len(set(users.values()) - {""}),
        depths=curate.depths(failures, users),
        before={p.id: p.lane for p in before},
    )


def verify_one(
    failures: Sequence[Failure],
    lineages: Mapping[str, str],
    runs: Stored,
    patch: Patch,
    options: Options,
    judge: Callable[[Verdict], Verdict],
) -> Verdict:
    """One patch tested again on the held-out part of what is stored now.

    A lesson that was learnt from these later logs as well has nothing unseen to be tested on, until more logs come.
    """
    table = table_of(runs.values(), failures, lineages)
    splits = [backtest.split(found, options.split) for found in backtest.by_project(table).values()]
    learned = {lineages.get(run, run) for run in (patch.guard.learned_from if patch.guard is not None else ())}
    held_out = [row for part in splits for row in part.after]
    if patch.guard is None or any(row.lineage in learned for row in held_out):
        held_out = []  # its conditions were chosen on these calls, too: they are not unseen; or it has none to test
    shelf = Shelf(((patch.skill, patch.before),) if patch.before else (), patch.skill.library)
    verdict = judge(evidence_for(patch, held_out, table, shelf, runs.headers, options.now, by_person=patch.edited))
    return said_of(patch, verdict)


def among(gate: Gate, tried: Mapping[str, Sequence[float]], pattern: str) -> Callable[[Verdict], Verdict]:
    """The gate for one patch of `pattern`, corrected for everything else that the last scan tested.

    A patch that is tested alone must not pass where it did not among the others.
    """
    others = [
        Verdict(id=f"{key} {n}", patch="", value="not_enough_evidence", reason="", p_value=p)
        for key, values in tried.items()
        if key != pattern
        for n, p in enumerate(values)
    ]
    return lambda evidence: gate.judge([evidence, *others])[0]
