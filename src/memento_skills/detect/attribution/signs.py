"""What each moment of a run shows, as named numbers between 0 and 1: the only thing that the ranking looks at.

In: a `Story` and the failures that detection found in it. Out: the signs of every moment that somebody decided.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache, cached_property
from importlib import resources

import msgspec

from memento_skills.detect.attribution.moments import Moment, Story
from memento_skills.detect.literals import searches
from memento_skills.records import Failure

NEAR = 8
"""Moments after one that its words are compared with."""
LONG = 4_000
"""Characters from which on an entry counts as long in full."""
TERSE = 40
"""Characters below which an entry says nothing."""
LOOKS = re.compile(
    r"^(?:get|find|list|search|read|view|show|look|fetch|calculate|think|check|query|count|glob|grep|ls|web)(?:[_A-Z]|$)",
    re.IGNORECASE,
)
"""Tools that only look, by the first word of their name."""
GIVES_UP = re.compile(r"^(?:transfer|escalate|hand_?off|hand_?over|give_?up|abort|cancel_task)", re.IGNORECASE)
"""Tools that hand the task to somebody else."""
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
    """Index of the result that answers a moment: itself, that of its calls, else the one that follows at once."""
    if story.moments[at].answered:
        return at
    calls = story.moments[at].call_ids
    later = ((i, m) for i, m in enumerate(story.moments) if m.part == "result")
    named = (i for i, m in later if not calls.isdisjoint(m.call_ids)) if calls else iter(())
    found = next(named, at + 1)
    known = found < len(story.moments) and story.moments[found].part == "result"
    return found if known else None


def suspects(reading: Reading, strange: Iterable[int]) -> set[int]:
    """Where one agent works through calls: the moments that failed or that no like run has, else the agent's last."""
    marked = set(reading.failing).union(strange).intersection(reading.decided)
    last = [at for at in reading.decided if reading.moments[at].part != "ask"][-1:] or reading.decided[-1:]
    return marked or set(last)


def alike(a: frozenset[str], b: frozenset[str]) -> float:
    """Shared words of all words of both (Jaccard); 0 where neither has any."""
    return len(a & b) / len(a | b) if a or b else 0.0


class Reading:
    """A story with what its signs need to know of all of it."""

    def __init__(self, story: Story, failures: Sequence[Failure]) -> None:
        self.moments = story.moments
        self.asked = story.asked
        self.decided = [i for i, m in enumerate(story.moments) if m.accountable]
        self._said: dict[tuple[int, str], bool] = {}
        self.failures = failures

    def says(self, at: int, name: str) -> bool:
        """Whether a moment holds words of a set; a place outside of the run holds none."""
        if not 0 <= at < len(self.moments):
            return False
        if (at, name) not in self._said:
            self._said[at, name] = searches(vocabulary()[name], self.moments[at].text)
        return self._said[at, name]

    def signs(self, wanted: Container[int] | None = None) -> dict[int, Signs]:
        """By index of the moment; `wanted`: only of these."""
        found: dict[int, Signs] = {}
        for turn, at in enumerate(self.decided):
            if wanted is not None and at not in wanted:
                continue
            found[at] = {
                **self._place(turn, at),
                **self._content(at),
                **self._around(at),
                **self._compared(at),
                **self._changing(at),
            }
        for at, more in self.failing.items():
            if at in found:
                found[at].update(more)
        return found

    def _place(self, turn: int, at: int) -> Signs:
        moment, count = self.moments[at], len(self.decided)
        worked = self._worker_turns.get(at, 0)
        return {
            "first": float(turn == 0),
            "second": float(turn == 1),
            "place": turn / max(count - 1, 1),
            "last": float(turn == count - 1),
            "worker": float(worked > 0),
            "worker_early": 1 / worked if worked else 0.0,
            "last_finding": float(at == self._last_finding),
            "newcomer": float(self._first_turns.get(moment.actor) == at),
        }

    def _content(self, at: int) -> Signs:
        moment = self.moments[at]
        on_task = len(moment.words & self.asked) / max(len(self.asked), 1)
        shown = ("assumed", "handed_over", "concluded", "coded", "searched", "opened", "trouble")
        return {
            "asks": float(moment.part == "ask"),
            "long": min(moment.size, LONG) / LONG,
            "terse": float(moment.size < TERSE),
            "numbers": min(len(_NUMBER.findall(moment.text)), 20) / 20,
            "on_task": on_task,
            "strays": 1 - on_task if at == self.decided[0] and self.asked else 0.0,
            "first_coded": float(at == self._first_coded),
            **{name: float(self.says(at, name)) for name in shown},
        }

    def _around(self, at: int) -> Signs:
        reply = self.reply(at)
        answer = self.moments[reply] if reply is not None else None
        before = self._result(at - 1)
        refused = answer is not None and answer.status not in WENT_WELL
        return {
            "ran_badly": float(refused),
            "call_refused": float(refused and self.moments[at].part == "call"),
            "met_trouble": float(self.says(at + 1, "trouble")),
            "turned_down": float(answer is not None and answer.status in ("denied_user", "interrupted")),
            "not_permitted": float(answer is not None and answer.status in ("denied_policy", "denied_hook")),
            "answers": float(before is not None),
            "answers_well": float(before is not None and before.status in WENT_WELL and not self.says(at - 1, "idle")),
        }

    def _compared(self, at: int) -> Signs:
        moment = self.moments[at]
        later = [m.words for m in self.moments[at + 1 : at + 1 + NEAR] if m.accountable]
        return {
            "repeated": max((alike(moment.words, words) for words in later), default=0.0),
            "unsupported": self._news.get(at, 0.0),
        }

    def _changing(self, at: int) -> Signs:
        changes = self._changes
        here = at in changes
        reply = self.reply(at)
        return {
            "changes": float(here),
            "first_change": float(here and at == min(changes)),
            "change_refused": float(here and reply is not None and self.moments[reply].status not in WENT_WELL),
            "blocked_later": float(at in self._blocking),
            "objected": float(here and self._objected(at)),
            "gives_up": float(any(GIVES_UP.match(tool) for tool in self.moments[at].tools)),
            "first_report": float(at == self._first_report),
            "chooses": float(self.moments[at].part == "ask" and self.says(at - 1, "listed")),
        }

    def reply(self, at: int) -> int | None:
        """The result that answers a moment, as `reply` finds it, with an index."""
        if self.moments[at].answered:
            return at
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
        return frozenset(
            i for i in self.decided if any(not LOOKS.match(t) and not GIVES_UP.match(t) for t in self.moments[i].tools)
        )

    @cached_property
    def _worker_turns(self) -> dict[int, int]:
        """Number, from 1, of each moment in which an agent answers with its own words; not of the run's first one."""
        working = [i for i in self.decided[1:] if self.moments[i].part == "say"]
        return {at: number for number, at in enumerate(working, 1)}

    @cached_property
    def _blocking(self) -> frozenset[int]:
        """Changes that went well, after which another change that names the same thing was refused."""
        found: set[int] = set()
        done: dict[str, int] = {}
        for at in sorted(self._changes):
            names = {word for word in self.moments[at].words if any(c.isdigit() for c in word) and len(word) >= 5}
            reply = self.reply(at)
            if reply is not None and self.moments[reply].status not in WENT_WELL:
                found.update(done[name] for name in names if name in done)
            else:
                done.update((name, done.get(name, at)) for name in names)
        return frozenset(found)

    def _objected(self, at: int) -> bool:
        """Whether what a person says next takes it back or narrows it."""
        after = range(at + 1, min(at + 5, len(self.moments)))
        ask = next((i for i in after if self.moments[i].part == "ask"), None)
        return ask is not None and self.says(ask, "objected")

    @cached_property
    def _first_report(self) -> int | None:
        """The first moment in which an agent says what a result told."""
        told = (i for i in self.decided[1:] if self.moments[i].part == "say" and self._result(i - 1) is not None)
        return next(told, None)

    @cached_property
    def _first_coded(self) -> int | None:
        return next((i for i in self.decided[1:] if self.says(i, "coded")), None)

    @cached_property
    def _last_finding(self) -> int | None:
        """The last worker turn of a run that never says it is stuck."""
        turns = list(self._worker_turns)
        stuck = turns and any(self.says(i, "stuck") for i in range(turns[0], len(self.moments)))
        return turns[-1] if turns and not stuck else None

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
    def _news(self) -> dict[int, float]:
        """Share of the final words that a moment is the first to say: no result before it holds them."""
        known, found = set(self.asked), {}
        for at, moment in enumerate(self.moments):
            if moment.accountable and self._final:
                found[at] = len((moment.words & self._final) - known) / len(self._final)
            known |= moment.words
        return found

    @cached_property
    def failing(self) -> dict[int, Signs]:
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
            here["failed"] = max(here.get("failed", 0.0), failure.confidence * _SEVERITY.get(failure.severity, 0.4))
            here["unrecovered"] = max(here.get("unrecovered", 0.0), float(not failure.cost.recovered))
            here["again"] = max(here.get("again", 0.0), float(failure.kind == "repeated_call"))
            here["corrected"] = max(here.get("corrected", 0.0), float(failure.kind == "correction"))
        return found
