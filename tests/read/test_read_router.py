"""The router: the fitting skill, why, and *none fits*."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memento_skills.read.router import Router, choose, words
from memento_skills.records import SkillRef

LIBRARY = {
    "pdf-forms": "Fills in PDF forms. Use when a PDF has fields to complete.|Use pypdf. Check each field name first.",
    "csv-cleaning": "Cleans CSV tables. Use for delimiters, encodings and missing values.|Detect the delimiter.",
    "release-notes": "Writes release notes from git history. Use before a version is tagged.|Group commits by kind.",
    "sql-reports": "Builds SQL reports for the warehouse. Use for monthly figures.|Always filter by partition date.",
    "会议纪要": "整理会议纪要。用于总结会议录音和待办事项。|先列出决定。",
}


def _skills() -> list[tuple[SkillRef, str]]:
    found = []
    for name, text in LIBRARY.items():
        description, body = text.split("|")
        whole = f"---\nname: {name}\ndescription: {description}\n---\n\n{body}\n"
        found.append((SkillRef(name=name, path=f"{name}/SKILL.md"), whole))
    return found


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("Please complete the fields of this PDF form", "pdf-forms"),
        ("the csv export has the wrong delimiter and odd encodings", "csv-cleaning"),
        ("write the release notes for version 2.1", "release-notes"),
        ("monthly figures from the warehouse, as a SQL report", "sql-reports"),
        ("帮我总结今天的会议录音", "会议纪要"),
        ("use csv-cleaning", "csv-cleaning"),
        ("What is the capital of France?", None),
        ("fix the failing unit test in parser.py", None),
        ("hello", None),
        ("", None),
        ("please use the skill for this task", None),
        ("今天天气怎么样", None),
    ],
)
def test_a_task_gets_its_skill_or_none(task: str, expected: str | None) -> None:
    found = Router(_skills()).choose(task)
    assert (found.skill.name if found.skill else None) == expected
    if expected:
        assert found.why


def test_it_says_which_words_matched() -> None:
    found = choose([ref for ref, _ in _skills()], "fill this PDF form", {ref.path: text for ref, text in _skills()})
    assert set(found.why) >= {"pdf", "form", "fill"}


def test_a_single_skill_is_not_chosen_for_everything() -> None:
    router = Router(_skills()[:1])
    assert router.choose("deploy the web server").skill is None
    assert router.choose("fill in the fields of a PDF").skill is not None


def test_an_empty_library_has_no_skill() -> None:
    assert Router([]).choose("anything") == (None, 0.0, ())


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_the_skills(task: str, dice: object) -> None:
    skills = _skills()
    expected = Router(skills).choose(task)
    dice.shuffle(skills)  # type: ignore[attr-defined]
    assert Router(skills).choose(task) == expected


def test_words_of_chinese_are_pairs() -> None:
    assert words("会议纪要 PDF文件 Files") == ["会议", "议纪", "纪要", "文件", "pdf"]
