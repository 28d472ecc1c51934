"""Failed runs whose decisive step a person has named: who-and-when, its two subsets apart, and AgentRx-tau.

The readers do not read those labels; this module alone does, from the same files. AgentRx counts steps from 1 (all its
labels name an entry of the right speaker only so), Who&When from 0; `mistake_step` is a string there.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from memento_skills import detect
from memento_skills.app import reading
from memento_skills.app.options import Options
from memento_skills.detect.attribution import Signs, Story, same_task, signs, story
from memento_skills.detect.attribution.signs import LOOKS
from memento_skills.records import Run

SUBSETS = {"hand-crafted": "Who&When, hand-crafted", "algorithm-generated": "Who&When, algorithm-generated"}
TAU = "AgentRx-tau"
SPEAKERS = {"Assistant": "agent", "User": "user"}
OPTIONS = Options(now=0.0, home="")


class Case(NamedTuple):
    """One labelled run."""

    set: str
    question: str
    """Cases with one question stay in one fold."""
    run: Run
    story: Story
    signs: Mapping[int, Signs]
    step: int
    """Index of the labelled history entry, from 0."""
    agent: str

    @property
    def entries(self) -> list[int]:
        """History entries of the candidates, in order."""
        return [self.story.moments[at].entry for at in sorted(self.signs)]

    @property
    def actors(self) -> list[str]:
        """Their actors."""
        return [self.story.moments[at].actor for at in sorted(self.signs)]


def cases(data: Path, each: int = 1) -> list[Case]:
    """Every `each`-th labelled run of the shared data, in the order of files."""
    found: list[Case] = []
    for folder, name in SUBSETS.items():
        files = sorted((data / "who-and-when" / folder).glob("*.json"))[::each]
        found += [_who_and_when(name, file) for file in files]
    return found + list(_tau(data / "agentrx-tau"))[::each]


def read(file: Path) -> list[Run]:
    """The runs of one file."""
    return [run for found in reading.runs_of([str(file)], OPTIONS, salt=b"bench") for run in found.runs]


def case(name: str, question: str, run: Run, step: int, agent: str) -> Case:
    """A labelled run with its signs."""
    told = story(run)
    return Case(name, question, run, told, signs(told, detect.failures(run)), step, agent)


def _who_and_when(name: str, file: Path) -> Case:
    label = json.loads(file.read_text("utf-8"))
    question = " ".join(label["question"].casefold().split())
    return case(name, question, read(file)[0], int(label["mistake_step"]), label["mistake_agent"])


def _tau(folder: Path) -> Iterator[Case]:
    if not folder.is_dir():
        return
    labels = {str(x["trajectory_id"]): x for x in json.loads((folder / "tau_ground_truth.json").read_text("utf-8"))}
    file = folder / "tau_dataset_full.json.gz"
    raw = json.loads(gzip.decompress(file.read_bytes()))
    for document, run in zip(raw, read(file), strict=True):
        label: dict[str, Any] | None = labels.get(str(document["task_id"]))
        if label is None:
            continue
        root = next(f for f in label["failures"] if f["failure_id"] == label["root_cause"]["failure_id"])
        task = str(document["task_id"])
        yield case(TAU, f"retail {task}", run, root["step_number"] - 1, SPEAKERS[root["failed_agent"]])


class Trial(NamedTuple):
    """A failed run of tau-bench whose log holds the actions that the task wanted."""

    run: Run
    like: list[Run]
    """Runs of the same file that succeeded and worked on the same things."""
    step: int
    """History entry of the first change that the task did not want: no judgement of a person, but of the reference."""


def trials(data: Path) -> list[Trial]:
    """The failed airline runs of tau-bench that changed something they should not have."""
    file = data / "tau-bench" / "gpt-4o-airline.json.gz"
    if not file.exists():
        return []
    raw, runs = json.loads(gzip.decompress(file.read_bytes())), read(file)
    good = [run for run in runs if run.outcome.label == "success"]
    found = []
    for document, run in zip(raw, runs, strict=True):
        wanted = [(action["name"], action["kwargs"]) for action in document["info"]["task"]["actions"]]
        made = (s for s in run.steps if s.kind == "call" and not LOOKS.match(s.tool))
        step = next((s.entry for s in made if (s.tool, s.args) not in wanted), None)
        if run.outcome.label == "failure" and step is not None:
            found.append(Trial(run, same_task(run, good), step))
    return found
