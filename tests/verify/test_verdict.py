"""Three values, lost cases first, corrected for all patches tried."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.guards import Row, rows
from memento_skills.records import (
    Check,
    Condition,
    Expect,
    Failure,
    Guard,
    Part,
    Patch,
    Reach,
    Run,
    Signature,
    SkillRef,
    Step,
    Verdict,
)
from memento_skills.verify.backtest import adviser, count, rates, repeated_signatures, shuffled, split
from memento_skills.verify.verdict import evidence_of, judge_all

GUARD = Guard(
    conditions=(Condition(feature="command", op="has", value="load"),),
    expect=Expect(form="with", flag="--sep"),
    advice="",
)
SIGNATURE = Signature(version="t", parts=(Part(name="error", text="x"),))


def run(number: int, kind: str, user: str = "u", tenant: str = "") -> tuple[Run, dict[str, Failure]]:
    """One lineage: `right` recovers with the flag, `wrong` without, `undecidable` never, `false` did not fail."""
    after = {"right": "load data --sep x", "wrong": "load data y"}.get(kind)
    lines = [("load data x", kind == "false"), *([(after, True)] if after else [])]
    steps: list[Step] = []
    failures = {}
    for i, (line, worked) in enumerate(lines):
        call = f"c{number}.{i}"
        steps.append(Step(seq=2 * i, kind="call", actor="agent", tool="Bash", args={"command": line}, call_id=call,
                          at=float(number)))  # fmt: skip
        status = "ok" if worked else "error"
        steps.append(Step(seq=2 * i + 1, kind="result", actor="tool", text="boom", call_id=call, status=status))  # type: ignore[arg-type]
        if not worked:
            failures[f"t:r{number}\0{call}"] = Failure(
                id=call, run=f"t:r{number}", step=2 * i + 1, call_id=call, kind="exit_code", fault="agent",
                detector="t", signature=SIGNATURE, quote="boom", severity=3,
            )  # fmt: skip
    made = Run(id=f"r{number}", client="t", reader="t", user=user, tenant=tenant, project="p", started_at=float(number),
               steps=tuple(steps))  # fmt: skip
    return made, failures


def table(*kinds: str, users: str = "") -> list[Row]:
    made = [run(i, kind, users[i] if users else "u") for i, kind in enumerate(kinds)]
    return rows([r for r, _ in made], {k: f for _, fs in made for k, f in fs.items()}, {})


def patch(name: str = "p") -> Patch:
    return Patch(id=name, pattern=SIGNATURE.id, reflection="r", skill=SkillRef(name="s", path="s/SKILL.md"), after="x",
                 diff="", rule="", guard=GUARD, writer="t")  # fmt: skip


def verdict(*kinds: str, users: str = "", checks: tuple[Check, ...] = ()) -> Verdict:
    found = evidence_of(patch(), table(*kinds, users=users), checks=checks, reach=Reach(), at=0.0)
    return judge_all([found])[0]


def test_five_right_and_none_lost_is_better() -> None:
    found = verdict(*["right"] * 5)
    assert (found.value, found.p_value) == ("better", 1 / 32)


def test_four_right_are_not_enough_evidence() -> None:
    assert verdict(*["right"] * 4).value == "not_enough_evidence"


def test_more_lost_than_right_is_not_better_and_the_lost_cases_are_named() -> None:
    found = verdict("right", "false", "false", "wrong")
    assert found.value == "not_better"
    assert [c.run for c in found.lost_cases] == ["t:r1", "t:r2", "t:r3"]  # the last: a good call without the flag


def test_what_never_recovers_counts_neither_way() -> None:
    found = verdict(*["right"] * 5, *["undecidable"] * 4)
    assert (found.value, found.counts.undecidable) == ("better", 4)


def test_a_user_who_is_worse_off_stops_a_patch_that_helps_everyone_else() -> None:
    found = verdict(*["right"] * 20, "false", "false", users="a" * 20 + "bb")
    assert found.value == "not_better"
    assert "user b" in found.reason
    assert [s.name for s in found.slices if s.judgement == "worse"] == ["b"]


def test_one_failed_check_is_enough() -> None:
    assert verdict(*["right"] * 9, checks=(Check(name="secrets", passed=False),)).value == "not_better"


def test_the_more_patches_are_tried_the_more_evidence_each_needs() -> None:
    good = evidence_of(patch("a"), table(*["right"] * 5), checks=(), reach=Reach(), at=0.0)
    idle = [evidence_of(patch(f"x{i}"), table("right", "false"), checks=(), reach=Reach(), at=0.0) for i in range(3)]
    assert judge_all([good])[0].value == "better"
    assert judge_all([good, *idle])[0].value == "not_enough_evidence"


def test_without_a_fire_there_is_no_evidence() -> None:
    assert verdict().value == "not_enough_evidence"


@given(st.lists(st.sampled_from(["right", "wrong", "false", "undecidable"]), max_size=25))
def test_counts_are_conserved_and_better_needs_a_majority(kinds: list[str]) -> None:
    found = verdict(*kinds)
    counts = found.counts
    assert [counts.right, counts.wrong, counts.undecidable] == [
        kinds.count("right"), kinds.count("wrong"), kinds.count("undecidable"),
    ]  # fmt: skip
    assert counts.false == kinds.count("false") + kinds.count("wrong")  # the recovery without the flag is a good call
    if found.value == "better":
        assert counts.right > counts.wrong + counts.false


def test_null_guards_pass_in_at_most_five_percent_of_scans() -> None:
    rng = random.Random(7)
    passed = 0
    for _ in range(400):
        n = rng.randint(4, 14)
        kinds = [rng.choice(["right", "false"]) for _ in range(n)]
        passed += verdict(*kinds).value == "better"
    # exact level is below 5 %; three standard errors of 400 draws above it
    assert passed / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_a_split_learns_from_nothing_after_t_and_tests_no_lineage_from_before() -> None:
    part = split(table(*["right"] * 10), 0.6)
    assert max(r.at for r in part.before) < part.at <= min(r.at for r in part.after)
    assert not {r.lineage for r in part.before} & {r.lineage for r in part.after}


def test_each_call_is_judged_once_by_the_most_confident_guard() -> None:
    from msgspec.structs import replace

    better = replace(GUARD, confidence=0.9)
    worse = replace(GUARD, confidence=0.1, expect=Expect(form="with", flag="--other"))
    assert count(table("right"), adviser([worse, better])).right == 1
    assert count(table("right"), adviser([worse])).wrong == 1


def test_rates_leave_the_undecidable_out_and_bound_them_both_ways() -> None:
    found = rates(count(table("right", "right", "undecidable"), adviser([GUARD])))
    assert (found["precision"], found["precision_low"], found["precision_high"]) == (1.0, 0.6667, 1.0)
    assert found["recall"] == 0.6667


def test_repeated_means_two_training_lineages() -> None:
    assert repeated_signatures(table("right")) == frozenset()
    assert repeated_signatures(table("right", "wrong")) == frozenset({SIGNATURE.id})


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_keeps_conditions_and_mixes_alternatives(seed: int) -> None:
    guards = [
        Guard(conditions=GUARD.conditions, expect=Expect(form="with", flag=f"--{i}"), advice="") for i in range(6)
    ]
    mixed = shuffled(guards, random.Random(seed))
    assert sorted(g.expect.flag for g in mixed) == sorted(g.expect.flag for g in guards)
