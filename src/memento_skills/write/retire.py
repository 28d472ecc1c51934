"""Taking a rule out again: a patch of deletion, as small and as reversible as the one that wrote it."""

from __future__ import annotations

from memento_skills import skilldoc
from memento_skills.errors import BadInput
from memento_skills.records import Patch, Promotion, digest
from memento_skills.write.language import language_of
from memento_skills.write.patch import WRITER, Target
from memento_skills.write.style import heading_for


def retired(promotion: Promotion, written: Patch, target: Target, why: str) -> Patch:
    """The patch that takes the rule of a promoted patch out of the skill as it is now; every other byte stays.

    It needs the promotion's record: only rules that we wrote are ever proposed for deletion. Raises BadInput where
    the rule no longer stands in the skill as one list item (a person changed it: it is theirs now).
    """
    if promotion.patch != written.id:
        raise BadInput("the promotion is of another patch", where=promotion.id)
    after = _without(written, target.text)
    return Patch(
        id=digest("retire", written.id, promotion.id, target.ref.library, target.ref.path, target.text, after),
        kind="retire",
        retires=written.id,
        pattern=written.pattern,
        patterns=written.patterns,
        reflection=written.reflection,
        skill=target.ref,
        before=target.text,
        after=after,
        diff=skilldoc.diff(target.text, after, target.ref.path),
        rule=written.rule,
        rationale=written.rationale,
        guard=written.guard,
        scope=written.scope,
        writer=WRITER,
        notes=(f"takes out the rule of patch {written.id}: {why}",),
        clients=written.clients,
        models=written.models,
    )


def _without(written: Patch, text: str) -> str:
    """The text of before where the skill still is as we left it; else the text with our lines alone taken out. Words
    that the patch added to the description stay: what routes a skill is changed by a person."""
    if text == written.after and skilldoc.inserted(written.before, text) is not None and written.before:
        return written.before
    heading = heading_for(skilldoc.parse(text), language_of(text))
    return skilldoc.remove_rule(text, written.rule, heading=heading)
