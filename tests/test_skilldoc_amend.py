"""Adding a rule to a SKILL.md: whole lines go in, every other byte stays."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from memento_skills import skilldoc
from memento_skills.errors import BadInput

FRONT = "---\nname: a\ndescription: b\n---\n"
RULE = "When the branch is checked out already, use that worktree."


def amended(body: str, rule: str = RULE, heading: str = "Known pitfalls") -> str:
    text = skilldoc.amend(skilldoc.parse(FRONT + body), rule, heading=heading)
    assert text.startswith(FRONT)
    return text.removeprefix(FRONT)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("\n# T\n\nx\n", "\n# T\n\nx\n\n## Known pitfalls\n\n- R\n", id="made at the end"),
        pytest.param("\n# T\n\nx", "\n# T\n\nx\n\n## Known pitfalls\n\n- R", id="no final line break"),
        pytest.param("\n# T\n\nx\n\n\n", "\n# T\n\nx\n\n## Known pitfalls\n\n- R\n\n\n", id="blank end"),
        pytest.param("", "\n## Known pitfalls\n\n- R\n", id="no body"),
        pytest.param("# A\nx\n# B\ny\n", "# A\nx\n# B\ny\n\n# Known pitfalls\n\n- R\n", id="sections of level 1"),
        pytest.param("# A\n\n### B\n", "# A\n\n### B\n\n### Known pitfalls\n\n- R\n", id="sections of level 3"),
        pytest.param("* a\n* b\n", "* a\n* b\n\n## Known pitfalls\n\n* R\n", id="the document's list mark"),
        pytest.param("## Known pitfalls\n\n- a\n\n## Z\n", "## Known pitfalls\n\n- a\n- R\n\n## Z\n", id="own section"),
        pytest.param("## Known Pitfalls:\n\n* a\n", "## Known Pitfalls:\n\n* a\n* R\n", id="star"),
        pytest.param(
            "## 4. **Known pitfalls**\n+ a\n", "## 4. **Known pitfalls**\n+ a\n+ R\n", id="plus, tight heading"
        ),
        pytest.param("## Gotchas\n\n1. a\n2. b\n", "## Gotchas\n\n1. a\n2. b\n3. R\n", id="numbered"),
        pytest.param("## Gotchas\n\n1. a\n1. b\n", "## Gotchas\n\n1. a\n1. b\n1. R\n", id="always one"),
        pytest.param("## Gotchas\n\n9) a\n", "## Gotchas\n\n9) a\n10) R\n", id="parenthesis"),
        pytest.param("## Gotchas\n\n- a\n\n- b\n", "## Gotchas\n\n- a\n\n- b\n\n- R\n", id="loose"),
        pytest.param("## Gotchas\n\n-   a\n    b\n", "## Gotchas\n\n-   a\n    b\n-   R\n", id="wide gap, two lines"),
        pytest.param("## Gotchas\n\n  - a\n    - b\n", "## Gotchas\n\n  - a\n    - b\n  - R\n", id="indented, nested"),
        pytest.param("## Gotchas\n\n- [x] a\n- [ ] b\n", "## Gotchas\n\n- [x] a\n- [ ] b\n- [ ] R\n", id="boxes"),
        pytest.param(
            "## Gotchas\n\n- a\n  ```\n  # x\n  ```\n", "## Gotchas\n\n- a\n  ```\n  # x\n  ```\n- R\n", id="fence"
        ),
        pytest.param("## Gotchas\n\n*\n", "## Gotchas\n\n*\n* R\n", id="an item without text"),
        pytest.param("## Gotchas\n- a\n## Z\n", "## Gotchas\n- a\n- R\n## Z\n", id="heading right below"),
        pytest.param("## Gotchas\n- a\n\nend\n", "## Gotchas\n- a\n- R\n\nend\n", id="paragraph after the list"),
        pytest.param(
            "## Known pitfalls\n\ntext\n\n---\n\n## Z\n", "## Known pitfalls\n\ntext\n\n- R\n\n---\n\n## Z\n", id="hr"
        ),
        pytest.param("## Known pitfalls\n", "## Known pitfalls\n\n- R\n", id="empty section"),
        pytest.param("## Known pitfalls\n## Z\n", "## Known pitfalls\n\n- R\n\n## Z\n", id="empty section, tight"),
        pytest.param(
            "## Known pitfalls\n\n### A\n\n- a\n", "## Known pitfalls\n\n- R\n\n### A\n\n- a\n", id="subsections"
        ),
        pytest.param(
            "## Notes\n\n- n\n\n## Pitfalls\n\n- p\n", "## Notes\n\n- n\n\n## Pitfalls\n\n- p\n- R\n", id="best fit"
        ),
        pytest.param("## 注意事项\n\n- a\n", "## 注意事项\n\n- a\n- R\n", id="chinese heading"),
        pytest.param("## ⚠️ Gotchas\n\n- a\n", "## ⚠️ Gotchas\n\n- a\n- R\n", id="emoji heading"),
        pytest.param(
            "## Notes\n\ntext\n", "## Notes\n\ntext\n\n## Known pitfalls\n\n- R\n", id="alike but without a list"
        ),
        pytest.param(
            "## A\n\n### Notes\n\n- a\n",
            "## A\n\n### Notes\n\n- a\n\n## Known pitfalls\n\n- R\n",
            id="another topic's notes",
        ),
        pytest.param(
            "## Notes\n\n- a\n\nOn B:\n\n- b\n",
            "## Notes\n\n- a\n\nOn B:\n\n- b\n\n## Known pitfalls\n\n- R\n",
            id="a list about something else",
        ),
        pytest.param(
            "```\n## Known pitfalls\n```\n", "```\n## Known pitfalls\n```\n\n## Known pitfalls\n\n- R\n", id="code"
        ),
    ],
)
def test_where_a_rule_goes(body: str, expected: str) -> None:
    assert amended(body, "R") == expected


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_the_line_ending_in_use_is_kept(newline: str) -> None:
    text = (FRONT + "\n## Gotchas\n\n- a\n").replace("\n", newline)
    assert skilldoc.amend(skilldoc.parse(text), "R") == text + "- R" + newline


def test_among_mixed_endings_the_neighbours_decide() -> None:
    text = FRONT.replace("\n", "\r\n") + "\r\n## Gotchas\r\n\r\n- a\n"
    assert skilldoc.amend(skilldoc.parse(text), "R") == text + "- R\n"


def test_line_breaks_of_a_rule_become_spaces() -> None:
    assert amended("x\n", "a\n\n## b\r\nc\u2028d") == "x\n\n## Known pitfalls\n\n- a ## b c d\n"


@pytest.mark.parametrize(
    "rule", ["", " \n ", "[x]: y", "- nested", "1. nested", "```", "    code", "# heading", "> quote"]
)
def test_a_rule_that_is_no_paragraph_is_refused_or_stands_alone(rule: str) -> None:
    if rule == "    code":
        assert amended("x\n", rule).endswith("- code\n")
        return
    with pytest.raises(BadInput):
        amended("x\n", rule)


@pytest.mark.parametrize("body", ["```\nnever closed\n", "<!--\nnever closed\n", "x\n\n~~~~\n```\n"])
def test_a_document_that_would_swallow_the_rule_is_refused(body: str) -> None:
    with pytest.raises(BadInput, match="would not stand by itself"):
        amended(body)


@pytest.mark.parametrize(
    "body",
    [
        f"- {RULE}\n",
        f"{RULE}\n",
        "- When the branch is checked out already,\n  use that worktree.\n",
        f"1. [ ] {RULE}\n",
    ],
)
def test_a_rule_that_stands_already_is_not_added(body: str) -> None:
    assert amended(body) == body


def test_a_rule_within_another_sentence_is_added() -> None:
    assert amended(f"- {RULE} But not always.\n", RULE) != f"- {RULE} But not always.\n"


def test_a_second_rule_joins_the_first() -> None:
    assert amended(amended("x\n", "A."), "B.") == "x\n\n## Known pitfalls\n\n- A.\n- B.\n"


def test_a_section_is_appended() -> None:
    parsed = skilldoc.parse((FRONT + "\n# T\n\n### A\n").replace("\n", "\r\n"))
    text = skilldoc.append_section(parsed, "For us", "One.\n\n- Two.\n")
    assert text == parsed.text + "\r\n### For us\r\n\r\nOne.\r\n\r\n- Two.\r\n"
    with pytest.raises(BadInput):
        skilldoc.append_section(parsed, "For us", "\n")
    with pytest.raises(BadInput):
        skilldoc.append_section(skilldoc.parse(FRONT + "```\n"), "For us", "x")


def test_removing_what_is_not_there_is_refused() -> None:
    with pytest.raises(BadInput):
        skilldoc.remove_rule(FRONT + "- a\n", "b")


@pytest.mark.parametrize(
    "body",
    ["x\n", "x", "x\n\n\n", "", "## Gotchas\n\n- a\n\n- b\n\n## Z\n", "## Known pitfalls\n\n1. a\n", "* a\r\n\r\nb"],
)
def test_removing_restores_the_text(body: str) -> None:
    assert skilldoc.remove_rule(FRONT + amended(body), RULE) == FRONT + body


def test_a_rule_among_others_is_removed_alone() -> None:
    text = FRONT + "## Known pitfalls\n\n- a\n- b\n- c\n"
    assert skilldoc.remove_rule(text, "b") == FRONT + "## Known pitfalls\n\n- a\n- c\n"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a\nb\n", "a\nx\nb\n", ("x",)),
        ("a", "a\nx", ("x",)),
        ("a\n", "a\n", ()),
        ("", "x\n", ("x",)),
        ("a\nb\n", "b\na\n", None),
        ("a\n", "ax\n", None),
        ("a\n", "a\r\n", None),
        ("a", "a\n", None),
        ("a\n", "a\nx", None),
        ("a\nb\n", "a\n", None),
    ],
)
def test_inserted_lines(before: str, after: str, expected: tuple[str, ...] | None) -> None:
    assert skilldoc.inserted(before, after) == expected


# ------------------------------------------------------------------------------------ laws over any document

WORDS = st.text(alphabet=st.sampled_from("ab c.`*_#-:|>é\u200d\x0c"), min_size=1, max_size=20)
BLOCKS = st.one_of(
    st.builds("{} {}".format, st.sampled_from(["#", "##", "###"]), st.sampled_from(
        ["Known pitfalls", "Gotchas", "Notes", "Setup", "Troubleshooting:", "1. Notes"])),
    st.lists(WORDS, min_size=1, max_size=3).map("\n".join),
    st.builds(lambda mark, gap, items, between: between.join(f"{mark}{gap}{item}" for item in items),
              st.sampled_from(["-", "*", "+", "1.", "  -", "7)"]), st.sampled_from([" ", "   ", "\t"]),
              st.lists(WORDS, min_size=1, max_size=4), st.sampled_from(["\n", "\n\n", "\n  x\n"])),
    st.builds("```{}\n{}\n```".format, st.sampled_from(["", "sh"]), WORDS),
    st.sampled_from(["---", "***", "| a | b |\n|---|---|\n| 1 | 2 |", "> quote", "<!-- x -->",
                     "<details>\nx\n</details>", "Title\n===", "    code", "[a]: b",
                     "text\n- item\ntext", "- a\n\n  - b\n\n    c"]),
)  # fmt: skip
KEYS = st.lists(
    st.sampled_from(["# a comment", "context: fork", "metadata:\n  v: '1'  # why", "x-own: [a, b]", "license: 'MIT'"]),
    unique=True,
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A SKILL.md with extension keys, comments, any blocks, any line ending, with or without mark and final ending."""
    front = "\n".join(["---", "name: a", *draw(KEYS), "description: use --- when asked", "---", ""])
    gaps = st.sampled_from(["\n", "\n\n", "\n\n\n"])
    body = "".join(block + draw(gaps) for block in draw(st.lists(BLOCKS, max_size=7)))
    if draw(st.booleans()):
        body = body.rstrip("\n")
    text = (front + body).replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n", "\r"])))
    return draw(st.sampled_from(["", "", "\ufeff"])) + text


RULES = st.sampled_from([RULE, "Use `git add -p`.", "**Always** read first: *why* \\ <b>", "读取文件之前不要编辑。"])


def one_insertion(before: bytes, after: bytes) -> bool:
    """Whether `after` is `before` with one piece put in."""
    common = 0
    while common < len(before) and after[common] == before[common]:
        common += 1
    more = len(after) - len(before)
    return any(after[:at] + after[at + more :] == before for at in range(common + 1))


@given(documents(), RULES)
@settings(max_examples=250)
@example("---\nname: a\ndescription: b\n---", RULE)
def test_amending_inserts_whole_lines_and_nothing_else(text: str, rule: str) -> None:
    doc = skilldoc.parse(text)
    try:
        after = skilldoc.amend(doc, rule)
    except BadInput:
        assume(False)
        raise
    assert one_insertion(text.encode(), after.encode())
    assert skilldoc.inserted(text, after)
    result = skilldoc.parse(after)
    assert result.front == doc.front
    assert (result.bom, result.newline) == (doc.bom, doc.newline)
    assert after.endswith(("\r", "\n")) == text.endswith(("\r", "\n"))
    assert skilldoc.has_rule(result, rule)


@given(documents(), RULES)
@settings(max_examples=150)
def test_amending_twice_is_amending_once(text: str, rule: str) -> None:
    try:
        once = skilldoc.amend(skilldoc.parse(text), rule)
    except BadInput:
        assume(False)
        raise
    assert skilldoc.amend(skilldoc.parse(once), rule) == once


@given(documents(), RULES)
@settings(max_examples=150)
def test_removing_undoes_amending(text: str, rule: str) -> None:
    try:
        after = skilldoc.amend(skilldoc.parse(text), rule)
    except BadInput:
        assume(False)
        raise
    removed = skilldoc.remove_rule(after, rule)
    assert not skilldoc.has_rule(skilldoc.parse(removed), rule)
    assert one_insertion(removed.encode(), after.encode())


@given(documents())
@settings(max_examples=100)
def test_an_amendment_brings_no_problem(text: str) -> None:
    doc = skilldoc.parse(text)
    try:
        after = skilldoc.parse(skilldoc.amend(doc, RULE))
    except BadInput:
        assume(False)
        raise
    assert skilldoc.new_problems(doc, after, folder="elsewhere") == ()
