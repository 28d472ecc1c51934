"""What stays of a run in its rows is enough: the same judgements, the same features, literal quotes, less memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from test_calls import Log

from memento_skills.guards import Row, calls, in_time, judge, rows
from memento_skills.guards.keep import CITED, LONGEST
from memento_skills.records import Expect, Failure, Part, Run, Signature


def failure(run: Run, call_id: str) -> Failure:
    return Failure(
        id=call_id, run=run.key, step=1, call_id=call_id, kind="tool_error", fault="agent", detector="test@1",
        signature=Signature(version="1", parts=(Part(name="tool", text="Bash"),)), quote="bad",
    )  # fmt: skip


def table(run: Run, *failing: str) -> list[Row]:
    return rows([run], {f"{run.key}\0{name}": failure(run, name) for name in failing}, {})


LONG = "x" * (LONGEST + CITED)

names = st.sampled_from(("a.py", "b.py"))
steps = st.lists(st.tuples(st.sampled_from(("Read", "Edit", "Bash")), names, st.booleans()), min_size=1, max_size=12)


def made(plan: list[tuple[str, str, bool]]) -> Run:
    log = Log()
    for tool, name, works in plan:
        args = {"command": f"cat {name}"} if tool == "Bash" else {"file_path": f"~/shop/{name}", "old_string": LONG}
        log.call(tool, LONG, "ok" if works else "error", **args)
    return log.run()


@given(steps)
def test_rows_have_the_features_of_the_calls_and_no_long_text(plan: list[tuple[str, str, bool]]) -> None:
    run = made(plan)
    found = table(run, *(s.call_id for s in run.steps if s.status == "error"))
    assert [r.call.features for r in found] == [c.features for c in calls(run)]
    kept = [c.step for r in found for c in (r.call, *r.after, *r.broad_after)]
    assert all(len(str(v)) <= LONGEST for step in kept for v in step.args.values())


@given(steps)
def test_what_is_kept_of_arguments_stands_literally_in_the_step(plan: list[tuple[str, str, bool]]) -> None:
    run = made(plan)
    for row in table(run):
        whole = run.steps[row.call.step.seq]
        assert row.call.step.tool == whole.tool
        assert all(isinstance(v, str) and v in whole.words for v in row.call.step.args.values())


def test_a_recovery_keeps_what_it_is_judged_by() -> None:
    run = (
        Log()
        .call("Bash", "bad", "error", command="go test ./...")
        .call("Bash", "listed", command="ls")
        .call("Bash", "fine", command="go test -race ./...")
        .run()
    )
    row = table(run, "c0")[0]
    assert [c.step.args["command"] for c in row.after] == ["ls", "go test -race ./..."]
    assert judge(Expect(form="with", flag="-race"), row) == "right"
    assert judge(Expect(form="with", flag="-v"), row) == "wrong"


def test_calls_alike_in_all_that_is_known_share_it() -> None:
    log = Log()
    for name in ("a.py", "b.py"):
        log.call("Read", "     1→x", file_path=f"~/shop/{name}")
    first, second = table(log.run())
    assert first.call.features is second.call.features


def test_runs_come_in_order_of_time_then_of_name() -> None:
    runs = [
        Run(id=name, client="claude-code", reader="test@1", started_at=at)
        for name, at in (("b", 2.0), ("c", None), ("a", 2.0))
    ]
    assert [r.id for r in in_time(runs)] == ["c", "a", "b"]
