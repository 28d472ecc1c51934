"""What the agent's last words and its lists of tasks tell: that it gave up, handed over, or lost an item."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from memento_skills.detect.facts import Act, Facts, prose, typed
from memento_skills.detect.literals import first
from memento_skills.detect.silent_build import Seen
from memento_skills.records import Step

_HANDOVER = re.compile(r"(?i)(?:\A|_|-)(?:transfer|escalate|hand_?off|handover)(?:_|-|\Z)")
_TODO_TOOLS = frozenset(("TodoWrite", "todowrite", "update_plan", "TaskCreate", "TaskUpdate"))
_WORD = re.compile(r"[A-Za-z_][\w.-]{3,60}|[\u4e00-\u9fff]{2,20}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")
GOES_ON = 10
"""Steps of the agent after a compaction that there must be before an item counts as lost."""
MENTIONED = 0.5
"""Share of an item's words that must stand together in a later step."""


def gave_up(facts: Facts) -> Iterator[Seen]:
    """The last message admits failure, or the last call hands the task over."""
    said = facts.last
    if said is not None:
        claim = facts.claim("gave_up")
        text = _ends(prose(said.text))
        words = next((s for s in _SENTENCE.split(text) if claim.said(s)), "") if first(claim.patterns, text) else ""
        if words:
            at = facts.view.positions[said.seq]
            worked = any(facts.leg < act.at for act in facts.acts)
            yield Seen(finding="admitted", detector="gave-up@1", at=at, quote=words, confidence=None if worked else 0.4)
            return
    last = next((act for act in reversed(facts.acts) if not act.call.agent), None)
    if last is not None and last.result is not None and _HANDOVER.search(last.call.tool) and not last.failed:
        at = facts.view.positions[last.result.seq]
        yield Seen(finding="handed-over", detector="gave-up@1", at=at, quote=last.result.text, tool=last.call.tool)


def _ends(text: str) -> str:
    """First and last 800 characters: what a message is about, and how it closes."""
    return text if len(text) <= 1600 else f"{text[:800]}\n{text[-800:]}"


def dropped(facts: Facts) -> Iterator[Seen]:
    """An item that was open when the conversation was compacted and that nothing after it mentions."""
    steps = facts.run.steps
    bounds = [at for at, s in enumerate(steps) if s.kind == "notice" and s.text.startswith("compact_boundary")]
    if not bounds or not any(act.call.tool in _TODO_TOOLS for act in facts.acts):
        return
    told: set[str] = set()
    for bound in bounds:
        later = [s for s in steps[bound + 1 :] if not s.agent]
        if sum(s.actor == "agent" for s in later) < GOES_ON:
            continue
        items = _open_items(facts, bound)
        spoken = [s for s in later if s.actor == "agent" or typed(s)] if items else []
        words = [set(_WORD.findall(_all(s)[:6000].lower())) for s in spoken]
        for item, act in items:
            wanted = {w.lower() for w in _WORD.findall(item)} - facts.silent.checks.words_of.common
            if item in told or len(wanted) < 2 or _mentioned(wanted, words):
                continue
            told.add(item)
            yield Seen(
                finding="after-compaction", detector="dropped@1", at=_shows(facts, act), quote=item, since=act.at,
                tool=act.call.tool,
            )  # fmt: skip


def _mentioned(wanted: set[str], words: list[set[str]]) -> bool:
    return any(len(wanted & found) >= MENTIONED * len(wanted) for found in words)


def _open_items(facts: Facts, bound: int) -> list[tuple[str, Act]]:
    """Items not done at a position, by the lists kept before it."""
    items: dict[str, tuple[str, Act]] = {}
    names: dict[str, str] = {}
    for act in facts.acts:
        if act.at > bound:
            break
        args = act.call.args
        if act.call.tool in ("TodoWrite", "todowrite", "update_plan"):
            items = {text: (text, act) for text, done in _list_of(args) if not done}
        elif act.call.tool == "TaskCreate" and isinstance(args.get("subject"), str):
            items[args["subject"]] = (args["subject"], act)
            names[str(len(names) + 1)] = args["subject"]
        elif act.call.tool == "TaskUpdate" and args.get("status") in ("completed", "deleted"):
            items.pop(names.get(str(args.get("taskId")), ""), None)
    return list(items.values())


def _list_of(args: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    rows = args.get("todos") or args.get("plan") or args.get("items") or ()
    for row in rows[:200] if isinstance(rows, list) else ():
        text = (row.get("content") or row.get("step") or row.get("text")) if isinstance(row, dict) else None
        if isinstance(text, str) and isinstance(row, dict):
            yield text[:400], row.get("status") in ("completed", "cancelled", "deleted", "done")


def _all(step: Step) -> str:
    return step.words if step.kind == "call" else step.text


def _shows(facts: Facts, act: Act) -> int:
    return facts.view.positions[act.result.seq] if act.result is not None else act.at
