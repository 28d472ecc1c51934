"""The program in a fresh home folder: in this process (`call`, quick) or in one of its own (`memento`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from badinput.build import NOW, Memento, Said
from memento_skills.app.cli.main import run
from memento_skills.app.cli.session import Session

Call = Callable[..., Said]


@pytest.fixture(autouse=True)
def _no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "CLAUDE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def memento(tmp_path: Path) -> Memento:
    """The real program."""
    return Memento(tmp_path)


@pytest.fixture
def call(memento: Memento, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The same program in this process; the clock stands still."""
    for name, value in memento.env.items():
        monkeypatch.setenv(name, value)

    def said(*words: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> Said:
        session = Session(clock=lambda: NOW, env=env or {}, cwd=cwd or memento.project, home=memento.home)
        code = run([str(w) for w in words], session)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return said
