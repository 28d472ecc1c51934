"""Lessons -> patches with their evidence: where each rule goes, which become one, what each is worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from memento_skills.app.shelf import Shelf, target_of
from memento_skills.errors import BadInput
from memento_skills.guards import Row
from memento_skills.interfaces import Gate
from memento_skills.masking import find_secrets
from memento_skills.read.router import Router
from memento_skills.records import Chip, Failure, Patch, Pattern, Reach, Reflection, Run, Verdict
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
            reach = reach_of(patch, [r for r in rows_ if is_of(r, pattern.id)], headers, shelf)
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


def is_of(row: Row, pattern: str) -> bool:
    """Whether a row is an episode of that pattern."""
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
