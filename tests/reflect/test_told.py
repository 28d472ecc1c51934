"""What an error message tells by itself, and what learning the same way is worth on lineages that were left out."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from memento_skills.guards import rows
from memento_skills.records import Expect, Failure, Part, Pattern, Run, Signature, Status, Step
from memento_skills.reflect import evidence
from memento_skills.reflect.contrast import judged, learn_rules
from memento_skills.reflect.lesson import weak
from memento_skills.reflect.told import told_lesson
from memento_skills.reflect.unseen import out_of_fold


def signature(**parts: str) -> Signature:
    return Signature(version="t", parts=tuple(Part(name=n, text=t) for n, t in parts.items()))


class Calls:
    """Single calls, each a run and a lineage of its own: arguments, and whether it worked."""

    def __init__(self, signature: Signature, tool: str = "Bash") -> None:
        self.signature, self.tool = signature, tool
        self.runs: list[Run] = []
        self.failures: dict[str, Failure] = {}

    def add(self, worked: bool, then: dict[str, Any] | None = None, **args: Any) -> Calls:
        key, steps = f"r{len(self.runs)}", []
        for i, (given, ok) in enumerate([(args, worked), *([(then, True)] if then else [])]):
            call = f"{key}.{i}"
            status: Status = "ok" if ok else "error"
            steps.append(Step(seq=2 * i, kind="call", actor="agent", tool=self.tool, args=given, call_id=call))
            steps.append(Step(seq=2 * i + 1, kind="result", actor="tool", text="x", call_id=call, status=status))
        if not worked:
            self.failures[f"t:{key}\0{key}.0"] = Failure(
                id=key, run=f"t:{key}", step=1, call_step=0, call_id=f"{key}.0", tool=self.tool, kind="tool_error",
                fault="agent", detector="t", signature=self.signature, quote="x",
            )  # fmt: skip
        run = Run(id=key, client="t", reader="t@1", cwd="~/shop", project="shop", started_at=float(len(self.runs)))
        self.runs.append(replace(run, steps=tuple(steps)))
        return self

    def told(self) -> Any:
        found = evidence(rows(self.runs, self.failures, {}))
        numbers = found.episodes.get(self.signature.id, ())
        pattern = Pattern(
            id=self.signature.id, signature=self.signature, title="t", cause="wrong_command", remedy="skill",
            fault="agent", severity=3, lane="broad", failures=1, episodes=1, runs=1, lineages=1, projects=("shop",),
        )  # fmt: skip
        return told_lesson(pattern, found.table, numbers, [found.table.rows[i] for i in numbers])


OPTION = signature(error="unknown-option --stat", command="gh pr diff")
MISSING = signature(error="wrong-arguments", name="description", where="shell")


def test_an_option_that_the_error_names_is_left_out_after_one_lineage() -> None:
    lesson = Calls(OPTION).add(False, command="gh pr diff 7 --stat").add(True, command="gh pr diff 8").told()
    assert lesson.alternative.expect == Expect(form="without", flag="--stat")
    assert {(c.feature, c.value) for c in lesson.situations[0]} == {
        ("tool", "Bash"), ("command", "gh pr diff"), ("flag", "--stat"),
    }  # fmt: skip


def test_an_option_that_worked_elsewhere_is_not_unknown() -> None:
    calls = Calls(OPTION).add(False, command="gh pr diff 7 --stat").add(True, command="gh pr diff 8 --stat")
    assert calls.told() is None


def test_an_argument_that_the_client_misses_is_given() -> None:
    calls = Calls(MISSING).add(False, {"command": "ls", "description": "look"}, command="ls")
    lesson = calls.add(True, command="ls", description="look").told()
    assert lesson.alternative.expect == Expect(form="with", flag="description")
    assert ("argument", "lacks", "description") in {(c.feature, c.op, c.value) for c in lesson.situations[0]}
    assert calls.add(True, command="pwd").told() is None


def test_an_argument_that_the_tool_does_not_have_is_left_out() -> None:
    known = signature(error="wrong-arguments", name="file_path", where="search")
    lesson = Calls(known, "Grep").add(False, pattern="x", file_path="a.py").add(True, pattern="x").told()
    assert lesson.alternative.expect == Expect(form="without", flag="file_path")


@pytest.mark.parametrize("error", ["file-not-there", "unknown-option", "unknown-option x;y"])
def test_no_other_error_tells_a_lesson(error: str) -> None:
    assert Calls(signature(error=error, command="gh pr")).add(False, command="gh pr x").told() is None


def scores(calls: Calls) -> tuple[int, int]:
    found = evidence(rows(calls.runs, calls.failures, {}))
    numbers = found.episodes[calls.signature.id]
    expect = Expect(form="with", flag="--sep")
    assert judged(found.table, numbers, expect).right
    learned = learn_rules(found.table, numbers, expect)
    unseen = out_of_fold(found.table, numbers, expect, weak)[0]
    return (learned[1].right if learned else 0), unseen.right


def test_a_condition_that_holds_in_general_holds_for_lineages_left_out() -> None:
    calls = Calls(signature(error="unknown"))
    for i in range(6):
        calls.add(False, {"command": f"load --sep=x eu/{i}.csv"}, command=f"load eu/{i}.csv")
        calls.add(True, command=f"load us/{i}.csv")
    assert scores(calls) == (6, 6)


def test_a_condition_that_fits_by_accident_does_not() -> None:
    calls = Calls(signature(error="unknown"))
    for i in range(4):
        calls.add(False, {"command": f"load --sep=x a{i}.csv"}, command=f"load a{i}.csv")
        for j in range(3):
            calls.add(True, command=f"load a{i}{j}.csv")
    assert scores(calls)[1] == 0
