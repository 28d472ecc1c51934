"""A command called in this process on a hand-made store, with its output and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import made
from app.calls import Call, Said
from memento_skills.app.cli.main import run
from memento_skills.app.cli.session import Session
from memento_skills.records import Patch
from memento_skills.store.store import Store, open_store


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without any settings, log or skill; the state and config folders lie in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def project(home: Path) -> Path:
    """A project folder with a `.memento` and a skill library."""
    folder = home / "project"
    (folder / ".memento").mkdir(parents=True)
    made.library(folder / "skills")
    return folder


@pytest.fixture
def patches(project: Path) -> tuple[Patch, ...]:
    """The hand-made store filled; its three proposals."""
    with open_store(project / ".memento" / "store.db", clock=made.ticking()) as store:
        return made.fill(store, project / "skills")


@pytest.fixture
def call(home: Path, project: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call `memento` with some words in the project's folder; `env` are the only variables there."""
    clock = made.ticking()

    def memento(*words: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> Said:
        session = Session(clock=clock, env=env or {}, cwd=cwd or project, home=home)
        code = run(words, session)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return memento


@pytest.fixture
def store(project: Path, patches: tuple[Patch, ...]) -> Store:
    """The filled store, open."""
    return open_store(project / ".memento" / "store.db", clock=made.ticking())
