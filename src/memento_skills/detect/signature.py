"""`template@2026-12`: the explainable grouping key of a failure.

Its parts are named; each says whether it contributes to the key and, where it does not, why. The main part is the
decisive line of the result with everything variable masked, or the name of the known error that it is: the forms in
which tools and clients say one thing are one error. What else counts depends on the error: the thing that is missing
(a program, a column), what the call acts upon (GitHub, the file system), or the command. Where the error says too
little (an exit code alone) the command counts; for a report on the code (failing tests, findings) its kind is the key.

Against 2026-11: errors about rights and logins by what they act upon and no longer by command, with denied
prompts among them; reports no longer by command; missing programs and columns by their name; data formats by what is
assumed wrongly; scripts' operands no longer count.
"""

from __future__ import annotations

import re

from memento_skills.detect.evidence import Evidence, window
from memento_skills.detect.judge import Reading, decide, read
from memento_skills.detect.literals import compiled, first
from memento_skills.detect.resources import where
from memento_skills.detect.rules import Rule, Rules, load
from memento_skills.guards.tools import role
from memento_skills.records import Part, Signature, Status
from memento_skills.shell import Command, head, peel, program

VERSION = "template@2026-12"
BEFORE = ("template@2026-11",)
"""Earlier versions: `regroup` leads their patterns to those of this one."""

_BY_KIND: dict[str, tuple[bool, bool, bool]] = {
    "refusal": (True, True, False),
    "permission_denied": (True, True, False),
    "hook_block": (True, True, True),
    "interruption": (False, False, False),
    "cascade": (False, False, False),
    "api_error": (False, False, True),
    "repeated_call": (True, True, False),
    "outcome": (False, False, True),
    "correction": (False, False, True),
}
"""Kinds that are told by how the call ended: whether tool, command and error contribute."""
_PROGRAM_ENOUGH = frozenset(("client", "network", "git", "setup"))
"""Decisive rules whose line names its cause: of the command only the program contributes."""
_WORD = re.compile(r"[A-Za-z][\w:.-]{0,40}\Z")
_SCRIPT = re.compile(r"\w\.(?:py|js|ts|mjs|sh|rb|pl|ps1)\Z")
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]{0,40}")


class Template:
    """The `Grouping` of this module."""

    name = VERSION

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or load()

    def signature(self, failure_text: str, tool: str, command: str, status: str) -> Signature:
        """Key of a failing result by its text, tool, command line and status (see `records.Status`)."""
        known: Status = status if status in _STATUSES else "unknown"  # type: ignore[assignment]
        found = re.match(r"Exit code (\d{1,5})", failure_text)
        evidence = Evidence(
            tool=tool, line=command, status=known, text=window(failure_text), exit_code=int(found[1]) if found else None
        )
        reading = read(evidence, self.rules)
        fault = decide(reading, self.rules.fault, "agent")
        return self.of(
            reading, _KIND_OF_STATUS.get(known, "tool_error"), report=fault.rule if fault.value == "work" else None
        )

    def of(self, reading: Reading, kind: str, *, report: Rule | None = None, about: str = "") -> Signature:
        """Key of a reading; `report`: the rule that tells a report on the code, `about`: of the person's words."""
        evidence = reading.evidence
        words = " ".join(named(reading.command, self.rules)) if reading.command else ""
        said = mask(reading.decisive, self.rules)
        place = where(reading, self.rules) if kind == "permission_denied" else ""
        if place:
            parts = self._no_right(reading, words, said, place)
        elif kind in _BY_KIND:
            parts = self._by_kind(kind, reading, words, about or (reading.alias.name if reading.alias else said))
        elif report:
            general = report.scope == "general"
            parts = [
                Part(name="report", text=report.family or report.name),
                _part("tool", evidence.tool, contributes=not words and not general, hint="the command tells"),
                _part("command", words, contributes=not general, hint="the report says all"),
                _part("error", said, contributes=False, hint="a report on the code: which finding does not matter"),
            ]
        else:
            parts = self._by_error(reading, words, said)
        code = "" if evidence.exit_code is None else str(evidence.exit_code)
        parts.append(_part("exit", code, contributes=False, hint="exit codes are shared by different errors"))
        parts.append(
            _part("client", evidence.client, contributes=False, hint="one error through versions is one error")
        )
        moved = "other than at the start" if evidence.moved else ""
        parts.append(_part("cwd", moved, contributes=False, hint="where it ran does not change what it is"))
        return Signature(version=VERSION, parts=tuple(part for part in parts if part.text))

    def _by_kind(self, kind: str, reading: Reading, words: str, said: str) -> list[Part]:
        tool, command, error = _BY_KIND[kind]
        return [
            Part(name="kind", text=kind),
            _part("tool", reading.evidence.tool, contributes=tool, hint="" if tool else "any tool"),
            _part("command", words, contributes=command, hint="" if command else "any command"),
            _part(
                "error", said, contributes=error, hint="" if error else "the client's own sentence, or a person's words"
            ),
        ]

    def _by_error(self, reading: Reading, words: str, said: str) -> list[Part]:
        alias, tool = reading.alias, reading.evidence.tool
        lead = words.split(" ", maxsplit=1)[0]
        if alias is None:
            short = reading.decisive_rule in _PROGRAM_ENOUGH
            hint = "the error names its cause: the program is enough" if short and words != lead else ""
            return [
                _part("tool", tool, contributes=not words, hint="the command tells" if words else ""),
                _part("program", lead if hint else "", contributes=True),
                _part("command", words, contributes=not hint, hint=hint),
                _part("error", said, contributes=True),
            ]
        option = _option(reading.decisive) if alias.name == "unknown-option" else ""
        error = f"{alias.family or alias.name} {option}".strip()
        name = thing(reading, alias)
        by_command = alias.scope == "command" and not name
        place = _place(reading, alias, self.rules)
        if alias.scope == "where" and not place:
            by_command = True
        return [
            Part(name="error", text=error),
            _part("name", name, contributes=True),
            _part("where", place, contributes=True),
            _part("tool", tool, contributes=alias.scope == "tool", hint="the same error of any tool"),
            _part("command", words, contributes=by_command, hint="" if by_command else "the error says all"),
            _part("said", said, contributes=False, hint=f"one form of {alias.family or alias.name}"),
        ]

    def _no_right(self, reading: Reading, words: str, said: str, place: str) -> list[Part]:
        return [
            Part(name="error", text="no-right"),
            _part("where", place, contributes=True),
            _part("tool", reading.evidence.tool, contributes=False, hint="the same right, asked for by any tool"),
            _part("command", words, contributes=False, hint="the same right, asked for by any command"),
            _part("said", said, contributes=False, hint="a prompt that was not granted, one form of no-right"),
        ]


def thing(reading: Reading, alias: Rule) -> str:
    """Name of what an alias says is missing (a program, a column), "" where its expressions find none."""
    found = first(alias.named, reading.decisive) or first(alias.named, reading.evidence.text) if alias.named else None
    return found[1].strip().lower() if found else ""


def _place(reading: Reading, alias: Rule, rules: Rules) -> str:
    if alias.scope == "where":
        return where(reading, rules) or alias.place
    if alias.scope != "role":
        return ""
    tool = reading.evidence.tool
    return "shell" if tool in rules.tools.shells else role(tool) or tool


def mask(line: str, rules: Rules) -> str:
    """A line with everything variable replaced, by the ordered mask table."""
    for row in rules.masks:
        line = compiled(row.pattern).sub(row.to, line)
    return " ".join(line.split())[:200]


def plain(template: str, rules: Rules) -> str:
    """A masked line in words for a person."""
    for row in rules.masks:
        if row.to and row.plain:
            template = template.replace(row.to, row.plain)
    return template


def named(command: Command, rules: Rules) -> tuple[str, ...]:
    """Program, subcommand and task of a command: `npm run build`, `gh pr diff`, `python3 report.py`, `grep`."""
    argv = peel(command.argv)
    if not argv:
        return ()
    words = head(argv, 3)
    name = _short(words[0])
    pair = " ".join((program(argv[0]), *words[1:2]))
    if pair in rules.tools.three_words:
        keep = words[1:4] if words[1] == "-m" else words[1:3]
    elif words[0] in rules.tools.interpreters:
        return (name, *(_short(word) for word in words[1:2] if _SCRIPT.search(word)))
    elif words[0] in rules.tools.no_subcommand:
        return (name,)
    else:
        keep = words[1:2]
    return (name, *(word for word in keep if word == "-m" or _names(word, rules)))


def _names(word: str, rules: Rules) -> bool:
    """Whether a word can be a subcommand or task: no number, hash or path."""
    return bool(_WORD.match(word)) and "." not in word and mask(word, rules) in (word, "<path>")


def _option(line: str) -> str:
    if parameter := re.search(r"parameter name '([A-Za-z]\w{0,40})'", line):
        return f"-{parameter[1]}"
    if letter := re.search(r"option -- '?(\w)\b", line):
        return f"-{letter[1]}"
    found = _OPTION.search(line)
    return found[0] if found else ""


def _short(word: str) -> str:
    """A path of more than one folder by its last name: where the script lies does not matter."""
    return word.rsplit("/", 1)[-1] or word if word.count("/") > 1 else word


def _part(name: str, text: str, *, contributes: bool, hint: str = "") -> Part:
    return Part(name=name, text=text[:200], contributes=contributes, hint="" if contributes else hint)


_STATUSES = frozenset(
    (
        "ok",
        "error",
        "denied_user",
        "denied_hook",
        "denied_policy",
        "interrupted",
        "timeout",
        "cascade",
        "api_error",
        "unknown",
    )
)
_KIND_OF_STATUS = {
    "denied_user": "refusal",
    "denied_hook": "hook_block",
    "denied_policy": "permission_denied",
    "interrupted": "interruption",
    "cascade": "cascade",
    "api_error": "api_error",
}
