"""A skill that says the rule already gets no patch, in whatever words it says it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills import skilldoc
from memento_skills.reflect.say import templates
from memento_skills.write.known import headline, said_already

RULE = "**Read a file before the first edit of it.** When it was only listed, call `Read` on it first."
COMMAND = "**Call `go test` with `-count=1`.** Without it the command shows old results."


def line_of(body: str, rule: str = RULE) -> int | None:
    said = said_already(skilldoc.parse(f"---\nname: a\ndescription: b\n---\n{body}\n"), rule)
    return None if said is None else said.line


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"- {RULE}", id="word for word"),
        pytest.param("- Always read a file before editing it the first time.", id="other words"),
        pytest.param("* **First edit of a file?** Reading the file comes before the edit.", id="another order"),
        pytest.param("Never make the first edit of a file before you have read it.", id="two denials"),
    ],
)
def test_the_same_advice_is_found(body: str) -> None:
    assert line_of(body) == 5


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("- Do not read a file first: edit it.", id="the opposite"),
        pytest.param("- Read the contributing guide before the first commit.", id="about something else"),
        pytest.param("```\nread a file before the first edit of it\n```", id="in a code block"),
        pytest.param("- Read a file. " + "And more words follow here. " * 60 + "First edit.", id="in a long text"),
    ],
)
def test_other_advice_is_not(body: str) -> None:
    assert line_of(body) is None


def test_commands_and_options_must_all_be_named_in_their_order() -> None:
    assert line_of("- Call `go test ./...` with `-count=1`, then read on.", COMMAND) == 5
    assert line_of("- Call `go test ./...` with `-v`, then read on.", COMMAND) is None
    swap = "**Run `dev check`, not `dev test`.** It is what works."
    assert line_of("- Run `dev test`, not `dev check`.", swap) is None
    assert line_of("- Run `dev check`, not `dev test`.", swap) == 5


def test_a_rule_without_its_bold_lead_is_the_same_rule() -> None:
    assert line_of(f"- {RULE.replace('**', '')}") == 5


def test_the_headline_is_the_bold_sentence_or_the_first_one() -> None:
    assert headline(RULE) == "Read a file before the first edit of it."
    assert headline("Run `x`. Then `y`.") == "Run `x`."


def test_no_template_says_what_another_one_says() -> None:
    class Facts(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return f"{key} word"

    # the rule about folders says by the way what this one is about
    rules = [str(t["rule"]).format_map(Facts()) for t in templates() if t["name"] != "shell_keeps_folder"]
    for rule in rules:
        others = "".join(f"- {other}\n" for other in rules if headline(other) != headline(rule))
        assert line_of(others, rule) is None, rule


@given(st.text(max_size=200), st.text(max_size=200))
def test_it_never_raises_and_finds_what_was_added(body: str, rule: str) -> None:
    said_already(skilldoc.parse(f"---\nname: a\ndescription: b\n---\n{body}"), rule)
