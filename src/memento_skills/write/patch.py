"""One list item added to one SKILL.md (or one new SKILL.md), and where its description failed one sentence there.

Every other byte stays. The text of the rule was made by the reflector from a template and checked plain words; nothing
here reads a log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from memento_skills import skilldoc
from memento_skills.errors import BadInput
from memento_skills.records import Patch, Pattern, Placement, Reflection, Scope, SkillRef, digest
from memento_skills.write.known import said_already
from memento_skills.write.language import language_of
from memento_skills.write.style import heading_for, styled

WRITER = "template@2026-11"


class Target(NamedTuple):
    """Where the rule goes: an existing skill with its text, or a skill to be made (`text` empty)."""

    ref: SkillRef
    text: str
    title: str = ""
    description: str = ""


class Manner(NamedTuple):
    """How the rule goes into the target."""

    rule: str = ""
    """The rule in the skill's own language; "" = as the reflection says it."""
    placement: Placement = Placement()
    addition: str = ""
    """Sentence for the description of an existing skill; "" = it stays."""
    patterns: tuple[str, ...] = ()
    """Further patterns that the rule is about."""
    notes: tuple[str, ...] = ()


AS_IT_IS = Manner()


def write(
    reflection: Reflection,
    pattern: Pattern,
    target: Target,
    manner: Manner = AS_IT_IS,
    *,
    scope: Scope,
    clients: Sequence[str],
    models: Sequence[str],
) -> Patch:
    """The patch of a reflection that is not refused.

    Raises BadInput where the skill cannot be amended safely, or says the rule already.
    """
    if reflection.refused or "rule" not in reflection.facts:
        raise BadInput("a refused reflection has no patch", where=reflection.id, hint=reflection.refused)
    rule, after = _with_rule(target, manner.rule or reflection.facts["rule"], manner.addition)
    path = target.ref.path
    claims = (reflection.wrong_decision, reflection.missing_information, reflection.failed_assumption)
    return Patch(
        id=digest("patch", reflection.id, target.ref.library, path, target.text, after, scope),
        kind="amend" if target.text else "create",
        pattern=pattern.id,
        patterns=tuple(sorted(set(manner.patterns) - {pattern.id})),
        placement=manner.placement,
        notes=manner.notes,
        reflection=reflection.id,
        skill=target.ref,
        before=target.text,
        after=after,
        diff=skilldoc.diff(target.text, after, path),
        rule=rule,
        rationale=tuple(c for c in claims if c is not None),
        guard=reflection.guard,
        scope=scope,
        writer=WRITER,
        clients=tuple(sorted(set(clients))),
        models=tuple(sorted(set(models))),
    )


def _with_rule(target: Target, rule: str, addition: str = "") -> tuple[str, str]:
    """The rule in the manner of the skill, and the skill's text with it."""
    if not target.text:
        return rule, skilldoc.create(target.ref.name, target.description, target.title, [rule])
    document = skilldoc.parse(target.text)
    said = said_already(document, rule)
    if said is not None:
        raise BadInput(f"the skill says this already in line {said.line}", where=target.ref.path)
    rule = styled(document, rule)
    after = skilldoc.amend(document, rule, heading=heading_for(document, language_of(target.text)))
    return rule, skilldoc.describe(skilldoc.parse(after), addition) if addition else after


def rebased(patch: Patch, target: Target) -> Patch:
    """The same rule against the skill as it is now; a new id, so that it is verified and approved again."""
    rule, after = _with_rule(target, patch.rule, added_description(patch))
    return _replaced(patch, target.ref, target.text, after, rule, patch.writer)


def added_description(patch: Patch) -> str:
    """The sentence that a patch adds to the description of an existing skill, "" where it adds none."""
    if not patch.before or not skilldoc.extended(patch.before, patch.after):
        return ""
    old, new = skilldoc.parse(patch.before).description, skilldoc.parse(patch.after).description
    return " ".join(new.split())[len(" ".join(old.split())) :].lstrip(" .")


def write_edited(patch: Patch, after: str, curator: str) -> Patch:
    """A curator's own text of the amended skill: a patch of its own, authorship keeps generator and person."""
    if not after.strip() or after == patch.before:
        raise BadInput("the edited skill is empty or unchanged", where=patch.skill.path, hint="nothing was stored")
    added = skilldoc.inserted(patch.before, after)
    rule = "\n".join(added).strip() if added is not None and patch.before else patch.rule
    return _replaced(patch, patch.skill, patch.before, after, rule, f"{patch.writer} + {curator}")


def _replaced(patch: Patch, ref: SkillRef, before: str, after: str, rule: str, writer: str) -> Patch:
    from msgspec.structs import replace

    return replace(
        patch,
        id=digest("patch", patch.reflection, ref.library, ref.path, before, after, patch.scope, writer),
        kind="amend" if before else "create",
        skill=ref,
        before=before,
        after=after,
        diff=skilldoc.diff(before, after, ref.path),
        rule=rule,
        writer=writer,
        chips=(),
    )


def scope_of(pattern: Pattern, *, all_users: int, all_tenants: int) -> Scope:
    """For whom: a pattern seen for one tenant (or user) alone while there are others is scoped to them."""
    if len(pattern.tenants) == 1 and all_tenants > 1:
        return Scope(level="tenant", name=pattern.tenants[0])
    if len(pattern.users) == 1 and all_users > 1:
        return Scope(level="user", name=pattern.users[0])
    return Scope()


def skill_name(topic: str) -> str:
    """A valid skill name from a template's topic."""
    return skilldoc.slug(topic)
