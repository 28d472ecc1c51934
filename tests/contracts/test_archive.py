"""What every archive must do; a new one joins by a line in `ARCHIVES`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.interfaces import Archive
from memento_skills.store import engine, migrations
from memento_skills.store.archive import SqlArchive
from memento_skills.store.stub import MemoryArchive


@contextmanager
def in_memory() -> Iterator[Archive]:
    yield MemoryArchive()


@contextmanager
def in_sqlite() -> Iterator[Archive]:
    connection = engine.connect(":memory:")
    migrations.migrate(connection, ":memory:", 0.0)
    yield SqlArchive(connection)
    engine.close(connection)


ARCHIVES = [in_memory, in_sqlite]

Opener = Callable[[], AbstractContextManager[Archive]]


@pytest.fixture(params=ARCHIVES, ids=lambda opener: opener.__name__)
def opener(request: pytest.FixtureRequest) -> Opener:
    made: Opener = request.param
    return made


def test_a_run_that_was_never_put_has_no_chunks(opener: Opener) -> None:
    with opener() as archive:
        assert list(archive.get("made:none")) == []


def test_chunks_come_back_in_their_order_whatever_the_order_they_were_put_in(opener: Opener) -> None:
    with opener() as archive:
        for chunk in (10, 2, 0, 1):
            archive.put("made:a", chunk, b"%d" % chunk)
        assert list(archive.get("made:a")) == [b"0", b"1", b"2", b"10"]


def test_the_same_chunk_again_replaces_it(opener: Opener) -> None:
    with opener() as archive:
        archive.put("made:a", 0, b"old")
        archive.put("made:a", 0, b"new")
        assert list(archive.get("made:a")) == [b"new"]


def test_deleting_a_run_leaves_the_others(opener: Opener) -> None:
    with opener() as archive:
        archive.put("made:a", 0, b"a")
        archive.put("made:b", 0, b"b")
        archive.delete("made:a")
        assert (list(archive.get("made:a")), list(archive.get("made:b"))) == ([], [b"b"])


def test_deleting_what_is_not_there_is_no_error(opener: Opener) -> None:
    with opener() as archive:
        archive.delete("made:none")
        assert list(archive.get("made:none")) == []


def test_an_archive_of_a_file_keeps_its_chunks_when_the_file_is_opened_again(tmp_path: Path) -> None:
    path = str(tmp_path / "memento.db")
    connection = engine.connect(path)
    migrations.migrate(connection, path, 0.0)
    SqlArchive(connection).put("made:a", 0, b"\0\xff")
    engine.close(connection)
    connection = engine.connect(path)
    assert list(SqlArchive(connection).get("made:a")) == [b"\0\xff"]
    engine.close(connection)


@given(st.lists(st.tuples(st.sampled_from(["made:a", "made:'; --"]), st.integers(0, 3), st.binary(max_size=50))))
def test_every_archive_answers_as_the_one_in_memory(puts: list[tuple[str, int, bytes]]) -> None:
    model = MemoryArchive()
    with in_sqlite() as archive:
        for key, chunk, payload in puts:
            model.put(key, chunk, payload)
            archive.put(key, chunk, payload)
        for key, _, _ in puts:
            assert list(archive.get(key)) == list(model.get(key))
