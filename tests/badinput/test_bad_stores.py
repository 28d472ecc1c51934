"""Stores that are newer, foreign, damaged, locked, read-only, missing, or on a full disk: said in one line."""

from __future__ import annotations

import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from badinput.build import BUNDLE, Memento, Said, contents, lines, refused, says
from badinput.conftest import Call

pytestmark = pytest.mark.slow

READING = (["report"], ["failures"], ["patterns"], ["review", "list"], ["audit", "verify"], ["forget", "--user", "x"])
WRITING = (["ingest", "log.jsonl"], ["scan", "log.jsonl"], ["scan", "log.jsonl", "--json"])


@pytest.fixture
def log(memento: Memento, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good log in the project's folder, which is the current one."""
    monkeypatch.chdir(memento.project)
    path = memento.project / "log.jsonl"
    path.write_bytes(lines([says(f"g{n}", f"good {n}") for n in range(9)]))
    return path


def ask(call: Call, words: list[str]) -> list[str]:
    return [*words, "--yes"] if words[0] in ("forget", "scan") else words


@pytest.mark.parametrize("words", READING)
def test_no_store_is_usage_and_says_what_to_do(words: list[str], call: Call, memento: Memento) -> None:
    refused(call(*ask(call, words)), 2, "there is no store yet", "memento scan")
    assert not memento.store.exists()


@pytest.mark.parametrize("words", [*READING, *WRITING])
def test_a_store_of_a_newer_version_is_not_touched(words: list[str], call: Call, memento: Memento, log: Path) -> None:
    assert call("ingest", log).code == 0
    with closing(sqlite3.connect(memento.store)) as raw:
        raw.execute("INSERT INTO migrations VALUES ('2031-01-later', 0)")
        raw.execute("ALTER TABLE runs ADD COLUMN later TEXT")
        raw.commit()
    before = memento.store.read_bytes()
    refused(call(*ask(call, words)), 4, "newer version", "upgrade")
    assert memento.store.read_bytes() == before


FOREIGN = {
    "words": b"these are no database pages " * 400,
    "a log": lines([says("a", "b")]) * 40,
    "cut": b"SQLite format 3\0" + b"\0" * 40,
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("words", [READING[0], READING[3], WRITING[0]])
def test_a_file_that_is_no_store_is_not_touched(
    kind: str, words: list[str], call: Call, memento: Memento, log: Path
) -> None:
    memento.store.write_bytes(FOREIGN[kind])
    refused(call(*ask(call, words)), 4, "store.db")
    assert memento.store.read_bytes() == FOREIGN[kind]


@pytest.mark.parametrize("words", [READING[0], WRITING[0]])
def test_another_programs_database_is_not_touched(words: list[str], call: Call, memento: Memento, log: Path) -> None:
    with closing(sqlite3.connect(memento.store)) as raw:
        raw.execute("CREATE TABLE bookmarks (url TEXT)")
        raw.commit()
    refused(call(*ask(call, words)), 4, "not a Memento store")
    with closing(sqlite3.connect(memento.store)) as raw:
        assert [r[0] for r in raw.execute("SELECT name FROM sqlite_master")] == ["bookmarks"]


def test_a_damaged_store_is_said_by_every_command_or_still_readable(call: Call, memento: Memento, log: Path) -> None:
    """Some pages are overwritten; no command may crash, guess, or hide it."""
    shutil.copytree(BUNDLE / "logs", memento.project / "logs")
    assert call("ingest", memento.project / "logs").code == 0
    whole = memento.store.read_bytes()
    for page in (1, 3, 7, 20, 60, len(whole) // 4096 - 2):
        memento.store.write_bytes(whole[: page * 4096] + b"\xa5" * 4096 + whole[(page + 1) * 4096 :])
        for words in (*READING[:5], ["scan", "log.jsonl", "--json"]):
            said = call(*words)
            if said.code == 4:
                refused(said, 4)
            assert said.code in (0, 1, 4), said
        for extra in ("-wal", "-shm"):
            Path(f"{memento.store}{extra}").unlink(missing_ok=True)


@pytest.mark.parametrize("size", [0.2, 0.5, 0.9])
def test_a_store_that_was_cut_short_is_said(size: float, call: Call, memento: Memento, log: Path) -> None:
    assert call("ingest", BUNDLE / "logs").code == 0
    data = memento.store.read_bytes()
    memento.store.write_bytes(data[: int(len(data) * size)])
    for words in (["failures"], ["report"], ["ingest", "log.jsonl"]):
        refused(call(*words), 4, "damaged")


@pytest.mark.slow
def test_a_locked_store_is_said_after_a_while_and_nothing_is_stored(memento: Memento, log: Path) -> None:
    assert memento.run("ingest", log).code == 0
    more = memento.project / "more.jsonl"
    more.write_bytes(lines([says("x", "more", "s2")]))
    with closing(sqlite3.connect(memento.store, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        started = [memento.start(*words) for words in (["ingest", more], ["scan", more, "--json"], ["failures"])]
        ended = [(p.communicate(timeout=100), p.returncode) for p in started]
        raw.execute("ROLLBACK")
    for (out, err), code in ended[:2]:
        assert (code, out) == (4, b"")
        assert err.count(b"\n") == 1
        assert b"in use by another process" in err
    assert ended[2][1] == 0  # who only reads need not wait
    with memento.opened() as store:
        assert [h.id for h in store.headers()] == ["s1"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_read_only_folder_is_said(exists: bool, memento: Memento, log: Path) -> None:
    if exists:
        assert memento.run("ingest", log).code == 0
    memento.store.parent.chmod(0o500)
    before = memento.store.read_bytes() if exists else b""
    for words in WRITING:
        refused(memento.run_powerless(*words), 4, ".memento", "ermission")
    memento.store.parent.chmod(0o700)
    assert (memento.store.read_bytes() if exists else b"") == before
    assert memento.store.exists() == exists


@pytest.mark.parametrize("mode", [0o400, 0])
def test_a_store_without_permission_is_said(mode: int, memento: Memento, log: Path) -> None:
    assert memento.run("ingest", log).code == 0
    memento.store.chmod(mode)
    for words in (["ingest", log], ["report"]):
        refused(memento.run_powerless(*words), 4, "store.db", "permission")


@pytest.mark.parametrize("place", ["a file in the way", "a folder in its place"])
def test_a_store_that_cannot_be_made_is_said(place: str, call: Call, memento: Memento, log: Path) -> None:
    if place == "a file in the way":
        (memento.project / "taken").write_text("x")
        where = memento.project / "taken" / "store.db"
    else:
        where = memento.project / "folder.db"
        where.mkdir()
    refused(call("ingest", log, "--store", where), 4, str(where.parent if "way" in place else where))


# ------------------------------------------------------------------------------------------------ full disk


def files_of_at_most(size: int) -> None:
    """Writing beyond `size` bytes of a file fails with an error instead of a signal."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the demo logs leave in a store."""
    other = Memento(tmp_path_factory.mktemp("wanted"))
    assert other.run("ingest", BUNDLE / "logs").code == 0
    with other.opened() as store:
        return contents(store)


@pytest.mark.parametrize("size", [10_000, 120_000, 500_000])
def test_a_full_disk_is_said_and_what_was_stored_is_whole(size: int, memento: Memento, wanted: dict[str, Any]) -> None:
    """A limit on the size of files stands for the full disk: the same error of the system's write."""
    env = memento.env | {"PYTHONDONTWRITEBYTECODE": "1"}  # Python itself would leave cut files beside its sources
    done = subprocess.run(
        memento.words("ingest", BUNDLE / "logs"), cwd=memento.project, env=env, capture_output=True, text=True,
        timeout=100, preexec_fn=lambda: files_of_at_most(size), stdin=subprocess.DEVNULL,
    )  # fmt: skip
    refused(Said(done.returncode, done.stdout, done.stderr), 4, "disk")
    assert memento.run("ingest", BUNDLE / "logs", "--json").code == 0
    with memento.opened() as store:
        assert store.problems() == []
        assert contents(store) == wanted


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of this size. Skips where none can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if sys.platform != "linux" or not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("size", ["64k", "700k", "1500k"])
def test_a_store_on_a_full_disk_keeps_what_it_had(size: str, memento: Memento) -> None:
    with small_disk(memento.folder / "disk", size) as disk:
        path = disk / "store.db"
        said = memento.run("scan", BUNDLE / "logs", "--json", "--store", path)
        if said.code:
            refused(said, 4, "disk")
            if path.exists() and path.stat().st_size:
                assert memento.run("failures", "--store", path).code in (0, 4)
        for n in range(40):
            (disk / f"fill{n}").write_bytes(b"")
        (disk / "full").touch()
        try:
            with (disk / "full").open("wb") as full:
                full.write(b"x" * (8 << 20))
        except OSError:
            pass
        again = memento.run("ingest", BUNDLE / "logs", "--store", path)
        assert again.code in (0, 4)
        if again.code:
            refused(again, 4)
        (disk / "full").unlink()
        if said.code == 0:
            assert memento.run("scan", BUNDLE / "logs", "--json", "--store", path).json["new_runs"] == 0


@pytest.mark.parametrize("words", [["report", "--html"]])
def test_a_page_that_cannot_be_written_leaves_no_part(
    words: list[str], call: Call, memento: Memento, log: Path
) -> None:
    call("ingest", log)
    refused(call(*words, memento.project / "none" / "page.html"), 4, "cannot write")
    (memento.project / "taken").mkdir()
    refused(call(*words, memento.project / "taken"), 2, "taken")
    assert not list(memento.project.glob("*.part"))
