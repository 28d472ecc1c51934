"""Stored runs -> patterns, reflections, patches and verdicts: what a scan does after reading.

Learning takes place twice. On the calls before T of each project, so that a lesson can be tested on later lineages
that it has not seen; and on all calls, for what only the later logs teach. A patch whose guard stood the test is
proposed as it was tested; one that only all the logs teach waits for evidence, and says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from memento_skills import curate, detect
from memento_skills.app.options import Options, Progress
from memento_skills.app.parts import Parts
from memento_skills.app.shelf import Shelf, shelf_of, target_of
from memento_skills.app.stored import Stored
from memento_skills.errors import BadInput
from memento_skills.guards import Row, rows
from memento_skills.interfaces import Gate, Reflector
from memento_skills.masking import find_secrets
from memento_skills.read.router import Router
from memento_skills.records import (
    Chip,
    Failure,
    Patch,
    Pattern,
    Reach,
    Reflection,
    Run,
    Verdict,
)
from memento_skills.reflect import Evidence, evidence
from memento_skills.verify import backtest
from memento_skills.verify.checks import check_patch
from memento_skills.verify.chips import chips
from memento_skills.verify.verdict import evidence_of
from memento_skills.write import scope_of, write


class Lessons(NamedTuple):
    """Reflections of all patterns, by pattern: learnt before T, and learnt on everything."""

    early: dict[str, Reflection]
    late: dict[str, Reflection]


class Proposal(NamedTuple):
    """A patch with its verdict and the reflection it comes from."""

    patch: Patch
    verdict: Verdict
    reflection: Reflection


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
        if not pattern.repeated:
            continue
        name = pattern.projects[0] if len(pattern.projects) == 1 and pattern.projects[0] in tables else "*"
        for reflector in reflectors:
            found[pattern.id] = reflector.reflect(pattern, contrast(name), runs)
            if found[pattern.id].guard is not None:
                break
    return found


class Draft(NamedTuple):
    """A patch with its evidence, before the gate has judged all of them together."""

    patch: Patch
    evidence: Verdict
    reflection: Reflection
    tested: bool
    """Learnt before T, so that the held-out rows are unseen."""


def draft(
    lessons: Lessons, patterns: Sequence[Pattern], held_out: Sequence[Row], table: Sequence[Row],
    shelf: Shelf, headers: Mapping[str, Run], now: float,
) -> list[Draft]:  # fmt: skip
    """Patches of all lessons with their evidence."""
    by_pattern: dict[str, list[Failure]] = defaultdict(list)
    for row in table:
        if row.failure is not None:
            by_pattern[row.failure.signature.id].append(row.failure)
    users, tenants = len({r.user for r in table if r.user}), len({r.tenant for r in table if r.tenant})
    drafts: list[Draft] = []
    for pattern in patterns:
        for reflection, tested in _candidates(lessons, pattern.id):
            scope = scope_of(pattern, all_users=users, all_tenants=tenants)
            failures = by_pattern[pattern.id]
            patch = _patch(reflection, pattern, failures, shelf, headers, scope=scope)
            if patch is None:
                continue
            rows_ = held_out if tested else ()
            checks = check_patch(patch, folder=Path(patch.skill.path).parent.name, find_secrets=find_secrets)
            reach = reach_of(patch, [r for r in rows_ if _is(r, pattern.id)], headers, shelf)
            drafts.append(
                Draft(patch, evidence_of(patch, rows_, checks=checks, reach=reach, at=now), reflection, tested)
            )
    return drafts


def choose(drafts: Sequence[Draft], gate: Gate) -> list[Proposal]:
    """One proposal a pattern, with its verdict; every tested guard counts in the gate's correction."""
    judged = gate.judge([d.evidence for d in drafts])
    chosen: dict[str, Proposal] = {}
    for (patch, _, reflection, tested), verdict in zip(drafts, judged, strict=True):
        # the tested lesson stands unless it failed and all the logs together teach another one
        if patch.pattern not in chosen or (not tested and chosen[patch.pattern].verdict.value == "not_better"):
            chosen[patch.pattern] = Proposal(patch, verdict, reflection)
    return list(chosen.values())


def _is(row: Row, pattern: str) -> bool:
    return row.label == "episode" and row.failure is not None and row.failure.signature.id == pattern


def _candidates(lessons: Lessons, pattern: str) -> Iterable[tuple[Reflection, bool]]:
    early, late = lessons.early.get(pattern), lessons.late.get(pattern)
    if early is not None and early.guard is not None:
        yield early, True
    if (
        late is not None
        and late.guard is not None
        and (early is None or early.guard is None or early.guard.id != late.guard.id)
    ):
        yield late, False


def _patch(
    reflection: Reflection, pattern: Pattern, failures: Sequence[Failure], shelf: Shelf, headers: Mapping[str, Run], *,
    scope: object,
) -> Patch | None:  # fmt: skip
    from msgspec.structs import replace

    tasks = [headers[f.run].task for f in failures if f.run in headers and headers[f.run].task]
    target = target_of(reflection, failures, shelf, tasks)
    try:
        patch = write(
            reflection, pattern, target, scope=scope,  # type: ignore[arg-type]
            clients=[f"{f.client} {f.client_version}".strip() for f in failures],
            models=[f.model for f in failures if f.model],
        )  # fmt: skip
    except BadInput:  # the skill says it already, or is too broken to be changed: nothing to propose
        return None
    command = reflection.facts.get("command", "")
    return replace(patch, chips=tuple(_familiar(c, command) for c in chips(patch.before, patch.after)))


def _familiar(chip: Chip, command: str) -> Chip:
    """A script or command that the failing calls ran anyway is named, but it is no new danger."""
    from msgspec.structs import replace

    familiar = chip.kind in ("script", "command") and chip.text in (command, *command.split())
    return replace(chip, dangerous=False) if familiar else chip


def reach_of(patch: Patch, failing: Sequence[Row], headers: Mapping[str, Run], shelf: Shelf) -> Reach:
    """In how many of the held-out failing runs the patched skill was loaded then, or would be selected now."""
    others = [s for s in shelf.skills if s[0].name != patch.skill.name]
    router = Router([*others, (patch.skill, patch.after)])
    runs = {r.run: r for r in failing}
    loaded = selected = 0
    for key, row in runs.items():
        name = row.skill.rsplit(":", 1)[-1]
        if name and name == patch.skill.name:
            loaded += 1
            continue
        task = headers[key].task if key in headers else ""
        choice = router.choose(task).skill
        selected += choice is not None and choice.name == patch.skill.name
    carries = "" if loaded + selected == len(runs) else "hook: the guard speaks where the skill is not loaded"
    return Reach(runs=len(runs), loaded=loaded, selected=selected, carries=carries)


def analyse(
    failures: Sequence[Failure],
    lineages: Mapping[str, str],
    runs: Stored,
    options: Options,
    progress: Progress,
    *,
    parts: Parts,
    before: Sequence[Pattern] = (),
) -> Analysis:
    """From stored failures and runs to proposals. Pure but for reading the skill libraries.

    `before` = the patterns of the last analysis: a lane moves up by itself, never down.
    """
    headers = list(runs.headers.values())
    patterns = with_lanes(detect.patterns(failures, lineages, now=options.now), failures, headers, before)
    progress("learning", 0, 0)
    table = table_of(runs.values(), failures, lineages)
    lessons, held_out = learn(table, patterns, runs, options.split, parts.reflectors)
    progress("testing", 0, 0)
    shelf = shelf_of(options, headers)
    drafts = draft(lessons, patterns, held_out, table, shelf, runs.headers, options.now)
    proposals = choose(drafts, parts.gate)
    chosen = {p.patch.pattern: p.reflection for p in proposals}
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
    if any(row.lineage in learned for row in held_out):
        held_out = []  # its conditions were chosen on these calls, too: they are not unseen
    shelf = Shelf(((patch.skill, patch.before),) if patch.before else (), patch.skill.library)
    reach = reach_of(patch, [r for r in held_out if _is(r, patch.pattern)], runs.headers, shelf)
    checks = check_patch(
        patch, folder=Path(patch.skill.path).parent.name, find_secrets=find_secrets, by_person=patch.edited
    )
    return judge(evidence_of(patch, held_out, checks=checks, reach=reach, at=options.now))


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
