"""What can go wrong with a file: said in one line, and never half stored."""

from __future__ import annotations

import multiprocessing
import os
import random
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from store_build import dumped, fill, opened, run
from store_writer import BATCH, assert_whole, numbered, write_batch, write_some, write_until_killed

from memento_skills.errors import StoreError
from memento_skills.store import engine

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memento.db"


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["memento_skills.store", "sqlalchemy.dialects.sqlite.pysqlite"])
    return context


# --------------------------------------------------------------------------------------------- opening


def test_a_missing_folder_and_file_are_made_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "memento.db"
    with opened(path) as store, store.write() as tx:
        tx.put_run(run())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}
    assert set(modes) == {"memento.db", "memento.db-wal", "memento.db-shm"}


def test_a_store_keeps_its_salt(path: Path) -> None:
    with opened(path) as store:
        salt = store.salt
    with engine_free(path) as store:
        assert store.salt == salt


def engine_free(path: Path):  # type: ignore[no-untyped-def]
    from memento_skills.store import open_store

    return open_store(path, clock=time.time)


def test_two_new_stores_have_different_salts(tmp_path: Path) -> None:
    with engine_free(tmp_path / "a.db") as a, engine_free(tmp_path / "b.db") as b:
        assert a.salt != b.salt
        assert len(a.salt) == 32


def test_a_store_from_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    opened(path).close()
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO migrations VALUES ('2999-01-later', 0)")
    connection.commit()
    connection.close()
    before = dumped(path)
    with pytest.raises(StoreError, match=r"newer version \('2999-01-later'\).*upgrade memento-skills"):
        opened(path)
    assert dumped(path) == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b'{"type":"user"}\n' * 1000)
    with pytest.raises(StoreError, match="not a Memento store"):
        opened(path)
    assert path.read_bytes() == b'{"type":"user"}\n' * 1000


@pytest.mark.parametrize("table", ["notes", "migrations"])
def test_a_database_of_another_program_is_refused_and_left_alone(path: Path, table: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE {table} (body TEXT)")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="not a Memento store"):
        opened(path)
    assert list(dumped(path)) == [table]


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()
    with opened(path) as store:
        assert store.headers() == []


def test_a_folder_in_place_of_the_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened: Is a directory"):
        opened(tmp_path)


def test_a_file_in_place_of_the_folder_is_said(path: Path) -> None:
    path.touch()
    with pytest.raises(StoreError, match=r"cannot be opened: (Not a directory|File exists)"):
        opened(path / "memento.db")


def write_as_nobody(path: Path, said: Path) -> None:
    opened().close()  # loads what is loaded late, while its files can be read
    with said.open("w") as out:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            with opened(path) as store, store.write() as tx:
                tx.put_run(run())
        except StoreError as error:
            out.write(str(error))


@pytest.fixture
def as_nobody(processes: multiprocessing.context.ForkServerContext) -> Callable[[Path], str]:
    """What a process without any permission of ours is told (permissions do not hold back root)."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to become a user without permissions")

    def write(path: Path) -> str:
        said = path.parent / "said" if path.parent.is_dir() else path.parent.parent / "said"
        writer = processes.Process(target=write_as_nobody, args=(path, said))
        writer.start()
        writer.join(30)
        assert writer.exitcode == 0
        return said.read_text()

    return write


@pytest.fixture
def public(tmp_path: Path) -> Iterator[Path]:
    """A folder that every user may look into."""
    folders = [folder for folder in (tmp_path, *tmp_path.parents) if folder.stat().st_uid == os.geteuid()]
    modes = [(folder, stat.S_IMODE(folder.stat().st_mode)) for folder in folders]
    for folder, mode in modes:
        folder.chmod(mode | 0o055)
    yield tmp_path
    for folder, mode in modes:
        folder.chmod(mode)


def test_a_folder_without_permission_is_said(public: Path, as_nobody: Callable[[Path], str]) -> None:
    assert "the store cannot be opened: Permission denied" in as_nobody(public / "new" / "memento.db")


def test_a_file_without_permission_is_said(public: Path, as_nobody: Callable[[Path], str]) -> None:
    path = public / "memento.db"
    opened(path).close()
    assert "the store cannot be opened: Permission denied" in as_nobody(path)


def test_a_read_only_folder_is_said(public: Path, as_nobody: Callable[[Path], str]) -> None:
    path = public / "memento.db"
    opened(path).close()
    path.chmod(0o666)
    said = as_nobody(path)
    assert "the store cannot be" in said
    assert "check the permissions" in said


@pytest.mark.slow
def test_a_damaged_file_is_said_wherever_it_is_damaged(path: Path) -> None:
    with opened(path) as store:
        write_batch(store, 0, 30)
        engine.erase_freed(store._connection, "")
    rows = dumped(path)
    whole, chance, silent = path.read_bytes(), random.Random(7), 0
    for _ in range(40):
        at = chance.randrange(100, len(whole) - 2000)
        path.write_bytes(whole[:at] + chance.randbytes(2000) + whole[at + 2000 :])
        try:
            with opened(path) as store:
                if not store.problems():
                    list(store.runs()), store.failures(), store.files()
                    # it hit a part of a page that holds nothing
                    assert dumped(path) == rows
                    silent += 1
        except StoreError as error:
            assert str(path) in str(error) or "damaged" in str(error)  # noqa: PT017
    assert silent < 20


def test_a_cut_file_is_said(path: Path) -> None:
    with opened(path) as store:
        write_batch(store, 0, 30)
        engine.erase_freed(store._connection, "")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def read() -> list[str]:
        with opened(path) as store:
            return store.problems() and [one.id for one in store.runs()]

    with pytest.raises(StoreError, match="damaged"):
        read()


# ------------------------------------------------------------------------------------------- full disk


@pytest.mark.slow
def test_a_full_disk_at_any_of_50_points_stores_nothing_half(path: Path) -> None:
    with opened(path) as store:
        write_batch(store, 0)
        keys = {numbered(number).key for number in range(BATCH)}
        refused = 0
        for point in range(50):
            engine.erase_freed(store._connection, "")
            pages = store._connection.execute(text("PRAGMA page_count")).scalar_one()
            store._connection.execute(text(f"PRAGMA max_page_count={pages + point}"))
            with pytest.raises(StoreError, match="disk is full: nothing of this step was stored"):
                write_batch(store, BATCH, 60)
            refused += 1
            assert len(store.headers()) == BATCH
            assert store.run(numbered(0).key) == numbered(0)
            assert set(store.lineages()) == keys
        store._connection.execute(text("PRAGMA max_page_count=1000000"))
        assert refused == 50
        assert_whole(store, BATCH)
        write_batch(store, BATCH)
        assert_whole(store, 2 * BATCH)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], capture_output=True)
    if made.returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a tmpfs")
def test_a_disk_filled_at_many_points_stores_nothing_half(small_disk: Path) -> None:
    path = small_disk / "memento.db"
    filler = small_disk / "filler"
    with opened(path) as store:
        write_batch(store, 0)
    stored = BATCH
    for point in range(50):
        free = os.statvfs(small_disk)
        filler.write_bytes(b"\0" * max(0, free.f_bavail * free.f_bsize - point * 12_000))
        try:
            with opened(path) as store:
                write_batch(store, stored, 10)
            stored += 10
        except StoreError as error:
            assert "disk" in str(error) or "cannot be opened" in str(error)  # noqa: PT017
        filler.unlink()
        with opened(path) as store:
            assert len(store.headers()) == stored
            assert store.problems() == []
    with opened(path) as store:
        assert_whole(store, stored)


# ------------------------------------------------------------------------------- two processes, and kills


@pytest.mark.slow
def test_two_processes_write_at_once_and_lose_nothing(
    path: Path, processes: multiprocessing.context.ForkServerContext
) -> None:
    workers = [processes.Process(target=write_some, args=(path, first, 25)) for first in (0, 25)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    with opened(path) as store:
        assert_whole(store, 50)


def test_a_store_that_is_written_to_by_another_process_is_read_meanwhile(path: Path) -> None:
    with opened(path) as store, opened(path) as other:
        with store.write() as tx:
            tx.put_run(run("a"))
            assert other.headers() == []
        assert len(other.headers()) == 1


def test_waiting_too_long_for_another_writer_is_said(path: Path) -> None:
    with opened(path) as store, opened(path) as other, store.write():
        other._connection.execute(text("PRAGMA busy_timeout=50"))
        with pytest.raises(StoreError, match="in use by another process"), other.write():
            pass


def test_a_forget_while_another_process_reads_is_said_and_finished_later(path: Path) -> None:
    with opened(path) as store, opened(path) as other:
        with store.write() as tx:
            fill(tx, run("gone"))
        other._connection.execute(text("BEGIN"))
        assert len(other.headers()) == 1
        store._connection.execute(text("PRAGMA busy_timeout=50"))

        def forget() -> None:
            with store.write() as tx:
                tx.forget_run("made:session-gone")

        with pytest.raises(StoreError, match="forgotten, but old pages"):
            forget()
        assert store.headers() == []
        other._connection.execute(text("ROLLBACK"))
    with opened(path) as store:
        assert not store.erasing
    files = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"session-gone" not in files


KILLS = int(os.environ.get("MEMENTO_KILLS", "20"))


@pytest.mark.slow
@pytest.mark.timeout(120 + 2 * KILLS)
def test_a_kill_at_any_moment_loses_and_doubles_nothing(
    path: Path, processes: multiprocessing.context.ForkServerContext
) -> None:
    chance, said, stored = random.Random(KILLS), path.parent / "said", 0
    said.touch()
    for _ in range(KILLS):
        before = said.stat().st_size
        writer = processes.Process(target=write_until_killed, args=(path, said, stored))
        writer.start()
        until = time.monotonic() + 30
        while said.stat().st_size == before and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.03)
        writer.kill()
        writer.join(30)
        acknowledged = int(said.read_text().split()[-1])
        with opened(path) as store:
            stored = len(store.headers())
            # the batch whose commit was not acknowledged yet may be there, whole
            assert stored in (acknowledged, acknowledged + BATCH)
            assert_whole(store, stored)
    assert stored >= KILLS * BATCH
