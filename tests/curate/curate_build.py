"""Patterns, patches and verdicts for the tests of the queue."""

from __future__ import annotations

from memento_skills.records import (
    Action,
    Condition,
    Decision,
    Expect,
    Guard,
    Lane,
    Part,
    Patch,
    Pattern,
    RejectReason,
    Signature,
    SkillRef,
    Verdict,
    VerdictValue,
)
from memento_skills.skilldoc import amend, parse, revision

NOW = 1_700_000_000.0
SKILL = "---\nname: table-tool\ndescription: Reads tables. Use for CSV.\n---\n\n# Table tool\n"


def pattern(
    key: str,
    lane: Lane = "broad",
    *,
    severity: int = 3,
    users: tuple[str, ...] = ("ann",),
    tenants: tuple[str, ...] = (),
    lineages: int = 3,
    first_seen: float = 0.0,
) -> Pattern:
    return Pattern(
        id=key,
        signature=Signature(version="v1", parts=(Part(name="tool", text=key),)),
        title=f"pattern {key}",
        cause="wrong_command",
        remedy="skill",
        fault="agent",
        severity=severity,
        lane=lane,
        failures=lineages,
        episodes=lineages,
        runs=lineages,
        lineages=lineages,
        users=users,
        tenants=tenants,
        first_seen=first_seen,
    )


def guard(word: str) -> Guard:
    return Guard(
        conditions=(Condition(feature="tool", value=word),),
        expect=Expect(form="with", flag="-x"),
        advice="Use -x.",
    )


def patch(key: str, of: str, rule: str = "", guard_word: str = "") -> Patch:
    rule = rule or f"When {key} happens, use the other command."
    return Patch(
        id=key,
        pattern=of,
        reflection="r",
        skill=SkillRef(name="table-tool", path="table-tool/SKILL.md", revision=revision(SKILL)),
        before=SKILL,
        after=amend(parse(SKILL), rule),
        diff="",
        rule=rule,
        guard=guard(guard_word or key),
        writer="template@2026-11",
    )


def verdict(of: str, value: VerdictValue = "better", at: float = NOW - 1000) -> Verdict:
    return Verdict(id=f"v-{of}-{at:.0f}", patch=of, value=value, reason="9 right, 0 wrong", at=at)


def decision(
    of: str,
    action: Action,
    at: float = NOW - 10,
    *,
    evidence: str = "",
    reason: RejectReason | None = None,
    until: float | None = None,
) -> Decision:
    return Decision(
        id=f"d-{of}-{at:.0f}",
        patch=of,
        verdict=f"v-{of}",
        action=action,
        curator="curator",
        seen="s",
        reason=reason,
        until=until,
        evidence=evidence,
        at=at,
    )
