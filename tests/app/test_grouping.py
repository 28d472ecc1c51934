"""A newer signature leads what was said to where the failures are now; merges and splits by hand are kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from memento_skills import curate, detect
from memento_skills.app import grouping
from memento_skills.app.options import Options
from memento_skills.app.parts import Parts
from memento_skills.detect.regroup import mapping, original, regroup, splittable, standing
from memento_skills.errors import UsageError
from memento_skills.records import (
    Citation,
    Claim,
    Decision,
    Failure,
    Part,
    Patch,
    Reflection,
    Run,
    Signature,
    SkillRef,
    Step,
    Verdict,
)  # fmt: skip
from memento_skills.store.store import Store, open_store

NOON = 1_790_000_000.0
OPTIONS = Options(now=NOON, home="")
PARTS = Parts(OPTIONS)
DENIED = ("cp a.txt /etc/a", "cp: cannot create regular file '/etc/a': Permission denied")
READ_ONLY = ("mkdir /opt/x", "mkdir: cannot create directory '/opt/x': Read-only file system")
NO_FLAG = ("gh pr diff 1 --stat", "unknown flag: --stat")
SILENT = ("./check one", "")


def run(name: str, *calls: tuple[str, str]) -> Run:
    steps: list[Step] = []
    for command, text in calls:
        number = len(steps)
        both: dict[str, Any] = {"tool": "Bash", "call_id": f"{name}-{number}", "at": NOON + number}
        steps.append(
            Step(seq=number, kind="call", actor="agent", args={"command": command}, uid=f"{name}{number}", **both)
        )
        shown = f"Exit code 1\n{text}".rstrip()
        steps.append(
            Step(
                seq=number + 1, kind="result", actor="tool", text=shown, status="error", exit_code=1,
                uid=f"{name}{number + 1}", **both,
            )
        )  # fmt: skip
    return Run(id=name, client="made", reader="made@1", user=name, project="p", steps=tuple(steps))


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(":memory:", clock=lambda: NOON, salt=b"s" * 32) as made:
        yield made


def filled(store: Store, *runs: Run, old: bool = False) -> None:
    with store.write() as tx:
        for one in runs:
            tx.put_run(one)
            found = detect.failures(one)
            tx.replace_failures(one.key, [as_before(f) for f in found] if old else found)
        tx.set_patterns(detect.patterns(store.failures(), store.lineages(), now=NOON))


def as_before(failure: Failure) -> Failure:
    """The failure as the signature of November grouped it: by tool and command."""
    parts = (Part(name="error", text=failure.tool), Part(name="command", text=failure.quote.split(":")[0]))
    return msgspec.structs.replace(failure, signature=Signature(version="template@2026-11", parts=parts))


def answered(store: Store, pattern: str, evidence: str) -> Patch:
    """A patch of the pattern that a person rejected."""
    claim = Claim(text="why", citations=(Citation(run="made:a", step=1, quote="x"),))
    patch = Patch(
        id="patch1", pattern=pattern, reflection="r1", after="# A\n", diff="+# A", rule="Ask first.", writer="made@1",
        skill=SkillRef(name="a", path="a/SKILL.md"),
    )  # fmt: skip
    verdict = Verdict(id="v1", patch=patch.id, value="better", reason="3 right", at=NOON)
    decision = Decision(
        id="d1", patch=patch.id, verdict="v1", action="reject", reason="not_a_skill_problem", curator="Ada", seen="1",
        evidence=evidence, at=NOON,
    )  # fmt: skip
    with store.write() as tx:
        tx.add_reflection(
            Reflection(
                id="r1", pattern=pattern, reflector="made@1", cause="unknown", remedy="skill", wrong_decision=claim
            )
        )
        tx.add_patch(patch)
        tx.add_verdict(verdict)
        tx.add_decision(decision)
    return patch


def queued(store: Store) -> list[str]:
    patches, decisions = curate.followed(store.patches(), store.decisions(), store.moved())
    items = curate.queue(patches, store.verdicts(), store.patterns(), decisions, now=NOON)
    return [item.patch for item in items]


def ids(store: Store) -> set[str]:
    return {failure.signature.id for failure in store.failures()}


def test_a_newer_signature_groups_all_stored_failures_anew(store: Store) -> None:
    filled(store, run("a", DENIED, NO_FLAG), run("b", DENIED), old=True)
    assert grouping.up_to_date(store, OPTIONS, PARTS, lambda *_: None) == 2
    assert {failure.signature.version for failure in store.failures()} == {detect.Template.name}
    assert grouping.up_to_date(store, OPTIONS, PARTS, lambda *_: None) == 0


def test_a_rejection_under_the_old_signature_still_stands_under_the_new_one(store: Store) -> None:
    filled(store, run("a", DENIED), run("b", DENIED), old=True)
    before = store.patterns()[0]
    answered(store, before.id, curate.evidence_hash(before))
    grouping.up_to_date(store, OPTIONS, PARTS, lambda *_: None)
    with store.write() as tx:
        tx.set_patterns(detect.patterns(store.failures(), store.lineages(), now=NOON))
    assert store.moved()[before.id] == store.patterns()[0].id
    assert store.pattern(before.id) == store.patterns()[0]
    assert queued(store) == []


def test_a_rejected_patch_returns_with_new_evidence_after_a_newer_signature(store: Store) -> None:
    filled(store, run("a", DENIED), run("b", DENIED), old=True)
    before = store.patterns()[0]
    answered(store, before.id, curate.evidence_hash(before))
    grouping.up_to_date(store, OPTIONS, PARTS, lambda *_: None)
    filled(store, run("c", DENIED))
    assert queued(store) == ["patch1"]


def test_what_was_decided_is_stored_as_it_was_seen(store: Store) -> None:
    filled(store, run("a", DENIED), run("b", DENIED), old=True)
    patch = answered(store, store.patterns()[0].id, "e")
    grouping.up_to_date(store, OPTIONS, PARTS, lambda *_: None)
    assert store.patches() == [patch]
    assert store.audit_problems() == []


def test_merged_patterns_are_one_now_and_in_later_scans(store: Store) -> None:
    filled(store, run("a", DENIED, NO_FLAG), run("b", NO_FLAG))
    goes, into = (next(f.signature.id for f in store.failures() if word in f.quote) for word in ("denied", "flag"))
    ruling = grouping.merge(store, goes, into, OPTIONS, PARTS, "Ada")
    assert [pattern.id for pattern in store.patterns()] == [into]
    assert store.pattern(goes).id == into
    later = grouping.Groups(store)(detect.failures(run("c", DENIED)))
    assert [(failure.signature.id, original(failure.signature)) for failure in later] == [(into, goes)]
    assert store.audit_entries()[-1].body["ruling"] == ruling.id


def test_a_merge_that_is_taken_back_leaves_no_trace_in_the_grouping(store: Store) -> None:
    filled(store, run("a", DENIED, NO_FLAG))
    before, moved = ids(store), store.moved()
    goes, into = sorted(before)
    ruling = grouping.merge(store, goes, into, OPTIONS, PARTS, "Ada")
    grouping.undo(store, ruling.id[:6], OPTIONS, PARTS, "Ada")
    assert (ids(store), store.moved(), standing(store.rulings())) == (before, moved, ())


def test_a_pattern_is_split_by_a_part_now_and_in_later_scans(store: Store) -> None:
    filled(store, run("a", DENIED), run("b", READ_ONLY))
    (one,) = ids(store)
    assert splittable([f.signature for f in store.failures()]) == {"command": 2, "said": 2}
    grouping.split(store, one, "command", OPTIONS, PARTS, "Ada")
    assert len(ids(store)) == 2
    assert one not in ids(store)
    later = grouping.Groups(store)(detect.failures(run("c", DENIED)))
    assert later[0].signature.id in ids(store)


def test_a_part_that_divides_nothing_is_refused_with_those_that_do(store: Store) -> None:
    filled(store, run("a", DENIED), run("b", READ_ONLY))
    with pytest.raises(UsageError) as refused:
        grouping.split(store, next(iter(ids(store))), "exit", OPTIONS, PARTS, "Ada")
    assert "command (2)" in str(refused.value.hint)


def test_a_ruling_outlives_a_newer_signature(store: Store) -> None:
    filled(store, run("a", DENIED, NO_FLAG), run("b", SILENT), old=True)
    goes, into = (next(f.signature.id for f in store.failures() if word in f.quote) for word in ("denied", "flag"))
    grouping.merge(store, goes, into, OPTIONS, PARTS, "Ada")
    with store.write() as tx:  # the store of the earlier version, as its own program left it
        for one in store.runs():
            old = [as_before(failure) for failure in detect.failures(one)]
            tx.replace_failures(one.key, regroup(old, store.rulings()))
    grouping.up_to_date(store, OPTIONS, PARTS, lambda *_: None)
    known = {failure.quote[:6]: failure.signature for failure in store.failures()}
    assert known["unknow"].id == known["cp: ca"].id
    assert known["unknow"].version == detect.Template.name
    assert original(known["cp: ca"]) != known["cp: ca"].id


def test_the_mapping_goes_where_most_failures_went() -> None:
    found = [f for name in "abc" for f in detect.failures(run(name, DENIED))]
    after = [*found[:2], as_before(found[2])]
    assert mapping([as_before(f) for f in found], after)[as_before(found[0]).signature.id] == found[0].signature.id


HELD = ("aws s3 cp a s3://b", "An error occurred (AccessDenied) when calling PutObject: under legal hold")
USUAL = ("aws s3 cp a s3://b", "An error occurred (AccessDenied) when calling PutObject: not your bucket")


def with_rare(store: Store, others: int = 250) -> str:
    """Many failures of one pattern, and two of one tenant that are about something else. The pattern's id."""
    many = [msgspec.structs.replace(run(f"big{n}", USUAL), tenant=f"big{n % 3}") for n in range(others)]
    few = [msgspec.structs.replace(run(f"small{n}", HELD), tenant="small") for n in range(2)]
    filled(store, *many, *few)
    assert len(ids(store)) == 1
    return next(iter(ids(store)))


def test_a_rare_form_of_one_tenant_becomes_a_pattern_of_its_own(store: Store) -> None:
    pattern = with_rare(store)
    assert grouping.keep_apart(store, OPTIONS, PARTS) == 1
    own = [p for p in store.patterns() if p.id != pattern]
    assert [(p.tenants, p.lineages) for p in own] == [(("small",), 2)]
    assert grouping.keep_apart(store, OPTIONS, PARTS) == 0


def test_a_rare_form_is_not_kept_apart_again_after_a_person_took_it_back(store: Store) -> None:
    pattern = with_rare(store)
    grouping.keep_apart(store, OPTIONS, PARTS)
    grouping.undo(store, store.rulings()[0].id, OPTIONS, PARTS, "Ada")
    assert (grouping.keep_apart(store, OPTIONS, PARTS), ids(store)) == (0, {pattern})


def test_a_form_that_is_not_rare_stays_in_its_pattern(store: Store) -> None:
    pattern = with_rare(store, others=20)
    assert (grouping.keep_apart(store, OPTIONS, PARTS), ids(store)) == (0, {pattern})
