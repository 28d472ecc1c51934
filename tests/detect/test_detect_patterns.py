"""Episodes, patterns, lanes, titles, concentration and the report, on runs built by hand."""

from __future__ import annotations

import json
import time
from random import Random

import msgspec
import pytest
from detect_build import START, Told, as_failed, bash_failure, edit_failure
from hypothesis import given, settings
from hypothesis import strategies as st

from memento_skills.detect import concentration, episodes, failures, patterns, report, with_lineages
from memento_skills.detect.grouping import lane
from memento_skills.detect.pareto import interval, top_count
from memento_skills.records import Cost, Failure, LineCount, Outcome, Part, Signature

NOW = START + 30 * 86_400.0
NOT_READ = "File has not been read yet. Read it first before writing to it."


def made(lineage: str, name: str, *, user: str = "ann", at: float = START, **fields: object) -> Failure:
    """A failure with a signature called `name`, in a run of its own lineage."""
    base = Failure(
        id=f"{lineage}-{name}-{at}",
        run=f"c:{lineage}",
        step=3,
        call_id=f"{lineage}-{name}-{at}",
        kind="tool_error",
        fault="agent",
        detector="d@1",
        signature=Signature(version="t@1", parts=(Part(name="error", text=name),)),
        quote="oh",
        user=user,
        at=at,
        project="p",
        cost=Cost(steps=2, seconds=60.0, tokens=10, usd=0.5, recovered=True),
    )
    return msgspec.structs.replace(base, **fields)


def spread(counts: dict[str, int]) -> list[Failure]:
    """Each signature in as many lineages as its count says."""
    return [made(f"L{i:03}", name) for name, count in counts.items() for i in range(count)]


# ------------------------------------------------------------------------------------------- episodes and patterns


def test_failures_of_one_lineage_with_one_signature_are_one_episode() -> None:
    found = [made("a", "x", at=START + i) for i in range(3)] + [made("b", "x")]
    pattern = patterns(found, {}, now=NOW)[0]
    assert (pattern.failures, pattern.episodes, pattern.lineages, pattern.repeated) == (4, 2, 2, True)
    assert len(episodes(with_lineages(found, {}))) == 2


def test_runs_of_one_lineage_are_one() -> None:
    found = [made("a", "x"), made("b", "x")]
    pattern = patterns(found, {"c:a": "c:a", "c:b": "c:a"}, now=NOW)[0]
    assert (pattern.runs, pattern.lineages, pattern.repeated) == (2, 1, False)


def test_share_is_of_repeated_episodes() -> None:
    found = spread({"x": 3, "y": 1, "z": 2})
    assert {p.failures: p.share for p in patterns(found, {}, now=NOW)} == {3: 0.6, 2: 0.4, 1: 0.0}


def test_cost_is_the_sum() -> None:
    cost = patterns(spread({"x": 2}), {}, now=NOW)[0].cost
    assert (cost.steps, cost.seconds, cost.tokens, cost.usd, cost.recovered) == (4, 120.0, 20, 1.0, True)


def test_examples_show_different_users_first() -> None:
    found = [made(f"L{i}", "x", at=START + i) for i in range(9)] + [made("M", "x", user="bob", at=START + 99)]
    runs = [citation.run for citation in patterns(found, {}, now=NOW)[0].examples]
    assert (len(runs), runs[0], "c:M" in runs) == (5, "c:L0", True)


def test_agents_come_before_reports_on_the_code() -> None:
    found = [*spread({"x": 1}), *(msgspec.structs.replace(f, fault="work") for f in spread({"y": 5}))]
    assert [pattern.fault for pattern in patterns(found, {}, now=NOW)] == ["agent", "work"]


def test_a_clock_that_ran_ahead_is_not_believed() -> None:
    assert patterns([made("a", "x", at=NOW + 1e9)], {}, now=NOW)[0].last_seen == NOW


@pytest.mark.parametrize(
    ("severity", "users", "everyone", "expected"),
    [(1, 1, 100, "severe"), (3, 1, 3, "few_users"), (3, 2, 3, "broad"), (3, 1, 1, "broad"), (3, 6, 100, "broad")],
)
def test_lanes(severity: int, users: int, everyone: int, expected: str) -> None:
    assert lane(severity, users, everyone) == expected


@given(st.permutations(range(7)))
def test_the_order_of_failures_does_not_change_patterns(order: list[int]) -> None:
    found = [*spread({"x": 3, "y": 2}), made("a", "z"), made("L000", "x", at=START + 5)]
    assert patterns([found[i] for i in order], {}, now=NOW) == patterns(found, {}, now=NOW)


@pytest.mark.parametrize(
    ("failure", "title"),
    [
        (edit_failure(NOT_READ), "Edit before the file was read"),
        (bash_failure("./dev test", "dev: unknown command 'test'", 2), "`./dev test` is not a known command"),
        (bash_failure("gh pr diff 1 --stat", "unknown flag: --stat"), "`gh pr diff` does not know the option `--stat`"),
        (Told().calls("Bash", {"command": "npm test"}, "This command requires approval", "denied_policy").one(),
         "Permission for `npm test` not granted"),
        (Told().calls("WebFetch", {}, "Permission to use WebFetch", "denied_policy").one(),
         "Permission for WebFetch not granted"),
        (bash_failure("make lint", "a.go:1:2: x (errcheck)\n1 issues:"), "`make lint` reports lint or format findings"),
        (bash_failure("foo", "bash: foo: command not found", 127), "`foo` is not installed or not on the path"),
        (bash_failure("python3 report.py", "Traceback (most recent call last):\nKeyError: 'amount'"),
         "A field or column is asked for that the data does not have"),
        (bash_failure("python3 report.py", "ValueError: could not convert string to float: 'a;b'"),
         "Numbers are written another way than assumed"),
        (Told().bash("ls").says("no, I meant the other").one(), "The user had meant something else"),
    ],
)  # fmt: skip
def test_titles_are_plain_words(failure: Failure, title: str) -> None:
    assert patterns([failure], {}, now=NOW)[0].title == title


def test_a_title_shows_hidden_characters() -> None:
    failure = bash_failure("entire x", "Error: \u202egnp.exe\x1b[2J is odd")
    title = patterns([failure], {}, now=NOW)[0].title
    assert ("\u202e" in title, "\x1b" in title) == (False, False)


def test_a_failed_task_has_a_title() -> None:
    runs = [as_failed(Told("a").answers("done").run()), Told("b").answers("x").run(outcome=Outcome(reward=0.0))]
    titles = {patterns(failures(run), {}, now=NOW)[0].title for run in runs}
    assert titles == {"The task failed: wrong refund", "The task failed, by the log's own label"}


@pytest.mark.parametrize(
    ("failure", "remedy"),
    [
        (edit_failure(NOT_READ), "skill"),
        (Told().calls("Bash", {"command": "x"}, "This command requires approval", "denied_policy").one(), "permission"),
        (Told().calls("Edit", {}, "The user doesn't want to proceed", "denied_user").one(), "task_author"),
        (bash_failure("git push", "ssh: connect to host github.com port 22: Operation timed out", 128), "environment"),
        (bash_failure("go test", "--- FAIL: TestX"), "none"),
    ],
)
def test_remedies_follow_cause_and_fault(failure: Failure, remedy: str) -> None:
    assert patterns([failure], {}, now=NOW)[0].remedy == remedy


# --------------------------------------------------------------------------------------------------- concentration


def test_concentration_of_a_table_by_hand() -> None:
    found = concentration(spread({"a": 12, "b": 2, "c": 2, "d": 2, "e": 2, "f": 1}), {}, seed=1)
    assert (found.patterns, found.episodes, found.in_sample) == (5, 20, 0.6)
    assert found.curve == (0.6, 0.7, 0.8, 0.9, 1.0)


def test_without_repetition_there_is_no_concentration() -> None:
    found = concentration(spread({"a": 1, "b": 1}), {}, seed=1)
    assert (found.in_sample, found.held_out, found.low, found.episodes) == (None, None, None, 0)


def test_the_interval_holds_the_held_out_value() -> None:
    found = concentration(spread({"a": 30, "b": 10, "c": 8, "d": 5, "e": 3, "f": 2, "g": 2}), {}, seed=2)
    assert found.low is not None
    assert found.high is not None
    assert found.held_out is not None
    assert found.low <= found.held_out <= found.high


def test_equal_patterns_are_not_concentrated_on_new_lineages() -> None:
    counts = {f"s{i:02}": 2 for i in range(40)}
    found = [made(f"{name}-{i}", name) for name, count in counts.items() for i in range(count)]
    measured = concentration(found, {}, seed=3)
    assert measured.held_out is not None
    assert measured.held_out < 0.2  # a pattern seen once on each side is ranked by chance


def test_the_seed_decides_and_the_order_does_not() -> None:
    found = spread({"a": 9, "b": 5, "c": 3, "d": 2})
    first = concentration(found, {}, seed=7)
    assert concentration(found[::-1], {}, seed=7) == first == concentration(found, {}, rng=Random(7))


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 6), max_size=8), st.integers(0, 9))
def test_shares_are_shares(counts: dict[str, int], seed: int) -> None:
    found = concentration(spread(counts), {}, seed=seed)
    shares = [
        value for value in (found.in_sample, found.held_out, found.low, found.high, *found.curve) if value is not None
    ]
    assert all(0.0 <= value <= 1.0 for value in shares)
    assert found.episodes == sum(count for count in counts.values() if count >= 2)


def test_concentration_of_five_hundred_episodes_takes_less_than_a_second() -> None:
    rng = Random(5)
    found = [made(f"L{rng.randrange(120):03}", f"s{int(rng.paretovariate(1.1))}", at=START + i) for i in range(600)]
    start = time.process_time()
    concentration(found, {}, seed=1)
    assert time.process_time() - start < 2  # 0.2 s without coverage


def test_top_twenty_percent_is_rounded_up() -> None:
    assert [top_count(n) for n in (1, 4, 5, 6, 10, 11, 100)] == [1, 1, 1, 2, 2, 3, 20]


def test_the_interval_is_the_middle_ninety_percent() -> None:
    assert interval([float(i) for i in range(101)]) == (5.0, 95.0)


def test_the_curve_has_at_most_two_hundred_points() -> None:
    curve = concentration(spread({f"s{i:03}": 2 for i in range(300)}), {}, seed=1).curve
    assert (len(curve), curve[-1]) == (200, 1.0)


# ---------------------------------------------------------------------------------------------------------- report

PATTERN_FIELDS = {
    "id", "title", "cause", "remedy", "lane", "severity", "failures", "episodes", "runs", "users", "tenants",
    "first_seen", "last_seen", "share", "minutes", "tokens", "usd", "examples",
}  # fmt: skip


def test_the_report_has_the_fields_that_are_relied_on() -> None:
    lines = LineCount(seen=9, understood=7, ignored=1, quarantined=1)
    found = [*spread({"x": 3, "y": 2}), edit_failure(NOT_READ)]
    shown = report.build(found, {}, runs=4, now=NOW, formats={"claude-code": (2, lines)})
    assert shown.keys() >= {
        "runs", "lineages", "failures", "agent_failures", "repeated_episodes", "concentration", "causes", "patterns",
        "formats", "failures_by_fault", "trend", "users", "cost",
    }  # fmt: skip
    assert shown["concentration"].keys() >= {"top", "in_sample", "held_out", "low", "high", "patterns"}
    assert all(row.keys() >= PATTERN_FIELDS for row in shown["patterns"])
    assert all(row["examples"][0].keys() == {"run", "step", "quote"} for row in shown["patterns"])
    assert shown["formats"]["claude-code"] == {"files": 2, "lines": 9, "understood": 7, "ignored": 1, "quarantined": 1}
    assert json.loads(json.dumps(shown)) == shown


def test_a_report_of_nothing_is_a_report() -> None:
    shown = report.build([], {}, runs=0, now=NOW)
    assert (shown["failures"], shown["patterns"], shown["trend"], shown["concentration"]["in_sample"]) == (
        0,
        [],
        [],
        None,
    )
    assert "nothing is repeated" in shown["concentration"]["statement"]


def test_the_statement_gives_share_and_interval() -> None:
    shown = report.build(spread({"a": 12, "b": 2, "c": 2, "d": 2, "e": 2}), {}, runs=12, now=NOW)
    sentence = shown["concentration"]["statement"]
    assert "20 % of 5 repeated patterns carry 60% of the 20 repeated episodes" in sentence
    assert "90 % interval" in sentence


def test_the_trend_counts_weeks_with_none_between() -> None:
    monday = 1_760_313_600.0  # 2025-10-13 00:00 UTC
    found = [made("a", "x", at=monday), made("b", "x", at=monday + 15 * 86_400)]
    shown = report.trend(found, now=NOW)
    assert [(week["week"], week["failures"]) for week in shown] == [
        ("2025-10-13", 1),
        ("2025-10-20", 0),
        ("2025-10-27", 1),
    ]


def test_the_trend_is_bounded() -> None:
    found = [made("a", "x", at=0.0), made("b", "x", at=NOW)]
    assert len(report.trend(found, now=NOW)) <= report.WEEKS


def test_users_are_listed_without_reports_on_the_code() -> None:
    found = [made("a", "x"), made("b", "x", user="bob"), made("c", "y", user="bob", fault="work")]
    shown = report.build(found, {}, runs=3, now=NOW)["users"]
    assert [(row["user"], row["failures"]) for row in shown] == [("ann", 1), ("bob", 1)]


def test_the_trend_leaves_failures_without_a_time() -> None:
    assert report.trend([made("a", "x", at=None)], now=NOW) == []  # type: ignore[arg-type]


def test_models_without_a_price_are_named() -> None:
    shown = report.build([made("a", "x", model="odd-1"), made("b", "x", model="gpt-5")], {}, runs=2, now=NOW)
    assert shown["unpriced_models"] == ["odd-1"]
