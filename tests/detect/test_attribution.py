"""Which moment decided a failed run: shapes, signs, ranking, and what is said of it."""

from __future__ import annotations

from typing import Any

from detect_build import Told, as_failed
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.detect import failures
from memento_skills.detect.attribution import attribute, certainty, rank, same_task, signs, story, tell, weights
from memento_skills.detect.attribution.say import tellings
from memento_skills.detect.attribution.signs import vocabulary
from memento_skills.records import Outcome, Run, Status, Step


def turns(*spoken: tuple[str, str], task: str = "How many slides mention crabs?") -> Run:
    """A run of named agents that take turns; `terminal` gives results."""
    steps = []
    for number, (agent, text) in enumerate(spoken):
        result = agent == "terminal"
        status: Status | None = ("error" if "failed" in text else "ok") if result else None
        steps.append(
            Step(
                seq=number, entry=number, kind="result" if result else "message", actor="tool" if result else "agent",
                agent=agent, text=text, status=status,
            )
        )  # fmt: skip
    return Run(id="r", client="agent-history", reader="chat@1", task=task, steps=tuple(steps))


def talk(name: str = "t", **change: Any) -> Told:
    """A person and an agent talk; the agent cancels an order, then may not change it."""
    told = Told(name, client="tau-bench", shared_ids=False)
    told.says("I want to change my order 12345 and cancel order 67890.").answers("Which address?")
    told.says("The new one, please.").calls("get_order_details", {"order_id": "#W12345"})
    told.calls("cancel_pending_order", {"order_id": change.get("order", "#W12345")}).answers("Done.")
    told.says("I only wanted to change its address!")
    told.calls("modify_order_address", {"order_id": "#W12345"}, "Error: it is cancelled", "error")
    return told


def entries(told: Told) -> Run:
    """The run with an entry a step."""
    run = told.run()
    return Run(**{f: getattr(run, f) for f in run.__struct_fields__ if f != "steps"}, steps=tuple(numbered(run.steps)))


def numbered(steps: tuple[Step, ...]) -> list[Step]:
    return [Step(**{f: getattr(s, f) for f in s.__struct_fields__ if f != "entry"}, entry=s.seq) for s in steps]


def test_the_shape_of_a_run_is_told_by_who_speaks() -> None:
    group = turns(("Ann_Expert", "We look at the slides."), ("Bob_Expert", "There are four."))
    led = turns(
        ("Lead (thought)", "First a plan."), ("Lead (-> Surfer)", "Look it up."), ("Surfer", "I typed 'crabs'.")
    )
    alone = Told().says("fix it").bash("make", "no rule", 2).run()
    assert [story(run).shape for run in (group, led, entries(talk()), alone)] == [
        "group",
        "orchestrated",
        "dialogue",
        "work",
    ]


def test_an_aside_is_no_part_of_an_agents_name() -> None:
    led = story(turns(("Lead (thought)", "First a plan."), ("Lead (-> Surfer)", "Look it up."), ("Surfer", "Found.")))
    assert [(m.actor, m.part, m.to) for m in led.moments] == [
        ("Lead", "plan", ""),
        ("Lead", "instruct", "Surfer"),
        ("Surfer", "say", ""),
    ]


def test_results_and_rows_of_the_client_are_no_candidates() -> None:
    run = entries(talk())
    found = attribute(run, failures(run))
    assert {found.story.moments[c.at].part for c in found.ranking.candidates} <= {"ask", "say", "call"}


def test_a_program_that_failed_is_said_to_have_failed() -> None:
    run = turns(
        ("Ann_Expert", "The task: how many slides mention crabs? Here is the plan."),
        ("Bob_Expert", "```python\nimport pptx\nprint(len(pptx.Presentation('a.pptx').slides))\n```"),
        ("terminal", "exitcode: 1 (execution failed)\nModuleNotFoundError: No module named 'pptx'"),
        ("Ann_Expert", "TERMINATE"),
    )
    found = attribute(run)
    best = found.ranking.candidates[0]
    told = tell(run, found.story, best.at, found.signs[best.at])
    assert (best.at, found.ranking.actors[0][0], told.telling) == (1, "Bob_Expert", "program-failed")
    assert told.wrong_decision == "Bob_Expert wrote a program at step 1 that failed when it was run."


def test_a_change_that_blocks_a_later_one_and_is_taken_back_is_marked() -> None:
    run = entries(talk())
    shown = signs(story(run))
    change = next(s.entry for s in run.steps if s.tool == "cancel_pending_order")
    at = next(i for i, m in enumerate(story(run).moments) if m.entry == change)
    assert (shown[at]["blocked_later"], shown[at]["objected"], shown[at]["first_change"]) == (1.0, 1.0, 1.0)


def test_the_first_change_that_no_like_run_made_deviates() -> None:
    bad, good = entries(talk("bad")), entries(talk("good", order="#W67890"))
    found = attribute(bad, (), [good])
    marked = [m.tools for i, m in enumerate(found.story.moments) if found.signs.get(i, {}).get("deviates")]
    assert marked == [("cancel_pending_order",)]
    assert found.story.moments[found.ranking.candidates[0].at].tools == ("cancel_pending_order",)


def test_like_runs_are_those_about_the_same_things_that_did_not_fail() -> None:
    run = talk("a").calls("get_user", {"user_id": "ann_1234"}).run()
    same = talk("b").calls("get_user", {"user_id": "ann_1234"}).run()
    other = Told("c", client="tau-bench").calls("get_order_details", {"order_id": "#W99999"}).run()
    assert same_task(run, [run, same, other, as_failed(same)]) == [same]


def test_without_like_runs_nothing_deviates() -> None:
    run = entries(talk())
    assert not any("strange" in row for row in attribute(run, (), ()).signs.values())


def test_work_is_judged_by_what_failed_and_did_not_recover() -> None:
    told = Told().says("fix the build").bash("make", "ok").bash("cat nope.txt", "cat: nope.txt: No such file", 1)
    run = entries(told.bash("ls").answers("That is all."))
    found = attribute(run, failures(run))
    best = found.story.moments[found.ranking.candidates[0].at]
    assert (found.story.shape, best.entry, best.actor) == ("work", 3, "agent")
    assert found.ranking.candidates[0].score < 1.0


def test_an_entry_that_holds_its_own_results_is_answered_by_itself() -> None:
    told = Told().says("fix it").fails("Edit", {"file_path": "a.py"}, "String to replace not found in file.")
    run = Run(id="r", client="c", reader="r@1", steps=tuple(numbered(told.run().steps)))
    whole = [
        Step(**{f: getattr(s, f) for f in s.__struct_fields__ if f != "entry"}, entry=min(s.seq, 1)) for s in run.steps
    ]
    run = Run(id="r", client="c", reader="r@1", steps=tuple(whole))
    shown = failures(run)
    found = attribute(run, shown)
    best = found.ranking.candidates[0].at
    said = tell(run, found.story, best, found.signs[best], shown[0])
    assert (found.story.moments[best].entry, found.signs[best]["ran_badly"]) == (1, 1.0)
    assert "Edit" in said.wrong_decision
    assert said.citations[-1].quote == shown[0].quote


def test_an_unmeasured_confidence_is_never_called_sure() -> None:
    said = [certainty(*case, measured=m) for case in ((0.9, 0.05), (0.45, 0.2), (0.3, 0.2)) for m in (True, False)]
    assert said == ["sure", "likely", "likely", "likely", "not sure", "not sure"]


def test_every_weight_is_of_a_sign_and_every_telling_of_signs() -> None:
    run = entries(talk())
    known = set().union(*(row for row in signs(story(run)).values()))
    known |= {"failed", "unrecovered", "again", "corrected", "deviates", "strange", "none", "sharpness"}
    assert {name for table in weights().values() for name in table} <= known
    assert {name for telling in tellings() for name in telling.signs} <= known
    assert {telling.quote for telling in tellings()} <= {"", *vocabulary()}
    assert tellings()[-1].signs == ()


WORDS = st.text(max_size=60)
STEPS = st.lists(
    st.builds(
        Step,
        seq=st.just(0),
        kind=st.sampled_from(["message", "reasoning", "call", "result", "notice"]),
        actor=st.sampled_from(["user", "agent", "tool", "system"]),
        text=WORDS,
        tool=WORDS,
        agent=st.sampled_from(["", "A", "B (-> A)", "(", "C (thought)", "\ud800"]),
        call_id=st.sampled_from(["", "c1", "c2"]),
        status=st.sampled_from([None, "ok", "error", "denied_user"]),
        args=st.dictionaries(
            WORDS, st.none() | st.integers() | WORDS | st.lists(st.integers(), max_size=2), max_size=2
        ),
        meta=st.booleans(),
    ),
    max_size=12,
)


@given(STEPS, st.integers(1, 3), st.sampled_from(["success", "failure", "unknown"]))
def test_any_run_is_ranked_and_every_quote_is_literal(steps: list[Step], each: int, label: Any) -> None:
    told = [
        Step(**{f: getattr(s, f) for f in s.__struct_fields__ if f not in ("seq", "entry")}, seq=i, entry=i // each)
        for i, s in enumerate(steps)
    ]
    run = Run(id="r", client="c", reader="r@1", task="do it", outcome=Outcome(label=label), steps=tuple(told))
    found = attribute(run, (), [run])
    scores = [c.score for c in found.ranking.candidates]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) <= 1 + 1e-9
    for candidate in found.ranking.candidates[:3]:
        said = tell(run, found.story, candidate.at, found.signs[candidate.at])
        words = {m.entry: [s.words for s in told if s.seq in m.steps] for m in found.story.moments}
        assert all(any(c.quote in text for text in words[c.step]) for c in said.citations)


@given(st.integers(2, 30), st.floats(-3, 3))
def test_a_sign_that_all_share_changes_no_rank(count: int, weight: float) -> None:
    run = turns(*((f"E{i % 3}", f"word{i} says something") for i in range(count)))
    told, shown = story(run), signs(story(run))
    plain = rank(told, shown, weights()["group"])
    more = {at: {**row, "extra": 1.0} for at, row in shown.items()}
    moved = rank(told, more, {**weights()["group"], "extra": weight})
    assert [c.at for c in plain.candidates] == [c.at for c in moved.candidates]


def test_a_run_without_anybody_has_no_candidate() -> None:
    assert attribute(Run(id="r", client="c", reader="r@1")).ranking.candidates == ()
