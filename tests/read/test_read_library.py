"""Discovery of skills: bounds, links, malformed files; the bytes are never changed."""

from __future__ import annotations

import os
import sys
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memento_skills.errors import BadInput
from memento_skills.interfaces import Library as LibraryProtocol
from memento_skills.read.library import MAX_BYTES, Library
from memento_skills.records import SkillRef
from memento_skills.skilldoc import revision

SKILL = "---\nname: {name}\ndescription: Does {name}. Use for {name}.\n---\n\n# {name}\n"


def put(root: Path, path: str, text: str | bytes | None = None) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        text = SKILL.format(name=file.parent.name)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_every_skill_is_listed_by_path_with_its_revision(tmp_path: Path) -> None:
    put(tmp_path, "b/SKILL.md")
    put(tmp_path, "a/deep/SKILL.md")
    put(tmp_path, "a/skill.md")
    found: LibraryProtocol = Library(tmp_path)
    refs = found.skills()
    assert [(r.name, r.path) for r in refs] == [("deep", "a/deep/SKILL.md"), ("b", "b/SKILL.md")]
    assert refs[1].revision == revision((tmp_path / "b/SKILL.md").read_bytes())
    assert {r.library for r in refs} == {str(tmp_path.resolve())}


@settings(max_examples=40, deadline=None)
@given(body=st.text(st.characters(exclude_categories=["Cs"])))
def test_the_text_keeps_every_byte(tmp_path_factory: pytest.TempPathFactory, body: str) -> None:
    root = tmp_path_factory.mktemp("library")
    data = b"\xef\xbb\xbf" + SKILL.format(name="x").replace("\n", "\r\n").encode() + body.encode()
    put(root, "x/SKILL.md", data)
    library = Library(root)
    (ref,) = library.skills()
    assert library.text(ref).encode() == data


def test_malformed_skills_are_listed_with_their_problems_and_not_touched(tmp_path: Path) -> None:
    bad = {
        "no-front": b"# Title\n",
        "bad-yaml": b"---\nname: [\n---\n",
        "latin": b"---\nname: latin\n---\n\xe9\n",
        "empty": b"",
    }
    for name, data in bad.items():
        put(tmp_path, f"{name}/SKILL.md", data)
    listing = Library(tmp_path).listing()
    assert [entry.ref.name for entry in listing.entries] == sorted(bad)
    assert all(any(p.severity == "error" for p in entry.problems) for entry in listing.entries)
    assert {name: (tmp_path / name / "SKILL.md").read_bytes() for name in bad} == bad


def test_text_that_is_not_utf8_is_bad_input(tmp_path: Path) -> None:
    put(tmp_path, "x/SKILL.md", b"---\nname: x\n---\n\xff\n")
    library = Library(tmp_path)
    with pytest.raises(BadInput, match=r"not UTF-8.*byte 16"):
        library.text(library.skills()[0])


def test_a_name_with_control_characters_gives_way_to_the_folders(tmp_path: Path) -> None:
    put(tmp_path, "good/SKILL.md", '---\nname: "\\u202Eevil"\ndescription: x\n---\n')
    assert Library(tmp_path).skills()[0].name == "good"


def test_what_belongs_to_others_is_skipped(tmp_path: Path) -> None:
    for folder in (".git", "node_modules", ".overlays", "a/node_modules"):
        put(tmp_path, f"{folder}/x/SKILL.md")
    assert Library(tmp_path).skills() == ()


def test_depth_and_number_of_folders_are_bounded(tmp_path: Path) -> None:
    put(tmp_path, "1/2/3/4/5/6/SKILL.md")
    put(tmp_path, "1/2/3/4/5/6/7/SKILL.md")
    assert [r.path for r in Library(tmp_path).skills()] == ["1/2/3/4/5/6/SKILL.md"]
    listing = Library(tmp_path, max_folders=3).listing()
    assert listing.entries == ()
    assert "more than 3 folders" in listing.refused[0]


def test_a_link_inside_is_followed_once_and_a_link_outside_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "library"
    put(root, "real/SKILL.md")
    put(tmp_path, "outside/SKILL.md")
    (root / "alias").symlink_to(root / "real")
    (root / "loop").symlink_to(root)
    (root / "away").symlink_to(tmp_path / "outside")
    (root / "file").mkdir()
    (root / "file/SKILL.md").symlink_to(tmp_path / "outside/SKILL.md")
    listing = Library(root).listing()
    assert [entry.ref.path for entry in listing.entries] == ["real/SKILL.md"]
    assert sorted(line.split(":")[0] for line in listing.refused) == ["away", "file/SKILL.md"]


@pytest.mark.skipif(sys.platform == "win32", reason="has no named pipes in folders")
def test_a_pipe_or_a_huge_file_is_refused_at_once(tmp_path: Path) -> None:
    put(tmp_path, "huge/SKILL.md", b"x" * (MAX_BYTES + 1))
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe/SKILL.md")
    (tmp_path / "folder/SKILL.md").mkdir(parents=True)
    listing = Library(tmp_path).listing()
    assert listing.entries == ()
    assert len(listing.refused) == 3


@pytest.mark.parametrize("path", ["../x/SKILL.md", "/etc/passwd", "a/../../x/SKILL.md"])
def test_a_reference_cannot_lead_out(tmp_path: Path, path: str) -> None:
    put(tmp_path, "x/SKILL.md")
    (tmp_path / "library").mkdir()
    with pytest.raises(BadInput, match="leads out"):
        Library(tmp_path / "library").text(SkillRef(name="x", path=path))


def test_a_library_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such skill library"):
        Library(tmp_path / "none").skills()


def test_of_two_skills_of_one_name_the_nearest_is_found(tmp_path: Path) -> None:
    put(tmp_path, "a/b/twin/SKILL.md")
    put(tmp_path, "twin/SKILL.md")
    found = Library(tmp_path).find("twin")
    assert found is not None
    assert found.path == "twin/SKILL.md"
    assert Library(tmp_path).find("none") is None


@pytest.mark.data
@pytest.mark.slow
def test_real_skills_are_all_listed_and_unchanged(tmp_path: Path) -> None:
    default = Path(__file__).parents[2].parent / "shared" / "data"
    archive = Path(os.environ.get("MEMENTO_TEST_DATA", default)) / "skills" / "skills.tar.gz"
    if not archive.exists():
        pytest.skip(f"no shared skills at {archive}")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    files = [f for f in tmp_path.rglob("SKILL.md") if len(f.relative_to(tmp_path).parts) <= 7]
    before = {f: f.read_bytes() for f in files}
    library = Library(tmp_path, max_folders=100_000)
    listing = library.listing()
    assert [r for r in listing.refused if "levels down" in r]
    unread = [r for r in listing.refused if "levels down" not in r]
    assert len(listing.entries) + len(unread) == len(files) > 1_000
    for entry in listing.entries:
        data = before[library.root / entry.ref.path]
        assert entry.ref.revision == revision(data)
        if not any(p.code == "encoding" for p in entry.problems):
            assert library.text(entry.ref).encode() == data
    assert {f: f.read_bytes() for f in files} == before
