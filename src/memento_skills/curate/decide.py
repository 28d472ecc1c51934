"""A person's answer -> decision, bound to the hash of exactly what that person saw; and the curator's own edit."""

from __future__ import annotations

from typing import get_args

import msgspec

from memento_skills.curate.rules import rules
from memento_skills.errors import BadInput, CheckFailed, StaleBase, UsageError
from memento_skills.masking import find_secrets, hidden_characters, visible
from memento_skills.records import Action, Decision, Patch, Record, RejectReason, Verdict, digest
from memento_skills.skilldoc import allowed_tools, diff, inserted, new_problems, parse, widened

DAY = 86_400.0


class Answer(Record, frozen=True, kw_only=True):
    """What the curator said."""

    action: Action
    curator: str
    reason: RejectReason | None = None
    """reject: the code."""
    note: str = ""
    until: float | None = None
    """snooze: wake time, seconds since the epoch."""
    accept_risk: bool = False
    """Approve although a chip of the patch is dangerous."""


def seen_hash(patch: Patch, verdict: Verdict, head: str) -> str:
    """Hash of all that a decision is about: the patch, its verdict, and the library's revision of the skill.

    `head` is the revision of SKILL.md now ("" = there is none). A change of any byte gives another hash.
    """
    return digest("seen", patch, verdict, head, size=64)


def decide(
    patch: Patch, verdict: Verdict, answer: Answer, *, seen: str, head: str, evidence: str, at: float
) -> Decision:
    """The decision, if the answer can stand. For `edit`, `patch` and `verdict` are those of the edited patch.

    `seen` is the hash that was shown with what the curator looked at, `evidence` is `evidence_hash` of the pattern.
    Raises StaleBase where anything changed since it was shown, UsageError where something is missing from the answer,
    CheckFailed where this verdict or patch may not be approved.
    """
    if not answer.curator.strip():
        raise UsageError("nobody signs this decision", hint="name the curator with --curator")
    if verdict.patch != patch.id:
        raise BadInput("the verdict is about another patch", where=f"{verdict.patch}, not {patch.id}")
    if seen != seen_hash(patch, verdict, head):
        raise StaleBase("the proposal changed since it was shown", where=f"patch {patch.id}", hint="look at it again")
    if answer.action in {"approve", "edit"}:
        _check_approval(patch, verdict, answer)
        if patch.skill.revision != head:
            raise StaleBase("the skill moved on", where=patch.skill.path, hint="verify the patch again, then approve")
    elif answer.action == "reject":
        _check_rejection(answer)
    else:
        _check_snooze(answer, at)
    return Decision(
        id=digest("decision", patch.id, verdict.id, answer, seen, at),
        patch=patch.id,
        verdict=verdict.id,
        action=answer.action,
        curator=visible(answer.curator.strip())[:200],
        seen=seen,
        reason=answer.reason if answer.action == "reject" else None,
        note=answer.note,
        until=answer.until if answer.action == "snooze" else None,
        evidence=evidence,
        at=at,
    )


def edited(patch: Patch, text: str, curator: str) -> Patch:
    """A new patch with the curator's text in place of the writer's; its authorship names both.

    It keeps guard, scope and base. Chips and verdict are about the old text: both are to be made again before a
    decision. Raises UsageError for a text without a change, BadInput where it breaks the specification, CheckFailed
    where it hides characters, brings a secret, or widens the tools.
    """
    if text in {patch.after, patch.before}:
        raise UsageError("the edit changes nothing", hint="approve it as it is, or reject it")
    before, after = parse(patch.before), parse(text)
    folder = patch.skill.path.split("/")[-2] if "/" in patch.skill.path else patch.skill.name
    broken = [p for p in new_problems(before if patch.before else None, after, folder=folder, mode="lenient")
              if p.severity == "error"]  # fmt: skip
    if broken:
        raise BadInput(f"the edit breaks the skill: {broken[0].message}", where=f"line {broken[0].line}")
    if len(hidden_characters(text)) > len(hidden_characters(patch.before)):
        raise CheckFailed("the edit brings hidden characters", where=f"patch {patch.id}", hint="type them visibly")
    if len(find_secrets(text)) > len(find_secrets(patch.before)):
        raise CheckFailed("the edit brings a secret", where=f"patch {patch.id}", hint="take it out")
    wider = widened(allowed_tools(before), allowed_tools(after))
    if wider and patch.kind != "permission":
        raise CheckFailed(f"the edit widens allowed-tools by {', '.join(sorted(wider))}", where=f"patch {patch.id}")
    return msgspec.structs.replace(
        patch,
        id=digest("edited", patch.id, text, curator),
        after=text,
        diff=diff(patch.before, text, patch.skill.path),
        rule=_rule(patch, text),
        writer=f"{patch.writer} + {visible(curator.strip())[:200]}",
    )


def _rule(patch: Patch, text: str) -> str:
    """The words that the edit adds, as one paragraph; the old rule where the edit is no plain insertion."""
    lines = inserted(patch.before, text)
    words = " ".join(word for line in lines or () if not line.startswith("#") for word in line.split())
    return words.lstrip("-*+ ").strip() or patch.rule


def _check_approval(patch: Patch, verdict: Verdict, answer: Answer) -> None:
    where = f"patch {patch.id}"
    if verdict.value == "not_better":
        raise CheckFailed("the verdict is not_better: it cannot be approved", where=where, hint="reject or edit it")
    failed = [check.name for check in verdict.checks if not check.passed]
    if failed:
        raise CheckFailed(f"a check failed: {', '.join(failed)}", where=where, hint="edit the patch")
    dangerous = [f"{chip.kind} {visible(chip.text)[:60]}" for chip in patch.chips if chip.dangerous]
    if dangerous and not answer.accept_risk:
        raise CheckFailed(
            f"the patch brings {', '.join(dangerous)}", where=where, hint="--accept-risk, if you want that"
        )


def _check_rejection(answer: Answer) -> None:
    if answer.reason is None:
        codes = ", ".join(get_args(RejectReason))
        raise UsageError("a rejection needs a reason", hint=f"--reason with one of {codes}")
    if answer.reason == "other" and not answer.note.strip():
        raise UsageError("the reason 'other' needs words", hint="add --note")


def _check_snooze(answer: Answer, at: float) -> None:
    days = rules().snooze.days_at_most
    if answer.until is None or not at < answer.until <= at + days * DAY:
        raise UsageError("a snooze needs a day to wake up", hint=f"--until, within {days} days")
