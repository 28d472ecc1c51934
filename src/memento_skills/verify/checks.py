"""Checks of a patch that are not statistics: is it a valid, small, harmless change of this one SKILL.md.

Only what the patch brings counts: an old violation elsewhere in the document does not fail it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from memento_skills import skilldoc
from memento_skills.masking import Finding, hidden_characters
from memento_skills.records import Check, Patch
from memento_skills.skilldoc.check import FIELDS
from memento_skills.skilldoc.document import MAX_BYTES

FindSecrets = Callable[[str], Sequence[Finding]]

MAX_LINES = {"amend": 20, "permission": 20, "create": 200, "retire": 0}
MAX_CHARACTERS = {"amend": 2_000, "permission": 2_000, "create": 12_000, "retire": 0}
"""A patch is the smallest amendment: a rule has some 300 characters. More is a rewrite and is reviewed as code is."""

_DRIVE = re.compile(r"[A-Za-z]:")
_TOOLS_FIELD = "allowed-tools"


def check_patch(patch: Patch, *, folder: str, find_secrets: FindSecrets, by_person: bool = False) -> tuple[Check, ...]:
    """All checks of a patch whose skill lies in a folder of that name, always the same ones in the same order.

    `by_person`: a curator wrote this text, who may also change what stood there; it is said. `find_secrets` is
    `masking.find_secrets` or a stricter one. Details name kinds and places, never a secret.
    """
    before = skilldoc.parse(patch.before) if patch.before else None
    after = skilldoc.parse(patch.after)
    added = added_lines(patch.before, patch.after)
    return (
        _readable(before, after),
        _specification("specification", before, after, folder, "spec"),
        _specification("clients load it", before, after, folder, "lenient"),
        _untouched(patch, by_person=by_person),
        _size(patch, added),
        _secrets(added, find_secrets),
        _hidden(added),
        _tools(patch, before, after),
        _keys(before, after),
        _one_file(patch),
        _diff(patch),
        _base(patch),
        _scope(patch),
    )


def added_lines(before: str, after: str) -> tuple[str, ...]:
    """The lines that `after` has and `before` has not, in their order, without line endings; a changed line counts
    as added whole."""
    whole = skilldoc.inserted(before, after)
    if whole is not None:
        return whole
    old = Counter(line.rstrip("\r\n") for line in skilldoc.split_lines(before))
    added = []
    for line in (piece.rstrip("\r\n") for piece in skilldoc.split_lines(after)):
        if old[line] > 0:
            old[line] -= 1
        else:
            added.append(line)
    return tuple(added)


def _readable(before: skilldoc.SkillDoc | None, after: skilldoc.SkillDoc) -> Check:
    """A broken file is reported, never rewritten: not even into a better one."""
    for which, doc in (("the skill", before), ("the amended skill", after)):
        if doc is not None and doc.unreadable is not None:
            return Check(name="readable", passed=False, detail=f"{which}: {doc.unreadable.message}")
    return Check(name="readable", passed=True)


def _specification(
    name: str, before: skilldoc.SkillDoc | None, after: skilldoc.SkillDoc, folder: str, mode: skilldoc.Mode
) -> Check:
    brought = skilldoc.new_problems(before, after, folder=folder, mode=mode)
    errors = [f"line {p.line}: {p.message}" for p in brought if p.severity == "error"]
    warnings = [f"line {p.line}: {p.message}" for p in brought if p.severity == "warning"]
    return Check(name=name, passed=not errors, detail="; ".join(errors or warnings))


def _untouched(patch: Patch, *, by_person: bool) -> Check:
    name = "rest untouched"
    if not patch.before:
        return Check(name=name, passed=True, detail="a new skill")
    before, after = patch.before, patch.after
    if patch.kind == "permission":
        before, after = _without_tools(before), _without_tools(after)
        passed = before == after
        return Check(name=name, passed=passed, detail="" if passed else f"changes more than {_TOOLS_FIELD}")
    if patch.kind == "retire":
        return _only_removed(patch)
    passed = skilldoc.inserted(before, after) is not None or _described(before, after)
    if by_person and not passed:
        return Check(name=name, passed=True, detail="the curator changed other lines too")
    detail = "" if passed else "changes or removes lines, line endings or the end of the file that it does not amend"
    return Check(name=name, passed=passed, detail=detail)


def _only_removed(patch: Patch) -> Check:
    """A retirement takes out lines that hold its own rule and the blank lines and heading about it, nothing else."""
    gone = skilldoc.inserted(patch.after, patch.before)
    rule = " ".join(patch.rule.split())
    lines = [" ".join(line.split()) for line in gone or () if line.strip()]
    others = [line for line in lines if not line.endswith(rule) and not line.startswith("#")]
    passed = gone is not None and not others and any(line.endswith(rule) for line in lines)
    return Check(name="rest untouched", passed=passed, detail="" if passed else "takes out more than its own rule")


def _described(before: str, after: str) -> bool:
    """Whole lines added to the body, and words at the end of the description: nothing else is another."""
    old, new = skilldoc.undescribed(before), skilldoc.undescribed(after)
    if old is None or new is None or not skilldoc.extended(before, after):
        return False
    return skilldoc.inserted(old, new) is not None


def _without_tools(text: str) -> str:
    """The text without the front matter's `allowed-tools` and the lines that belong to it."""
    kept, inside, end = [], False, skilldoc.parse(text).body_line - 1
    for number, line in enumerate(skilldoc.split_lines(text)):
        if number < end:
            inside = line.startswith(f"{_TOOLS_FIELD}:") or (inside and line.startswith((" ", "\t", "- ")))
        if number >= end or not inside:
            kept.append(line)
    return "".join(kept)


def _size(patch: Patch, added: Sequence[str]) -> Check:
    lines, characters = len(added), sum(map(len, added))
    detail = f"{lines} lines, {characters} characters added"
    fits = lines <= MAX_LINES[patch.kind] and characters <= MAX_CHARACTERS[patch.kind]
    fits = fits and len(patch.after.encode("utf-8", "surrogatepass")) <= MAX_BYTES
    if not fits:
        detail += f"; {MAX_LINES[patch.kind]} lines, {MAX_CHARACTERS[patch.kind]} characters fit"
    return Check(name="size", passed=fits, detail=detail)


def _secrets(added: Sequence[str], find_secrets: FindSecrets) -> Check:
    # Searched in one piece: a key block spans lines.
    found = find_secrets("\n".join(added))
    return Check(name="secrets", passed=not found, detail=_kinds(added, found))


def _hidden(added: Sequence[str]) -> Check:
    found = hidden_characters("\n".join(added))
    return Check(name="hidden characters", passed=not found, detail=_kinds(added, found))


def _kinds(added: Sequence[str], found: Sequence[Finding]) -> str:
    """Kind and place among the added lines, at most five; never the value."""
    text = "\n".join(added)
    shown = [f"{f.kind} in added line {text.count(chr(10), 0, f.start) + 1}" for f in found[:5]]
    if len(found) > len(shown):
        shown.append(f"{len(found) - len(shown)} more")
    return ", ".join(shown)


def _tools(patch: Patch, before: skilldoc.SkillDoc | None, after: skilldoc.SkillDoc) -> Check:
    """`allowed-tools` grows by a permission proposal alone, which is approved by itself."""
    name = "tools not widened"
    old = skilldoc.allowed_tools(before) if before is not None else frozenset()
    wider = skilldoc.widened(old, skilldoc.allowed_tools(after))
    doubled = any(p.code == "yaml-duplicate" and _TOOLS_FIELD in p.message for p in after.problems)
    if doubled and before is not None and before.front != after.front:
        return Check(name=name, passed=False, detail=f"{_TOOLS_FIELD} stands twice: clients differ on which counts")
    detail = "widened by " + ", ".join(sorted(map(_quoted, wider))) if wider else ""
    return Check(name=name, passed=not wider or patch.kind == "permission", detail=detail)


def _keys(before: skilldoc.SkillDoc | None, after: skilldoc.SkillDoc) -> Check:
    old = set(before.front or {}) if before is not None else set()
    unknown = sorted(set(after.front or {}) - old - FIELDS)
    detail = "adds " + ", ".join(map(_quoted, unknown)) if unknown else ""
    return Check(name="no new front matter key", passed=not unknown, detail=detail)


def _one_file(patch: Patch) -> Check:
    path = patch.skill.path
    parts = path.split("/")
    inside = not (set(parts) & {"", ".", ".."} or ".git" in map(str.lower, parts) or "\\" in path)
    plain = path.isprintable() and not hidden_characters(path) and not _DRIVE.match(path)
    passed = inside and plain and parts[-1] == "SKILL.md"
    detail = "" if passed else f"{_quoted(path)} is not the path of a SKILL.md inside the library"
    return Check(name="changes SKILL.md alone", passed=passed, detail=detail)


def _diff(patch: Patch) -> Check:
    """What the curator reads is what is written."""
    passed = bool(patch.diff) and patch.diff == skilldoc.diff(patch.before, patch.after, patch.skill.path)
    return Check(name="diff is the change", passed=passed, detail="" if passed else "the diff is not the patch's own")


def _base(patch: Patch) -> Check:
    expected = skilldoc.revision(patch.before) if patch.before else ""
    passed = patch.skill.revision == expected and (patch.kind == "create") == (not patch.before)
    return Check(name="base", passed=passed, detail="" if passed else "the base's hash is not that of its text")


def _scope(patch: Patch) -> Check:
    """A scope names one tenant or user, by a name that can be a file's; the base has no name."""
    level, name = patch.scope.level, patch.scope.name
    if level == "base":
        return Check(name="scope", passed=not name, detail="" if not name else "the base has no name")
    plain = name.isprintable() and not set(name) & set("/\\:") and name.strip(". ") == name
    passed = bool(name) and plain and not hidden_characters(name)
    return Check(name="scope", passed=passed, detail=f"for the {level} {_quoted(name)}")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
