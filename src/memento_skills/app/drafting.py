"""Lessons -> patches with their evidence: which lessons become one, where each goes, and what it is worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from memento_skills import curate
from memento_skills.app.placing import Logs, logs_of, manner_of, with_description
from memento_skills.app.shelf import Shelf, target_of
from memento_skills.errors import BadInput
from memento_skills.guards import Row
from memento_skills.interfaces import Gate
from memento_skills.masking import find_secrets
from memento_skills.read.router import Router
from memento_skills.records import Chip, Failure, Patch, Pattern, Reach, Reflection, Run, Scope, Verdict, Worth
from memento_skills.reflect.merge import alike, merged, refused, situations_of
from memento_skills.reflect.told import FACTS
from memento_skills.skilldoc import parse
from memento_skills.verify.checks import check_patch
from memento_skills.verify.chips import chips
from memento_skills.verify.conflicts import conflicts
from memento_skills.verify.verdict import evidence_of
from memento_skills.verify.worth import without_each, worth_of
from memento_skills.write import Target, scope_of, write


class Lessons(NamedTuple):
    """Reflections of all patterns, by pattern: learnt before T, and learnt on everything."""

    early: dict[str, Reflection]
    late: dict[str, Reflection]


class Proposal(NamedTuple):
    """A patch with its verdict and the reflection it comes from."""

    patch: Patch
    verdict: Verdict
    reflection: Reflection
    tested: bool = True
    """Learnt before T; else on all logs, so that no later ones are unseen."""


class Draft(NamedTuple):
    """A patch with its evidence, before the gate has judged all of them together."""

    patch: Patch
    evidence: Verdict
    reflection: Reflection
    tested: bool
    """Learnt before T, so that the held-out rows are unseen."""


class Drafted(NamedTuple):
    """What became of the lessons."""

    drafts: list[Draft]
    refused: dict[str, Reflection]
    """By pattern: lessons of which no patch was written, each with its reason."""


class _Lesson(NamedTuple):
    """A lesson with where it goes, before anything is written."""

    reflection: Reflection
    patterns: tuple[Pattern, ...]
    """The one it is filed under first."""
    target: Target
    scope: Scope
    tested: bool
    failing: tuple[Row, ...]

    @property
    def place(self) -> tuple[str, str, Scope]:
        return self.target.ref.library, self.target.ref.path, self.scope


def draft(
    lessons: Lessons, patterns: Sequence[Pattern], held_out: Sequence[Row], table: Sequence[Row],
    shelf: Shelf, headers: Mapping[str, Run], now: float,
) -> Drafted:  # fmt: skip
    """Patches of all lessons with their evidence, and the lessons that give none with the reason.

    Lessons that say the same become one patch; descriptions are made of runs that the test does not look at.
    """
    failing: dict[str, list[Row]] = defaultdict(list)
    for row in table:
        if row.failure is not None:
            failing[row.failure.signature.id].append(row)
    found = _united(list(_lessons(lessons, patterns, failing, table, shelf, headers)))
    logs = logs_of(table, headers, unseen=frozenset(row.lineage for row in held_out))
    together: dict[tuple[str, str, Scope], list[_Lesson]] = defaultdict(list)
    for lesson in found:
        together[lesson.place].append(lesson)
    drafts: list[Draft] = []
    refusals: dict[str, Reflection] = {}
    for lesson in found:
        try:
            _require_new(lesson, drafts)
            patch = _patch(lesson, together[lesson.place], logs)
        except BadInput as error:  # said already, or the skill is too broken to be changed: on record, and shown
            for pattern in lesson.patterns:
                refusals.setdefault(pattern.id, refused(lesson.reflection, pattern.id, str(error)))
            continue
        unseen = held_out if lesson.tested else ()
        verdict = evidence_for(patch, unseen, table, shelf, headers, now)
        drafts.append(Draft(patch, verdict, lesson.reflection, lesson.tested))
    return Drafted(drafts, refusals)


def choose(drafts: Sequence[Draft], gate: Gate) -> list[Proposal]:
    """One proposal a pattern, with its verdict; every tested guard counts in the gate's correction."""
    judged = [said_of(d.patch, v) for d, v in zip(drafts, gate.judge([d.evidence for d in drafts]), strict=True)]
    chosen: dict[str, Proposal] = {}
    for (patch, _, reflection, tested), verdict in zip(drafts, judged, strict=True):
        before = chosen.get(patch.pattern)
        if before is None or (not tested and not _stood(before.verdict)):
            chosen[patch.pattern] = Proposal(patch, verdict, reflection, tested)
        elif not tested and before.verdict.value != "better" and _says_more(patch, before.patch):
            grown = replace(patch, notes=(*patch.notes, _told_of(before.verdict)))
            chosen[patch.pattern] = Proposal(grown, verdict, reflection, tested)
    covered = {p for held in chosen.values() if held.verdict.value != "not_better" for p in held.patch.patterns}
    return [held for pattern, held in chosen.items() if pattern not in covered]


def _stood(verdict: Verdict) -> bool:
    """Whether the later logs speak for a lesson; one that they say nothing of gives way to what all logs teach."""
    counts = verdict.counts
    return verdict.value == "better" or (verdict.value != "not_better" and counts.right > counts.wrong + counts.false)


def _says_more(late: Patch, early: Patch) -> bool:
    """Whether a patch is also about other patterns, or says the same of more situations."""
    if set(late.patterns) - {late.pattern, *early.patterns}:
        return True
    if late.guard is None or early.guard is None or late.guard.expect != early.guard.expect:
        return False
    return {frozenset(s) for s in situations_of(early.guard)} < {frozenset(s) for s in situations_of(late.guard)}


def _told_of(verdict: Verdict) -> str:
    counts = verdict.counts
    return (
        f"in the form that the earlier logs teach it was right {counts.right} times on later ones, and wrong or "
        f"needless {counts.wrong + counts.false} times"
    )


def said_of(patch: Patch, verdict: Verdict) -> Verdict:
    """The verdict with its reason in words that fit a patch which no log can test."""
    if patch.guard is not None or verdict.value != "not_enough_evidence":
        return verdict
    return replace(verdict, reason="the rule has no guard: no log can test it, a person decides on its words")


def finished(proposals: Sequence[Proposal], held_out: Sequence[Row], table: Sequence[Row]) -> list[Proposal]:
    """The proposals with what can be said of them only together: conflicts, and what the set loses without each."""
    notes: dict[str, list[str]] = defaultdict(list)
    for found in conflicts([p.patch for p in proposals], table):
        for one, other in ((found.one, found.other), (found.other, found.one)):
            word = "contradicts" if found.kind == "contradiction" else "goes to the same place as"
            notes[one].append(f"{word} patch {other}: {found.why}")
    guards = {p.patch.id: p.patch.guard for p in proposals if p.patch.guard is not None and p.tested}
    alone = without_each(guards, held_out)
    return [
        Proposal(
            replace(p.patch, notes=(*p.patch.notes, *notes[p.patch.id])),
            replace(p.verdict, without=alone.get(p.patch.id)),
            p.reflection,
            p.tested,
        )
        for p in proposals
    ]


def is_of(row: Row, *patterns: str) -> bool:
    """Whether a row is an episode of one of the patterns."""
    return row.label == "episode" and row.failure is not None and row.failure.signature.id in patterns


def _lessons(
    lessons: Lessons, patterns: Sequence[Pattern], failing: Mapping[str, Sequence[Row]], table: Sequence[Row],
    shelf: Shelf, headers: Mapping[str, Run],
) -> Iterator[_Lesson]:  # fmt: skip
    users, tenants = len({r.user for r in table if r.user}), len({r.tenant for r in table if r.tenant})
    for pattern in patterns:
        rows = failing[pattern.id]
        failures = [row.failure for row in rows if row.failure is not None]
        for reflection, tested in _candidates(lessons, pattern.id):
            # what is known of an error holds for everybody who meets it
            known = reflection.guard is None
            fact = reflection.template in FACTS  # so does a fact about a program, within the tenant that uses it
            scope = Scope() if known else scope_of(pattern, all_users=0 if fact else users, all_tenants=tenants)
            target = target_of(reflection, failures, shelf, _tasks(failures, headers))
            yield _Lesson(reflection, (pattern,), target, scope, tested, tuple(rows))


def _tasks(failures: Iterable[Failure], headers: Mapping[str, Run]) -> list[str]:
    return [headers[f.run].task for f in failures if f.run in headers and headers[f.run].task]


def _candidates(lessons: Lessons, pattern: str) -> Iterable[tuple[Reflection, bool]]:
    early, late = lessons.early.get(pattern), lessons.late.get(pattern)
    learnt = early.guard.id if early is not None and early.guard is not None else ""
    if early is not None and learnt:
        yield early, True
    if late is None or late.refused:
        return
    if late.guard is None and not learnt and "rule" in late.facts:
        yield late, False  # the handbook's: there is nothing to test
    if late.guard is not None and late.guard.id != learnt:
        yield late, False


def _united(found: Sequence[_Lesson]) -> list[_Lesson]:
    """Lessons of one place that say the same as one, tested ones first; what was tested never joins what was not."""
    groups: list[list[_Lesson]] = []
    for lesson in found:
        home = next((g for g in groups if _joins(lesson, g[0])), None)
        if home is None:
            groups.append([lesson])
        else:
            home.append(lesson)
    return sorted((_one(group) for group in groups), key=lambda lesson: not lesson.tested)


def _joins(one: _Lesson, other: _Lesson) -> bool:
    same = one.place == other.place and one.tested == other.tested
    return same and alike(one.reflection, other.reflection)


def _one(group: Sequence[_Lesson]) -> _Lesson:
    ranked = sorted(group, key=lambda lesson: (-lesson.patterns[0].episodes, lesson.patterns[0].id))
    if len(ranked) == 1:
        return ranked[0]
    reflection = merged([lesson.reflection for lesson in ranked], ranked[0].patterns[0].id)
    patterns = tuple(p for lesson in ranked for p in lesson.patterns)
    rows = tuple(row for lesson in ranked for row in lesson.failing)
    return ranked[0]._replace(reflection=reflection, patterns=patterns, failing=rows)


def _require_new(lesson: _Lesson, drafts: Sequence[Draft]) -> None:
    """Raises BadInput where another pattern's patch puts the very same words in the same place."""
    mine = {p.id for p in lesson.patterns}
    for known in drafts:
        patch = known.patch
        same_place = (patch.skill.library, patch.skill.path, patch.scope) == lesson.place
        same_words = known.reflection.facts["rule"] == lesson.reflection.facts["rule"]
        if same_place and same_words and not mine & {patch.pattern, *patch.patterns}:
            raise BadInput(f"the same rule is proposed already with pattern {patch.pattern}", where=patch.id)


def _patch(lesson: _Lesson, together: Sequence[_Lesson], logs: Logs) -> Patch:
    """The patch of a lesson; `together` go to the same new skill and share its description. Raises BadInput."""
    pattern, reflection = lesson.patterns[0], lesson.reflection
    runs = [row.run for one in together for row in one.failing]
    target = with_description(lesson.target, [one.reflection for one in together], runs, logs)
    manner = manner_of(reflection, target, lesson.failing, logs, lesson.patterns, lesson.scope)
    failures = [row.failure for row in lesson.failing if row.failure is not None]
    clients = [f"{f.client} {f.client_version}".strip() for f in failures]
    models = [f.model for f in failures if f.model]
    try:
        patch = write(reflection, pattern, target, manner, scope=lesson.scope, clients=clients, models=models)
    except BadInput:
        if not manner.addition or parse(target.text).unreadable is not None:
            raise
        full = manner._replace(addition="", notes=("the description has no room to name this: only the body does",))
        patch = write(reflection, pattern, target, full, scope=lesson.scope, clients=clients, models=models)
    command = reflection.facts.get("command", "")
    return replace(patch, chips=tuple(_familiar(c, command) for c in chips(patch.before, patch.after)))


def _familiar(chip: Chip, command: str) -> Chip:
    """A script or command that the failing calls ran anyway is named, but it is no new danger."""
    familiar = chip.kind in ("script", "command") and chip.text in (command, *command.split())
    return replace(chip, dangerous=False) if familiar else chip


def evidence_for(
    patch: Patch, unseen: Sequence[Row], table: Sequence[Row], shelf: Shelf, headers: Mapping[str, Run], now: float, *,
    by_person: bool = False,
) -> Verdict:  # fmt: skip
    """One patch over the rows that it may be tested on, with its checks, reach and worth; the gate has yet to judge."""
    folder = Path(patch.skill.path).parent.name
    checks = check_patch(patch, folder=folder, find_secrets=find_secrets, by_person=by_person)
    patterns = (patch.pattern, *patch.patterns)
    reach = reach_of(patch, [r for r in unseen if is_of(r, *patterns)], headers, shelf)
    found = evidence_of(patch, unseen, checks=checks, reach=reach, at=now)
    return replace(found, worth=_worth(patch, found, unseen, table))


def _worth(patch: Patch, verdict: Verdict, held_out: Sequence[Row], table: Sequence[Row]) -> Worth:
    """On later lineages where the guard met anything there, else on what it was learnt from."""
    weight = curate.weight
    counts = verdict.counts
    if counts.caught or counts.false:
        return worth_of(patch, held_out, held_out=True, weight=weight)
    later = {row.lineage for row in held_out}  # none for a lesson that was learnt from all the logs
    return worth_of(patch, [r for r in table if r.lineage not in later], held_out=False, weight=weight)


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
