"""A run as its candidates for blame: one moment for each history entry, with who acts, towards whom, and what follows.

In: a `Run`. Out: its `Story`. Reads a bounded window of each text and is linear in the number of steps.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from memento_skills.records import Run, Step, to_json

Shape = Literal["orchestrated", "group", "dialogue", "work"]
"""Who speaks in a run: one agent instructs others by name; named agents take turns; an agent and a person talk, with
calls between; one agent works through calls."""

Part = Literal["say", "plan", "instruct", "call", "result", "ask"]
"""What a moment is: an agent's words; its thoughts; its words to another agent; a call; a result; a person's words."""

TOKENS = 600
"""Different words of one moment that are compared."""
ARGS = 4_000
"""Characters of a call's arguments that are looked at."""
WINDOW = 2_500
"""Characters kept of each end of a moment's words."""
NAME = 200
"""Characters of an agent's name."""
_WORD = re.compile(r"[^\W_][^\W_'’]{2,39}")
_ADDRESSEE = re.compile(r"\(\s{0,4}(?:->|→|to)\s{0,4}([^()]{1,80})\)\s{0,4}$")
_ASIDE = re.compile(r"\s{0,8}\([^()]{0,80}\)\s{0,4}$")
_THOUGHT = re.compile(r"\((?:thought|thinking|plan|ledger|reasoning)[^()]{0,40}\)\s{0,4}$", re.IGNORECASE)


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One history entry."""

    entry: int
    steps: tuple[int, ...]
    """`seq` of its steps."""
    part: Part
    actor: str
    """Name of the agent without asides, else agent | user | tool."""
    to: str = ""
    """The agent it speaks to, where the log says so."""
    text: str = ""
    """A bounded window of its words; of a call, the tool and the arguments too."""
    words: frozenset[str] = frozenset()
    tools: tuple[str, ...] = ()
    call_ids: frozenset[str] = frozenset()
    """Of its calls; of a result, of the calls that it answers."""
    answered: bool = False
    """Whether the entry holds the results of its own calls too."""
    status: str = ""
    """How its results ended, where the entry holds any; the worst of them."""
    exit_code: int | None = None
    size: int = 0
    """Characters of the whole entry."""

    @property
    def accountable(self) -> bool:
        """Whether somebody decided it: results only answer."""
        return self.part != "result"


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """The moments of a run in order."""

    run: str
    shape: Shape
    task: str
    asked: frozenset[str]
    """Words of the task."""
    moments: tuple[Moment, ...]


def story(run: Run) -> Story:
    """The run as moments; none for a run without words of an agent or a person."""
    grouped: dict[int, list[Step]] = {}
    for step in run.steps:
        if not step.meta and step.kind in ("message", "reasoning", "call", "result"):
            grouped.setdefault(step.entry, []).append(step)
    moments = tuple(m for entry, steps in sorted(grouped.items()) if (m := _moment(entry, steps)) is not None)
    task = window(run.task)
    return Story(run=run.key, shape=_shape(moments), task=task, asked=words_of(task), moments=moments)


def window(text: str) -> str:
    """Both ends of a text, `WINDOW` characters each."""
    return text if len(text) <= 2 * WINDOW else f"{text[:WINDOW]}\n{text[-WINDOW:]}"


def words_of(text: str) -> frozenset[str]:
    """The first `TOKENS` different words of three letters or more, folded."""
    found: dict[str, None] = {}
    for match in _WORD.finditer(text.casefold()):
        found[match[0]] = None
        if len(found) >= TOKENS:
            break
    return frozenset(found)


def actor_of(step: Step) -> str:
    """Who acts: the agent's name without an aside such as `(thought)`, else user | agent | tool."""
    name = step.agent[:NAME]
    return (_ASIDE.sub("", name) or name).strip() or step.actor


def _moment(entry: int, steps: Sequence[Step]) -> Moment | None:
    speakers = [s for s in steps if s.kind != "result"] or list(steps)
    lead = speakers[-1]
    text = "\n".join(_words(step) for step in speakers)
    if not text.strip():
        return None
    result = lead.kind == "result"
    shown = window(text)
    addressee = _ADDRESSEE.search(lead.agent[:NAME])
    return Moment(
        entry=entry,
        steps=tuple(s.seq for s in steps),
        part=_part(lead, speakers, addressed=addressee is not None),
        actor="tool" if result else actor_of(lead),
        to=addressee[1].strip() if addressee else "",
        text=shown,
        words=words_of(shown),
        tools=tuple(s.tool for s in steps if s.kind == "call"),
        call_ids=frozenset(s.call_id for s in steps if s.call_id),
        answered=not result and any(s.kind == "result" for s in steps),
        status=_worst([s for s in steps if s.kind == "result"]),
        exit_code=lead.exit_code if result else None,
        size=len(text),
    )


def _worst(results: Sequence[Step]) -> str:
    """How the calls of one entry ended: the first that did not go well speaks; "" where none says anything."""
    ended = [s.status or "" for s in results]
    return next((status for status in ended if status not in ("ok", "")), "ok" if "ok" in ended else "")


def _words(step: Step) -> str:
    if step.kind != "call":
        return step.text
    return f"{step.text}\n{step.tool} {to_json(step.args).decode('utf-8', 'replace')[:ARGS]}"


def _part(lead: Step, steps: Sequence[Step], *, addressed: bool) -> Part:
    if lead.kind == "result":
        return "result"
    if any(s.kind == "call" for s in steps):
        return "call"
    if lead.actor in ("user", "system"):
        return "ask"
    if addressed:
        return "instruct"
    return "plan" if all(s.kind == "reasoning" for s in steps) or _THOUGHT.search(lead.agent[:NAME]) else "say"


def _shape(moments: Sequence[Moment]) -> Shape:
    spoken = [m for m in moments if m.part in ("say", "plan", "instruct", "call") and m.actor != "agent"]
    agents = Counter(m.actor for m in spoken)
    acting = [m for m in moments if m.accountable and m.part != "ask"]
    if len(agents) >= 2 and len(spoken) == len(acting):
        return "orchestrated" if any(m.to for m in spoken) else "group"
    asks = sum(m.part == "ask" for m in moments)
    return "dialogue" if asks >= 2 and 4 * asks >= len(acting) else "work"
