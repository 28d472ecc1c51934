"""`memento reflect --run`: the answer, which run of a file, like runs, and what is said where it is not sure."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.calls import Call
from memento_skills.app import pipeline
from memento_skills.app.options import Options
from memento_skills.errors import BadInput

DATA = Path(os.environ.get("MEMENTO_TEST_DATA", str(Path(__file__).parents[2].parent / "shared" / "data")))
OPTIONS = Options(now=1.8e9, home="/nowhere")


def message(role: str, text: str = "", call: dict[str, Any] | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"role": role, "content": text}
    if call:
        function = {"name": call["name"], "arguments": json.dumps(call["args"])}
        made["tool_calls"] = [{"id": call["id"], "function": function}]
    return made


def trial(number: int, order: str, reward: float) -> dict[str, Any]:
    """A conversation about two orders; `order` is the one that gets cancelled."""
    look = {"id": "c1", "name": "get_order_details", "args": {"order_id": "#W11111", "user": "ann_1"}}
    cancel = {"id": "c2", "name": "cancel_order", "args": {"order_id": order}}
    return {
        "task_id": 7,
        "trial": number,
        "reward": reward,
        "traj": [
            message("system", "Be careful."),
            message("user", "Please cancel the order with the lamp."),
            message("assistant", "Let me see.", look),
            {"role": "tool", "tool_call_id": "c1", "content": "lamp"},
            message("assistant", "Shall I cancel it?"),
            message("user", "Yes, do it."),
            message("assistant", "", cancel),
            {"role": "tool", "tool_call_id": "c2", "content": "done"},
            message("assistant", "It is cancelled."),
            message("user", "Thanks. ###STOP###"),
        ],
    }


@pytest.fixture
def trials(tmp_path: Path) -> Path:
    file = tmp_path / "trials.json"
    file.write_text(json.dumps([trial(0, "#W22222", 0.0), trial(1, "#W11111", 1.0)]))
    return file


def test_a_run_is_chosen_by_its_id(trials: Path) -> None:
    ids = [pipeline.reflect_run(str(trials), OPTIONS)["run"]]
    ids.append(pipeline.reflect_run(str(trials), OPTIONS, chosen=ids[0].removesuffix("0") + "1")["run"])
    assert [i.rpartition("/")[2] for i in ids] == ["0", "1"]


def test_an_id_that_the_file_does_not_hold_is_refused_with_those_it_holds(trials: Path) -> None:
    with pytest.raises(BadInput, match=r"it holds .*/7/0"):
        pipeline.reflect_run(str(trials), OPTIONS, chosen="x")


def test_runs_beside_it_that_went_well_show_where_it_left_their_way(trials: Path) -> None:
    answer = pipeline.reflect_run(str(trials), OPTIONS)
    assert (answer["failed"], answer["like"], answer["decisive"]["step"]) == (True, 1, 6)
    assert "no run that went well" in answer["wrong_decision"]


def test_like_runs_may_come_from_other_files(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_text(json.dumps([trial(0, "#W22222", 0.0)]))
    good.write_text(json.dumps([trial(1, "#W11111", 1.0)]))
    alone = pipeline.reflect_run(str(bad), OPTIONS)
    beside = pipeline.reflect_run(str(bad), OPTIONS, like=[str(good)])
    assert (alone["like"], beside["like"]) == (0, 1)
    assert beside["candidates"][0]["step"] == 6
    assert beside["candidates"][0]["score"] > next(c["score"] for c in alone["candidates"] if c["step"] == 6)


def test_a_run_that_went_well_did_not_fail(trials: Path) -> None:
    first = pipeline.reflect_run(str(trials), OPTIONS)["run"]
    assert pipeline.reflect_run(str(trials), OPTIONS, chosen=first[:-1] + "1")["failed"] is False


def test_quotes_stand_in_the_entries_they_name(trials: Path) -> None:
    answer = pipeline.reflect_run(str(trials), OPTIONS)
    traj = json.loads(trials.read_text())[0]["traj"]
    assert answer["citations"]
    for row in answer["citations"]:
        held = json.dumps(traj[row["step"]])
        assert row["quote"] in held or row["quote"] in json.loads(held)["content"]


def test_what_is_not_sure_is_said_in_words(call: Call, trials: Path) -> None:
    log = trials.with_name("turns.json")
    spoken = [
        ("Ann_Expert", "Let us look."),
        ("Bob_Expert", "I looked."),
        ("Ann_Expert", "Fine, then."),
        ("Cy", "Yes."),
    ]
    history = [{"role": "assistant", "name": name, "content": text} for name, text in spoken]
    log.write_text(json.dumps({"history": history, "question": "Where?"}))
    said = call("reflect", "--run", str(log)).out
    assert "not sure; else step" in said
    assert "over all steps" in said
    assert "was not measured" in call("reflect", "--run", str(trials)).out


def test_a_step_whose_words_show_nothing_is_never_sure(tmp_path: Path) -> None:
    file = tmp_path / "bare.json"
    names = ("Lead (thought)", "Lead (-> Bo)", "Bo")
    history = [{"role": name, "content": "Well, so be it then."} for name in names]
    file.write_text(json.dumps({"history": history, "question": "Where?"}))
    decisive = pipeline.reflect_run(str(file), OPTIONS)["decisive"]
    assert (decisive["actor"], decisive["confidence"] > 0.6, decisive["certainty"]) == ("Bo", True, "likely")


def test_id_and_like_belong_to_run(call: Call, trials: Path) -> None:
    assert call("reflect", "--like", str(trials)).code == 2
    assert call("reflect", "--id", "x").code == 2


@pytest.mark.parametrize(
    "turns", [[{"role": "x"}], [{"role": "user", "content": "hi"}], [{"role": "assistant", "content": "a " * 500_000}]]
)
def test_runs_of_nothing_or_too_much_are_answered(tmp_path: Path, turns: list[dict[str, Any]]) -> None:
    file = tmp_path / "odd.json"
    file.write_text(json.dumps({"history": turns, "question": "?"}))
    answer = pipeline.reflect_run(str(file), OPTIONS)
    assert (answer["decisive"] is None) == (len(answer["candidates"]) == 0)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "who-and-when").is_dir(), reason="the shared logs are absent (MEMENTO_TEST_DATA)")
def test_labelled_steps_are_found_more_often_than_by_the_most_frequent_step() -> None:
    hits = []
    for file in sorted((DATA / "who-and-when" / "algorithm-generated").glob("*.json")):
        label = json.loads(file.read_text("utf-8"))
        answer = pipeline.reflect_run(str(file), OPTIONS)["decisive"]
        hits.append((answer["step"] == int(label["mistake_step"]), answer["actor"] == label["mistake_agent"]))
    assert sum(step for step, _ in hits) / len(hits) >= 0.35  # measured: 0.46; these runs made the weights
    assert sum(actor for _, actor in hits) / len(hits) >= 0.55  # measured: 0.62
