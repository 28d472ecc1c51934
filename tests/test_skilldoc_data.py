"""SKILL.md files as people write them: 1,406 of them, read from the archive in memory, never executed."""

from __future__ import annotations

import os
import tarfile
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest
from skills_ref.errors import ParseError
from skills_ref.parser import parse_frontmatter
from skills_ref.validator import validate_metadata

from memento_skills import skilldoc
from memento_skills.errors import BadInput

DATA = Path(os.environ.get("MEMENTO_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
ARCHIVE = DATA / "skills" / "skills.tar.gz"
RULE = "When `git worktree list` shows the branch, work in that worktree: git refuses a second checkout of a branch."

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(not ARCHIVE.is_file(), reason=f"no {ARCHIVE.name}: set MEMENTO_TEST_DATA to the shared data"),
]


@lru_cache(maxsize=1)
def skills() -> tuple[tuple[str, bytes], ...]:
    """(name of the folder, bytes) of each skill."""
    found = []
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.name.endswith("/SKILL.md") else None
            if stream is not None:
                found.append((member.name.split("/")[-2], stream.read()))
    return tuple(found)


def test_every_skill_is_read_and_what_cannot_be_is_said() -> None:
    found: Counter[str] = Counter()
    for _, data in skills():
        doc = skilldoc.parse(data)
        found[doc.unreadable.code if doc.unreadable else "read"] += 1
        found.update(p.code for p in doc.problems if p is not doc.unreadable)
    assert found == {
        "read": 1341, "front-missing": 60, "front-unclosed": 2, "yaml": 3, "yaml-quoting": 10, "newlines": 2, "bom": 1,
    }  # fmt: skip


def test_amending_a_real_skill_inserts_whole_lines_and_can_be_undone() -> None:
    """Nine end inside a code fence that is never closed and are refused; every other is amended and restored."""
    found: Counter[str] = Counter()
    for _, data in skills():
        doc = skilldoc.parse(data)
        if doc.unreadable:
            continue
        try:
            after = skilldoc.amend(doc, RULE)
        except BadInput:
            found["refused"] += 1
            continue
        added = skilldoc.inserted(doc.text, after)
        assert added is not None
        assert sum(RULE in line for line in added) == 1
        assert skilldoc.amend(skilldoc.parse(after), RULE) == after
        assert skilldoc.remove_rule(after, RULE).encode() == data
        problems = skilldoc.new_problems(doc, skilldoc.parse(after), folder="elsewhere")
        assert [p for p in problems if p.severity == "error"] == []
        found["new section" if any(line.startswith("#") for line in added) else "section in use"] += 1
    assert found == {"new section": 1166, "section in use": 166, "refused": 9}


def _reference(folder: str, data: bytes) -> list[str]:
    try:
        fields, _ = parse_frontmatter(data.decode())
    except ParseError as error:
        return [str(error)]
    found: list[str] = validate_metadata(fields, Path(folder))
    return found


def test_strict_verdicts_are_the_references_but_for_its_flow_lists() -> None:
    """The reference refuses `[a, b]` and `{a: b}`, which every client accepts; nothing else divides the two."""
    agreed = refused_for_flow = 0
    for folder, data in skills():
        reference = _reference(folder, data)
        own = [p for p in skilldoc.check(skilldoc.parse(data), folder=folder) if p.severity == "error"]
        if bool(reference) == bool(own):
            agreed += 1
        else:
            assert not own
            assert "JSONesque" in reference[0]
            refused_for_flow += 1
    assert (agreed, refused_for_flow) == (1286, 120)


def test_clients_would_load_nearly_all() -> None:
    loadable = 0
    for folder, data in skills():
        found = skilldoc.check(skilldoc.parse(data), folder=folder, mode="lenient")
        loadable += not any(p.severity == "error" for p in found)
    assert loadable == 1341
