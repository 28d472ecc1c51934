"""What a failing call acts upon: GitHub, the cluster, the file system, a host, … (`rules/resources.toml`)."""

from __future__ import annotations

import re

from memento_skills.detect.judge import Reading
from memento_skills.detect.literals import searches
from memento_skills.detect.rules import Resource, Rules, names_tool, starts

_HOST = re.compile(r"\b[a-z][a-z0-9+]{1,9}://(?:[^\s/@'\"]{1,100}@)?([A-Za-z0-9.-]{1,120})")


def where(reading: Reading, rules: Rules) -> str:
    """Name of the resource, else the host that the call names (`host x.example`), else ""."""
    row = next((row for row in rules.resources if _is(row, reading)), None)
    if row is not None:
        return row.name
    evidence = reading.evidence
    told = " ".join((evidence.line, *(value for value in evidence.args.values() if isinstance(value, str))))[:2_000]
    host = _HOST.search(told) or _HOST.search(reading.decisive)
    return f"host {host[1].lower().removeprefix('www.')}" if host else ""


def plainly(name: str, rules: Rules) -> str:
    """A resource's name in words for a person."""
    row = next((row for row in rules.resources if row.name == name), None)
    return row.plain if row else name.removeprefix("host ") or "what it asks for"


def _is(row: Resource, reading: Reading) -> bool:
    evidence, command = reading.evidence, reading.command
    return (
        searches(row.text, evidence.text)
        or (bool(row.tool) and names_tool(row.tool, evidence.tool))
        or (command is not None and any(starts(command.argv, words) for words in row.program))
        or (bool(row.command) and searches(row.command, evidence.line))
    )
