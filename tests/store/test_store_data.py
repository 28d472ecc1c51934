"""Real logs through the store: every step comes back, nothing twice, and cheaply where nothing is new."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_build import SALT, everything, opened

from memento_skills.ingest.ingest import read_file
from memento_skills.masking import Masker
from memento_skills.records import Run
from memento_skills.store import FileState, Store

DATA = Path(os.environ.get("MEMENTO_TEST_DATA", str(Path(__file__).parents[3] / "shared" / "data")))
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no logs at {DATA} (set MEMENTO_TEST_DATA)"),
]


@pytest.fixture(scope="module")
def logged() -> dict[str, Run]:
    """Runs of some real logs by key."""
    files = sorted((DATA / "claude-code").rglob("*.jsonl.gz"), key=lambda file: file.stat().st_size)
    masker = Masker(salt=SALT)
    results = (read_file(file, masker=masker) for file in files[:: len(files) // 25])
    return {run.key: run for result in results for run in result.runs if run.steps}


@pytest.fixture
def filled(tmp_path: Path, logged: dict[str, Run]) -> Iterator[Store]:
    with opened(tmp_path / "memento.db") as store:
        with store.write() as tx:
            for run in logged.values():
                tx.put_run(run)
        yield store


def test_every_step_of_real_logs_comes_back(filled: Store, logged: dict[str, Run]) -> None:
    assert len(logged) > 15
    assert {run.key: run for run in filled.runs()} == logged
    assert filled.problems() == []


def test_real_logs_stored_again_change_nothing(filled: Store, logged: dict[str, Run]) -> None:
    version = filled.data_version()
    with filled.write() as tx:
        assert {tx.put_run(run) for run in logged.values()} == {"unchanged"}
    assert filled.data_version() == version


def test_real_logs_in_two_goes_are_real_logs_in_one(tmp_path: Path, logged: dict[str, Run]) -> None:
    import msgspec

    with opened(tmp_path / "memento.db") as store, store.write() as tx:
        for run in logged.values():
            half = len(run.steps) // 2
            tx.put_run(msgspec.structs.replace(run, steps=run.steps[:half]))
            tx.append_steps(run.key, run.steps[half:], run)
            assert tx.put_run(run) == "unchanged"


def test_a_forgotten_real_run_leaves_none_of_its_ids(filled: Store, tmp_path: Path, logged: dict[str, Run]) -> None:
    gone = next(run for run in logged.values() if len(run.steps) > 20)
    with filled.write() as tx:
        tx.forget_run(gone.key)
    left = everything(tmp_path / "memento.db")
    others = {i for run in filled.runs() for step in run.steps for i in (step.uid, step.call_id)}
    own = {i for step in gone.steps for i in (step.uid, step.call_id)} - others - {""}
    assert own
    assert [i for i in sorted(own) if i.encode() in left] == []
    assert gone.id.encode() not in left
    assert len(filled.headers()) == len(logged) - 1


def test_looking_for_news_in_a_full_store_is_cheap(tmp_path: Path, filled: Store) -> None:
    paths = [f"/logs/{number}.jsonl" for number in range(200)]
    with filled.write() as tx:
        for path in paths:
            tx.put_file(FileState(path=path, size=1, mtime_ns=1, offset=1))
    filled.lineages()
    best = 1.0
    for _ in range(5):
        begun = time.process_time()
        with opened(tmp_path / "memento.db") as store:
            assert len(store.files(paths)) == 200
            store.patterns(), store.patches(), store.verdicts(), store.decisions(), store.lineages()
        best = min(best, time.process_time() - begun)
    # the aim is 0.05 s; a test that fails on a busy machine would say nothing
    assert best < 0.5
