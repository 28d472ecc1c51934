"""Edits that did not last: thrown away with version control, changed and changed back."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from memento_skills.detect.facts import Act, Edit, Facts, prose
from memento_skills.detect.silent_build import Seen
from memento_skills.shell import Command, head

SHORTEST = 12
"""Characters that old and new text must have together: shorter ones come back by chance."""
FORGOTTEN = 250
"""Steps between two edits after which going back is no longer about the first."""
ORDERED = 12
"""Steps after a person's message within which going back is what they ordered."""
_OTHERWISE = frozenset(("--staged", "-S", "-b", "-B", "--ours", "--theirs", "-p", "--patch"))
"""Options of `git checkout` and `restore` that do something else: the index, a new branch, one side of a merge."""
_IMPORT = re.compile(
    r"\s*(?:import\b|from\b|use\b|using\b|#include|require\b|const .{1,80}= require"
    r"|[\w.]{0,40} ?[\"'][\w./@-]+[\"'],?\s*$|[()]\s*$|$)"
)
_DEBUG = re.compile(
    r"(?i)\b(?:console\.(?:log|debug)|print(?:ln|f)?\b|fmt\.(?:Fp|P)rint|debug|dbg!|log\.(?:debug|print)|pprint|var_dump"
    r"|Write-Host|breakpoint\(|pdb|t\.Skip|xit\(|\.only\()"
)


def thrown_away(facts: Facts) -> Iterator[Seen]:
    """`git checkout`, `restore`, `reset --hard`, `revert` or `clean` over files that the agent had edited."""
    edited: dict[str, Act] = {}
    for act in facts.acts:
        for edit in act.edits:
            edited.setdefault(edit.file.replace("\\", "/"), act)
        if act.result is None or act.result.status != "ok" or "git" not in act.line or not edited:
            continue
        for command in act.commands:
            files = _put_back(command, edited)
            if files and not facts.claim("trial").said(prose(facts.before(act.at) + "\n" + act.line)):
                first = min((edited[file] for file in files), key=lambda a: a.at)
                yield Seen(
                    finding="taken-back-by-order" if _ordered(facts, first.at, act.at) else "taken-back",
                    detector="thrown-away@1",
                    at=facts.view.positions[act.result.seq], quote=act.result.text[:300],
                    about=" ".join(head(command.argv, 2)), tool=act.call.tool, since=first.at,
                )  # fmt: skip
            for file in files:
                edited.pop(file, None)


def there_and_back(facts: Facts) -> Iterator[Seen]:
    """The text of a file goes from A to B and back to A, not counting what was only tried or put in to debug."""
    made: dict[str, list[tuple[Edit, Act]]] = defaultdict(list)
    told: set[str] = set()
    for act in facts.acts:
        for edit in act.edits:
            earlier = next((e for e in reversed(made[edit.file]) if _undoes(edit, e[0])), None)
            made[edit.file].append((edit, act))
            if earlier is None or edit.file in told or act.at - earlier[1].at > FORGOTTEN:
                continue
            if _meant(facts, earlier[1], act, edit) or _only_imports(edit):
                continue
            told.add(edit.file)
            asked = _ordered(facts, earlier[1].at, act.at)
            yield Seen(
                finding="taken-back-by-order" if asked else "there-and-back", detector="there-and-back@1",
                at=facts.view.positions[act.result.seq] if act.result else act.at, quote="", tool=act.call.tool,
                since=earlier[1].at,
            )  # fmt: skip


def _undoes(later: Edit, earlier: Edit) -> bool:
    if not earlier.old or not later.old:
        return bool(later.new) and later.new == earlier.old
    same = later.new.strip() == earlier.old.strip() and later.old.strip() == earlier.new.strip()
    return same and len(later.old) + len(later.new) >= SHORTEST


def _meant(facts: Facts, there: Act, back: Act, edit: Edit) -> bool:
    """Whether going back was the plan: debug output, or words that say so before either of the two edits."""
    if _DEBUG.search(edit.old) and not _DEBUG.search(edit.new):
        return True
    said = prose(f"{facts.before(there.at, 2)}\n{facts.before(back.at, 2)}")
    return facts.claim("trial").said(said)


def _only_imports(edit: Edit) -> bool:
    """Whether only lines that import something differ: those come and go with the code that needs them."""
    changed = set(edit.old.split("\n")) ^ set(edit.new.split("\n"))
    return all(_IMPORT.match(line[:200]) for line in changed)


def _ordered(facts: Facts, start: int, end: int) -> bool:
    """Whether a person spoke after the edit and right before it was taken back."""
    return any(max(start, end - ORDERED) < at < end for at in facts.asked)


def _put_back(command: Command, edited: dict[str, Act]) -> list[str]:
    """Edited files that a git command takes back."""
    words = head(command.argv, 2)
    if not words or words[0] != "git" or len(words) < 2:
        return []
    rest = [word for word in command.argv[1:] if word != words[1]]
    if words[1] == "reset":
        onto = [word for word in rest if not word.startswith("-") and not word.startswith("HEAD")]
        return list(edited) if "--hard" in rest and not onto else []  # onto another branch: a move, not a taking back
    if words[1] == "clean":
        return []
    if words[1] not in ("checkout", "restore") or _OTHERWISE & set(rest):
        return []
    named = rest[rest.index("--") + 1 :] if "--" in rest else rest if words[1] == "restore" else rest[:]
    places = [word.replace("\\", "/").removeprefix("./").rstrip("/") for word in named if not word.startswith("-")]
    if "." in places:
        return list(edited)
    return [file for file in edited if any(_within(file, place) for place in places)]


def _within(file: str, place: str) -> bool:
    """Whether a file is the place, or lies in it; a branch's name is neither."""
    if len(place) < 2 or ("." not in place and "/" not in place):
        return False
    return file == place or file.endswith(f"/{place}") or f"/{place}/" in f"/{file}"
