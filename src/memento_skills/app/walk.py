"""The review walk as a state machine: a state and a key in, the next state and a wish out (pure)."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec.structs import replace

from memento_skills.app.review_screen import PANES, Pane
from memento_skills.records import Record, RejectReason

Mode = Literal["", "reason", "snooze", "help"]
Do = Literal["approve", "edit", "reject", "snooze", "undo", "quit"]
REASONS: tuple[RejectReason, ...] = get_args(RejectReason)
"""In the order of their digits, from 1."""
WISHES: dict[str, Do] = {
    "a": "approve", "A": "approve", "e": "edit", "u": "undo", "q": "quit", "escape": "quit",
}  # fmt: skip
ASKS: dict[str, Mode] = {"r": "reason", "s": "snooze", "?": "help", "h": "help"}
SNOOZES = (1, 3, 7, 14, 30)
"""Days, in the order of their digits, from 1."""


class Wish(Record, frozen=True, kw_only=True):
    """What the person wants done with the proposal shown."""

    do: Do
    reason: RejectReason | None = None
    days: int = 0
    risk: bool = False
    """approve: although it brings a dangerous capability."""


class State(Record, frozen=True, kw_only=True):
    """Where the walk stands."""

    count: int
    """Proposals in the walk."""
    at: int = 0
    pane: Pane = "all"
    offset: int = 0
    mode: Mode = ""
    message: str = ""


def press(state: State, key: str, following: int = 0) -> tuple[State, Wish | None]:
    """The state after `key`, and what is wished; `following` is the scroll offset of the screen's next page."""
    if state.mode == "reason":
        return _chosen(state, key, tuple(Wish(do="reject", reason=reason) for reason in REASONS))
    if state.mode == "snooze":
        return _chosen(state, key, tuple(Wish(do="snooze", days=days) for days in SNOOZES))
    state = replace(state, mode="", message="")
    if key in WISHES:
        return state, Wish(do=WISHES[key], risk=key == "A")
    if key in ASKS:
        return replace(state, mode=ASKS[key], message=question(ASKS[key])), None
    return _looked(state, key, following), None


def _looked(state: State, key: str, following: int) -> State:
    match key:
        case "j" | "down" | "enter":
            return _moved(state, 1)
        case "k" | "up":
            return _moved(state, -1)
        case "d" | "tab":
            return replace(state, pane=PANES[(PANES.index(state.pane) + 1) % len(PANES)], offset=0)
        case "space" | "pagedown":
            return replace(state, offset=following)
        case "b" | "pageup":
            return replace(state, offset=max(0, state.offset - 10))
    return replace(state, message=f"no key {key!r}: ? helps")


def question(mode: Mode) -> str:
    """The line that asks for a digit; "" for help, which asks nothing."""
    if mode == "help":
        return ""
    if mode == "reason":
        return "why? " + "  ".join(f"{n}) {reason.replace('_', ' ')}" for n, reason in enumerate(REASONS, 1))
    return "for how many days? " + "  ".join(f"{n}) {days}" for n, days in enumerate(SNOOZES, 1))


def answered(state: State, message: str) -> State:
    """After a decision: on to the next proposal, saying what was done."""
    return replace(_moved(state, 1), message=message)


def _moved(state: State, by: int) -> State:
    at = min(max(state.at + by, 0), max(0, state.count - 1))
    said = "" if at != state.at else "the last one" if by > 0 else "the first one"
    return replace(state, at=at, offset=0, message=said)


def _chosen(state: State, key: str, wishes: tuple[Wish, ...]) -> tuple[State, Wish | None]:
    state = replace(state, mode="", message="")
    if key.isascii() and key.isdigit() and 1 <= int(key) <= len(wishes):
        return state, wishes[int(key) - 1]
    return replace(state, message="nothing was decided"), None
