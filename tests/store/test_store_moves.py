"""Ids that moved are followed to their end, whatever loops they make."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from store_build import opened, signature

from memento_skills.records import Ruling
from memento_skills.store import moves

IDS = st.sampled_from("abcdef")
TABLES = st.lists(st.dictionaries(IDS, IDS), max_size=3)


@given(TABLES)
def test_following_ends_and_the_end_of_a_chain_leads_nowhere(tables: list[dict[str, str]]) -> None:
    found = moves.followed(tables)
    looping = any(old in found.values() for old in found)
    assert all(old != new for old, new in found.items())
    assert looping or all(new not in found for new in found.values())


def test_a_ruling_leads_before_a_version() -> None:
    assert moves.followed([{"a": "b"}, {"a": "x", "b": "y"}]) == {"a": "y", "b": "y"}


def test_moves_are_kept_and_taken_back(tmp_path: Path) -> None:
    with opened(tmp_path / "m.db") as store:
        with store.write() as tx:
            tx.put_moves(moves.RULING, {"a": "b", "c": "c"})
            tx.put_moves(moves.RULING, {"a": "d"})
        assert store.moves(moves.RULING) == {"a": "d"}
        with store.write() as tx:
            tx.forget_moves(moves.RULING, ["a"])
        assert store.moved() == {}


def test_a_forgotten_word_is_gone_from_rulings_too(tmp_path: Path) -> None:
    ruling = Ruling(id="r1", kind="split", pattern="p", signature=signature("SWORDFISH"), part="text", curator="Ada")
    with opened(tmp_path / "m.db") as store:
        with store.write() as tx:
            assert tx.add_ruling(ruling) is True
            assert tx.add_ruling(ruling) is False
            tx.forget_secret("SWORDFISH")
        assert "SWORDFISH" not in repr(store.rulings())
        assert store.audit_problems() == []
