"""Malformed SKILL.md files and odd git repositories: listed, reported, never rewritten; handled or said."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from badinput.build import BUNDLE, SHARED, Memento, digests, git, inert, library, needs_data, refused
from badinput.conftest import Call

pytestmark = pytest.mark.slow  # git repositories for every test: a quarter of the quick loop's time

MALFORMED = {
    "empty": b"",
    "binary": bytes(range(256)) * 20,
    "not UTF-8": b"---\nname: x\ndescription: \xff\xfe\n---\n# X\n",
    "no front matter": b"# Only words\n\nDo it.\n",
    "open front matter": b"---\nname: x\ndescription: never closed\n\n# X\n",
    "no YAML": b"---\nname: [\ndescription: {a: ]\n---\n# X\n",
    "a list": b"---\n- name\n- description\n---\n# X\n",
    "anchors": b"---\nname: &a x\ndescription: *a\nmore: [*a, *a]\n---\n# X\n",
    "billion laughs": b"---\na: &a [x, x]\n"
    + b"".join(b"%c: &%c [*%c, *%c, *%c, *%c]\n" % (c + 1, c + 1, c, c, c, c) for c in range(97, 120))
    + b"---\n# X\n",
    "deep": b"---\nname: " + b"[" * 20_000 + b"\n---\n# X\n",
    "python object": b"---\nname: !!python/object/apply:os.system ['touch owned']\ndescription: x\n---\n# X\n",
    "twice": b"---\nname: a\nname: b\ndescription: x\n---\n# X\n",
    "CRLF and BOM": b"\xef\xbb\xbf---\r\nname: crlf\r\ndescription: x\r\n---\r\n# X\r\n",
    "escapes": '---\nname: e\ndescription: "\\e[2Jx\\u202e"\n---\n# X \x1b[31m \u202e\n'.encode(),
    "long": b"---\nname: " + b"n" * 5000 + b"\ndescription: " + b"d" * 100_000 + b"\n---\n# X\n",
    "tabs": b"---\n\tname:\tx\n---\n",
    "NUL": b"---\nname: x\0y\ndescription: z\n---\n\0",
}


@pytest.fixture
def malformed(memento: Memento) -> Path:
    """A library of malformed skills beside two good ones."""
    skills = library(memento.project)
    for name, data in MALFORMED.items():
        folder = skills / name.replace(" ", "-")
        folder.mkdir()
        (folder / "SKILL.md").write_bytes(data)
    (skills / "a-folder" / "SKILL.md").mkdir(parents=True)
    (skills / "loop").symlink_to(skills)
    (skills / "gone").symlink_to(skills / "nothing")
    (skills / "away").symlink_to("/etc")
    os.mkfifo(skills / "empty" / "pipe")
    return skills


@pytest.mark.parametrize(
    "words", [["list"], ["lint"], ["lint", "--strict"], ["route", "run the tests of the shop"], ["list", "--json"],
              ["lint", "--json"], ["route", "x", "--json"], ["show", "empty"], ["show", "binary", "--json"]]
)  # fmt: skip
def test_malformed_skills_are_reported_and_never_rewritten(words: list[str], call: Call, malformed: Path) -> None:
    before = digests(malformed)
    said = call("skills", *words, "--skills", malformed)
    assert said.code in (0, 1, 3), said
    assert "Traceback" not in said.err
    assert "internal error" not in said.err
    inert(said.out + said.err)
    assert digests(malformed) == before


def test_each_malformed_skill_is_listed_with_its_problems(call: Call, malformed: Path) -> None:
    listed = json.loads(call("skills", "list", "--json", "--skills", malformed).out)  # remarks stand on stderr
    rows = {Path(row["path"]).parent.name: row for row in listed}
    for name in MALFORMED:
        row = rows[name.replace(" ", "-")]
        if name != "CRLF and BOM":
            assert row["problems"], name
    assert call("skills", "lint", "--skills", malformed).code == 1
    assert rows["shop-dev"]["problems"] == []


def test_a_scan_beside_malformed_skills_amends_the_good_ones_only(
    call: Call, malformed: Path, memento: Memento
) -> None:
    before = digests(malformed)
    said = call("scan", BUNDLE / "logs", "--skills", malformed, "--json")
    assert said.json["patches"] > 0
    assert digests(malformed) == before
    assert not (memento.project / "owned").exists()
    with memento.opened() as store:
        amended = {p.skill.name for p in store.patches() if p.kind == "amend"}
    assert amended <= {"shop-dev", "changelog"}


@pytest.mark.slow
@pytest.mark.data
@needs_data
def test_public_skills_are_listed_and_linted_and_none_is_rewritten(call: Call, memento: Memento) -> None:
    """Their folders hold odd ones, kept as they were found."""
    root = memento.project / "public"
    with tarfile.open(SHARED / "skills" / "skills.tar.gz") as archive:
        archive.extractall(root, filter="data")
    files = {str(p) for p in root.rglob("SKILL.md")}
    assert len(files) > 1400
    before = digests(root)
    libraries = [word for folder in sorted((root / "skills").iterdir()) for word in ("--skills", folder)]
    listed = call("skills", "list", *libraries, "--json")
    assert listed.code == 0
    found = {str(Path(row["library"]) / row["path"]) for row in json.loads(listed.out)}
    assert found <= files
    assert len(found) == len(files) or "levels down: not looked at" in listed.err
    assert len(found) >= 0.97 * len(files)
    linted = call("skills", "lint", *libraries)
    assert linted.code == 1
    inert(linted.out + linted.err)
    assert digests(root) == before


# ---------------------------------------------------------------------------------------- odd repositories


@pytest.fixture
def approved(call: Call, memento: Memento) -> str:
    """A patch of the demo's skill, approved; its library is committed."""
    skills = library(memento.project)
    return approve(call, memento, skills)


def approve(call: Call, memento: Memento, skills: Path) -> str:
    assert call("scan", BUNDLE / "logs", "--skills", skills).code == 0
    with memento.opened() as store:
        patch = next(p for p in store.patches() if p.kind == "amend" and p.scope.level == "base")
    said = call("review", "approve", patch.id, "--yes", "--accept-risk")
    assert said.code == 0, said
    return patch.id


def skill(memento: Memento) -> Path:
    return memento.project / ".claude" / "skills" / "shop-dev" / "SKILL.md"


def untouched(memento: Memento, before: dict[str, tuple[bytes, int]]) -> None:
    assert digests(memento.project / ".claude") == before
    with memento.opened() as store:
        assert store.promotions() == []


@pytest.mark.parametrize(
    ("what", "to"),
    [
        *((what, "tree") for what in ("changed", "staged", "deleted", "untracked", "merge", "link", "folder")),
        ("changed", "branch"),
        ("merge", "branch"),
    ],
)
def test_a_tree_that_is_not_as_it_was_reviewed_is_said(
    what: str, to: str, call: Call, memento: Memento, approved: str
) -> None:
    file = skill(memento)
    match what:
        case "changed":
            file.write_text(file.read_text() + "\nmine\n")
        case "staged":
            text = file.read_text()
            file.write_text(text + "\nmine\n")
            git(memento.project, "add", str(file))
            file.write_text(text)
        case "deleted":
            file.unlink()
        case "untracked":
            git(memento.project, "rm", "--quiet", "--cached", str(file))
            git(memento.project, "commit", "--quiet", "--message", "not tracked")
        case "merge":
            (memento.project / ".git" / "MERGE_HEAD").write_text(git(memento.project, "rev-parse", "HEAD"))
        case "link":
            file.rename(file.with_name("other.md"))
            file.symlink_to(file.with_name("other.md"))
        case "folder":
            file.unlink()
            file.mkdir()
    before, head = digests(memento.project / ".claude"), git(memento.project, "rev-parse", "HEAD")
    said = call("promote", approved, "--yes", "--accept-risk", "--to", to)
    assert said.code in (1, 3, 4), said
    refused(said, said.code)
    untouched(memento, before)
    assert git(memento.project, "rev-parse", "HEAD") == head
    assert call("audit", "verify").code == 0


def test_a_detached_head_is_said_and_a_branch_is_made_all_the_same(call: Call, memento: Memento, approved: str) -> None:
    git(memento.project, "checkout", "--quiet", "--detach")
    head, before = git(memento.project, "rev-parse", "HEAD"), digests(memento.project / ".claude")
    refused(call("promote", approved, "--yes", "--accept-risk", "--to", "tree"), 1, "detached")
    untouched(memento, before)
    assert call("promote", approved, "--yes", "--accept-risk", "--to", "branch").code == 0
    assert git(memento.project, "rev-parse", "HEAD") == head
    assert digests(memento.project / ".claude") == before


def test_dirt_elsewhere_in_the_tree_is_left_alone(call: Call, memento: Memento, approved: str) -> None:
    other = memento.project / ".claude" / "skills" / "changelog" / "SKILL.md"
    other.write_text(other.read_text() + "\nmine, not committed\n")
    git(memento.project, "add", str(other))
    (memento.project / "new.txt").write_text("new")
    status = git(memento.project, "status", "--porcelain")
    assert call("promote", approved, "--yes", "--accept-risk", "--to", "tree").code == 0
    assert git(memento.project, "status", "--porcelain") == status
    changed = git(memento.project, "show", "--name-only", "--format=", "HEAD").split()
    assert changed == [".claude/skills/shop-dev/SKILL.md"]


def test_a_library_that_is_no_repository_gets_a_history_of_its_own(call: Call, memento: Memento) -> None:
    skills = library(memento.project, repository=False)
    patch = approve(call, memento, skills)
    before = skill(memento).read_bytes()
    done = call("promote", patch, "--yes", "--accept-risk", "--to", "tree", "--json").json
    assert skill(memento).read_bytes() != before
    assert not list(skills.rglob(".git"))
    assert call("rollback", done.get("promotion", patch), "--reason", "x").code == 0
    assert skill(memento).read_bytes() == before
    assert call("audit", "verify").code == 0


def test_a_bare_repository_is_no_library_to_commit_to(call: Call, memento: Memento, approved: str) -> None:
    git(memento.project, "config", "core.bare", "true")
    before = digests(memento.project / ".claude")
    refused(call("promote", approved, "--yes", "--accept-risk"), 3, "bare")
    untouched(memento, before)


@pytest.mark.parametrize("what", ["folder", "repository"])
def test_a_library_without_permission_to_write_is_said(what: str, call: Call, memento: Memento, approved: str) -> None:
    closed = skill(memento).parent if what == "folder" else memento.project / ".git" / "objects"
    before = digests(memento.project / ".claude")
    closed.chmod(0o500)
    words = ["promote", approved, "--yes", "--accept-risk", "--to", "tree"]
    refused(memento.run_powerless(*words), 4)
    closed.chmod(0o700)
    untouched(memento, before)
    assert call("audit", "verify").code == 0
    assert call(*words).code == 0


def test_a_library_that_is_gone_is_said(call: Call, memento: Memento, approved: str) -> None:
    (memento.project / ".claude").rename(memento.project / "elsewhere")
    refused(call("promote", approved, "--yes", "--accept-risk"), 3, "library")
    refused(call("skills", "list", "--skills", memento.project / ".claude"), 2, ".claude")


@pytest.mark.parametrize("hook", ["pre-commit", "post-commit", "reference-transaction", "post-index-change"])
def test_hooks_and_programs_of_the_repository_are_not_run(
    hook: str, call: Call, memento: Memento, approved: str
) -> None:
    script = memento.project / ".git" / "hooks" / hook
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"#!/bin/sh\ntouch {memento.project}/owned\n")
    script.chmod(0o700)
    git(memento.project, "config", "core.fsmonitor", f"touch {memento.project}/owned")
    (memento.project / "owned").unlink(missing_ok=True)
    assert call("promote", approved, "--yes", "--accept-risk", "--to", "tree").code == 0
    assert not (memento.project / "owned").exists()
