"""The capability diff of a patch: what it newly asks an agent to do, each as a chip for the curator.

Structural signs only (a URL, a command, a path, a word for credentials, …), from the rules in `chips.toml`. A change
of policy or tone has no such sign: no chip does not mean no risk, and only a person or a replay can see the rest.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple

from memento_skills import shell, skilldoc
from memento_skills.masking import hidden_characters, visible
from memento_skills.records import Chip
from memento_skills.skilldoc.document import blocks
from memento_skills.verify.checks import added_lines

Kind = Literal["url", "command", "script", "path", "tool", "credential", "destructive", "hidden", "frontmatter"]

MAX_SHOWN = 120
"""Characters of a chip's text."""

_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_PROGRAM = re.compile(r"[a-z][\w.+-]*|\.{0,2}/[\w./-]+")
_HOST = re.compile(r"(?:\w+://)?(?:[^@/\s]*@)?(?P<host>[\w.-]+)")
_LOCAL = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "example.com", "example.org"})  # noqa: S104
_WINDOW, _OVERLAP = 2_000, 300
"""Characters of a line that are searched at once: a pattern that is quadratic in a hostile line stays bounded."""
# A ban is no capability. Only these words may stand between it and what it forbids: "do not worry, run …" and
# "never mind: …" are orders, and the text may be an attacker's.
_NEGATION = re.compile(
    r"\b(?:never|do not|don't|does not|must not|should not|cannot|avoid|instead of|rather than)"
    r"(?:\s+(?:ever|use|using|run|running|call|calling|try|execute|executing|add|adding|pass|passing|give|commit|write"
    r"|put|paste|print|log|store|share|rely on|a|an|the|any|with|plain|bare|to|as|on|or|git))*\s*$",
    re.IGNORECASE,
)


class _Rule(NamedTuple):
    kind: Kind
    pattern: re.Pattern[str]
    dangerous: bool | Literal["new"]
    negatable: bool


class _Rules(NamedTuple):
    rules: tuple[_Rule, ...]
    dangerous_programs: frozenset[str]
    """One word (`curl`) or two (`pip install`)."""


@lru_cache(maxsize=1)
def _load() -> _Rules:
    table = tomllib.loads(files(__package__).joinpath("chips.toml").read_text(encoding="utf-8"))
    rules = tuple(
        _Rule(
            row["kind"], re.compile(row["pattern"], re.IGNORECASE), row["dangerous"], row.get("negatable", False)
        )
        for row in table["chip"]
    )  # fmt: skip
    return _Rules(rules, frozenset(name for names in table["programs"].values() for name in names))


def chips(before: str, after: str) -> tuple[Chip, ...]:
    """What `after` brings beyond `before` ("" for a new skill): dangerous chips first, else in the order of the text.

    Chips carry masked, visible, one-line texts of at most MAX_SHOWN characters; equal ones stand once.
    """
    added = added_lines(before, after)
    found = [*_front_chips(before, after), *_hidden_chips(added)]
    code = _code_lines(added, after)
    for line in added:
        for start in range(0, max(1, len(line) - _OVERLAP), _WINDOW - _OVERLAP):
            found += _rule_chips(line[start : start + _WINDOW], before)
    for line, negated in code:
        found += _command_chips(line, before, negated=negated)
    unique: dict[tuple[Kind, str], Chip] = {}
    for chip in found:
        known = unique.get((chip.kind, chip.text))
        if known is None or (chip.dangerous and not known.dangerous):
            unique[chip.kind, chip.text] = chip
    return tuple(sorted(unique.values(), key=lambda chip: not chip.dangerous))


def _chip(kind: Kind, text: str, *, dangerous: bool) -> Chip:
    shown = visible(" ".join(text.split()))
    return Chip(kind=kind, text=shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…", dangerous=dangerous)


def _front_chips(before: str, after: str) -> Iterator[Chip]:
    """Every change of the front matter of an existing skill: it decides when a skill is used and with which tools."""
    new, old = skilldoc.parse(after), skilldoc.parse(before) if before else None
    wider = skilldoc.widened(skilldoc.allowed_tools(old) if old else frozenset(), skilldoc.allowed_tools(new))
    for tool in sorted(wider):
        yield _chip("tool", f"allowed-tools: {tool}", dangerous=True)
    fields = new.front or {}
    known = (old.front or {}) if old else {}
    expected = set() if old else {"name", "description"}
    for key in sorted((set(fields) | set(known)) - expected):
        if key not in fields or key not in known or fields[key] != known[key]:
            change = "removed" if key not in fields else "changed" if key in known else "added"
            yield _chip("frontmatter", f"{key} {change}", dangerous=True)


def _hidden_chips(added: Sequence[str]) -> Iterator[Chip]:
    for line in added:
        for finding in hidden_characters(line):
            around = line[max(0, finding.start - 15) : finding.end + 15]
            yield _chip("hidden", f"{finding.kind}: {around}", dangerous=True)
        for word in re.findall(r"\w+", line):
            if not word.isascii() and len(_scripts(word)) > 1:
                yield _chip("hidden", f"mixed scripts: {word}", dangerous=True)


def _scripts(word: str) -> set[str]:
    """Of the three scripts whose letters look alike, those that a word uses."""
    names = (unicodedata.name(c, "").partition(" ")[0] for c in word if c.isalpha())
    return {name for name in names if name in {"LATIN", "CYRILLIC", "GREEK"}}


def _rule_chips(line: str, before: str) -> Iterator[Chip]:
    for rule in _load().rules:
        for match in rule.pattern.finditer(line):
            text = (match.groupdict().get("shown") or match.group()).strip(" `*").rstrip(".,;:!?")
            dangerous = rule.dangerous is True or (rule.dangerous == "new" and _is_new(rule.kind, text, before))
            if rule.dangerous == "new" and text in before:
                continue
            if rule.negatable and _negated(line, match.start()):
                dangerous = False
            yield _chip(rule.kind, text, dangerous=dangerous)


def _is_new(kind: Kind, text: str, before: str) -> bool:
    """Whether the base knows nothing of it: for an address, of its host."""
    if kind != "url":
        return text not in before
    host = _HOST.match(text.removeprefix("www."))
    name = host["host"].lower() if host else text
    return name not in _LOCAL and name not in before.lower()


def _negated(line: str, at: int) -> bool:
    return _NEGATION.search(line[:at].replace("`", "").replace("*", "")) is not None


def _code_lines(added: Sequence[str], after: str) -> list[tuple[str, bool]]:
    """The added pieces of code, each with whether the sentence around forbids it: spans, fences, and lines that went
    into a fence of the document."""
    pieces: list[tuple[str, bool]] = []
    fenced = _fenced(after)
    inside = False
    for line in added:
        if _FENCE.match(line):
            inside = not inside
        elif inside or (line.strip() and (line in fenced or line.strip() in fenced)):
            pieces.append((line.strip(), False))
        else:
            short = line[:_WINDOW]
            pieces += [(m.group(2).strip(), _negated(short, m.start())) for m in _SPAN.finditer(short)]
    return pieces


def _fenced(text: str) -> frozenset[str]:
    doc = skilldoc.parse(text)
    code = (t for t in blocks(doc.lines, doc.body_line - 1) if t.type in {"fence", "code_block"})
    return frozenset(line for token in code for line in token.content.split("\n"))


def _command_chips(code: str, before: str, *, negated: bool) -> Iterator[Chip]:
    """One chip a program call that the base does not have. A lone word is a name, not a call."""
    for command in shell.commands(code):
        if len(command.argv) < 2:
            continue
        risky = _is_risky(command.argv)
        call = " ".join(shell.head(command.argv))
        if risky or (_PROGRAM.fullmatch(command.argv[0]) and call not in before):
            yield _chip("command", command.text, dangerous=risky and not negated)


def _is_risky(argv: Sequence[str]) -> bool:
    """Whether the table names the program or its first two words, before or after wrappers such as `env` are peeled."""
    names = set()
    for words in (tuple(argv), shell.peel(argv)):
        program = shell.program(words[0]).lower()
        names |= {program, " ".join((program, *words[1:2])).lower()}
    return bool(names & _load().dangerous_programs)
