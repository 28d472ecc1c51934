"""The tables of silent failures as values: findings, checks and claims (`rules/silent.toml`, `checks`, `claims`)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache, cached_property
from importlib import resources
from typing import Any, TypeVar

import msgspec

from memento_skills.detect import rules as package
from memento_skills.detect.literals import finders, searches
from memento_skills.errors import BadInput
from memento_skills.records import Cause, FailureKind, Fault, Remedy

T = TypeVar("T")
TABLES = ("silent", "checks", "claims")
"""Names of the files `<name>.toml` in `rules/`."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of finding: what it is called and how sure it is."""

    name: str
    kind: FailureKind
    title: str
    """Plain words for a pattern; slots as in the other tables."""
    reason: str
    fault: Fault = "agent"
    cause: Cause = "unknown"
    remedy: Remedy = "skill"
    severity: int = 3
    confidence: float = 0.5


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words by which an agent or a person says something of the work."""

    name: str
    reason: str
    patterns: tuple[str, ...]
    unless: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    not_examples: tuple[str, ...] = ()

    def said(self, text: str) -> bool:
        """Whether `text` says it and nothing that takes it back."""
        return searches(self.patterns, text) and not searches(self.unless, text)


class Says(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the output of a check says."""

    failed: tuple[str, ...]
    passed: tuple[str, ...]
    void: tuple[str, ...]


class Hides(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What hides a failure from the exit code, and what shows it nevertheless."""

    exit_known: frozenset[str]
    operators: frozenset[str]
    readers: frozenset[str]
    words: tuple[str, ...]
    runners: frozenset[str]


class Files(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kinds of files."""

    prose: tuple[str, ...]


class WordsOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words that say little."""

    common: frozenset[str]
    units: frozenset[str]


class Checks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Tests, linters, type checkers and builds."""

    family: dict[str, tuple[str, ...]]
    word: dict[str, frozenset[str]]
    """Second words by which any program that is no reader is a check of that family."""
    says: Says
    hides: Hides
    files: Files
    words_of: WordsOf

    @cached_property
    def words(self) -> dict[tuple[str, ...], str]:
        """Family by the words of a command."""
        return {tuple(row.split()): name for name, rows in self.family.items() for row in rows}

    @cached_property
    def shows(self) -> frozenset[str]:
        """Programs that are never a check and start none."""
        return self.hides.readers - self.hides.runners

    @cached_property
    def programs(self) -> tuple[str, ...]:
        """First words of all checks, none of which holds another."""
        found = (
            {words[0] for words in self.words} | {"test."} | {word for words in self.word.values() for word in words}
        )
        return tuple(sorted(one for one in found if not any(o != one and o in one for o in found)))


class Silent(msgspec.Struct, frozen=True, kw_only=True):
    """All tables of silent failures."""

    findings: Mapping[str, Finding]
    checks: Checks
    claims: Mapping[str, Claim]


@cache
def load() -> Silent:
    """The built-in tables; raises BadInput (file named) where one is not valid."""
    return parse({name: _read(name) for name in TABLES})


def parse(tables: Mapping[str, Mapping[str, Any]]) -> Silent:
    """Tables (as `tomllib` gives them, by name) as values; raises BadInput where a row or an expression is wrong."""
    findings = _convert("silent", tables["silent"].get("finding", []), tuple[Finding, ...])
    claims = _convert("claims", tables["claims"].get("claim", []), tuple[Claim, ...])
    checks = _convert("checks", tables["checks"], Checks)
    says, hides = checks.says, checks.hides
    for name, patterns in (
        ("checks", (*says.failed, *says.passed, *says.void, *hides.words)),
        *(("claims", (*claim.patterns, *claim.unless)) for claim in claims),
    ):
        _compile(name, patterns)
    return Silent(findings={row.name: row for row in findings}, checks=checks, claims={row.name: row for row in claims})


def _compile(name: str, patterns: tuple[str, ...]) -> None:
    try:
        finders(patterns)
    except re.error as error:
        raise BadInput(f"an expression is not valid: {error}", where=f"{name}.toml", hint="correct it") from error


def _read(name: str) -> dict[str, Any]:
    file = resources.files(package) / f"{name}.toml"
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
