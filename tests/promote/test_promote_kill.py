"""kill -9 at random moments of promotion and rollback: old or new whole, nothing lost, nothing twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from promote_build import SKILL, Ledger, git, job, library, patch, undo

from memento_skills.promote import Job, Undo, promote, promotion_id, recover, rollback, rollback_id
from memento_skills.promote.place import own_git_dir
from memento_skills.promote.plan import To
from memento_skills.records import Promotion

KILLS = int(os.environ.get("MEMENTO_KILLS", "20"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks for left processes in /proc"),
    pytest.mark.timeout(60 + 6 * KILLS),
]


class Zygote:
    """The other end of `promote_zygote.py`."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("promote_zygote.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, kind: str, state: Path, task: Job | Undo) -> int:
        assert self._process.stdin
        assert self._process.stdout
        line = msgspec.json.encode((kind, str(state), task)).decode()
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def ended(self) -> int:
        assert self._process.stdout
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


@pytest.fixture
def zygote() -> Iterator[Zygote]:
    found = Zygote()
    yield found
    found.close()


def _group_is_gone(group: int) -> bool:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return False
    return True


def _kill(zygote: Zygote, pid: int, after: float, *, group: bool) -> None:
    """Kill the process after that many seconds; its running git with it, or not, as when memory runs out."""
    time.sleep(after)
    try:
        if group:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    zygote.ended()
    until = time.monotonic() + 10
    while not _group_is_gone(pid) and time.monotonic() < until:
        time.sleep(0.005)


class World:
    """One library, its history, and what it should hold."""

    def __init__(self, folder: Path, to: To, *, repository: bool) -> None:
        self.state = folder / "state"
        self.root = library(folder / "lib", repository=repository)
        self.what = patch(self.root)
        self.task = job(self.root, self.state, self.what, to)
        self.writes = to == "tree"
        self.repository = repository
        self.history = self.root if repository else own_git_dir(self.root, self.state)
        self.ledger = Ledger(self.state)

    @property
    def is_repository(self) -> bool:
        """A kill may leave Memento's own git directory half made; the next promotion finishes it."""
        return self.history.exists() and git(self.history, "rev-parse", "--git-dir", check=False) != ""

    @property
    def text(self) -> str:
        return (self.root / "table-tool/SKILL.md").read_text()

    def commits(self, trailer: str) -> int:
        if not self.is_repository or not git(self.history, "for-each-ref"):
            return 0
        return int(git(self.history, "rev-list", "--all", "--count", f"--grep=^{trailer}$"))

    def check(self, before: str, after: str) -> None:
        """Whatever was cut short: whole texts, a sound repository."""
        assert self.text in ({before, after} if self.writes else {SKILL})
        if self.is_repository:
            done = subprocess.run(["git", "fsck", "--strict"], cwd=self.history, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            assert "error" not in done.stderr

    def settle(self, trailer: str, done_id: str, before: str, after: str) -> bool:
        """After recovery there is exactly one state, and the ledger knows it; whether the change is done."""
        settled = recover(self.ledger, self.state)
        assert [s for s in settled if s.outcome == "stuck"] == []
        assert self.ledger.pending() == ()
        done = self.commits(trailer)
        assert done in {0, 1}
        assert (done_id in self.ledger.done) == bool(done)
        if self.writes:
            assert self.text == (after if done else before)
        if self.repository:
            assert git(self.root, "status", "--porcelain") == ""
        assert list((self.root / "table-tool").iterdir()) == [self.root / "table-tool/SKILL.md"]
        return bool(done)


@pytest.mark.parametrize(
    ("name", "to", "repository"), [("tree", "tree", True), ("branch", "branch", True), ("own", "tree", False)]
)
def test_kills_leave_old_or_new(tmp_path: Path, zygote: Zygote, name: str, to: To, repository: bool) -> None:
    dice = random.Random(f"{name}{os.environ.get('MEMENTO_SEED', '')}")
    lasts = _duration(tmp_path / "timing", zygote, to, repository=repository)
    finished = 0
    for i in range(-(-KILLS // 3)):
        world = World(tmp_path / str(i), to, repository=repository)
        trailer = f"Memento-Promotion: {promotion_id(world.task)}"
        pid = zygote.start("promote", world.state, world.task)
        _kill(zygote, pid, dice.uniform(0, lasts), group=name != "tree")
        world.check(SKILL, world.what.after)
        finished += world.settle(trailer, promotion_id(world.task), SKILL, world.what.after)
        done = promote(world.task, world.ledger)
        assert world.commits(trailer) == 1
        finished += _kill_rollback(world, done, zygote, dice.uniform(0, lasts), group=name != "tree")
        shutil.rmtree(tmp_path / str(i))
    assert 0 <= finished <= 2 * KILLS


def _kill_rollback(world: World, done: Promotion, zygote: Zygote, after: float, *, group: bool) -> bool:
    task = undo(done, world.root, world.state)
    trailer = f"Memento-Rollback: {rollback_id(task)}"
    pid = zygote.start("rollback", world.state, task)
    _kill(zygote, pid, after, group=group)
    world.check(world.what.after, SKILL)
    finished = world.settle(trailer, rollback_id(task), world.what.after, SKILL)
    rollback(task, world.ledger)
    assert world.commits(trailer) == 1
    assert world.text == SKILL
    return finished


def _duration(folder: Path, zygote: Zygote, to: To, *, repository: bool) -> float:
    world = World(folder, to, repository=repository)
    begin = time.monotonic()
    zygote.start("promote", world.state, world.task)
    assert zygote.ended() == 0
    return time.monotonic() - begin


def test_of_two_processes_on_one_base_one_wins(tmp_path: Path) -> None:
    pair = Zygote(), Zygote()
    for i in range(3):
        for repository in (True, False):
            world = World(tmp_path / f"{i}{repository}", "tree", repository=repository)
            other = job(world.root, world.state, patch(world.root, rule="Close the file when done."), "tree")
            for zygote, task in zip(pair, (world.task, other), strict=True):
                zygote.start("promote", world.state, task)
            assert sorted(zygote.ended() for zygote in pair) == [0, 1]
            assert len(world.ledger.done) == 1
            assert world.text in {world.what.after, other.patch.after}
    for zygote in pair:
        zygote.close()
