"""Lessons that say the same become one lesson with several situations.

The merge depends on what is merged, not on the order, and merging again with what is in it changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from memento_skills.errors import BadInput
from memento_skills.records import Citation, Claim, Condition, Guard, Reflection, digest
from memento_skills.reflect.say import OWN, claims, extras, phrased, phrases, template

MAX_CITATIONS = 4
MAX_SITUATIONS = 8
"""A rule for more situations than this is a topic, not a rule."""
_JOINED = ("command", "programs")


def alike(one: Reflection, other: Reflection) -> bool:
    """Whether two lessons may become one: the same template and alternative, and facts that differ in nothing but
    the commands and the places they are about."""
    if one.refused or other.refused or one.template != other.template or not one.template:
        return False
    if one.guard is None or other.guard is None:
        return one.guard is other.guard and one.facts == other.facts and one.reflector == other.reflector
    same = one.guard.expect == other.guard.expect
    same = same and one.reflector == other.reflector
    return same and _rest(one) == _rest(other)


def merged(lessons: Sequence[Reflection], main: str) -> Reflection:
    """The one lesson for all of `lessons`, which are `alike`; it is filed under the pattern `main`.

    Raises BadInput for lessons that are not alike.
    """
    ordered = sorted({r.id: r for r in lessons}.values(), key=lambda r: r.id)
    if len(ordered) == 1:
        return ordered[0]
    if not all(alike(ordered[0], r) for r in ordered[1:]):
        raise BadInput("lessons that do not say the same cannot become one", where=ordered[0].id)
    if ordered[0].guard is None:
        return _cited_together(ordered, main)
    guard = _guard(ordered)
    found = template(ordered[0].template)
    if found is None:
        raise BadInput("no template of that name", where=ordered[0].template)
    facts = _facts(ordered, guard)
    said = claims(found, facts)
    said["rule"] += extras(found, situations_of(guard))
    facts["rule"] = said["rule"]
    filed = next((r for r in ordered if r.pattern == main), ordered[0])
    missing = [r.missing_information for r in ordered if r.missing_information is not None]
    assumed = [r.failed_assumption for r in ordered if r.failed_assumption is not None]
    made = Reflection(
        id="",
        pattern=main,
        reflector=ordered[0].reflector,
        template=ordered[0].template,
        cause=filed.cause,
        remedy="skill",
        wrong_decision=_claim(said["wrong"], [r.wrong_decision for r in ordered]),
        missing_information=_claim(said["missing"], missing),
        failed_assumption=_claim(said["assumed"], assumed),
        guard=msgspec.structs.replace(guard, advice=re.sub(r"\*\*", "", said["rule"])),
        facts=facts,
    )
    return msgspec.structs.replace(made, id=digest("reflection", made))


def _cited_together(ordered: Sequence[Reflection], main: str) -> Reflection:
    """Advice of the handbook for several patterns: its own words, with the quotes of all."""
    first = next((r for r in ordered if r.pattern == main), ordered[0])
    claims_of = [[getattr(r, name) for r in ordered] for name in _CLAIMS]
    cited = {
        name: _claim(found[0].text, [c for c in found if c is not None])
        for name, found in zip(_CLAIMS, claims_of, strict=True)
        if found[0] is not None
    }
    made = msgspec.structs.replace(first, id="", pattern=main, **cited)
    return msgspec.structs.replace(made, id=digest("reflection", made))


_CLAIMS = ("wrong_decision", "missing_information", "failed_assumption")


def refused(lesson: Reflection, pattern: str, why: str) -> Reflection:
    """The same lesson of which no patch is written for that pattern, with the reason on record."""
    made = msgspec.structs.replace(lesson, id="", pattern=pattern, refused=why)
    return msgspec.structs.replace(made, id=digest("reflection", made))


def situations_of(guard: Guard) -> tuple[tuple[Condition, ...], ...]:
    """All situations of a guard, the first one first."""
    return (guard.conditions, *guard.also)


def _guard(lessons: Sequence[Reflection]) -> Guard:
    guards = [r.guard for r in lessons if r.guard is not None]
    situations = _general(s for g in guards for s in situations_of(g))
    return Guard(
        conditions=situations[0],
        also=situations[1:],
        expect=guards[0].expect,
        advice="",
        origin=guards[0].origin,
        learned_from=tuple(sorted({run for g in guards for run in g.learned_from})),
        confidence=min(g.confidence for g in guards),
    )


def _general(situations: Iterable[tuple[Condition, ...]]) -> tuple[tuple[Condition, ...], ...]:
    """Each situation once, without those that a more general one covers."""
    unique = {frozenset(s): s for s in sorted(situations, key=str)}
    kept = [s for key, s in unique.items() if not any(other < key for other in unique)]
    return tuple(sorted(kept, key=str))


def _facts(lessons: Sequence[Reflection], guard: Guard) -> dict[str, str]:
    facts = dict(lessons[0].facts)
    between = phrases(OWN)["or"]
    for name in _JOINED:
        parts = {part for r in lessons for part in r.facts.get(name, "").split(between)} - {""}
        if parts:
            facts[name] = between.join(sorted(parts))
    return facts | phrased(situations_of(guard), guard.expect, OWN)


def _rest(reflection: Reflection) -> dict[str, str]:
    """Facts that must agree."""
    loose = {*_JOINED, "rule", "situation", "changer"}
    return {k: v for k, v in reflection.facts.items() if k not in loose}


def _claim(text: str, found: Sequence[Claim]) -> Claim:
    every = {(c.run, c.step, c.quote): c for claim in found for c in claim.citations}
    return Claim(text=text, citations=tuple(_spread([every[key] for key in sorted(every)])))


def _spread(citations: Sequence[Citation]) -> list[Citation]:
    """At most `MAX_CITATIONS`, in order."""
    return list(citations[:MAX_CITATIONS])
