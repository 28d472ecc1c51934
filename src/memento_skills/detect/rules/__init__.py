"""The rule tables of `detect` as values: ordered rules, first match wins, each with its reason and examples.

A rule's conditions are joined by *and*, the values of one condition by *or*. Regular expressions are searched in a
bounded window of the text (`evidence.window`); write them without nested quantifiers and bound every repetition.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import resources
from typing import Any, TypeVar, get_args

import msgspec

from memento_skills.detect.literals import compiled
from memento_skills.errors import BadInput
from memento_skills.records import Cause, Fault, Remedy
from memento_skills.shell import head

T = TypeVar("T")

TABLES = (
    "fault",
    "cause",
    "severity",
    "corrections",
    "masks",
    "decisive",
    "aliases",
    "voices",
    "tools",
    "prices",
    "resources",
)
"""Names of the files `<name>.toml` beside this module."""


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A case that must be decided by the rule it stands with."""

    text: str = ""
    tool: str = "Bash"
    command: str = ""
    exit: int | None = None
    status: str = "error"
    kind: str = ""
    moved: bool = False
    context: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of a rule table."""

    name: str
    value: str | int = ""
    reason: str
    """Why: shown to the user beside the failure."""
    title: str = ""
    """Plain words for a pattern; slots: `{command}`, `{call}` (command or tool), `{program}`, `{tool}`, `{option}`."""
    remedy: Remedy | None = None
    status: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    tool: tuple[str, ...] = ()
    """Names of tools; a trailing `*` matches a prefix."""
    program: tuple[str, ...] = ()
    """Program, or program and following words, of the command that failed."""
    exit: tuple[int, ...] = ()
    text: tuple[str, ...] = ()
    """Searched in the window of the result."""
    line: tuple[str, ...] = ()
    """Searched in the decisive line."""
    command: tuple[str, ...] = ()
    """Searched in the command line."""
    not_text: tuple[str, ...] = ()
    quiet: bool | None = None
    """True: the result says nothing besides its exit code."""
    moved: bool | None = None
    runs: bool | None = None
    """True: the tool ran a command line; False: a named tool that runs none (of the decisive line)."""
    context: tuple[str, ...] = ()
    """Facts of the run, see `detect.context`: `read-earlier`, `not-read`, `shown`, `spaced`, `path-known`, …"""
    fault: tuple[str, ...] = ()
    """Of a cause: only for failures of these faults; without it for all but *work*."""
    family: str = ""
    """Of a report or an alias: the name under which several rules are one pattern, its own by default."""
    alias: tuple[str, ...] = ()
    """Names of aliases that the error was recognised as."""
    scope: str = ""
    """Of an alias: what counts besides the error: nothing (`client`, `general`), `command`, `tool`, `role`, `where`."""
    place: str = ""
    """Of an alias with scope `where`: the resource where none is told."""
    named: tuple[str, ...] = ()
    """Of an alias: expressions whose group is the name of what is missing; it counts in place of the command."""
    examples: tuple[Example, ...] = ()


class Mask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the ordered mask table."""

    name: str
    pattern: str
    to: str
    plain: str = ""
    """Words for `to` in a title."""


class Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """US dollars per million tokens of the models whose name contains `match`."""

    match: str
    input: float
    output: float
    cache_read: float = 0.0
    cache_write: float = 0.0


class Correction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words of a user that say that the agent did not do what was meant."""

    name: str
    patterns: tuple[str, ...]
    unless: tuple[str, ...] = ()
    confidence: float = 0.9
    """How sure (0-1) that it is a correction: read by eye on the shown logs."""
    title: str
    reason: str
    examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()


class Resource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that calls act upon; any condition is enough."""

    name: str
    plain: str
    """In words for a person."""
    text: tuple[str, ...] = ()
    """Searched in the result."""
    tool: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    """Searched in the command line."""


class Tools(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tools and programs do what: closed lists, by client knowledge."""

    shells: frozenset[str]
    edits: frozenset[str]
    polling: frozenset[str]
    polling_commands: tuple[str, ...]
    readonly: frozenset[str]
    trivial: frozenset[str]
    """Programs that prepare or show and are seldom what failed: cd, echo, …"""
    interpreters: frozenset[str]
    """Programs whose first operand names what runs: `python3 report.py`."""
    no_subcommand: frozenset[str]
    """Programs whose second word is an operand."""
    three_words: tuple[str, ...]
    """Beginnings after which the third word belongs to the name: `npm run build`."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """All tables."""

    fault: tuple[Rule, ...]
    cause: tuple[Rule, ...]
    severity: tuple[Rule, ...]
    aliases: tuple[Rule, ...]
    decisive: tuple[Rule, ...]
    voices: tuple[Rule, ...]
    corrections: tuple[Correction, ...]
    masks: tuple[Mask, ...]
    prices: tuple[Price, ...]
    tools: Tools
    resources: tuple[Resource, ...] = ()
    redirects: tuple[str, ...] = ()
    """Words of a person after a refusal that say what was meant."""
    noise: tuple[str, ...] = ()
    """Lines that frame a result and say nothing."""
    default_remedy: Mapping[str, Remedy] = {}
    """By fault, where no cause rule names one."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """Value and name of the rule that decided."""

    value: str | int
    rule: Rule | None

    @property
    def name(self) -> str:
        """Name of the rule, `default` where none matched."""
        return self.rule.name if self.rule else "default"


@cache
def load() -> Rules:
    """The built-in tables; raises BadInput (file and rule named) where one is not valid."""
    return parse({name: _read(name) for name in TABLES})


def parse(tables: Mapping[str, Mapping[str, Any]]) -> Rules:
    """Tables (as `tomllib` gives them, by name) as `Rules`; raises BadInput where a row or an expression is wrong."""
    rules = {
        name: _convert(name, tables[name].get("rule", []), tuple[Rule, ...])
        for name in ("fault", "cause", "severity", "aliases", "decisive", "voices")
    }
    for name, rows in rules.items():
        for row in rows:
            _compile_all(f"{name}.toml", row.name, (*row.text, *row.line, *row.command, *row.not_text, *row.named))
    masks = _convert("masks", tables["masks"].get("mask", []), tuple[Mask, ...])
    for mask in masks:
        _compile_all("masks.toml", mask.name, (mask.pattern,))
    resources = _convert("resources", tables["resources"].get("resource", []), tuple[Resource, ...])
    for one in resources:
        _compile_all("resources.toml", one.name, (*one.text, *one.command))
    corrections = _convert("corrections", tables["corrections"].get("rule", []), tuple[Correction, ...])
    for words in corrections:
        _compile_all("corrections.toml", words.name, (*words.patterns, *words.unless))
    _compile_all("cause.toml", "redirects", tables["cause"].get("redirects", []))
    _check_values("fault", rules["fault"], Fault)
    _check_values("cause", rules["cause"], Cause)
    return Rules(
        **rules,
        masks=masks,
        corrections=corrections,
        prices=_convert("prices", tables["prices"].get("price", []), tuple[Price, ...]),
        tools=_convert("tools", tables["tools"], Tools),
        resources=resources,
        redirects=_convert("cause", tables["cause"].get("redirects", []), tuple[str, ...]),
        noise=_convert("decisive", tables["decisive"].get("noise", []), tuple[str, ...]),
        default_remedy=_convert("cause", tables["cause"].get("default_remedy", {}), dict[str, Remedy]),
    )


def starts(argv: tuple[str, ...], words: str) -> bool:
    """Whether a command's program and subcommands begin with `words` (`go test`), wrappers and options skipped."""
    wanted = _words(words)
    return _head(argv, len(wanted))[: len(wanted)] == wanted


@cache
def _words(row: str) -> tuple[str, ...]:
    return tuple(row.split())


@lru_cache(maxsize=16)
def _head(argv: tuple[str, ...], count: int) -> tuple[str, ...]:
    return head(argv, count)


def names_tool(names: Iterable[str], tool: str) -> bool:
    """Whether `tool` is one of `names`; a trailing `*` matches a prefix."""
    return any(tool.startswith(name[:-1]) if name.endswith("*") else tool == name for name in names)


def _read(name: str) -> dict[str, Any]:
    file = resources.files(__name__) / f"{name}.toml"
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadInput(
            f"rule table cannot be read: {error}", where=f"{name}.toml", hint="reinstall the package"
        ) from error


def _convert(name: str, value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadInput(f"rule table is not valid: {error}", where=f"{name}.toml", hint="correct that row") from error


def _compile_all(file: str, name: str, patterns: Iterable[str]) -> None:
    for pattern in patterns:
        try:
            compiled(pattern)
        except re.error as error:
            raise BadInput(
                f"rule {name!r}: {pattern!r} is no expression: {error}", where=file, hint="correct it"
            ) from error


def _check_values(name: str, rows: Iterable[Rule], allowed: object) -> None:
    for row in rows:
        if row.value not in get_args(allowed):
            raise BadInput(f"rule {row.name!r}: {row.value!r} is no {name}", where=f"{name}.toml", hint="correct it")
