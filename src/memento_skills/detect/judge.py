"""Evidence in, what it says out: the command that failed, the decisive line, the known error, the rule that decides.

All of it is told by the tables of `detect.rules`; nothing here knows a program by name.
"""

from __future__ import annotations

import re

import msgspec

from memento_skills.detect.evidence import Evidence
from memento_skills.detect.literals import compiled, finders, first, searches
from memento_skills.detect.rules import Decided, Rule, Rules, names_tool, starts
from memento_skills.shell import Command, head, peel, program

_PROGRAM = re.compile(r"[\w./~\\:@+-]+\Z|\[{1,2}\Z")
"""What can be a program's name: the rest are expressions of PowerShell and the like."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """Evidence with what was read out of it."""

    evidence: Evidence
    decisive: str = ""
    """The line that decides, "" where the result says nothing."""
    decisive_rule: str = ""
    command: Command | None = None
    """The simple command that failed, as far as can be told."""
    alias: Rule | None = None
    """The known error that it is."""
    quiet: bool = False
    """The result says nothing besides its exit code."""


def read(evidence: Evidence, rules: Rules) -> Reading:
    """What the evidence says."""
    lines = tuple(line for line in evidence.lines if not searches(rules.noise, line))
    decisive, name = _decisive(evidence, lines, rules)
    command = _failing(evidence, decisive, rules)
    reading = Reading(evidence=evidence, decisive=decisive, decisive_rule=name, command=command, quiet=not lines)
    alias = next((rule for rule in rules.aliases if matches(rule, reading)), None)
    return msgspec.structs.replace(reading, alias=alias)


def decide(reading: Reading, table: tuple[Rule, ...], default: str | int) -> Decided:
    """Value of the first rule that matches, else `default`."""
    rule = next((rule for rule in table if matches(rule, reading)), None)
    return Decided(value=rule.value if rule else default, rule=rule)


def causes_of(fault: str, rules: Rules) -> tuple[Rule, ...]:
    """The cause rules that may speak of a failure of this fault: of *work* only those that name it."""
    return tuple(rule for rule in rules.cause if (fault in rule.fault if rule.fault else fault != "work"))


def matches(rule: Rule, reading: Reading) -> bool:
    """Whether all conditions of a rule hold."""
    return _closed(rule, reading) and _by_command(rule, reading) and _by_text(rule, reading)


def _closed(rule: Rule, reading: Reading) -> bool:
    evidence = reading.evidence
    return not (
        (rule.status and evidence.status not in rule.status)
        or (rule.kind and evidence.kind not in rule.kind)
        or (rule.exit and evidence.exit_code not in rule.exit)
        or (rule.tool and not names_tool(rule.tool, evidence.tool))
        or (rule.context and not set(rule.context) & set(evidence.context))
        or (rule.alias and (reading.alias is None or reading.alias.name not in rule.alias))
        or (rule.quiet is not None and reading.quiet != rule.quiet)
        or (rule.moved is not None and evidence.moved != rule.moved)
    )


def _by_command(rule: Rule, reading: Reading) -> bool:
    if rule.program:
        command = reading.command
        if command is None or not any(starts(command.argv, words) for words in rule.program):
            return False
    return not rule.command or searches(rule.command, reading.evidence.line)


def _by_text(rule: Rule, reading: Reading) -> bool:
    return not (
        (rule.line and not searches(rule.line, reading.decisive))
        or (rule.text and not searches(rule.text, reading.evidence.text))
        or (rule.not_text and searches(rule.not_text, reading.evidence.text))
    )


def _decisive(evidence: Evidence, lines: tuple[str, ...], rules: Rules) -> tuple[str, str]:
    runs = bool(evidence.line) or not evidence.tool
    for rule in (rule for rule in rules.decisive if rule.runs in (None, runs)):
        patterns = [finder.search for finder in finders(rule.line) if finder.may(evidence.text)]
        for line in (lines if rule.value == "first" else reversed(lines)) if patterns else ():
            found = next((match for search in patterns if (match := search(line))), None)
            if found:
                kept = found[1] if found.re.groups and found[1] else line
                return kept.strip()[:300], rule.name
    if len(lines) == 1:
        return lines[0].strip()[:300], "only-line"
    return "", ""


def _failing(evidence: Evidence, decisive: str, rules: Rules) -> Command | None:
    """The command that speaks in the result, else the last one of the line that does more than prepare."""
    candidates = [command for command in evidence.commands if not command.nested]
    candidates = [c for c in candidates if _PROGRAM.match(c.argv[0])] or candidates
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    for voice in rules.voices:
        speakers = [c for c in candidates if _name(c) in voice.program]
        found = first(voice.text, evidence.text) if speakers else None
        if found:
            return _named_in(speakers, found[0]) or _named_in(speakers, decisive) or speakers[-1]
    speaker = next((c for c in candidates if decisive.startswith((f"{_name(c)}:", f"{c.argv[0]}:"))), None)
    working = [c for c in candidates if _name(c) not in rules.tools.trivial]
    return speaker or (working or candidates)[-1]


def _named_in(speakers: list[Command], text: str) -> Command | None:
    """The speaker whose subcommand or task stands in `text`."""
    for command in reversed(speakers):
        if any(compiled(rf"(?<![\w-]){_escape(word)}(?![\w-])").search(text) for word in head(command.argv, 3)[1:]):
            return command
    return None


def _escape(word: str) -> str:
    return "".join(c if c.isalnum() or c == "_" else f"\\{c}" for c in word[:60] if c.isprintable())


def _name(command: Command) -> str:
    words = peel(command.argv)
    return program(words[0]) if words else ""
