"""A step that shows a failure in, the `Failure` record out: fault, cause, severity, signature, quote, cost."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from memento_skills.detect.context import context
from memento_skills.detect.evidence import of_result
from memento_skills.detect.judge import Reading, causes_of, decide, read
from memento_skills.detect.literals import searches
from memento_skills.detect.rules import Rules
from memento_skills.detect.signature import Template
from memento_skills.detect.view import View, cost, recovery, spent
from memento_skills.records import Cost, Failure, FailureKind, Step, digest

QUOTE = 300
"""Characters of a quote."""
_SAID = re.compile(r"To tell you how to proceed, the user said:\s{0,8}")
"""After it a client gives a person's own words."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector saw."""

    kind: FailureKind
    detector: str
    step: Step
    """The step that shows it."""
    call: Step | None = None
    about: str = ""
    """Name of the rule that told it, where a rule of the detector did."""
    since: Sequence[Step] = ()
    """The work that was for nothing, where the failure is a person's answer to it."""


def failure(view: View, found: Found, rules: Rules) -> Failure:
    """The record of one failure."""
    run, step, call = view.run, found.step, found.call
    known = of_result(run, call, step)
    evidence = msgspec.structs.replace(known, kind=found.kind, context=context(view, call, step, rules))
    reading = read(evidence, rules)
    fault = decide(reading, rules.fault, "agent")
    cause = decide(reading, causes_of(str(fault.value), rules), "unknown")
    severity = decide(reading, rules.severity, 4 if fault.value in ("work", "service") else 3)
    report = fault.rule if fault.value == "work" else None
    recovered = recovery(view, call, reading.command) if call else None
    place = call or step
    native = bool(found.step.call_id) and run.shared_ids
    return Failure(
        id=digest(run.project, found.step.call_id if native else [run.key, step.seq], found.kind),
        run=run.key,
        step=step.seq,
        call_step=call.seq if call else None,
        call_id=step.call_id or (call.call_id if call else ""),
        file=run.sources[place.source] if place.source < len(run.sources) else "",
        line=place.line,
        tool=evidence.tool,
        kind=found.kind,
        fault=fault.value,  # type: ignore[arg-type]  # checked when the table is loaded
        severity=int(severity.value),
        detector=found.detector,
        rule="; ".join(_names(found, fault.name, cause.name if cause else "default", severity.name)),
        cause=cause.value,  # type: ignore[arg-type]
        signature=Template(rules).of(reading, found.kind, report=report, about=found.about),
        quote=quote(step.text, reading, rules),
        at=step.at if step.at is not None else place.at,
        user=run.user,
        tenant=run.tenant,
        project=run.project,
        client=run.client,
        client_version=run.client_version,
        model=(call.model if call else "") or run.model,
        skill=view.skill_at(place),
        recovery_step=recovered.seq if recovered else None,
        cost=_cost(view, found, recovered, rules),
    )


def quote(text: str, reading: Reading, rules: Rules) -> str:
    """At most `QUOTE` characters that stand literally in `text`.

    A person's own words where it is their answer, else the decisive line, else the last line that says something.
    """
    if words := _SAID.search(text[: 8 * QUOTE]):
        return text[words.end() : words.end() + QUOTE].rstrip() or words[0]
    if reading.evidence.kind == "correction":
        return text.strip()[:QUOTE]
    if reading.decisive and reading.decisive in text:
        return reading.decisive[:QUOTE]
    telling = [line.strip() for line in reading.evidence.lines if not searches(rules.noise, line)]
    line = next((line for line in reversed(telling) if line in text), "")
    return line[:QUOTE] or text[: 4 * QUOTE].strip()[:QUOTE]


def _names(found: Found, fault: str, cause: str, severity: str) -> list[str]:
    told = [f"correction/{found.about}"] if found.about else []
    return [*told, f"fault/{fault}", f"cause/{cause}", f"severity/{severity}"]


def _cost(view: View, found: Found, recovered: Step | None, rules: Rules) -> Cost:
    if found.since:
        return spent(found.since, view.run.model, rules, recovered=False)
    return cost(view, found.call or found.step, recovered, rules)
