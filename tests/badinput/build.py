"""Small logs of Claude Code, the program in this process or in one of its own, and what every answer must hold."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import memento_skills.app
from memento_skills.store.store import Store, open_store

NOW = 1_793_500_000.0
BUNDLE = Path(memento_skills.app.__file__).parent / "demo"
SHARED = Path(os.environ.get("MEMENTO_TEST_DATA") or Path(__file__).parents[2].parent / "shared" / "data")
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared logs are not here (MEMENTO_TEST_DATA)")
CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""What a terminal, a page or a reader could be misled by (joiners have their place in emoji and some scripts)."""


class Said(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON document."""
        assert self.err == "", self.err
        return json.loads(self.out)

    @property
    def rows(self) -> list[Any]:
        """Its JSON lines."""
        assert self.err == "", self.err
        return [json.loads(line) for line in self.out.splitlines()]


def powerless() -> None:
    """Take from this process, for what it executes, the right of root to pass over the modes of files (Linux)."""
    if os.geteuid() == 0 and sys.platform == "linux":
        libc = ctypes.CDLL(None)
        for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, by PR_CAPBSET_DROP
            libc.prctl(24, right, 0, 0, 0)


class Memento:
    """The program in a process of its own, with its own home folder, in one project folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.project = folder / "home" / "project"
        self.project.mkdir(parents=True)
        self.store = self.project / ".memento" / "store.db"
        self.store.parent.mkdir()
        (self.home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG", "LC_ALL") if name in os.environ}
        self.env = {
            **kept, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"), "GIT_CONFIG_NOSYSTEM": "1",
        }  # fmt: skip

    def words(self, *words: str | Path) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "memento_skills.app.cli.main", *(str(w) for w in words)]

    def start(self, *words: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Begin a command without waiting for it, in a process group of its own."""
        return subprocess.Popen(
            self.words(*words), cwd=self.project, env=self.env | dict(env or {}), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run_powerless(self, *words: str | Path) -> Said:
        """Run a command to its end; the modes of files count for it even where the tests run as root."""
        done = subprocess.run(
            self.words(*words), cwd=self.project, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=110, preexec_fn=powerless,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def run(self, *words: str | Path, env: Mapping[str, str] | None = None) -> Said:
        """Run a command to its end."""
        started = self.start(*words, env=env)
        out, err = started.communicate(timeout=110)
        return Said(started.returncode, out.decode(), err.decode())

    def opened(self) -> Store:
        """The store, open."""
        return open_store(self.store, clock=lambda: NOW)


def refused(said: Said, code: int, *words: str) -> None:
    """The answer is one line on stderr that holds `words`, with this exit code and nothing else."""
    assert said.code == code, said
    assert said.out == "", said.out
    assert said.err.startswith("memento: ")
    assert said.err.count("\n") == 1, said.err
    inert(said.err)
    for word in (*words, ""):
        assert word in said.err
    assert "Traceback" not in said.err
    assert "internal error" not in said.err


def inert(text: str) -> None:
    """No character that a terminal would act on, and none that hides."""
    found = CONTROLS.search(text)
    assert found is None, ascii(text[max(0, found.start() - 40) : found.end() + 40])


def conserved(lines: dict[str, int]) -> bool:
    """Seen = understood + ignored + quarantined."""
    return lines["seen"] == lines["understood"] + lines["ignored"] + lines["quarantined"]


# ------------------------------------------------------------------------------------------------- logs


def row(kind: str, uuid: str, session: str = "s1", **more: Any) -> dict[str, Any]:
    """A row of a Claude Code log."""
    base = {
        "type": kind, "uuid": uuid, "parentUuid": None, "sessionId": session,
        "timestamp": "2026-10-01T10:00:00.000Z", "cwd": "/home/ada/app", "gitBranch": "main", "version": "2.1.0",
        "isSidechain": False, "userType": "external",
    }  # fmt: skip
    return {**base, **more}


def says(uuid: str, content: Any, session: str = "s1", **more: Any) -> dict[str, Any]:
    """A person's words, or results."""
    return row("user", uuid, session, message={"role": "user", "content": content}, **more)


def calls(uuid: str, call_id: str, tool: str, args: dict[str, Any], session: str = "s1", **more: Any) -> dict[str, Any]:
    """A model's call."""
    block = {"type": "tool_use", "id": call_id, "name": tool, "input": args}
    message = {"id": f"m-{uuid}", "role": "assistant", "model": "model-a", "content": [block]}
    return row("assistant", uuid, session, message=message, **more)


def gets(
    uuid: str, call_id: str, content: str, session: str = "s1", *, error: bool = True, **more: Any
) -> dict[str, Any]:
    """A call's result."""
    block = {"type": "tool_result", "tool_use_id": call_id, "content": content, "is_error": error}
    return says(uuid, [block], session, **more)


def lines(rows: Iterable[dict[str, Any]]) -> bytes:
    """As a file holds them."""
    return b"".join(json.dumps(r, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n" for r in rows)


def texts(store: Store) -> list[str]:
    """The text of every message, in the order of the log."""
    return [s.text for run in store.runs() for s in run.steps if s.kind == "message"]


def contents(store: Store) -> dict[str, Any]:
    """Everything that reading logs leaves in a store, to compare two of them in full.

    File names and times of change are left out: stores of two folders are compared.
    """
    counts = [(Path(p).name, s.offset, s.seam, s.format, s.counts, s.runs) for p, s in store.files().items()]
    return {
        "runs": {run.key: run for run in store.runs()},
        "failures": sorted((f.run, f.step, f.id, f.signature.id, f.quote) for f in store.failures()),
        "files": sorted(counts),
        "quarantined": sorted((q.file, q.line, q.offset, q.size, q.sha256, q.reason) for q in store.quarantined()),
        "lineages": store.lineages(),
    }


# ------------------------------------------------------------------------------------------------ skills


def git(folder: Path, *words: str) -> str:
    """A git command in a folder, with a neutral identity."""
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def library(project: Path, *, repository: bool = True) -> Path:
    """The skills of the demo logs' project, committed."""
    skills = project / ".claude" / "skills"
    shutil.copytree(BUNDLE / "library", skills)
    if repository:
        git(project, "init", "--quiet", "--initial-branch=main")
        (project / ".gitignore").write_text(".memento/\n")
        git(project, "add", "--", ".claude", ".gitignore")
        git(project, "commit", "--quiet", "--message", "skills")
    return skills


def digests(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder with its bytes and its time of change."""
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(folder.rglob("*")) if p.is_file()}
