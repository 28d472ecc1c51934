"""A pattern's title in plain words, from the names of the rules that decided and the parts of the signature."""

from __future__ import annotations

import re
from collections.abc import Iterable

from memento_skills.detect.resources import plainly
from memento_skills.detect.rules import Rule, Rules
from memento_skills.detect.signature import plain
from memento_skills.detect.silent_rules import Finding
from memento_skills.detect.silent_rules import load as silent_tables
from memento_skills.masking import visible
from memento_skills.records import Failure, Remedy

_NAMELESS = ("code of the agent", "a call")
UNSAID = "label"
"""Reason of an outcome for which the log gives none."""
TITLE = 120
"""Characters of a title."""
_OPTION = re.compile(r"--?[A-Za-z][\w-]{0,40}")


def title(failure: Failure, rules: Rules, *, once: bool = False) -> str:
    """One line for a person: what goes wrong. `once`: seen in one lineage, where its own words say more than a mask."""
    parts = {part.name: part.text for part in failure.signature.parts}
    told = _told(failure)
    chosen = (
        next((row.title for row in rules.corrections if row.name == told.get("correction")), "")
        or _title_of(silent_tables().findings.values(), told.get("silent", ""))
        or _title_of(rules.aliases, parts.get("error", "").split(" ", maxsplit=1)[0])
        or _title_of(rules.cause, told.get("cause", ""))
        or _title_of(rules.fault, told.get("fault", ""))
    )
    command = parts.get("command", "") or parts.get("program", "")
    error = plain(parts.get("error", ""), rules)
    option = _OPTION.match(parts.get("error", "").partition(" ")[2])
    call = f"`{command}`" if command else parts.get("tool", "") or failure.tool or _nameless(failure)
    slots = {
        "`{command}`": call,
        "call": call,
        "tool": parts.get("tool", "") or failure.tool or "the answer",
        "option": f"`{option[0]}`" if option else "it was given",
        "where": plainly(parts.get("where", ""), rules),
        "program": parts.get("name", "") or command.split(" ", maxsplit=1)[0] or failure.tool,
    }
    if chosen:
        return _sentence(_filled(chosen, slots))
    if failure.kind == "outcome":
        return _sentence(f"The task failed: {error}" if error != UNSAID else "The task failed, by the log's own label")
    said = " ".join(failure.quote.split()) if once and error else error
    said = said.removeprefix(f"{slots['program']}: ")
    return _sentence(f"{call}: {said}" if said else f"{call} fails without saying why")


def remedy(failure: Failure, rules: Rules) -> Remedy:
    """Who can put it right: the cause rule's remedy, else the fault's default."""
    told = _told(failure)
    if silent := silent_tables().findings.get(told.get("silent", "")):
        return silent.remedy
    name = told.get("cause", "")
    row = next((row for row in rules.cause if row.name == name), None)
    return (row.remedy if row else None) or rules.default_remedy.get(failure.fault, "none")


def _sentence(line: str) -> str:
    """The line without hidden characters, cut to `TITLE`; a call without a name begins it with a capital."""
    plainly = line[:1].upper() + line[1:] if line.startswith(_NAMELESS) else line
    return visible(plainly)[:TITLE]


def _nameless(failure: Failure) -> str:
    return _NAMELESS[0] if failure.kind == "exit_code" else _NAMELESS[1]


def _told(failure: Failure) -> dict[str, str]:
    pairs = (item.split("/", maxsplit=1) for item in failure.rule.split("; ") if "/" in item)
    return {kind: name for kind, name in pairs}  # noqa: C416  # dict() of lists of two would not type-check


def _title_of(table: Iterable[Rule | Finding], name: str) -> str:
    own = next((row.title for row in table if row.name == name and row.title), "")
    return own or next((row.title for row in table if name and getattr(row, "family", "") == name and row.title), "")


def _filled(template: str, slots: dict[str, str]) -> str:
    for name, value in slots.items():
        template = template.replace(name if "{" in name else "{" + name + "}", value)
    return template
