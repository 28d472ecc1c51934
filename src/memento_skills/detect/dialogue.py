"""Detectors of what the run as a whole tells: corrections by the user, repeated calls, the log's own label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from memento_skills.detect.build import Found, failure
from memento_skills.detect.evidence import command_of
from memento_skills.detect.literals import compiled, searches
from memento_skills.detect.rules import Rules, load
from memento_skills.detect.titles import UNSAID
from memento_skills.detect.view import View
from memento_skills.records import Failure, Run, Step, to_json
from memento_skills.shell import commands, head, peel, program

OPENING = 300
"""Characters of a message in which a correction is looked for."""
REPEATS = 3
"""Identical calls without new information that make a failure."""

_FENCED = re.compile(r"```[^`]{0,20000}(?:```|\Z)|`[^`\n]{0,400}`")
_QUOTED = re.compile(r"^[>│⏺⎿❯|+].*$", re.MULTILINE)


class Corrections:
    """A person says that the agent did something else than was meant (`rules/corrections.toml`)."""

    name: str = "corrections@2"

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or load()

    def detect(self, run: Run) -> Iterable[Failure]:
        """Corrections that follow agent work, by step; at most one a message."""
        view = View(run=run)
        sure = {row.name: row.confidence for row in self.rules.corrections}
        return tuple(
            msgspec.structs.replace(failure(view, found, self.rules), confidence=sure[found.about])
            for found in self._found(run)
        )

    def _found(self, run: Run) -> Iterator[Found]:
        work: list[Step] = []
        worked = False  # something was done before: an answer to words alone may still correct earlier work
        for step in run.steps:
            if not _typed(step):
                work.append(step)
                worked = worked or step.kind == "call"
                continue
            rule = self.told(step.text) if worked else ""
            if rule:
                yield Found(kind="correction", detector=self.name, step=step, about=rule, since=tuple(work))
            work = [step]

    def told(self, text: str) -> str:
        """Name of the rule by which `text` is a correction, else ""."""
        words = said(text)
        if not words:
            return ""
        rows = self.rules.corrections
        row = next((r for r in rows if searches(r.patterns, words) and not searches(r.unless, words)), None)
        return row.name if row else ""


def said(text: str) -> str:
    """What a person wrote at the beginning of a message, without code, quotes and pasted output."""
    if text.lstrip().startswith(("<", "[Request interrupted", "{", "# ")):
        return ""
    plain = _QUOTED.sub("", _FENCED.sub(" ", text[: 8 * OPENING])).strip()
    return plain[:OPENING]


def _often(run: Run) -> dict[int, bytes]:
    """Arguments of the calls, by `seq`, that stand in the run often enough: cheap to tell, and seldom any."""
    made = {s.seq: (s.tool, to_json(s.args)) for s in run.steps if s.kind == "call"}
    counts = Counter(made.values())
    return {seq: call[1] for seq, call in made.items() if counts[call] >= REPEATS}


def _typed(step: Step) -> bool:
    return step.kind == "message" and step.actor == "user" and not step.meta and not step.agent


class RepeatedCalls:
    """The same call again with the same answer and nothing done between: three times or more."""

    name: str = "repeated-calls@1"

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or load()

    def detect(self, run: Run) -> Iterable[Failure]:
        """The third and each later of such calls, by step."""
        view = View(run=run)
        return tuple(failure(view, found, self.rules) for found in self._found(view))

    def _found(self, view: View) -> Iterator[Found]:
        often = _often(view.run)
        seen: dict[tuple[str, str, bytes, str], int] = {}
        for step in view.run.steps if often else ():
            if _typed(step):
                seen.clear()
            if step.kind != "result" or step.status in (None, "cascade", "denied_user", "interrupted"):
                continue
            call = view.calls.get(step.call_id)
            if call is None:
                continue
            key = (call.agent, call.tool, often.get(call.seq, b""), step.text)
            if seen and key not in seen and step.status == "ok" and self._changes(call):
                seen.clear()
            if call.seq not in often or self._polls(call):
                continue
            seen[key] = seen.get(key, 0) + 1
            if seen[key] >= REPEATS:
                yield Found(kind="repeated_call", detector=self.name, step=step, call=call)

    def _polls(self, call: Step) -> bool:
        """Whether asking again is the point."""
        tools = self.rules.tools
        if call.tool in tools.polling:
            return True
        lines = [" ".join(head(c.argv, 3)) for c in commands(command_of(call.args))]
        return any(f"{line} ".startswith(f"{words} ") for line in lines for words in tools.polling_commands)

    def _changes(self, call: Step) -> bool:
        """Whether the call may change what another call would find."""
        tools = self.rules.tools
        if call.tool in tools.edits:
            return True
        names = {program(peel(c.argv)[0]) for c in commands(command_of(call.args)) if peel(c.argv)}
        return bool(names) and not names <= tools.readonly | tools.trivial


class Outcomes:
    """The log says that the task failed: shown at the run's last step."""

    name: str = "outcomes@1"

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or load()

    def detect(self, run: Run) -> Iterable[Failure]:
        """One failure, where the label is failure or the reward is not above 0."""
        outcome = run.outcome
        failed = outcome.label == "failure" or (
            outcome.label == "unknown" and outcome.reward is not None and outcome.reward <= 0
        )
        last = next((step for step in reversed(run.steps) if step.text), None)
        if not failed or last is None:
            return ()
        about = compiled(r"\s+").sub(" ", outcome.reason)[:120] or UNSAID
        found = Found(kind="outcome", detector=self.name, step=last, about=about)
        return (failure(View(run=run), found, self.rules),)
