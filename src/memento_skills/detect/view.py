"""A run by position: calls with their results, and what follows a failing call: its recovery and its cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

import msgspec

from memento_skills.detect.evidence import command_of, file_of
from memento_skills.detect.rules import Rules
from memento_skills.records import Cost, Run, Step, Usage
from memento_skills.shell import Command, commands, head

RECOVERY_CALLS = 10
"""Calls after the failing one among which a recovery is looked for (design, section 5)."""
IDLE = 300.0
"""Seconds: longer gaps between two steps are a person's absence and count as this much."""


class View(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A run with its indexes, built when first asked for."""

    run: Run

    @cached_property
    def calls(self) -> dict[str, Step]:
        """First call of each call id."""
        found: dict[str, Step] = {}
        for step in self.run.steps:
            if step.kind == "call" and step.call_id:
                found.setdefault(step.call_id, step)
        return found

    @cached_property
    def results(self) -> dict[str, Step]:
        """First result of each call id."""
        found: dict[str, Step] = {}
        for step in self.run.steps:
            if step.kind == "result" and step.call_id:
                found.setdefault(step.call_id, step)
        return found

    @cached_property
    def positions(self) -> dict[int, int]:
        """Index in `run.steps` by `seq`."""
        return {step.seq: i for i, step in enumerate(self.run.steps)}

    def after(self, step: Step) -> Iterator[Step]:
        """Steps after `step`, of the same agent."""
        start = self.positions.get(step.seq, len(self.run.steps)) + 1
        return (later for later in self.run.steps[start:] if later.agent == step.agent)

    def skill_at(self, step: Step) -> str:
        """Name of the skill loaded last before `step`, else ""."""
        at = self.positions.get(step.seq, 0)
        return next((s.tool for s in reversed(self.run.steps[:at]) if s.kind == "skill"), "")


def recovery(view: View, call: Step, failing: Command | None) -> Step | None:
    """The first later call that worked on the same file or with the same first two command words, within 10 calls."""
    file, words = file_of(call.args), head(failing.argv) if failing else ()
    seen = 0
    for later in view.after(call):
        if later.kind != "call":
            continue
        seen += 1
        if seen > RECOVERY_CALLS:
            return None
        result = view.results.get(later.call_id)
        if result is not None and result.status == "ok" and _alike(later, file, words):
            return later
    return None


def _alike(later: Step, file: str, words: tuple[str, ...]) -> bool:
    if file and file_of(later.args) == file:
        return True
    return bool(words) and words in _heads(command_of(later.args))


@lru_cache(maxsize=512)
def _heads(line: str) -> frozenset[tuple[str, ...]]:
    return frozenset(head(command.argv) for command in commands(line))


def cost(view: View, call: Step, recovered: Step | None, rules: Rules) -> Cost:
    """What passed from the failing call to the result of its recovery.

    Without a recovery: to where the same tool worked again (the agent went on with something else; after a row that is
    no call, to the agent's next step), to the end of the 10 calls, or to what a person wrote next, whichever comes
    first. `steps` counts steps, `seconds` the time between them with gaps cut at `IDLE`, `tokens` input, output and
    cache writes of the model's answers, `usd` the list price (cache reads too), 0 for unknown models.
    """
    taken: list[Step] = [call]
    calls = 0
    stop = view.results.get(recovered.call_id, recovered) if recovered else None
    for step in view.after(call):
        human = step.kind == "message" and step.actor == "user" and not step.meta
        calls += step.kind == "call"
        if stop is None and (human or calls > RECOVERY_CALLS):
            break
        taken.append(step)
        if step.seq == stop.seq if stop is not None else _went_on(call, step):
            break
    return spent(taken, view.run.model, rules, recovered=recovered is not None)


def _went_on(call: Step, step: Step) -> bool:
    if call.kind != "call":
        return step.actor == "agent" and step.status != "api_error"
    return step.kind == "result" and step.status == "ok" and step.tool == call.tool and step.call_id != call.call_id


def spent(steps: Sequence[Step], model: str, rules: Rules, *, recovered: bool) -> Cost:
    """Steps, seconds, tokens and US dollars of a stretch of a run, its first step excluded."""
    seconds, last = 0.0, steps[0].at if steps else None
    tokens, usd = 0, 0.0
    for step in steps[1:]:
        if step.at is not None and last is not None:
            seconds += min(max(step.at - last, 0.0), IDLE)
        last = step.at if step.at is not None else last
        if step.usage:
            tokens += step.usage.input + step.usage.output + step.usage.cache_write
            usd += price(step.usage, step.model or model, rules)
    steps_taken = max(len(steps) - 1, 0)
    return Cost(steps=steps_taken, seconds=round(seconds, 3), tokens=tokens, usd=round(usd, 6), recovered=recovered)


def price(usage: Usage, model: str, rules: Rules) -> float:
    """US dollars of one answer: what the log states, else the list price; 0 for a model that the table lacks."""
    if usage.usd:
        return usage.usd
    row = next((row for row in rules.prices if row.match in model.lower()), None) if model else None
    if row is None:
        return 0.0
    total = usage.input * row.input + usage.output * row.output
    return (total + usage.cache_read * row.cache_read + usage.cache_write * row.cache_write) / 1_000_000
