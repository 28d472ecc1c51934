"""How likely a dialogue with tools did not do what was asked, where no label says so.

A logistic regression over three named features, with weights from `rules/risk.toml` (which says how they were got).
It is weak evidence, and its finding is shown with the probability as confidence.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources

import msgspec

from memento_skills.detect import rules as package
from memento_skills.detect.facts import Facts
from memento_skills.detect.literals import compiled
from memento_skills.detect.silent_actions import writes
from memento_skills.detect.silent_build import Seen
from memento_skills.errors import BadInput

LIMIT = 3.0
"""Standard deviations beyond which a feature counts as this much: no single one decides a run."""
MESSAGE = 4_000
"""Characters of a message that are read."""
_LIST = re.compile(r"^\s{0,8}(?:[-*•]|1[.)]) ", re.MULTILINE)


class Feature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One named sign and its weight."""

    name: str
    reason: str
    mean: float
    scale: float
    weight: float


class Risk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The trained table."""

    bias: float
    threshold: float
    """Probability from which a run counts as failed."""
    objection: tuple[str, ...]
    feature: tuple[Feature, ...]

    def probability(self, values: dict[str, float]) -> float:
        """Probability of failure, at equal numbers of failed and good runs."""
        total = self.bias
        for one in self.feature:
            total += one.weight * max(-LIMIT, min(LIMIT, (values[one.name] - one.mean) / one.scale))
        return 1 / (1 + math.exp(-total))


@cache
def table() -> Risk:
    """The built-in table; raises BadInput where it is not valid."""
    try:
        found = msgspec.convert(tomllib.loads((resources.files(package) / "risk.toml").read_text("utf-8")), Risk)
        for pattern in found.objection:
            compiled(pattern)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError, re.error) as error:
        raise BadInput(
            f"rule table cannot be read: {error}", where="risk.toml", hint="reinstall the package"
        ) from error
    return found


def doubtful(facts: Facts) -> Iterator[Seen]:
    """At the last step of a dialogue without a label: it probably did not do what was asked."""
    run = facts.run
    if run.outcome.label != "unknown" or run.outcome.reward is not None or not is_dialogue(facts):
        return
    sure = table().probability(features(facts))
    if sure >= table().threshold:
        at = next(i for i, step in reversed(tuple(enumerate(run.steps))) if step.text)
        yield Seen(finding="likely-failed", detector="risk@1", at=at, quote=run.steps[at].text[:300], confidence=sure)


def is_dialogue(facts: Facts) -> bool:
    """A person and an agent in turns, with named tools and neither a shell nor an editor: what the table is for."""
    tools = facts.rules.tools
    if len(facts.asked) < 2 or not facts.acts:
        return False
    return not any(act.call.tool in tools.shells or act.call.tool in tools.edits or act.line for act in facts.acts)


def features(facts: Facts) -> dict[str, float]:
    """The signs by name; counts as log(1 + n)."""
    steps = facts.run.steps
    said = [step.text[:MESSAGE] for step in steps if step.kind == "message" and step.actor == "agent"]
    changed = any(writes(act) for act in facts.acts)
    objections = sum(_objections(steps[at].text[:MESSAGE]) for at in facts.asked) if changed else 0
    return {
        "steps": math.log1p(len(steps)),
        "lists": math.log1p(sum(len(_LIST.findall(text)) for text in said)),
        "objections": math.log1p(objections),
    }


def _objections(text: str) -> int:
    return sum(len(compiled(pattern).findall(text)) for pattern in table().objection)
