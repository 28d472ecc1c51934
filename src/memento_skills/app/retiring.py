"""Rules of ours that stand in skills: those that no longer earn their place, and room for new ones.

Both end in proposals to take a rule out, which a person decides like any other; nothing is ever taken out silently.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from memento_skills import curate
from memento_skills.app.drafting import Proposal
from memento_skills.app.hook import FIRES
from memento_skills.app.shelf import Shelf
from memento_skills.errors import BadInput
from memento_skills.guards import Row
from memento_skills.masking import find_secrets
from memento_skills.records import Counts, Patch, Promotion, Reflection, Verdict, digest
from memento_skills.store.store import Store
from memento_skills.verify.checks import check_patch
from memento_skills.verify.earned import Earned, earned, no_longer
from memento_skills.verify.worth import worth_of
from memento_skills.write import Target, retired
from memento_skills.write.budget import budget, cheapest, over, size_of


class Standing(NamedTuple):
    """A rule that we wrote and that was promoted and not taken back since."""

    promotion: Promotion
    patch: Patch
    reflection: Reflection
    events: Mapping[str, int]
    """What the hook did for it: advised, stopped, overridden."""


def standing(store: Store) -> list[Standing]:
    """Every rule of ours that stands in a base skill, as the ledger knows it, oldest first."""
    undone = {r.promotion for r in store.rollbacks()}
    patches = {p.id: p for p in store.patches()}
    reflections = {r.id: r for r in store.reflections()}
    alive = [p for p in store.promotions() if p.id not in undone and p.patch in patches]
    gone = {patches[p.patch].retires for p in alive}
    events = events_of(Path(store.path).resolve().parent / FIRES)
    found = []
    for promotion in alive:
        patch = patches[promotion.patch]
        if patch.kind in ("amend", "create") and patch.id not in gone and patch.scope.level == "base":
            reflection = reflections.get(patch.reflection)
            if reflection is not None:
                found.append(Standing(promotion, patch, reflection, events.get(patch.id, {})))
    return found


def events_of(file: Path) -> dict[str, Counter[str]]:
    """The hook's events by patch; lines that are none of its are passed over."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return {}
    for line in lines:
        try:
            entry = msgspec.json.decode(line, type=_Event)
        except msgspec.DecodeError:  # half a line that a kill left: the rest still counts
            continue
        found[entry.patch][entry.event] += 1
    return dict(found)


class _Event(msgspec.Struct, frozen=True):
    patch: str
    event: str


def retirements(rules: Sequence[Standing], table: Sequence[Row], shelf: Shelf, now: float) -> list[Proposal]:
    """Proposals to take out the rules that no longer earn their place, each with its reason."""
    found: list[Proposal] = []
    for rule in rules:
        if rule.patch.guard is None:
            continue
        since = earned(rule.patch.guard, table, rule.promotion.at, rule.events)
        why = no_longer(since)
        proposal = _taken_out(rule, shelf, why, now, since) if why else None
        if proposal is not None:
            found.append(proposal)
    return found


def with_room(
    proposals: Sequence[Proposal], rules: Sequence[Standing], table: Sequence[Row], shelf: Shelf, now: float
) -> list[Proposal]:
    """The proposals; where one exceeds its skill's budget, it says so, and the cheapest rule of ours is proposed to go.

    Of the rules that stand and the new one, the one worth least for each line loses its place.
    """
    going = {p.patch.retires for p in proposals if p.patch.kind == "retire"}
    here: list[Proposal] = []
    out: dict[str, Proposal] = {}
    for proposal in proposals:
        mine = [r for r in rules if r.patch.skill.path == proposal.patch.skill.path and r.patch.id not in going]
        full = _full(proposal.patch, mine)
        if not full:
            here.append(proposal)
            continue
        worth = {r.patch.id: worth_of(r.patch, table, held_out=True, weight=curate.weight).per_line for r in mine}
        least = cheapest(worth, worth)
        if not least or worth[least] >= proposal.verdict.worth.per_line:
            here.append(
                _noted(proposal, f"no room: {full}; no rule of ours that stands there is worth less than this one")
            )
            continue
        rule = next(r for r in mine if r.patch.id == least)
        why = f"{full}, and of the rules that stand it is worth least for each line"
        gone = _taken_out(rule, shelf, why, now, Earned())
        if gone is not None:
            out.setdefault(least, gone)
        here.append(_noted(proposal, f"needs room: {full}; the rule of patch {least} is proposed to go"))
    return [*here, *out.values()]


def _full(patch: Patch, mine: Sequence[Standing]) -> str:
    if patch.kind not in ("amend", "create") or patch.scope.level != "base":
        return ""
    limits = budget()
    ours = [r.patch.rule for r in mine]
    return over(size_of(patch.before, ours, limits), size_of(patch.after, [*ours, patch.rule], limits), limits)


def _noted(proposal: Proposal, note: str) -> Proposal:
    return proposal._replace(patch=replace(proposal.patch, notes=(*proposal.patch.notes, note)))


def _taken_out(rule: Standing, shelf: Shelf, why: str, now: float, since: Earned) -> Proposal | None:
    """The proposal to take a rule out; None where it no longer stands as we wrote it: it is a person's now."""
    skill = next((s for s in shelf.skills if s[0].path == rule.patch.skill.path), None)
    if skill is None:
        return None
    try:
        patch = retired(rule.promotion, rule.patch, Target(*skill), why)
    except BadInput:  # a person reworded it, or took it out
        return None
    checks = check_patch(patch, folder=Path(patch.skill.path).parent.name, find_secrets=find_secrets)
    failed = next((c for c in checks if not c.passed), None)
    counts = Counts(right=since.right, wrong=since.wrong, false=since.false, caught=since.right + since.wrong)
    verdict = Verdict(
        id=digest("verdict", patch.id, counts, now),
        patch=patch.id,
        value="better" if failed is None else "not_better",
        reason=why if failed is None else f"a check failed: {failed.name}: {failed.detail}",
        counts=counts,
        held_out_lineages=since.lineages,
        checks=checks,
        at=now,
    )
    return Proposal(patch, verdict, rule.reflection)
