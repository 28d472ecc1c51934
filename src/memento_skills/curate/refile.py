"""What was rejected stays rejected until its evidence changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from memento_skills.records import Decision, Patch, Pattern, digest

WHOLE_PATTERN = frozenset({"not_a_skill_problem", "duplicate"})
"""Reasons that speak about the pattern: no other wording or guard can mend them."""


def evidence_hash(pattern: Pattern) -> str:
    """Hash of what carries a pattern. A new lineage, user, tenant or project changes it, a repeat in a run does not."""
    return digest(
        pattern.id, pattern.lineages, sorted(pattern.users), sorted(pattern.tenants), sorted(pattern.projects)
    )


def followed(
    patches: Iterable[Patch], decisions: Iterable[Decision], moved: Mapping[str, str]
) -> tuple[list[Patch], list[Decision]]:
    """Patches and decisions under the ids that their patterns, and the evidence seen, have after a newer grouping.

    For looking up only: what a decision is bound to is the patch as it was seen.
    """
    if not moved:
        return list(patches), list(decisions)
    return (
        [replace(patch, pattern=moved.get(patch.pattern, patch.pattern)) for patch in patches],
        [replace(decision, evidence=moved.get(decision.evidence, decision.evidence)) for decision in decisions],
    )


def alike(one: Patch, other: Patch) -> bool:
    """The same proposal in another dress: same guard, or the same rule for the same skill and scope."""
    if one.guard and other.guard and one.guard.id == other.guard.id and one.kind == other.kind:
        return True
    places = [(p.kind, p.skill.path, p.scope, " ".join(p.rule.split()).casefold()) for p in (one, other)]
    return places[0] == places[1]


def refile_allowed(patch: Patch, evidence: str, patches: Mapping[str, Patch], decisions: Iterable[Decision]) -> bool:
    """Whether a patch may come to the queue, given what was rejected before.

    `evidence` is `evidence_hash` of its pattern now; `patches` holds the patches that `decisions` are about, by id.
    A rejection stands as long as the evidence is what the curator saw; the reason says whether it is about this
    proposal or about the pattern.
    """
    for decision in decisions:
        before = patches.get(decision.patch)
        if decision.action != "reject" or before is None or decision.evidence != evidence:
            continue
        if before.id == patch.id or alike(before, patch):
            return False
        if before.pattern == patch.pattern and decision.reason in WHOLE_PATTERN:
            return False
    return True
