"""What a patch is worth, what the set loses without it, what contradicts what, and which rules should go."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from memento_skills.guards import Call, Row
from memento_skills.records import Condition, Cost, Expect, Failure, Guard, Part, Patch, Signature, SkillRef, Step
from memento_skills.verify.conflicts import conflicts, contradict
from memento_skills.verify.earned import earned, no_longer
from memento_skills.verify.worth import lines_of, rules, without_each, worth_of

SIGNATURE = Signature(version="t", parts=(Part(name="error", text="x"),))
WITH = Expect(form="with", flag="--sep")
BEFORE = "---\nname: a\ndescription: b\n---\n\n# T\n"


def guard(command: str = "load", expect: Expect = WITH, confidence: float = 0.5, *more: Condition) -> Guard:
    conditions = (Condition(feature="tool", value="Bash"), Condition(feature="command", op="has", value=command), *more)
    return Guard(conditions=conditions, expect=expect, advice="", confidence=confidence)


def call(command: str, *flags: str) -> Call:
    features = {"tool": "Bash", "command": frozenset((command,)), "flag": frozenset(flags)}
    return Call(Step(seq=0, kind="call", actor="agent", tool="Bash"), None, features, "", (command,), "", "")


def row(
    kind: str, number: int, command: str = "load", *, cost: Cost | None = None, severity: int = 3, at: float = 0.0
) -> Row:
    """`right`: fails and works with the flag; `wrong`: works without; `undecidable`: never; `false`: did not fail."""
    failure = None
    if kind != "false":
        failure = Failure(
            id=f"{number}", run=f"t:{number}", step=1, kind="exit_code", fault="agent", severity=severity, detector="t",
            signature=SIGNATURE, quote="x", cost=cost or Cost(),
        )  # fmt: skip
    after = {"right": (call(command, "--sep"),), "wrong": (call(command),)}.get(kind, ())
    label = "good" if kind == "false" else "episode"
    return Row(f"t:{number}", "p", f"t:{number}", "u", "", "t", at or float(number), call(command), label, failure,  # type: ignore[arg-type]
               after, after, "")  # fmt: skip


def rows(*kinds: str, command: str = "load") -> list[Row]:
    return [row(kind, number, command) for number, kind in enumerate(kinds, 1)]


def patch(key: str = "p", made: Guard | None = None, after: str | None = None, before: str = BEFORE) -> Patch:
    return Patch(
        id=key, pattern="q", reflection="r", skill=SkillRef(name="a", path="a/SKILL.md"), before=before,
        after=after if after is not None else before + "\n## Known pitfalls\n\n- Rule.\n", diff="", rule="Rule.",
        guard=made or guard(), writer="t",
    )  # fmt: skip


def plain_weight(severity: int) -> float:
    return {1: 30.0, 3: 3.0}.get(severity, 1.0)


def test_the_harm_of_right_fires_is_weighted_by_severity_and_divided_by_lines() -> None:
    table = [
        row("right", 1, cost=Cost(seconds=60, steps=3, tokens=10)),
        row("right", 2, cost=Cost(seconds=30, steps=2, tokens=5), severity=1),
        row("wrong", 3, cost=Cost(seconds=600, steps=9)),
        row("undecidable", 4, cost=Cost(seconds=600, steps=9)),
        row("false", 5),
    ]
    worth = worth_of(patch(), table, held_out=True, weight=plain_weight)
    assert (worth.failures, worth.minutes, worth.steps, worth.tokens, worth.lines) == (2, 1.5, 5, 15, 2)
    assert worth.harm == pytest.approx(1 * 3 + 0.5 * 30)
    assert worth.per_line == pytest.approx(worth.harm / 2)
    assert worth.minutes_per_line == 0.75


def test_without_times_the_steps_count() -> None:
    worth = worth_of(patch(), [row("right", 1, cost=Cost(steps=10))], held_out=False, weight=plain_weight)
    assert worth.minutes == 0.0
    assert worth.harm == pytest.approx(10 * rules().seconds_per_step / 60 * 3, abs=1e-3)


def test_a_long_line_counts_as_several() -> None:
    assert lines_of(patch(after=BEFORE + "- " + "x" * 3 * rules().line)) == 4
    assert lines_of(patch(after=BEFORE)) == 1


def test_what_the_set_loses_without_a_guard() -> None:
    sure, other = guard(confidence=0.9), guard("save")
    table = [*rows("right", "right", "false"), *rows("wrong", command="save")]
    lost = without_each({"sure": sure, "other": other}, table)
    assert (lost["sure"].right, lost["sure"].false) == (2, 1)
    assert (lost["other"].right, lost["other"].wrong) == (0, 1)


def test_a_guard_that_another_one_stands_in_for_is_no_loss() -> None:
    load = Condition(feature="command", op="has", value="load")
    same = Guard(conditions=(load,), expect=WITH, advice="", confidence=0.4)
    lost = without_each({"one": guard(confidence=0.9), "two": same}, rows("right", "false"))
    assert lost["one"].right == lost["two"].right == 0


@given(st.lists(st.sampled_from(["right", "wrong", "false", "undecidable"]), max_size=12), st.booleans())
def test_leaving_one_out_adds_up(kinds: list[str], two: bool) -> None:
    """With guards that never speak at the same call, what each takes with it is all there is."""
    guards = {"a": guard(), **({"b": guard("save")} if two else {})}
    table = [row(kind, n, "save" if n % 2 and two else "load") for n, kind in enumerate(kinds, 1)]
    lost = without_each(guards, table)
    for kind in ("right", "wrong", "false", "undecidable"):
        assert sum(getattr(c, kind) for c in lost.values()) == kinds.count(kind)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (WITH, Expect(form="without", flag="--sep"), True),
        (WITH, Expect(form="without", flag="-x"), False),
        (Expect(form="with", flag="-k", value="a"), Expect(form="with", flag="-k", value="b"), True),
        (WITH, Expect(form="with", flag="--sep", value="b"), False),
        (Expect(form="cwd", path="<root>"), Expect(form="cwd", path="<root>/a"), True),
        (Expect(form="instead", argv_prefix=("a",)), Expect(form="instead", argv_prefix=("b",)), True),
        (Expect(form="instead", argv_prefix=("a",)), Expect(form="instead", argv_prefix=("a", "b")), False),
        (Expect(form="first", tool="Read"), WITH, False),
    ],
)
def test_what_no_single_call_can_do(one: Expect, other: Expect, expected: bool) -> None:
    assert contradict(one, other) is contradict(other, one) is expected


def test_contradictions_are_found_where_both_speak_or_one_situation_holds_the_other() -> None:
    against = guard(expect=Expect(form="without", flag="-q"))
    narrow = guard("load", Expect(form="with", flag="-q"), 0.5, Condition(feature="shape", value="pipe"))
    found = conflicts([patch("a", against), patch("b", narrow, after=BEFORE + "x\n")], [])
    assert [(c.one, c.other, c.kind) for c in found if c.kind == "contradiction"] == [("a", "b", "contradiction")]


def test_patches_of_one_skill_at_one_place_are_said() -> None:
    found = conflicts([patch("a"), patch("b", guard("save"))], [])
    assert [(c.one, c.other, c.kind) for c in found] == [("a", "b", "same place")]
    assert conflicts([patch("a"), replace(patch("b"), skill=SkillRef(name="c", path="c/SKILL.md"))], []) == []


def lately(kinds: Sequence[str], command: str = "load") -> list[Row]:
    return [row(kind, n, command, at=1000.0 + n) for n, kind in enumerate(kinds)]


def test_a_rule_that_is_mostly_needless_should_go() -> None:
    found = earned(guard(), lately(["false"] * 8 + ["right"]), 500.0)
    assert "rightly 1 times, wrongly or needlessly 8" in no_longer(found)


def test_a_few_needless_fires_prove_nothing() -> None:
    assert no_longer(earned(guard(), lately(["false"] * 3), 500.0)) == ""


def test_what_came_before_the_promotion_does_not_count() -> None:
    early = [row("false", n, at=100.0 + n) for n in range(20)]
    assert earned(guard(), early, 500.0).lineages == 0


def test_a_rule_whose_command_is_called_no_more_should_go_and_a_heeded_one_stays() -> None:
    enough = rules().retire.idle_lineages
    gone = earned(guard("load"), lately(["false"] * enough, "save"), 500.0)
    heeded = earned(guard("load"), [r._replace(call=call("load", "--sep")) for r in lately(["false"] * enough)], 500.0)
    assert "nothing that it is about was called" in no_longer(gone)
    assert (heeded.false, heeded.met, no_longer(heeded)) == (0, enough, "")


def test_a_rule_that_agents_override_should_go() -> None:
    assert "made the call again" in no_longer(earned(guard(), [], 0.0, {"stopped": 10, "overridden": 9}))
    assert no_longer(earned(guard(), [], 0.0, {"stopped": 10, "overridden": 2})) == ""
