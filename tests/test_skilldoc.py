"""SKILL.md as a document: parsing, the specification's checks, new skills and diffs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from skills_ref.parser import parse_frontmatter
from skills_ref.validator import validate_metadata

from memento_skills import skilldoc
from memento_skills.errors import BadInput

GOOD = "---\nname: git-work\ndescription: Branches. Use when a branch is added.\n---\n\n# Git work\n\nText.\n"


def doc(front: str, body: str = "\n# Title\n\nText.\n") -> skilldoc.SkillDoc:
    return skilldoc.parse(f"---\n{front}\n---\n{body}")


def codes(found: tuple[skilldoc.Problem, ...], severity: str | None = None) -> list[str]:
    return [p.code for p in found if severity in (None, p.severity)]


def test_a_good_skill_has_no_problem() -> None:
    parsed = skilldoc.parse(GOOD)
    assert skilldoc.check(parsed, folder="library/git-work") == ()
    assert (parsed.name, parsed.newline, parsed.bom, parsed.body_line) == ("git-work", "\n", False, 5)
    assert parsed.body == "\n# Git work\n\nText.\n"
    assert skilldoc.parse(GOOD.encode()) == parsed


def test_dashes_inside_a_value_do_not_end_the_front_matter() -> None:
    parsed = doc("name: a\ndescription: use --- carefully")
    assert parsed.description == "use --- carefully"
    assert parsed.body_line == 5


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_line_ending_is_read(newline: str) -> None:
    parsed = skilldoc.parse(GOOD.replace("\n", newline).encode())
    assert parsed.newline == newline
    assert [(s.heading, s.start, s.end) for s in parsed.sections] == [("Git work", 6, 9)]
    assert codes(skilldoc.check(parsed, folder="git-work")) == []


def test_mixed_line_endings_are_said_and_the_commonest_is_named() -> None:
    parsed = skilldoc.parse(GOOD.replace("\n", "\r\n", 2))
    assert parsed.newline == "\n"
    assert codes(parsed.problems) == ["newlines"]


def test_a_byte_order_mark_is_kept_and_said() -> None:
    parsed = skilldoc.parse(b"\xef\xbb\xbf" + GOOD.encode())
    assert parsed.bom
    assert parsed.name == "git-work"
    assert parsed.text.encode() == b"\xef\xbb\xbf" + GOOD.encode()
    assert codes(skilldoc.check(parsed, folder="git-work")) == ["bom"]


@pytest.mark.parametrize(
    ("front", "description"),
    [
        ("name: a\ndescription: Use when: the build breaks", "Use when: the build breaks"),
        ("name: a\ndescription: it's used when: x", "it's used when: x"),
        ("name: a\ndescription: *all* of it", "*all* of it"),
        ("name: a\ndescription: @team asks", "@team asks"),
        ('name: a\ndescription: "Use" when: asked', '"Use" when: asked'),
        ("name: a\ndescription:\tUse it", "Use it"),
        ("name: a\nmetadata:\n\tv: '1'\ndescription: Use it", "Use it"),
    ],
)
def test_the_commonest_yaml_slip_is_read_and_said(front: str, description: str) -> None:
    parsed = doc(front)
    assert parsed.description == description
    assert codes(skilldoc.check(parsed, folder="a"), "error") == ["yaml-quoting"]
    assert codes(skilldoc.check(parsed, folder="a", mode="lenient"), "error") == []


def test_block_scalars_comments_and_client_keys_are_read() -> None:
    parsed = doc("# ours\nname: a\ndescription: >-\n  Use it\n  often.\ncontext: fork\nhooks: {Stop: [x]}")
    assert parsed.description == "Use it often."
    assert parsed.front is not None
    assert parsed.front["hooks"] == {"Stop": ["x"]}
    assert codes(skilldoc.check(parsed, folder="a"), "error") == ["unknown-field", "unknown-field"]
    assert codes(skilldoc.check(parsed, folder="a", mode="lenient"), "error") == []


def test_scalars_stay_text_but_for_true_false_and_null() -> None:
    parsed = doc("name: a\ndescription: b\nversion: 1.0\nday: 2024-13-45\nflag: on\nnothing: ~\nbig: 0b_")
    assert parsed.front == {
        "name": "a", "description": "b", "version": "1.0", "day": "2024-13-45", "flag": True, "nothing": None,
        "big": "0b_",
    }  # fmt: skip


def test_the_last_of_a_doubled_key_counts_and_is_said() -> None:
    parsed = doc("name: a\nallowed-tools: Read\nallowed-tools: Bash\ndescription: b")
    assert [(p.code, p.line) for p in parsed.problems] == [("yaml-duplicate", 4)]
    assert skilldoc.allowed_tools(parsed) == {"Bash"}


def _bomb() -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("front", "code"),
    [
        (_bomb(), "yaml-anchor"),
        ("name: &n a\ndescription: *n", "yaml-anchor"),
        ("name: !!python/object/apply:os.getcwd []\ndescription: b", "yaml-tag"),
        ("name: " + "[" * 40 + "]" * 40, "yaml-depth"),
        ("name: " + "[" * 5_000, "yaml-depth"),
        ("- a\n- b", "front-mapping"),
        ("", "front-mapping"),
        ("name: [a", "yaml"),
        ("name: a\n:::: {", "yaml"),
        ("name: a\x01b", "yaml"),
        ("x: " + "y" * 70_000, "front-large"),
    ],
)
def test_front_matter_that_is_not_read(front: str, code: str) -> None:
    parsed = doc(front)
    assert codes(parsed.problems) == [code]
    assert parsed.unreadable is not None
    assert code in codes(skilldoc.check(parsed, folder="a", mode="lenient"), "error")
    with pytest.raises(BadInput):
        skilldoc.amend(parsed, "A rule.")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "front-missing"),
        (b"# Title\n", "front-missing"),
        (b"\n---\nname: a\n---\n", "front-missing"),
        (b"---\nname: a\n", "front-unclosed"),
        (b"---\nname: \xff\n---\n", "encoding"),
        (b"x" * ((1 << 20) + 1), "too-large"),
        ("é" * 600_000, "too-large"),
        ("---\nname: \ud800\n---\n", "encoding"),
    ],
)
def test_a_file_that_is_no_skill(data: bytes | str, code: str) -> None:
    parsed = skilldoc.parse(data)
    assert codes(parsed.problems) == [code]
    assert parsed.unreadable is not None


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_parsing_never_raises(data: bytes | str) -> None:
    parsed = skilldoc.parse(data)
    skilldoc.check(parsed, folder="a")
    assert parsed.unreadable is not None


@given(st.text(alphabet=st.sampled_from("ab:-# \t\r\n'\"[]{}&*!|>%@`,?\u2028\x85\x0c\ufeff\0"), max_size=120))
@settings(max_examples=300)
def test_front_matter_of_yaml_marks_never_raises(front: str) -> None:
    parsed = doc(front)
    assert parsed.unreadable is not None or parsed.front is not None
    skilldoc.check(parsed, folder="a")


@given(st.text(alphabet=st.sampled_from("ab\r\n\x0b\x0c\x1c\x85\u2028"), max_size=40))
def test_lines_joined_are_the_text(text: str) -> None:
    lines = skilldoc.split_lines(text)
    assert "".join(lines) == text
    assert all(line.count("\n") + line.count("\r") <= 2 for line in lines)


def test_sections_are_not_fooled() -> None:
    body = (
        "\n# T\n\n```sh\n# no heading\n```\n\n> # quoted\n\n- # in a list\n\n<!--\n# hidden\n-->\n\n"
        "Set\n===\n\nx\n\n## B #\n\n    # code\n\n# End\n"
    )
    found = [(s.heading, s.level, s.start, s.end) for s in doc("name: a\ndescription: b", body).sections]
    assert found == [("T", 1, 6, 20), ("Set", 1, 20, 29), ("B", 2, 25, 29), ("End", 1, 29, 30)]


@pytest.mark.parametrize(
    ("front", "folder", "expected"),
    [
        ("description: b", "a", ["name-missing"]),
        ("name: ''\ndescription: b", "a", ["name-missing"]),
        ("name: [a]\ndescription: b", "a", ["name-missing"]),
        ("name: a", "a", ["description-missing"]),
        ("name: A\ndescription: b", "A", ["name-characters"]),
        ("name: a--b\ndescription: b", "a--b", ["name-characters"]),
        ("name: -a\ndescription: b", "-a", ["name-characters"]),
        ("name: a_b\ndescription: b", "a_b", ["name-characters"]),
        ("name: a\ndescription: b", "c", ["name-folder"]),
        ("name: a\ndescription: b", "", []),
        ("name: a\ndescription: b", "x/a/", []),
        ("name: " + "a" * 65 + "\ndescription: b", "a" * 65, ["name-length"]),
        ("name: " + "a" * 64 + "\ndescription: " + "b" * 1024, "a" * 64, []),
        ("name: a\ndescription: " + "b" * 1025, "a", ["description-length"]),
        ("name: a\ndescription: b\ncompatibility: " + "b" * 501, "a", ["compatibility-length"]),
        ("name: a\ndescription: b\ncompatibility: [x]", "a", ["compatibility-type"]),
        ("name: a\ndescription: b\nversion: '1'", "a", ["unknown-field"]),
        ("name: 文档\ndescription: b", "文档", []),
    ],
)
def test_limits_of_the_specification(front: str, folder: str, expected: list[str]) -> None:
    assert codes(skilldoc.check(doc(front), folder=folder), "error") == expected


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("name: a\ndescription: b\nmetadata: {v: {w: x}}", "metadata-type"),
        ("name: a\ndescription: b\nmetadata: x", "metadata-type"),
        ("name: a\ndescription: b\nallowed-tools: [Read]", "allowed-tools-type"),
        ("name: ä\ndescription: b", "name-ascii"),
    ],
)
def test_what_clients_accept_is_a_warning(front: str, expected: str) -> None:
    assert codes(skilldoc.check(doc(front), folder=""), "warning") == [expected]


def test_problems_name_their_line() -> None:
    parsed = doc("license: MIT\nname: A\ndescription: ''")
    found = skilldoc.check(parsed, folder="A")
    assert [(p.code, p.line) for p in found] == [("name-characters", 3), ("description-missing", 4)]


def test_messages_show_hostile_values_inert() -> None:
    parsed = doc('name: "a\\e[2J\u202eb"\ndescription: b')
    message = skilldoc.check(parsed, folder="x")[0].message
    assert "\\x1b" in message
    assert "\\u202e" in message
    assert message.isprintable()


def test_long_and_empty_bodies_are_warned_of() -> None:
    front = "name: a\ndescription: b"
    assert codes(skilldoc.check(doc(front, "x\n" * 499), folder="a")) == []
    assert codes(skilldoc.check(doc(front, "x\n" * 500), folder="a"), "warning") == ["body-long"]
    assert codes(skilldoc.check(doc(front, "\n\n"), folder="a"), "warning") == ["body-empty"]


def test_an_old_violation_does_not_block() -> None:
    before = doc("name: WRONG\ndescription: b\ntriggers: x")
    after = doc("name: WRONG\ndescription: b\ntriggers: x", "\n# Title\n\nText.\n\n- A rule.\n")
    assert skilldoc.new_problems(before, after, folder="y") == ()


def test_a_violation_that_is_brought_or_changed_is_new() -> None:
    before = doc("name: a\ndescription: b\ntriggers: x")
    assert codes(skilldoc.new_problems(before, doc("name: A\ndescription: b\ntriggers: x"), folder="")) == [
        "name-characters"
    ]
    assert codes(skilldoc.new_problems(before, doc("name: a\ndescription: b\ntriggers: x\nhooks: y"), folder="")) == [
        "unknown-field"
    ]
    assert codes(skilldoc.new_problems(None, doc("name: a"), folder="")) == ["description-missing"]
    long = doc("name: a\ndescription: " + "b" * 1025)
    longer = doc("name: a\ndescription: " + "b" * 2000)
    assert codes(skilldoc.new_problems(long, longer, folder="")) == ["description-length"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Read Bash(git add:*)", {"Read", "Bash(git add:*)"}),
        ("Read, Write,Edit", {"Read", "Write", "Edit"}),
        ("[Read, 'Bash(npm run test:*)']", {"Read", "Bash(npm run test:*)"}),
        ("'*'", {"*"}),
        ("", set()),
        ("{a: b}", set()),
        ("Bash(echo (a b) c)", {"Bash(echo (a b) c)"}),
        ("Bash(open", {"Bash(open"}),
    ],
)
def test_tools_are_read_as_clients_write_them(value: str, expected: set[str]) -> None:
    assert skilldoc.allowed_tools(doc(f"name: a\ndescription: b\nallowed-tools: {value}")) == expected


def test_a_missing_field_grants_nothing() -> None:
    assert skilldoc.allowed_tools(doc("name: a\ndescription: b")) == frozenset()


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        ("", "Read", True),
        ("Read", "", False),
        ("Read", "Read", False),
        ("Read", "read", True),
        ("Read", "Rеad", True),
        ("Bash", "Bash(git:*)", False),
        ("Bash(*)", "Bash(rm:*)", False),
        ("Bash(:*)", "Bash", False),
        ("Bash(git:*)", "Bash", True),
        ("Bash(git:*)", "Bash(*)", True),
        ("Bash(git:*)", "Bash()", True),
        ("Bash(git:*)", "Bash(:*)", True),
        ("Bash(git:*)", "Bash(git)", False),
        ("Bash(git:*)", "Bash(git add:*)", False),
        ("Bash(git:*)", "Bash(git add -p)", False),
        ("Bash(git:*)", "Bash(github:*)", True),
        ("Bash(git:*)", "Bash(git*)", True),
        ("Bash(git*)", "Bash(git:*)", False),
        ("Bash(git*)", "Bash(gi*)", True),
        ("Bash(git add:*)", "Bash(git:*)", True),
        ("Bash(git add:*)", "Bash(git push:*)", True),
        ("Bash(git add:*)", "Bash(git add-all)", True),
        ("Bash(git add)", "Bash(git add:*)", True),
        ("Bash(git:*)", "Bash(git log && rm:*)", True),
        ("Bash(git:*)", "Bash(git log; rm)", True),
        ("Bash(git:*)", "Bash(git $(rm):*)", True),
        ("Bash(git:*)", "Bash(git `rm`)", True),
        ("Bash(git:*)", "Bash(git log > x)", True),
        ("Bash(* main)", "Bash(git main)", True),
        ("Read(src/**)", "Read(src/a.py)", False),
        ("Read(src/**)", "Read(src/../etc/passwd)", True),
        ("Read(src/**)", "Read(/etc/**)", True),
        ("Read(src/**)", "Write(src/**)", True),
        ("Read", "Read(/etc/passwd)", False),
        ("mcp__github__*", "mcp__github__list", False),
        ("mcp__github__*", "mcp__gitlab__list", True),
        ("mcp__github__list", "mcp__github__*", True),
        ("mcp__a__*", "mcp__a__*(x)", False),
        ("*", "Bash", False),
        ("Bash", "*", True),
        ("Read Write", "Write Read", False),
        ("Read Write", "Read", False),
        ("Read", "Read Write", True),
        ("Read Bash(git:*)", "Read Bash(git:*) Bash(git push:*)", False),
        ("Bash(npm run test:*)", "Bash(npm run test:unit)", True),
        ("Bash(python:*)", "Bash(*)", True),
        ("Bash(git", "Bash(git:*)", True),
        ("Bash(git:*)", "Bash(git:*", True),
        ("Bash(git:*)", "Bash (git:*)", True),
        ("WebFetch(domain:a.org)", "WebFetch(domain:b.org)", True),
    ],
)
def test_widening_of_tools(before: str, after: str, wider: bool) -> None:
    def tools(value: str) -> frozenset[str]:
        return skilldoc.allowed_tools(doc(f"name: a\ndescription: b\nallowed-tools: '{value}'"))

    assert bool(skilldoc.widened(tools(before), tools(after))) is wider


def test_revision_is_of_the_bytes() -> None:
    assert skilldoc.revision(GOOD) == skilldoc.revision(GOOD.encode())
    assert skilldoc.revision(GOOD) != skilldoc.revision(GOOD.replace("\n", "\r\n"))
    assert len(skilldoc.revision("\ud800")) == 64


def test_a_new_skill() -> None:
    text = skilldoc.create("git-work", "Branches. Use when: a branch is added.", "Git work", ["First.", "Second."])
    assert text == (
        '---\nname: git-work\ndescription: "Branches. Use when: a branch is added."\n---\n\n'
        "# Git work\n\n## Known pitfalls\n\n- First.\n- Second.\n"
    )


@given(
    st.text(max_size=80),
    st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60),
    st.text(alphabet=st.sampled_from("abc'\"`:#-*.\\ "), max_size=60),
)
@settings(max_examples=60, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_new_skills_are_valid_by_the_reference(words: str, description: str, rule: str) -> None:
    name = skilldoc.slug(words)
    text = skilldoc.create(name, description, "A title", [f"When {rule} x"])
    if "---" not in description:  # the reference cuts a value there
        assert validate_metadata(parse_frontmatter(text)[0], Path(name)) == []
    assert skilldoc.parse(text).description == description


@pytest.mark.parametrize(
    ("name", "description", "rules"),
    [("A b", "x", ["r"]), ("a", "", ["r"]), ("a", "x" * 1025, ["r"]), ("a", "x", []), ("a", "x", [" \n "])],
)
def test_an_invalid_new_skill_is_refused(name: str, description: str, rules: list[str]) -> None:
    with pytest.raises(BadInput):
        skilldoc.create(name, description, "T", rules)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Git: worktrees & branches!", "git-worktrees-branches"),
        ("Café don't", "cafe-dont"),
        ("--a--", "a"),
        ("x" * 90, "x" * 64),
        ("word " * 30, "-".join(["word"] * 13)),
    ],
)
def test_slugs(text: str, expected: str) -> None:
    assert skilldoc.slug(text) == expected


@given(st.text(max_size=100))
@example("FALSE")
@example("2026-01-01")
@example("1e5")
def test_every_slug_is_a_valid_name(text: str) -> None:
    name = skilldoc.slug(text)
    assert codes(skilldoc.check(doc(f"name: {name}\ndescription: b"), folder=name)) == []


def test_slugs_without_ascii_differ() -> None:
    assert skilldoc.slug("工作树") != skilldoc.slug("分支")


def test_nothing_changed_is_no_diff() -> None:
    assert skilldoc.diff("a\n", "a\n", "x") == ""


@pytest.mark.parametrize("path", ["s/SKILL.md", "with space/SKILL.md", 'q"uo\te/SKILL.md', "é/SKILL.md"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\nb\n", "a\nb\nc\n"),
        ("a\nb", "a\nb\n\nc"),
        ("a\r\nb\r\n", "a\r\nb\r\nc\r\n"),
        ("a\rb", "a\rb\r- c"),
        ("\ufeffa\n\x0cb\u2028c\n", "\ufeffa\n\x0cb\u2028c\nd\n"),
        ("", "new\nfile"),
    ],
)
def test_git_applies_the_diff_to_the_byte(tmp_path: Path, path: str, before: str, after: str) -> None:
    target = tmp_path / path
    target.parent.mkdir(parents=True)
    if before:
        target.write_bytes(before.encode())
    patch = skilldoc.diff(before, after, path).encode()
    subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=tmp_path, input=patch, check=True)
    assert target.read_bytes() == after.encode()
