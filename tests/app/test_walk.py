"""The review walk as a state machine, and a sitting on a real store without a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from app import made
from memento_skills.app.cli.walking import Walk, draw
from memento_skills.app.desk import Desk
from memento_skills.app.walk import REASONS, State, Wish, press
from memento_skills.records import Patch
from memento_skills.store.store import Store

KEYS = st.sampled_from(
    [*"jkdaAerus?bqhxz0123456789", "up", "down", "space", "enter", "escape", "tab", "pageup", "?key"]
)


@pytest.fixture
def desk(store: Store) -> Desk:
    return Desk(store, curator="the curator", clock=made.ticking(made.NOW + 10), limit=20)


def sitting(desk: Desk, edited: str | None = None) -> Walk:
    return Walk(desk, lambda _text: edited)


def go_to(walk: Walk, skill: str) -> None:
    at = next(n for n, card in enumerate(walk.cards) if card.patch.skill.name == skill)
    for _ in range(len(walk.cards)):
        walk.key("k", 0)
    for _ in range(at):
        walk.key("j", 0)
    assert walk.cards[walk.state.at].patch.skill.name == skill


@given(st.integers(1, 6), st.lists(KEYS, max_size=40), st.integers(0, 50))
def test_no_keys_lead_out_of_the_queue(count: int, keys: list[str], following: int) -> None:
    state = State(count=count)
    for key in keys:
        state, _ = press(state, key, following)
        assert 0 <= state.at < count
        assert state.offset >= 0


@given(st.lists(KEYS.filter(lambda key: key not in ("r", "s")), max_size=30))
def test_only_a_reason_given_by_its_digit_rejects(keys: list[str]) -> None:
    state = State(count=3)
    for key in keys:
        state, wish = press(state, key)
        assert wish is None or wish.do not in ("reject", "snooze")
    state, _ = press(State(count=3), "r")
    assert press(state, "3")[1] == Wish(do="reject", reason=REASONS[2])
    assert press(state, "x")[1] is None


def test_an_approval_is_a_decision_bound_to_what_was_seen(desk: Desk, store: Store) -> None:
    walk = sitting(desk)
    go_to(walk, "go-testing")
    card = walk.cards[walk.state.at]
    walk.key("a", 0)
    (decision,) = store.decisions(card.patch.id)
    assert (decision.action, decision.curator, decision.seen) == ("approve", "the curator", card.seen)
    assert [entry.kind for entry in store.audit_entries()] == ["decision"]
    assert walk.state.message.startswith("approved")


def test_undo_brings_the_proposal_back_and_a_rejection_no_longer_stands(desk: Desk, store: Store) -> None:
    walk = sitting(desk)
    before = {item.patch for item in desk.items()}
    go_to(walk, "go-testing")
    walk.key("r", 0)
    walk.key("2", 0)
    assert len(desk.items()) == len(before) - 1
    walk.key("u", 0)
    assert {item.patch for item in desk.items()} == before
    assert walk.answers == {}
    assert len(store.audit_entries()) == 2
    walk.key("u", 0)
    assert walk.state.message == "nothing to undo in this sitting"


def test_a_snooze_leaves_the_queue_until_it_wakes(desk: Desk) -> None:
    walk = sitting(desk)
    go_to(walk, "go-testing")
    walk.key("s", 0)
    walk.key("1", 0)
    assert "go-testing" not in {item.skill for item in desk.items()}
    later = Desk(desk.store, curator="the curator", clock=made.ticking(made.NOW + 2 * made.DAY), limit=20)
    assert "go-testing" in {item.skill for item in later.items()}


def test_a_dangerous_patch_is_approved_only_with_the_capital_letter(desk: Desk, store: Store) -> None:
    walk = sitting(desk)
    go_to(walk, "releases")
    walk.key("a", 0)
    assert store.decisions() == []
    assert "press A" in walk.state.message
    walk.key("A", 0)
    assert [decision.action for decision in store.decisions()] == ["approve"]


def test_a_skill_that_moved_on_is_refused_and_said(desk: Desk, store: Store, project: Path) -> None:
    walk = sitting(desk)
    go_to(walk, "go-testing")
    file = project / "skills" / "go-testing" / "SKILL.md"
    file.write_text(file.read_text() + "\nmore\n")
    walk.key("a", 0)
    assert store.decisions() == []
    assert "look at it again" in walk.state.message


def test_an_unsaved_edit_changes_nothing(desk: Desk, store: Store) -> None:
    walk = sitting(desk, edited=None)
    walk.key("e", 0)
    assert walk.state.message == "nothing was changed"
    assert store.decisions() == []


def test_an_edit_is_a_new_patch_tested_again_and_then_approved_as_an_edit(desk: Desk, store: Store) -> None:
    walk = sitting(desk)
    go_to(walk, "go-testing")
    old = walk.cards[walk.state.at].patch
    walk.edit = lambda text: text.replace("change to", "first change to")
    walk.key("e", 0)
    new = walk.cards[walk.state.at]
    assert new.patch.id != old.id
    assert "first change to" in new.patch.after
    assert "the curator" in new.patch.writer
    assert store.verdicts(new.patch.id)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 10), (200, 60)])
def test_the_screen_is_never_taller_than_the_terminal_and_carries_no_control_of_a_log(
    width: int, height: int, desk: Desk
) -> None:
    walk = sitting(desk)
    for key in ["", "d", "d", "d", "d", "j", "?", "j", "space", "r"]:
        walk.key(key, 3)
        out = io.StringIO()
        console = Console(file=out, width=width, height=height, force_terminal=False, color_system=None)
        draw(console, walk)
        drawn = out.getvalue().replace("\x1b[K", "").replace("\x1b[H", "")
        assert drawn.count("\n") == height - 1
        assert "\x1b" not in drawn
        assert "\u202e" not in drawn


def test_lost_cases_stand_first(desk: Desk) -> None:
    walk = sitting(desk)
    go_to(walk, "releases")
    out = io.StringIO()
    draw(Console(file=out, width=100, height=30, color_system=None), walk)
    assert out.getvalue().replace("\x1b[H", "").startswith("LOST: it speaks up at 1 call that worked")


def test_a_walk_over_nothing_is_closed(project: Path) -> None:
    from memento_skills.store.store import open_store

    with open_store(":memory:", clock=made.ticking()) as empty:
        assert not sitting(Desk(empty, curator="x", clock=made.ticking(), limit=5)).open


def test_patches_of_the_queue_are_the_three(desk: Desk, patches: tuple[Patch, ...]) -> None:
    assert {item.patch for item in desk.items()} == {patch.id for patch in patches}
