"""kill -9 at random moments of the program's own commands: nothing lost, nothing twice, exactly one state.

`MEMENTO_KILLS` (20 by default) is the number of kills of each kind.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from badinput.build import BUNDLE, Memento, contents, git, library
from memento_skills.store.store import open_store

KILLS = int(os.environ.get("MEMENTO_KILLS", "20"))
DICE = random.Random(os.environ.get("MEMENTO_SEED", "kills"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and killed"),
    pytest.mark.timeout(120 + 10 * KILLS),
]


class Zygote:
    """The other end of `zygote.py`."""

    def __init__(self, memento: Memento) -> None:
        self.memento = memento
        self.said = memento.folder / "said.txt"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start(self, *words: str | Path, commit: int = 0) -> int:
        """Begin a command; its process id, which is its group's as well."""
        assert self._process.stdin
        assert self._process.stdout
        task = {
            "words": [str(w) for w in words], "cwd": str(self.memento.project), "env": self.memento.env,
            "said": str(self.said), "commit": commit,
        }  # fmt: skip
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        """The exit code of the last command, when it is gone."""
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def run(self, *words: str | Path, commit: int = 0) -> int:
        """A command to its end."""
        self.start(*words, commit=commit)
        return self.ended()

    def kill(self, *words: str | Path, after: float, commit: int = 0) -> int:
        """Begin a command and kill it, and what it started, `after` seconds later."""
        pid = self.start(*words, commit=commit)
        time.sleep(after)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        return self.ended()

    def lasts(self, *words: str | Path, commit: int = 0) -> float:
        """Seconds that a command takes."""
        begin = time.monotonic()
        assert self.run(*words, commit=commit) == 0, self.said.read_text()
        return time.monotonic() - begin

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture
def zygote(memento: Memento) -> Iterator[Zygote]:
    found = Zygote(memento)
    yield found
    found.close()


def copies(target: Path, count: int, most: int | None = None) -> None:
    """The demo logs (`most` of them) `count` times over, each time with other ids."""
    for number in range(count):
        for file in sorted((BUNDLE / "logs").rglob("*.jsonl"))[:most]:
            copy = target / f"{number}" / file.relative_to(BUNDLE / "logs")
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = file.read_text("utf-8")
            for word in ('uuid":"', 'Uuid":"', 'sessionId":"', "toolu_", "msg_", 'agentId":"'):
                text = text.replace(word, f"{word}{number}")
            copy.write_text(text, "utf-8")


def whole(path: Path) -> dict[str, Any]:
    with open_store(path, clock=time.time) as store:
        assert store.problems() == []
        return contents(store)


def consistent(path: Path, wanted: dict[str, Any], acknowledged: dict[str, Any]) -> None:
    """What a killed command left: sound, all that was acknowledged, and nothing that the whole would not hold."""
    with open_store(path, clock=time.time) as store:
        assert store.problems() == []
        assert store.audit_problems() == []
        found = contents(store)
        done = {key for state in store.files().values() if state.size >= 0 for key in state.runs}
        unfinished = {key for state in store.files().values() if state.size < 0 for key in state.runs}
    assert acknowledged["runs"].items() <= found["runs"].items()
    assert set(acknowledged["failures"]) <= set(found["failures"])
    assert found["runs"].keys() <= wanted["runs"].keys()
    assert set(found["runs"]) == done | unfinished
    for key, run in found["runs"].items():
        uids = [s.uid for s in run.steps]
        assert len(uids) == len(set(uids))
        assert set(uids) <= {s.uid for s in wanted["runs"][key].steps}


@pytest.mark.parametrize("commit", [50_000])
def test_kills_of_ingest_lose_nothing_and_add_nothing(memento: Memento, zygote: Zygote, commit: int) -> None:
    logs, store = memento.project / "logs", memento.store
    copies(logs, 1, 30)
    uninterrupted, first = memento.project / "whole.db", memento.project / "first.db"
    lasts = zygote.lasts("ingest", logs, "--store", uninterrupted, commit=commit)
    assert zygote.run("ingest", logs / "0" / "handbook", "--store", first, commit=commit) == 0
    wanted, acknowledged = whole(uninterrupted), whole(first)
    assert len(wanted["runs"]) > 5 * len(acknowledged["runs"]) > 15
    parts = set()
    for _ in range(KILLS):
        for name in ("", "-wal", "-shm"):
            Path(f"{store}{name}").unlink(missing_ok=True)
        shutil.copy(first, store)
        zygote.kill("ingest", logs, "--store", store, after=DICE.uniform(0, lasts * 0.8), commit=commit)
        consistent(store, wanted, acknowledged)
        with open_store(store, clock=time.time) as left:
            parts.add(len(left.headers()))
        assert zygote.run("ingest", logs, "--store", store, commit=commit) == 0, zygote.said.read_text()
        assert whole(store) == wanted
    assert len(parts) > 2  # the kills did hit different moments


def test_kills_of_the_real_program_on_more_logs(memento: Memento) -> None:
    """Commits as the program chooses them: some 32 MB of log each."""
    logs = memento.project / "logs"
    copies(logs, 30)
    begin = time.monotonic()
    uninterrupted = memento.project / "whole.db"
    assert memento.run("ingest", logs, "--store", uninterrupted).code == 0
    lasts = time.monotonic() - begin
    wanted = whole(uninterrupted)
    for _ in range(max(2, KILLS // 10)):
        for name in ("", "-wal", "-shm"):
            Path(f"{memento.store}{name}").unlink(missing_ok=True)
        for _ in range(2):  # twice in the same store
            started = memento.start("ingest", logs)
            time.sleep(DICE.uniform(0.2, lasts))
            os.killpg(started.pid, signal.SIGKILL)
            started.communicate()
        if memento.store.exists():
            consistent(memento.store, wanted, {"runs": {}, "failures": []})
        assert memento.run("ingest", logs).code == 0
        assert whole(memento.store) == wanted


# ------------------------------------------------------------------------------------ promotion, rollback


class Library:
    """A scanned store and its library, with a copy to begin anew from."""

    def __init__(self, memento: Memento, zygote: Zygote, to: str) -> None:
        self.memento, self.zygote, self.to = memento, zygote, to
        self.skills = library(memento.project)
        assert zygote.run("scan", BUNDLE / "logs", "--skills", self.skills, "--json") == 0
        with memento.opened() as store:
            queue = [p for p in store.patches() if p.kind == "amend" and p.scope.level == "base" and not p.chips]
            good = [p for p in queue if store.verdicts(p.id)[-1].value == "better"]
            self.patch = (good or queue)[0]
        assert zygote.run("review", "approve", self.patch.id, "--yes") == 0, zygote.said.read_text()
        self.file = self.skills / self.patch.skill.path
        self._saved = memento.folder / "saved"
        shutil.copytree(memento.project, self._saved)

    def again(self) -> None:
        """As it was before any promotion."""
        shutil.rmtree(self.memento.project)
        shutil.copytree(self._saved, self.memento.project)

    def commits(self, trailer: str) -> int:
        """Commits of any branch with this trailer."""
        values = git(self.memento.project, "log", "--all", f"--format=%(trailers:key={trailer},valueonly)")
        return len(values.split())

    def whole(self) -> None:
        """git is sound, and the skill is the old or the new one whole."""
        done = subprocess.run(
            ["git", "fsck", "--strict"], cwd=self.memento.project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert self.file.read_text("utf-8") in {self.patch.before, self.patch.after}
        for name in git(self.memento.project, "for-each-ref", "--format=%(refname)").split():
            text = git(self.memento.project, "show", f"{name}:{self.file.relative_to(self.memento.project).as_posix()}")
            assert text in {self.patch.before, self.patch.after}

    def complete(self, words: list[str]) -> None:
        """The command to its end. A killed git may leave a lock of its own: it is named, and a person removes it."""
        while self.zygote.run(*words):
            lock = re.search(r"lock[^(]* \(([^()]+\.lock)\)", self.zygote.said.read_text())
            assert lock, self.zygote.said.read_text()
            Path(lock[1]).unlink()

    def settled(self) -> tuple[int, int]:
        """After the next command: the audit verifies, and ledger and git tell the same."""
        self.complete(["audit", "verify", "--json"])
        with self.memento.opened() as store:
            known = len(store.promotions()), len(store.rollbacks())
            entries = [e.kind for e in store.audit_entries()]
            assert store.problems() == []
        assert (self.commits("Memento-Promotion"), self.commits("Memento-Rollback")) == known
        assert max(known) <= 1
        assert (entries.count("promotion"), entries.count("rollback")) == known
        assert git(self.memento.project, "status", "--porcelain") == ""
        assert not list(self.skills.rglob("*.part")) + list(self.skills.rglob("*.tmp"))
        state = self.file.read_text("utf-8")
        expected = self.patch.after if self.to == "tree" and known == (1, 0) else self.patch.before
        assert state == expected
        return known


@pytest.mark.parametrize("to", ["tree", "branch"])
def test_kills_of_promote_and_rollback_leave_one_state(memento: Memento, zygote: Zygote, to: str) -> None:
    world = Library(memento, zygote, to)
    promote = ["promote", world.patch.id, "--yes", "--to", to]
    lasts = zygote.lasts(*promote)
    done = 0
    for _ in range(-(-KILLS // 2)):
        world.again()
        zygote.kill(*promote, after=DICE.uniform(0, lasts))
        world.whole()
        if world.settled() == (0, 0):
            world.complete(promote)
        else:
            done += 1
        assert world.settled() == (1, 0)
        rollback = ["rollback", world.patch.id, "--reason", "a test"]
        zygote.kill(*rollback, after=DICE.uniform(0, lasts))
        world.whole()
        if world.settled() == (1, 0):
            world.complete(rollback)
        assert world.settled() == (1, 1)
