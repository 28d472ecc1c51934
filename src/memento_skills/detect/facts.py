"""What the silent detectors ask of a run: its calls with their results, checks and what they said, edits, messages.

Built once a run and when first asked for; linear in the run, with every text read through `evidence.window`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from memento_skills.detect.evidence import command_of, file_of, window
from memento_skills.detect.literals import searches
from memento_skills.detect.rules import Rules
from memento_skills.detect.silent_rules import Checks, Claim, Silent
from memento_skills.detect.view import View
from memento_skills.records import Run, Step
from memento_skills.shell import Command, commands, head, peel, program

TEXT = 20_000
"""Characters of an edited text that are compared."""
SAID = 6_000
"""Characters of a message that are looked at: its beginning and its end."""
_CODE = re.compile(r"```[^`]{0,20000}(?:```|\Z)|`[^`\n]{40,400}`")
_PATCHED = re.compile(r"^\*\*\* (?:Update|Add|Delete) File: (.{1,400})$", re.MULTILINE)
_NUMBER = re.compile(r"\d{1,12}")
_PIPEFAIL = re.compile(r"pipefail|PIPESTATUS")


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One replacement in a file: `old` is "" where the file was written whole."""

    file: str
    old: str
    new: str


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What a call checked and what it said."""

    families: tuple[str, ...]
    name: str
    """Words of the last check in the line: `go test`."""
    verdict: str
    """passed, failed, or void where nothing was checked."""
    hidden: bool = False
    """It failed, and the status of the call does not say so."""


class Act(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A call with its result."""

    at: int
    """Position of the call in `run.steps`."""
    call: Step
    result: Step | None
    rules: Rules
    silent: Silent
    exit_known: bool

    @cached_property
    def line(self) -> str:
        """The command line, "" where the tool runs none."""
        return command_of(self.call.args)

    @cached_property
    def commands(self) -> tuple[Command, ...]:
        """Simple commands of the line that are not inside of another."""
        return tuple(command for command in commands(self.line) if not command.nested) if self.line else ()

    @cached_property
    def said(self) -> str:
        """The result's text, bounded."""
        return window(self.result.text) if self.result is not None else ""

    @cached_property
    def failed(self) -> bool:
        """The status says that it failed."""
        return self.result is not None and self.result.status in ("error", "timeout")

    @cached_property
    def edits(self) -> tuple[Edit, ...]:
        """Replacements that the call made; none where it did not work."""
        if self.call.tool not in self.rules.tools.edits or self.result is None or self.result.status != "ok":
            return ()
        return tuple(edits_of(self.call.args))

    @cached_property
    def check(self) -> Check | None:
        """What it checked."""
        if self.result is None or self.result.status not in ("ok", "error", "timeout", "unknown"):
            return None
        if not _candidate(self.line, self.silent.checks):
            return None
        return _check(self)

    def hides(self, command: Command) -> bool:
        """Whether what follows `command` in the line decides the exit code instead of it."""
        hides, later = self.silent.checks.hides, self.commands[self.commands.index(command) + 1 :]
        return any(c.operator_before in hides.operators for c in later) and not _PIPEFAIL.search(self.line)


class Facts(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A run as the silent detectors see it."""

    run: Run
    rules: Rules
    silent: Silent

    @cached_property
    def view(self) -> View:
        """The run's indexes."""
        return View(run=self.run)

    @cached_property
    def acts(self) -> tuple[Act, ...]:
        """All calls in order, each call id once."""
        known = self.run.client in self.silent.checks.hides.exit_known
        steps = enumerate(self.run.steps)
        return tuple(
            Act(
                at=at, call=step, result=self.view.results.get(step.call_id), rules=self.rules, silent=self.silent,
                exit_known=known,
            )
            for at, step in steps
            if step.kind == "call" and (not step.call_id or self.view.calls[step.call_id] is step)
        )  # fmt: skip

    @cached_property
    def asked(self) -> tuple[int, ...]:
        """Positions of what a person typed."""
        return tuple(at for at, step in enumerate(self.run.steps) if typed(step))

    @cached_property
    def last(self) -> Step | None:
        """The main agent's last message, where the run ends with it (an answer of the person may follow)."""
        for step in reversed(self.run.steps):
            if step.agent or step.kind in ("notice", "permission", "reasoning", "skill") or typed(step) or step.meta:
                continue
            return step if step.kind == "message" and step.actor == "agent" and step.text.strip() else None
        return None

    @cached_property
    def leg(self) -> int:
        """Position where the last stretch of work begins: what a person typed last before a call was made."""
        works = max((act.at for act in self.acts if not act.call.agent), default=-1)
        return max((at for at in self.asked if at < works), default=-1)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers that stand in results, in arguments of calls or in what a person typed."""
        found: set[str] = set()
        for step in self.run.steps:
            if step.kind in ("result", "call") or typed(step):
                found.update(_NUMBER.findall(window(step.words).replace(",", "")))
        return frozenset(found)

    def claim(self, name: str) -> Claim:
        """A row of `claims.toml`."""
        return self.silent.claims[name]

    def before(self, at: int, size: int = 4) -> str:
        """What the agent said and thought in up to `size` of its messages right before a position."""
        found: list[str] = []
        for step in reversed(self.run.steps[max(at - 12, 0) : at]):
            if step.actor == "agent" and step.kind in ("message", "reasoning"):
                found.append(step.text[:1500])
            if typed(step) or len(found) >= size:
                break
        return "\n".join(reversed(found))


def typed(step: Step) -> bool:
    """Whether a person wrote it to the main agent."""
    return step.kind == "message" and step.actor == "user" and not step.meta and not step.agent


def prose(text: str) -> str:
    """Beginning and end of a message without code; short names in backticks stay."""
    cut = text if len(text) <= SAID else f"{text[: SAID // 2]}\n{text[-SAID // 2 :]}"
    return _CODE.sub(" ", cut).replace("`", "")


def edits_of(args: dict[str, Any]) -> Iterator[Edit]:
    """Replacements among the arguments of an editing tool."""
    file = file_of(args)
    for raw in ("_raw", "patch", "input", "patchText"):
        if isinstance(args.get(raw), str) and (found := _PATCHED.search(args[raw][:TEXT])):
            yield from _patched(args[raw][:TEXT], found[1])
            return
    several = args.get("edits")
    for one in several[:100] if isinstance(several, list) else (args,):
        if not isinstance(one, dict):
            continue
        old = _first(one, ("old_string", "oldString", "old_str", "old_text", "oldText"))
        new = _first(one, ("new_string", "newString", "new_str", "new_text", "newText", "content", "file_text"))
        if file and (old or new):
            yield Edit(file=file, old=old[:TEXT], new=new[:TEXT])


def _patched(text: str, file: str) -> Iterator[Edit]:
    lines = text.split("\n")
    old = "\n".join(line[1:] for line in lines if line.startswith("-") and not line.startswith("---"))
    new = "\n".join(line[1:] for line in lines if line.startswith("+") and not line.startswith("+++"))
    if old or new:
        yield Edit(file=file, old=old, new=new)


def _first(args: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((args[name] for name in names if isinstance(args.get(name), str)), "")


def _candidate(line: str, checks: Checks) -> bool:
    """Cheap: whether a check's program may stand in the line."""
    return bool(line) and any(word in line for word in checks.programs)


def _check(act: Act) -> Check | None:
    checks = act.silent.checks
    found = [(*known, command) for command in act.commands if (known := family_of(command, checks))[0]]
    if not found:
        return None
    verdict, hidden = _verdict(act, found[-1][2])
    families = tuple(sorted({family for family, _, _ in found}))
    return Check(families=families, name=found[-1][1], verdict=verdict, hidden=hidden)


def family_of(command: Command, checks: Checks) -> tuple[str, str]:
    """Family and name of the check that a command is, both "" where it is none."""
    first = program(command.argv[0])
    if first in checks.shows or "--help" in command.argv or "--version" in command.argv:
        return "", ""
    words = head(command.argv, 3)
    found = _listed(words, checks)
    if found is None and first in checks.hides.runners:
        words = head(peel(command.argv, runners=True), 3)
        found = _listed(words, checks)
    if found is not None:
        return found
    return ("test", "test script") if _TEST_SCRIPT.search(first) else _by_word(words, checks)


def _listed(words: tuple[str, ...], checks: Checks) -> tuple[str, str] | None:
    if words and words[0].startswith("python") and "-m" not in words and _TEST_FILE.search(" ".join(words[1:2])):
        return "test", "python test file"
    for size in (3, 2, 1):
        if family := checks.words.get(words[:size]):
            return family, " ".join(words[:size])
    return None


def _by_word(words: tuple[str, ...], checks: Checks) -> tuple[str, str]:
    """A program whose second or third word says `test`, `lint` or `build`: `manage.py test`, `bazel test`."""
    if not words or words[0] in checks.hides.readers:
        return "", ""
    for name, known in checks.word.items():
        found = next((word for word in words[1:] if word in known), "")
        if found:
            return name, f"{words[0]} {found}"
    return "", ""


_TEST_FILE = re.compile(r"(?:\A|/)(?:test_\w{1,80}|\w{1,80}_test|run_tests?|tests?)\.py\Z")
_TEST_SCRIPT = re.compile(r"(?:\A|/)(?:run[-_])?tests?\.(?:sh|ps1|bat)\Z")


def _verdict(act: Act, last: Command) -> tuple[str, bool]:
    says, text = act.silent.checks.says, act.said
    if act.failed:
        return ("void" if searches(says.void, text) and not searches(says.failed, text) else "failed"), False
    hidden = act.hides(last)
    stated = act.result is not None and act.result.exit_code is not None
    if (hidden or not (act.exit_known or stated)) and searches(says.failed, text):
        return "failed", True
    if searches(says.void, text) and not searches(says.passed, text):
        return "void", False
    return "passed", False
