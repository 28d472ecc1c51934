"""A silent finding in, the `Failure` record out. It carries no call id: no call is a failing one because of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from memento_skills.detect.build import QUOTE
from memento_skills.detect.facts import Facts
from memento_skills.detect.signature import VERSION
from memento_skills.detect.view import spent
from memento_skills.records import Cost, Failure, Part, Signature, Step, digest


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a silent detector saw."""

    finding: str
    """Name of its row in `silent.toml`."""
    detector: str
    at: int
    """Position of the step that shows it."""
    quote: str
    """Literally in that step's text or arguments."""
    about: str = ""
    """What tells it from others of its kind: the check, the way of going back."""
    tool: str = ""
    since: int = -1
    """Position of the call with which the lost stretch began, -1 where there is none."""
    confidence: float | None = None
    """Where the case is more or less sure than the row."""


class Look(Protocol):
    """A silent detector: facts of a run in, findings out."""

    def __call__(self, facts: Facts) -> Iterator[Seen]:
        """All findings, in order."""


def failure(facts: Facts, seen: Seen) -> Failure:
    """The record of one finding."""
    run, row = facts.run, facts.silent.findings[seen.finding]
    step = run.steps[seen.at]
    start = run.steps[seen.since] if seen.since >= 0 else None
    place = start or step
    native = step.call_id if step.call_id and run.shared_ids else [run.key, step.seq]
    lost = spent(run.steps[seen.since : seen.at + 1], run.model, facts.rules, recovered=False) if start else Cost()
    sure = row.confidence if seen.confidence is None else seen.confidence
    return Failure(
        id=digest(run.project, native, row.kind),
        run=run.key,
        step=step.seq,
        call_step=start.seq if start and start.kind == "call" else None,
        file=run.sources[place.source] if place.source < len(run.sources) else "",
        line=place.line,
        tool=seen.tool or step.tool,
        kind=row.kind,
        fault=row.fault,
        severity=row.severity,
        detector=seen.detector,
        rule=f"silent/{row.name}",
        cause=row.cause,
        signature=_signature(row.kind, row.name, seen),
        quote=_quoted(step, seen.quote),
        confidence=round(sure, 3),
        at=step.at if step.at is not None else place.at,
        user=run.user,
        tenant=run.tenant,
        project=run.project,
        client=run.client,
        client_version=run.client_version,
        model=step.model or run.model,
        skill=facts.view.skill_at(step),
        cost=lost,
    )


def _signature(kind: str, name: str, seen: Seen) -> Signature:
    parts = (
        Part(name="kind", text=kind),
        Part(name="error", text=name),
        Part(name="command", text=seen.about[:200]),
        Part(name="tool", text=seen.tool[:200]),
    )
    return Signature(version=VERSION, parts=tuple(part for part in parts if part.text))


def _quoted(step: Step, quote: str) -> str:
    """The quote where it stands literally in the step, else the step's first words."""
    cut = quote.strip()[:QUOTE]
    return cut if cut and cut in step.text else step.text[: 4 * QUOTE].strip()[:QUOTE]
