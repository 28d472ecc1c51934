"""`memento export`: stored runs leave as valid trajectories and come back as they were."""

from __future__ import annotations

import json
from pathlib import Path

import atif
import pytest
from msgspec.structs import replace

from app.calls import Call
from memento_skills.app.cli.export import file_name
from memento_skills.records import Patch, Run
from memento_skills.store.store import Store, open_store


@pytest.fixture
def key(store: Store, patches: tuple[Patch, ...]) -> str:
    """A run of the filled store."""
    assert patches
    return store.headers()[0].key


def test_a_run_is_written_as_one_line_of_valid_json(call: Call, key: str) -> None:
    said = call("export", key)
    assert said.code == 0
    (line,) = said.out.splitlines()
    assert atif.Trajectory.model_validate_json(line).schema_version == "ATIF-v1.7"


def test_the_native_id_and_a_version_are_taken(call: Call, key: str) -> None:
    said = call("export", key.partition(":")[2], "--atif-version", "1.8")
    assert json.loads(said.out)["schema_version"] == "ATIF-v1.8"


def test_what_was_exported_is_ingested_as_it_was(call: Call, store: Store, key: str, tmp_path: Path) -> None:
    assert key
    said = call("export", "--all", "--out", str(tmp_path / "out"), "--json")
    files = json.loads(said.out)["files"]
    other = tmp_path / "other.db"
    assert call("ingest", str(tmp_path / "out"), "--store", str(other)).code == 0
    with open_store(other, clock=lambda: 0.0) as again:
        there = {run.key: run for run in again.runs()}
    here = {run.key: run for run in store.runs()}
    assert len(files) == len(here) > 1
    assert there == {name: there_as(run, there[name]) for name, run in here.items()}


def there_as(run: Run, other: Run) -> Run:
    """A run as another store holds it: what the store itself adds to a header is that store's."""
    return replace(run, user=run.user or other.user, project=run.project or other.project)


@pytest.mark.parametrize(
    ("words", "code"), [([], 2), (["x", "--all"], 2), (["nobody"], 3), (["x", "--format", "csv"], 2)]
)
def test_what_cannot_be_exported_is_said_in_one_line(
    call: Call, patches: tuple[Patch, ...], words: list[str], code: int
) -> None:
    assert patches
    said = call("export", *words)
    assert said.code == code
    assert not said.out


def test_a_folder_that_cannot_be_made_is_said(call: Call, key: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("", "utf-8")
    said = call("export", key, "--out", str(tmp_path / "taken" / "below"))
    assert said.code == 4
    assert "choose another --out" in said.err


@pytest.mark.parametrize("key", ["a:../../etc/passwd", "a:" + "x" * 500, "a:b\0c\n", "a:CON", "a:ä/ö"])
def test_nothing_from_a_log_becomes_a_file_name_as_it_is(key: str) -> None:
    name = file_name(key)
    assert len(name) < 120
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
    assert name.count(".") == 1
    assert name != file_name(key + "'")
