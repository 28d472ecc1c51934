"""What each moment of a run shows, as named numbers between 0 and 1: the only thing that the ranking looks at.

In: a `Story` and the failures that detection found in it. Out: the signs of every moment that somebody decided.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from importlib import resources

import msgspec

from memento_skills.detect.attribution.moments import Moment, Story
from memento_skills.detect.literals import searches
from memento_skills.records import Failure

NEAR = 8
"""Moments before and after one that its words are compared with."""
LONG = 4_000
"""Characters from which on an entry counts as long in full."""
TERSE = 40
"""Characters below which an entry says nothing."""
CARRIED = 0.6
"""Share of the last answer's words from which on a moment counts as its origin."""
LOOKS = re.compile(
    r"^(?:get|find|list|search|read|view|show|look|fetch|calculate|think|check|query|count|glob|grep|ls|web)(?:[_A-Z]|$)",
    re.IGNORECASE,
)
"""Tools that only look, by the first word of their name."""
_NUMBER = re.compile(r"\d[\d,.]{0,30}")
_SEVERITY = {1: 1.0, 2: 0.8, 3: 0.6, 4: 0.4}
WENT_WELL = ("ok", "")
"""How a result ended that says of no trouble; "" where the log says nothing."""
BLAMED = ("agent", "denial", "user")
"""Faults that a moment can be blamed for."""

Signs = dict[str, float]


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One set of expressions of `words.toml`."""

    reason: str
    patterns: tuple[str, ...]


@cache
def vocabulary() -> Mapping[str, tuple[str, ...]]:
    """The expressions of `words.toml` by the name of their set."""
    text = resources.files("memento_skills.detect.attribution").joinpath("words.toml").read_text("utf-8")
    table = msgspec.convert(tomllib.loads(text), dict[str, Words])
    return {name: row.patterns for name, row in table.items()}


def signs(story: Story, failures: Iterable[Failure] = ()) -> dict[int, Signs]:
    """The signs of every accountable moment, by its index in `story.moments`."""
    return Reading(story, tuple(failures)).signs()


def reply(story: Story, at: int) -> int | None:
    """Index of the result that answers a moment: of its own calls, else the one that follows at once."""
    calls = story.moments[at].call_ids
    later = ((i, m) for i, m in enumerate(story.moments) if m.part == "result")
    named = (i for i, m in later if not calls.isdisjoint(m.call_ids)) if calls else iter(())
    found = next(named, at + 1)
    known = found < len(story.moments) and story.moments[found].part == "result"
    return found if known else None


def alike(a: frozenset[str], b: frozenset[str]) -> float:
    """Shared words of all words of both (Jaccard); 0 where neither has any."""
    return len(a & b) / len(a | b) if a or b else 0.0


class Reading:
    """A story with what its signs need to know of all of it."""

    def __init__(self, story: Story, failures: Sequence[Failure]) -> None:
        self.moments = story.moments
        self.asked = story.asked
        self.decided = [i for i, m in enumerate(story.moments) if m.accountable]
        self.said = [{name: searches(rows, m.text) for name, rows in vocabulary().items()} for m in story.moments]
        self.failures = failures

    def signs(self) -> dict[int, Signs]:
        """By index of the moment."""
        found: dict[int, Signs] = {}
        for turn, at in enumerate(self.decided):
            found[at] = {
                **self._place(turn, at),
                **self._content(at),
                **self._around(at),
                **self._compared(at),
                **self._changing(at),
            }
        for at, more in self._failing.items():
            if at in found:
                found[at].update(more)
        return found

    def _place(self, turn: int, at: int) -> Signs:
        moment, count = self.moments[at], len(self.decided)
        worked = self._worker_turns.get(at, 0)
        return {
            "first": float(turn == 0),
            "second": float(turn == 1),
            "early": 1 / (1 + turn),
            "place": turn / max(count - 1, 1),
            "last": float(turn == count - 1),
            "worker": float(worked > 0),
            "worker_early": 1 / worked if worked else 0.0,
            "newcomer": float(self._first_turns.get(moment.actor) == at),
        }

    def _content(self, at: int) -> Signs:
        moment, said = self.moments[at], self.said[at]
        shown = ("assumed", "handed_over", "concluded", "coded", "searched", "opened", "moved", "trouble")
        return {
            "asks": float(moment.part == "ask"),
            "plans": float(moment.part == "plan"),
            "instructs": float(moment.part == "instruct"),
            "calls": float(moment.part == "call"),
            "long": min(moment.size, LONG) / LONG,
            "terse": float(moment.size < TERSE),
            "numbers": min(len(_NUMBER.findall(moment.text)), 20) / 20,
            "on_task": len(moment.words & self.asked) / max(len(self.asked), 1),
            **{name: float(said[name]) for name in shown},
        }

    def _around(self, at: int) -> Signs:
        reply, after = self.reply(at), self.said[at + 1] if at + 1 < len(self.said) else {}
        answer = self.moments[reply] if reply is not None else None
        before = self._result(at - 1)
        refused = answer is not None and answer.status not in WENT_WELL
        return {
            "ran": float(answer is not None),
            "ran_badly": float(refused),
            "call_refused": float(refused and self.moments[at].part == "call"),
            "met_trouble": float(after.get("trouble", False)),
            "met_nothing": float(reply is not None and self.said[reply]["idle"]),
            "turned_down": float(answer is not None and answer.status in ("denied_user", "interrupted")),
            "not_permitted": float(answer is not None and answer.status in ("denied_policy", "denied_hook")),
            "stuck_after": float(after.get("stuck", False)),
            "answers": float(before is not None),
            "answers_well": float(before is not None and before.status in WENT_WELL and not self.said[at - 1]["idle"]),
        }

    def _compared(self, at: int) -> Signs:
        moment = self.moments[at]
        earlier = [m.words for m in self.moments[max(0, at - NEAR) : at] if m.accountable]
        later = [m.words for m in self.moments[at + 1 : at + 1 + NEAR] if m.accountable]
        return {
            "repeats": max((alike(moment.words, words) for words in earlier), default=0.0),
            "repeated": max((alike(moment.words, words) for words in later), default=0.0),
            "unsupported": self._news.get(at, 0.0),
            "origin": float(at == self._origin),
        }

    def _changing(self, at: int) -> Signs:
        changes = self._changes
        here = at in changes
        reply = self.reply(at)
        return {
            "changes": float(here),
            "first_change": float(here and at == min(changes)),
            "last_change": float(here and at == max(changes)),
            "change_refused": float(here and reply is not None and self.moments[reply].status not in WENT_WELL),
            "agrees_to_change": float(self.moments[at].part == "ask" and not changes.isdisjoint((at + 1, at + 2))),
        }

    def reply(self, at: int) -> int | None:
        """The result that answers a moment: of its own calls, else the one that follows at once."""
        named = (self._replies[name] for name in self.moments[at].call_ids if name in self._replies)
        found = min(named, default=at + 1)
        return found if self._result(found) is not None else None

    @cached_property
    def _replies(self) -> dict[str, int]:
        """First result of each call id."""
        backwards = reversed(list(enumerate(self.moments)))
        return {name: at for at, moment in backwards if moment.part == "result" for name in moment.call_ids}

    def _result(self, at: int) -> Moment | None:
        if not 0 <= at < len(self.moments) or self.moments[at].part != "result":
            return None
        return self.moments[at]

    @cached_property
    def _changes(self) -> frozenset[int]:
        """Moments with a call that does more than look, told by the tool's name."""
        return frozenset(i for i in self.decided if any(not LOOKS.match(t) for t in self.moments[i].tools))

    @cached_property
    def _worker_turns(self) -> dict[int, int]:
        """Number, from 1, of each moment in which an agent answers with its own words; not of the run's first one."""
        working = [i for i in self.decided[1:] if self.moments[i].part == "say"]
        return {at: number for number, at in enumerate(working, 1)}

    @cached_property
    def _first_turns(self) -> dict[str, int]:
        return {self.moments[i].actor: i for i in reversed(self.decided)}

    @cached_property
    def _final(self) -> frozenset[str]:
        """Words of the last thing that an agent said, less those of the task: what was carried to the end."""
        spoken = (self.moments[i] for i in reversed(self.decided) if self.moments[i].part != "ask")
        last = next((m for m in spoken if len(m.words) >= 4), None)
        return last.words - self.asked - self.moments[0].words if last else frozenset()

    @cached_property
    def _origin(self) -> int | None:
        """The first moment that holds most of what was carried to the end."""
        final = self._final
        held = (i for i in self.decided if final and len(self.moments[i].words & final) >= CARRIED * len(final))
        return next(held, None)

    @cached_property
    def _news(self) -> dict[int, float]:
        """Share of the final words that a moment is the first to say: no result before it holds them."""
        known, found = set(self.asked), {}
        for at, moment in enumerate(self.moments):
            if moment.accountable and self._final:
                found[at] = len((moment.words & self._final) - known) / len(self._final)
            known |= moment.words
        return found

    @cached_property
    def _failing(self) -> dict[int, Signs]:
        """Signs of the failures that detection found, at the moments that decided them."""
        index = {seq: i for i, moment in enumerate(self.moments) for seq in moment.steps}
        found: dict[int, Signs] = {}
        for failure in self.failures:
            if failure.fault not in BLAMED or failure.kind == "outcome":
                continue
            shown = failure.call_step if failure.call_step is not None else failure.step
            at = index.get(shown)
            if failure.kind == "correction" and at is not None:
                at = next((i for i in range(at - 1, -1, -1) if self.moments[i].part not in ("ask", "result")), None)
            if at is None:
                continue
            here = found.setdefault(at, {})
            here["failed"] = max(here.get("failed", 0.0), _SEVERITY.get(failure.severity, 0.4))
            here["unrecovered"] = max(here.get("unrecovered", 0.0), float(not failure.cost.recovered))
            here["again"] = max(here.get("again", 0.0), float(failure.kind == "repeated_call"))
            here["corrected"] = max(here.get("corrected", 0.0), float(failure.kind == "correction"))
        return found
