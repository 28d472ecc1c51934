"""The keyboard walk on a terminal: draws, reads a key, and carries out what `app/walk.py` says is wished."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.control import Control
from rich.text import Text

from memento_skills.app import review_screen
from memento_skills.app.cli.keys import Keyboard
from memento_skills.app.cli.review import edited_text
from memento_skills.app.cli.session import Session
from memento_skills.app.review_screen import Card
from memento_skills.app.walk import State, Wish, answered, press
from memento_skills.errors import MementoError

if TYPE_CHECKING:
    from memento_skills.app.desk import Desk

Edit = Callable[[str], str | None]


class Walk:
    """One sitting: the cards, what was answered, and the state of the screen."""

    def __init__(self, desk: Desk, edit: Edit) -> None:
        self.desk = desk
        self.edit = edit
        self.cards: list[Card] = list(desk.cards())
        self.answers: dict[str, str] = {}
        self.undoable: list[Card] = []
        self.state = State(count=len(self.cards))
        self.open = bool(self.cards)

    def key(self, key: str, following: int) -> None:
        """Take one key; a refusal (stale skill, failed check) becomes the message line."""
        self.state, wish = press(self.state, key, following)
        if wish is None:
            return
        try:
            self._carry_out(wish, self.cards[self.state.at])
        except MementoError as error:
            self._say(str(error))

    def _carry_out(self, wish: Wish, card: Card) -> None:
        match wish.do:
            case "quit":
                self.open = False
            case "undo":
                self._undo()
            case "edit":
                self._edit(card)
            case "approve":
                self._approve(card, wish.risk)
            case "reject":
                assert wish.reason is not None
                self.desk.reject(card, wish.reason)
                self._done(card, f"rejected: {wish.reason.replace('_', ' ')}", "u takes it back")
            case "snooze":
                self.desk.snooze(card, wish.days * 86_400)
                self._done(card, f"snoozed for {wish.days} d", "u takes it back")

    def _approve(self, card: Card, risk: bool) -> None:
        if card.risky and not risk:
            self._say("it brings a dangerous capability (see the chips): press A to approve it all the same")
            return
        self.desk.approve(card, accept_risk=risk)
        self._done(card, "approved", f"memento promote {card.patch.id}{' --accept-risk' if card.risky else ''}")

    def _done(self, card: Card, answer: str, hint: str) -> None:
        self.answers[card.patch.id] = answer
        self.undoable.append(card)
        self.state = answered(self.state, f"{answer} ({hint})")

    def _undo(self) -> None:
        if not self.undoable:
            self._say("nothing to undo in this sitting")
            return
        card = self.undoable.pop()
        self.desk.undo(card)
        answer = self.answers.pop(card.patch.id)
        at = next(index for index, other in enumerate(self.cards) if other.patch.id == card.patch.id)
        self.state = State(count=len(self.cards), at=at, pane=self.state.pane, message=f"undone: {answer}")

    def _edit(self, card: Card) -> None:
        text = self.edit(card.patch.after)
        if text is None or text == card.patch.after:
            self._say("nothing was changed")
            return
        new = self.desk.edit(card, text)
        self.cards[self.state.at] = new
        self._say(f"edited and tested again: {new.verdict.value.replace('_', ' ')}; a approves it")

    def _say(self, message: str) -> None:
        self.state = State(count=len(self.cards), at=self.state.at, pane=self.state.pane, message=message)


def draw(console: Console, walk: Walk) -> int:
    """Draw the proposal that the walk stands on; gives the scroll offset of the next page."""
    state = walk.state
    card = walk.cards[state.at]
    head = review_screen.head(card, f"{state.at + 1}/{state.count}", walk.answers.get(card.patch.id, ""))
    body = Text(review_screen.HELP) if state.mode == "help" else review_screen.body(card, state.pane)
    lines, following = review_screen.fit(
        console, (head, body, review_screen.foot(state.message, console.width)), state.offset
    )
    console.control(Control.home())
    for number, line in enumerate(lines):
        for segment in line:
            console.print(
                Text(segment.text, segment.style or "", end=""), end="", no_wrap=True, overflow="ignore", crop=False
            )
        console.file.write("\x1b[K" + ("" if number == len(lines) - 1 else "\n"))
    console.file.flush()
    return following


def walk(session: Session, desk: Desk) -> None:
    """Run the walk until it is quit; then say what was decided and what to type next."""
    console = session.console()
    with Keyboard() as keyboard:

        def edit(text: str) -> str | None:
            # an editor leaves the alternate screen when it ends, and expects a terminal with lines
            console.set_alt_screen(False)
            with keyboard.paused():
                edited = edited_text(text)
            console.set_alt_screen(True)
            return edited

        sitting = Walk(desk, edit)
        if not sitting.open:
            session.say("nothing is awaiting review")
            return
        console.set_alt_screen(True)
        try:
            _loop(console, sitting, keyboard)
        finally:
            console.set_alt_screen(False)
            _told(session, sitting)


def _told(session: Session, sitting: Walk) -> None:
    for patch, answer in sitting.answers.items():
        session.say(f"{patch}  {answer}")
    for card in sitting.undoable:
        if sitting.answers.get(card.patch.id) == "approved":
            session.say(f"next: memento promote {card.patch.id}{' --accept-risk' if card.risky else ''}")


def _loop(console: Console, sitting: Walk, keyboard: Keyboard) -> None:
    while sitting.open:
        following = draw(console, sitting)
        size = shutil.get_terminal_size()
        while not (key := keyboard.read()) and shutil.get_terminal_size() == size:
            continue
        if key:
            sitting.key(key, following)
