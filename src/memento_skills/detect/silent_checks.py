"""Checks and what is said of them: left failing, claimed without having run, claimed against their result, hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator

from memento_skills.detect.facts import Act, Facts, prose
from memento_skills.detect.literals import first
from memento_skills.detect.silent_build import Seen
from memento_skills.records import Step
from memento_skills.shell import Command, head, peel, program

_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n")
_FAMILY_WORDS = {
    "test": re.compile(r"(?i)\btest|\bspecs?\b|\bsuite\b|测试|テスト|테스트|pruebas|тест"),
    "lint": re.compile(r"(?i)\blint|\btype ?check|\bformat"),
    "build": re.compile(r"(?i)\bbuild|\bcompil|构建|编译"),
}
UNKNOWN = 0.5
"""Confidence where an edit came after the last check: it may have helped."""
AFTERWARDS = 40
"""Steps after a claim in which a check may contradict it."""
_JOINS = re.compile(r"[|;\n]")


def left_failing(facts: Facts) -> Iterator[Seen]:
    """The last check of a family failed in the last stretch of work; not where the log ends before the agent did."""
    if facts.last is None:
        return
    code = [act.at for act in facts.acts if _edits_code(act, facts)]
    for act in _last_of_families(facts):
        check = act.check
        if check is None or check.verdict != "failed" or act.at < facts.leg or _expected(facts, act):
            continue
        yield Seen(
            finding="left-failing", detector="left-failing@1", at=_shows(facts, act), quote=_line(act),
            about=check.name, tool=act.call.tool, since=act.at,
            confidence=UNKNOWN if any(at > act.at for at in code) else None,
        )  # fmt: skip


def ended_on_error(facts: Facts) -> Iterator[Seen]:
    """The last call that did more than show something failed, and the agent's last message came after it."""
    acts = [act for act in facts.acts if not act.call.agent and act.result is not None]
    doing = [act for act in acts if act.at > facts.leg and (act.edits or act.failed or not _only_shows(act, facts))]
    last = doing[-1] if doing else None
    if facts.last is None or last is None or not last.failed or last.check is not None or _expected(facts, last):
        return
    if _only_shows(last, facts):
        return
    name = " ".join(head(last.commands[-1].argv, 2)) if last.commands else ""
    yield Seen(
        finding="ended-on-error", detector="ended-on-error@1", at=_shows(facts, last), quote=_line(last), about=name,
        tool=last.call.tool, since=last.at,
    )  # fmt: skip


def _only_shows(act: Act, facts: Facts) -> bool:
    """Whether a call only looks at something: a failed look is no work left undone."""
    hides, tools = facts.silent.checks.hides, facts.rules.tools
    if not act.line:
        return act.call.tool not in tools.edits
    shows = hides.readers | tools.readonly | tools.trivial
    return all(program(peel(command.argv)[0]) in shows for command in act.commands)


def claims(facts: Facts) -> Iterator[Seen]:
    """The last message claims that checks pass: none ran, none ran since the last edit, or the last one failed."""
    said = facts.last
    claim = _claimed(facts, said, "checked") if said is not None else ""
    code = [act.at for act in facts.acts if _edits_code(act, facts)]
    if said is None or not claim or not code or (facts.asked and code[-1] < facts.leg):
        return
    ran = [act for act in facts.acts if act.check is not None and act.check.verdict != "void"]
    last = ran[-1] if ran else None
    at = facts.view.positions[said.seq]
    about, finding = "", "no-check-at-all"
    if last is not None and last.check is not None:
        failing = [act for act in _last_of_families(facts) if act.check and act.check.verdict == "failed"]
        failing = [act for act in failing if act.at > code[-1] and not _expected(facts, act)]
        named = families_said(claim)
        failing = [act for act in failing if act.check is not None and named & set(act.check.families)]
        if failing and failing[-1].check is not None:
            about, finding = failing[-1].check.name, "against-the-check"
        elif last.at < code[-1] and not _ran_anything(facts, code[-1]):
            about, finding = last.check.name, "no-check-since"
        else:
            return
    elif _ran_anything(facts, code[0]):
        return  # something was run that may have been a check of its own kind
    yield Seen(finding=finding, detector="claims@1", at=at, quote=claim, about=about)


def fixed_while_failing(facts: Facts) -> Iterator[Seen]:
    """The last message says that it is fixed; the last check failed, and nothing passed since."""
    said = facts.last
    claim = _claimed(facts, said, "fixed") if said is not None else ""
    if said is None or not claim or _claimed(facts, said, "checked") or _claimed(facts, said, "gave_up"):
        return
    ran = [act for act in facts.acts if act.check is not None and act.check.verdict != "void" and act.at > facts.leg]
    if not ran or ran[-1].check is None or ran[-1].check.verdict != "failed" or _expected(facts, ran[-1]):
        return
    if any(_edits_code(act, facts) for act in facts.acts if act.at > ran[-1].at):
        at = facts.view.positions[said.seq]
        yield Seen(
            finding="no-check-since", detector="claims@1", at=at, quote=claim, about=ran[-1].check.name, confidence=0.5
        )


def contradicted(facts: Facts) -> Iterator[Seen]:
    """In the middle of a run: success was claimed unchecked, and the next check failed with no edit between."""
    acts = [act for act in facts.acts if not act.call.agent]
    for n, act in enumerate(acts):
        check = act.check
        if check is None or check.verdict != "failed" or len(check.families) > 1:
            continue
        since = next((a.at for a in reversed(acts[:n]) if a.edits or (a.check and a.check.verdict == "passed")), -1)
        if since < 0 or facts.run.steps[since].tool not in facts.rules.tools.edits or _expected(facts, act):
            continue
        for at in range(max(since, act.at - AFTERWARDS), act.at):
            step = facts.run.steps[at]
            said = step.kind == "message" and step.actor == "agent" and not step.agent
            claim = _claimed(facts, step, "checked") if said else ""
            if claim and families_said(claim) & set(check.families):
                yield Seen(
                    finding="claim-then-failure", detector="contradicted@1", at=at, quote=claim, about=check.name
                )
                break


def hidden(facts: Facts) -> Iterator[Seen]:
    """A command of a line failed, its output says so, and a pipe, `||` or `;` made the line succeed."""
    for act in facts.acts:
        if act.result is None or act.result.status != "ok" or not act.line or not act.result.text:
            continue
        if act.check is not None:
            if act.check.hidden:
                yield _unseen(facts, act, "failing-check-behind-pipe", act.check.name, _line(act))
            continue
        command = _speaker(act, facts) if _JOINS.search(act.line) else None
        words = first(facts.silent.checks.hides.words, act.said) if command is not None else None
        if words and command is not None:
            line = next((one for one in act.said.split("\n") if words[0] in one), words[0])
            yield _unseen(facts, act, "failure-behind-pipe", " ".join(head(command.argv, 2)), line)


def _unseen(facts: Facts, act: Act, finding: str, about: str, quote: str) -> Seen:
    return Seen(
        finding=finding, detector="hidden@1", at=_shows(facts, act), quote=quote, about=about, tool=act.call.tool
    )


def _speaker(act: Act, facts: Facts) -> Command | None:
    """The one command of the line that can have failed unseen; None where a program only shows what others wrote."""
    readers = facts.silent.checks.hides.readers
    working = [c for c in act.commands if program(peel(c.argv)[0]) not in readers] if act.commands else []
    return working[-1] if working and act.hides(working[-1]) else None


def _last_of_families(facts: Facts) -> list[Act]:
    last: dict[str, Act] = {}
    for act in facts.acts:
        if act.check is not None and act.check.verdict != "void":
            last |= dict.fromkeys(act.check.families, act)
    return sorted({act.at: act for act in last.values()}.values(), key=lambda act: act.at)


def _expected(facts: Facts, act: Act) -> bool:
    """Whether the agent wanted to see it fail."""
    return facts.claim("trial").said(prose(facts.before(act.at, 2)))


def _edits_code(act: Act, facts: Facts) -> bool:
    prose_ends = facts.silent.checks.files.prose
    return any(not edit.file.endswith(prose_ends) for edit in act.edits)


def _ran_anything(facts: Facts, since: int) -> bool:
    """Whether a command or a tool other than edits and readers ran after a position: perhaps a check unknown to us."""
    hides, tools = facts.silent.checks.hides, facts.rules.tools
    for act in facts.acts:
        if act.at <= since or not act.line or act.failed:
            continue
        if any(program(peel(c.argv)[0]) not in hides.readers | tools.readonly | tools.trivial for c in act.commands):
            return True
    return False


def _claimed(facts: Facts, step: Step, name: str) -> str:
    """The sentence that says it, "" where none does."""
    claim = facts.claim(name)
    text = prose(step.text)
    if not first(claim.patterns, text):
        return ""
    return next((one for one in _SENTENCE.split(text) if claim.said(one)), "").strip()


def families_said(claim: str) -> frozenset[str]:
    """Families of checks that a claim names; all where it names none."""
    found = {name for name, words in _FAMILY_WORDS.items() if words.search(claim)}
    return frozenset(found or _FAMILY_WORDS)


def _shows(facts: Facts, act: Act) -> int:
    return facts.view.positions[act.result.seq] if act.result is not None else act.at


def _line(act: Act) -> str:
    """The first line by which the result says that it failed."""
    found = first(act.silent.checks.says.failed, act.said)
    return next((line for line in act.said.split("\n") if found[0] in line), found[0]) if found else ""
