"""What to do instead: candidates for `expect` from what worked after the failure, and the one best supported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from memento_skills.guards import Call, Row, meets, recovery_meets, tools
from memento_skills.records import Expect
from memento_skills.reflect.plain import sayable
from memento_skills.shell import commands, peel

_PLAIN_ARGUMENTS = frozenset(("description", "timeout", "run_in_background", "command", "content", "file_path", "path"))
_CHANGING, _LOOKING = ("edit", "patch", "write"), ("read", "search")
"""Looking at a file does not do what an edit was to do: it comes first, not instead."""
_HARMLESS = frozenset(("cd", "echo", "export", "set", "sleep", "true", "ls", "pwd"))


class Alternative(NamedTuple):
    """One candidate with the lineages in which it was what worked."""

    expect: Expect
    lineages: int
    of: int
    """Lineages whose failure recovered at all."""


def alternatives(rows: Sequence[Row]) -> list[Alternative]:
    """Candidates for the failing rows of one pattern, best first; each holds in two lineages or more.

    Support is counted on strict recoveries; where a pattern has fewer than two of these, on broad ones (the same
    program was called again and worked), which teach what to advise but never count as right in a measure.
    """
    strict = [r for r in rows if r.after]
    use_strict = len({r.lineage for r in strict}) >= 2
    chosen = strict if use_strict else [r for r in rows if r.broad_after]
    support: dict[Expect, set[str]] = defaultdict(set)
    for row in chosen:
        after = row.after if use_strict else row.broad_after
        for expect in set(_candidates(row, after)):
            if sayable(expect) and recovery_meets(expect, row.call, after):
                support[expect].add(row.lineage)
    of = len({r.lineage for r in chosen})
    found = [Alternative(e, len(lines), of) for e, lines in support.items() if len(lines) >= 2]
    said = [r.failure.quote for r in chosen if r.failure is not None]
    return sorted(found, key=lambda a: (-a.lineages, -_named(a.expect, said), _plainness(a.expect), str(a.expect)))


def _named(expect: Expect, quotes: Sequence[str]) -> bool:
    """Whether most of the error messages name what the alternative leaves out: `unknown option --stat`."""
    return expect.form == "without" and 2 * sum(expect.flag in q for q in quotes) > len(quotes)


def _plainness(expect: Expect) -> int:
    """Of equally supported alternatives the one a person would say first."""
    order = {"first": 0, "with": 1, "without": 2, "cwd": 3, "instead": 4}
    return order[expect.form] * 10 - len(expect.argv_prefix) - bool(expect.value)


def _candidates(row: Row, after: Sequence[Call]) -> Iterable[Expect]:
    failing, working = row.call, after[-1]
    yield from _first(row, after)
    if tools.role(failing.step.tool) != "shell":
        if working.step.tool != failing.step.tool:
            if not (tools.role(failing.step.tool) in _CHANGING and tools.role(working.step.tool) in _LOOKING):
                yield Expect(form="instead", tool=working.step.tool)
            return
        for name in working.features["argument"] - failing.features["argument"] - _PLAIN_ARGUMENTS:
            yield Expect(form="with", flag=name)
        for name in failing.features["argument"] - working.features["argument"] - _PLAIN_ARGUMENTS:
            yield Expect(form="without", flag=name)
        return
    if tools.role(working.step.tool) != "shell":
        return
    yield from _shell(row, working)


def _first(row: Row, after: Sequence[Call]) -> Iterable[Expect]:
    """A successful call of another tool with the same argument, before it worked."""
    for call in after:
        if call.step.tool == row.call.step.tool or call.result is None or call.result.status != "ok":
            continue
        for name in ("file_path", "filePath", "path", "notebook_path"):
            if name in call.step.args and name in row.call.step.args:
                yield Expect(form="first", tool=call.step.tool, same_arg=name)


def _shell(row: Row, working: Call) -> Iterable[Expect]:
    failing = row.call
    before, now = failing.features["flag"], working.features["flag"]
    for flag in now - before - tools.COSMETIC:
        yield Expect(form="with", flag=flag, value=_flag_value(working, flag))
        yield Expect(form="with", flag=flag)
    for flag in before - now - tools.COSMETIC:
        yield Expect(form="without", flag=flag)
    where = working.features["folder"]
    if where != failing.features["folder"] and where.startswith("<root>"):
        yield Expect(form="cwd", path=where)
    for command in commands(tools.argument(working.step.args, "command")):
        words = peel(command.argv)
        if words[:1] and words[0] in _HARMLESS:
            continue
        for n in (1, 2, 3):
            if len(words) >= n and not any(w.startswith("-") for w in words[:n]):
                expect = Expect(form="instead", tool=working.step.tool, argv_prefix=words[:n])
                if not meets(expect, failing):
                    yield expect


def _flag_value(call: Call, flag: str) -> str:
    for command in commands(tools.argument(call.step.args, "command")):
        for word, following in zip(command.argv, (*command.argv[1:], ""), strict=False):
            if word == flag and following and not following.startswith("-"):
                return str(following)
            if word.startswith(flag + "="):
                return str(word[len(flag) + 1 :])
    return ""
