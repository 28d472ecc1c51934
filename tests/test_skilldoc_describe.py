"""A description that grows: words at its end, every other byte stays."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills import skilldoc
from memento_skills.errors import BadInput
from memento_skills.skilldoc.check import MAX_DESCRIPTION

ROOT = Path(__file__).parents[1]
ARCHIVE = Path(os.environ.get("MEMENTO_TEST_DATA") or ROOT.parent / "shared" / "data") / "skills" / "skills.tar.gz"
MORE = "Use it also before go test."


def grown(front: str, body: str = "\n# T\n") -> str:
    return skilldoc.describe(skilldoc.parse(f"---\n{front}---\n{body}"), MORE)


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        pytest.param("name: a\ndescription: b\n", f'name: a\ndescription: "b. {MORE}"\n', id="plain"),
        pytest.param("description: b.\nname: a\n", f'description: "b. {MORE}"\nname: a\n', id="a sentence"),
        pytest.param('description: "b: c"\nname: a\n', f'description: "b: c. {MORE}"\nname: a\n', id="quoted"),
        pytest.param(
            "description: >-\n  b\n  c\nname: a\n", f"description: >-\n  b\n  c\n  {MORE}\nname: a\n", id="folded"
        ),
        pytest.param("description: |\n  b\n\nname: a\n", f"description: |\n  b\n  {MORE}\n\nname: a\n", id="literal"),
        pytest.param("description: b\n  c\nname: a\n", f'description: "b c. {MORE}"\nname: a\n', id="several lines"),
        pytest.param("description: 写代码。\nname: a\n", f'description: "写代码。 {MORE}"\nname: a\n', id="Chinese"),
    ],
)
def test_the_sentence_stands_at_the_end_as_the_description_is_written(front: str, expected: str) -> None:
    assert grown(front) == f"---\n{expected}---\n\n# T\n"


def test_line_endings_stay() -> None:
    text = "---\r\nname: a\r\ndescription: b\r\n---\r\n\r\n# T\r\n"
    assert skilldoc.describe(skilldoc.parse(text), MORE) == text.replace("b\r\n", f'"b. {MORE}"\r\n', 1).replace(
        "description: b", f'description: "b. {MORE}"'
    )


def test_what_stands_there_already_is_not_added_again() -> None:
    once = grown("name: a\ndescription: b\n")
    assert skilldoc.describe(skilldoc.parse(once), MORE) == once


def test_a_description_beyond_the_limit_is_refused() -> None:
    with pytest.raises(BadInput, match="too long"):
        grown(f"name: a\ndescription: {'b' * (MAX_DESCRIPTION - len(MORE) - 1)}\n")


@pytest.mark.parametrize(
    "text", ["no front matter", "---\nname: a\n---\n", "---\ndescription: b\ndescription: c\n---\n", "---\n- a\n---\n"]
)
def test_a_document_without_one_plain_description_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        skilldoc.describe(skilldoc.parse(text), MORE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("description: b\n", "description: c\n", id="other words"),
        pytest.param("description: b\n", "description: b more\nlicense: x\n", id="another field"),
        pytest.param("description: b\n", "description: b\n", id="nothing"),
    ],
)
def test_other_changes_are_no_longer_description(before: str, after: str) -> None:
    assert not skilldoc.described(f"---\nname: a\n{before}---\nx\n", f"---\nname: a\n{after}---\nx\n")


def test_a_changed_body_is_no_longer_description() -> None:
    assert not skilldoc.described("---\ndescription: b\n---\nx\n", '---\ndescription: "b. c"\n---\ny\n')


WORDS = st.text(st.characters(categories=("L", "N", "P", "Z", "S"), include_characters="\n\t:#'\"|>-"), max_size=60)


@given(description=WORDS, sentence=WORDS, body=WORDS)
def test_untouched_bytes_stay_untouched(description: str, sentence: str, body: str) -> None:
    text = f"---\nname: a\ndescription: {description}\nlicense: MIT\n---\n{body}"
    try:
        after = skilldoc.describe(skilldoc.parse(text), sentence)
    except BadInput:
        return
    assert after == text or skilldoc.described(text, after)
    assert after.startswith("---\nname: a\ndescription: ")
    assert after.endswith(f"license: MIT\n---\n{body}")


@pytest.mark.data
def test_real_descriptions_grow_or_are_refused_and_nothing_else_changes() -> None:
    if not ARCHIVE.is_file():
        pytest.skip(f"no {ARCHIVE}: set MEMENTO_TEST_DATA")
    grew = seen = 0
    with tarfile.open(ARCHIVE) as tar:
        members = [m for m in tar.getmembers() if m.name.endswith("SKILL.md")][::20]
        for member in members:
            file = tar.extractfile(member)
            assert file is not None
            doc = skilldoc.parse(file.read())
            seen += 1
            try:
                after = skilldoc.describe(doc, MORE)
            except BadInput:
                continue
            assert skilldoc.described(doc.text, after)
            grew += 1
    assert grew >= 0.9 * seen
