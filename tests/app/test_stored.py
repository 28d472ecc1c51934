"""The runs of a store as a mapping: in order of time, whole when asked for, few of them in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from memento_skills.app.stored import KEPT, Stored
from memento_skills.records import Run, Step
from memento_skills.store.store import open_store

COUNT = KEPT + 3


def run(number: int) -> Run:
    steps = tuple(
        Step(seq=n, kind="message", actor="user", text=f"{number}.{n}", uid=f"{number}.{n}") for n in range(3)
    )
    return Run(id=f"r{number}", client="made", reader="made@1", started_at=float(COUNT - number), steps=steps)


def test_runs_come_whole_in_order_of_time_and_headers_without_steps(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db", clock=lambda: 0.0) as store:
        with store.write() as tx:
            for number in range(COUNT):
                tx.put_run(run(number))
        found = Stored(store)
        assert [r.id for r in found.values()] == [f"r{n}" for n in reversed(range(COUNT))]
        assert all(len(r.steps) == 3 for r in found.values())
        assert [h.steps for h in found.headers.values()] == [()] * COUNT
        assert found["made:r1"] is found["made:r1"]
        assert len(found) == COUNT


def test_a_run_that_is_not_stored_is_not_in_it(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.db", clock=lambda: 0.0) as store:
        found = Stored(store)
        assert "made:r1" not in found
        with pytest.raises(KeyError):
            found["made:r1"]
