"""Rules in the skill's own manner: language, heading, bold leads; where they go; and out again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from memento_skills import skilldoc
from memento_skills.errors import BadInput
from memento_skills.masking import find_secrets
from memento_skills.records import (
    Citation,
    Claim,
    Condition,
    Expect,
    Guard,
    Part,
    Patch,
    Pattern,
    Placement,
    Promotion,
    Reflection,
    Scope,
    Signature,
    SkillRef,
)
from memento_skills.verify.checks import check_patch
from memento_skills.write import Manner, Target, rebased, retired, write
from memento_skills.write.language import language_name, language_of
from memento_skills.write.patch import added_description

FRONT = "---\nname: shop-dev\ndescription: How the shop is built.\n---\n"
RULE = "**Call `make test` with `-k`.** Without it the first failing suite hides the others."
GUARD = Guard(conditions=(Condition(feature="tool", value="Bash"),), expect=Expect(form="with", flag="-k"), advice="a")
REFLECTION = Reflection(
    id="r", pattern="p", reflector="t@1", template="needs_flag", cause="wrong_command", remedy="skill",
    wrong_decision=Claim(text="w", citations=(Citation(run="t:a", step=1, quote="q"),)),
    guard=GUARD,
    facts={"rule": RULE, "topic": "shop-commands"},
)  # fmt: skip
PATTERN = Pattern(
    id="p", signature=Signature(version="t", parts=(Part(name="error", text="x"),)), title="t", cause="wrong_command",
    remedy="skill", fault="agent", severity=3, lane="broad", failures=2, episodes=2, runs=2, lineages=2,
)  # fmt: skip


def target(body: str, front: str = FRONT) -> Target:
    text = front + body
    return Target(SkillRef(name="shop-dev", path="shop-dev/SKILL.md", revision=skilldoc.revision(text)), text)


def written(body: str, manner: Manner | None = None, front: str = FRONT, **changes: Any) -> Patch:
    made = replace(REFLECTION, **changes) if changes else REFLECTION
    return write(made, PATTERN, target(body, front), manner or Manner(), scope=Scope(), clients=(), models=())


def failed(patch: Patch) -> list[str]:
    return [c.name for c in check_patch(patch, folder="shop-dev", find_secrets=find_secrets) if not c.passed]


def test_a_bold_lead_stays_where_the_items_have_one() -> None:
    assert RULE in written("\n# A\n\n- **One.** Two.\n- **Three.** Four.\n- **Five.**\n- **Six.**\n").after


def test_a_bold_lead_goes_where_the_items_have_none() -> None:
    patch = written("\n# A\n\n- one\n- two\n- three\n- four\n")
    assert RULE.replace("**", "") in patch.after
    assert patch.rule == RULE.replace("**", "")


@pytest.mark.parametrize(
    ("body", "heading"),
    [
        ("\n# A\n\n## Set Up\n\n## Running The Tests\n", "## Known Pitfalls"),
        ("\n# A\n\n## Set up\n\n## Running the tests\n", "## Known pitfalls"),
        ("\n# A\n\n## SET UP\n\n## RUN TESTS\n", "## KNOWN PITFALLS"),
        ("\n# 工具\n\n" + "本技能介绍如何构建和测试商店项目。请先阅读说明，然后运行测试。" * 4 + "\n", "## 注意事项"),
    ],
)
def test_the_heading_is_written_as_the_skills_other_ones(body: str, heading: str) -> None:
    assert heading in written(body).after.splitlines()


@pytest.mark.parametrize(
    ("code", "prose"),
    [
        ("en", "Use this skill before you run the tests of the shop, and read the notes that are in the folder."),
        ("zh", "运行测试之前请先阅读本技能的说明，然后按照步骤执行命令。"),
        ("ja", "テストを実行する前に、このスキルの説明を読んでください。"),
        ("ru", "Перед запуском тестов прочитайте описание этого навыка."),
        ("de", "Vor dem Test ist die Datei zu lesen, und der Befehl wird nicht ohne das Skript auf ihm benutzt."),
        ("", "pytest -q"),
    ],
)  # fmt: skip
def test_the_language_is_told_from_the_prose_alone(code: str, prose: str) -> None:
    code_block = "\n```\nthe of and to in is for on that with as be are this by or from\n```\n"
    text = f"---\nname: a\ndescription: x\n---\n\n{prose}\n{code_block}"
    assert language_of(text) == code
    assert language_name(code) == {"": ""}.get(code, language_name(code))


def test_a_description_that_failed_grows_with_the_body() -> None:
    where = Placement(tier="description", why="offered in 3 of 4 failing runs whose logs tell it, and loaded in 0")
    patch = written("\n# A\n", Manner(placement=where, addition="Use it also before make test."))
    assert skilldoc.parse(patch.after).description == "How the shop is built. Use it also before make test."
    assert added_description(patch) == "Use it also before make test."
    assert (patch.placement, failed(patch)) == (where, [])


def test_a_rebased_patch_keeps_what_it_adds_to_the_description() -> None:
    patch = written("\n# A\n", Manner(addition="Use it also before make test."))
    moved = rebased(patch, target("\n# A\n\nMore.\n"))
    assert added_description(moved) == "Use it also before make test."
    assert failed(moved) == []


def test_a_rule_that_the_skill_says_is_refused_with_its_line() -> None:
    with pytest.raises(BadInput, match="says this already in line 7"):
        written(f"\n# A\n- {RULE}\n")


def test_an_amendment_that_also_rewrites_the_description_fails_its_check() -> None:
    patch = written("\n# A\n", Manner(addition="Use it also before make test."))
    sly = patch.after.replace("How the shop is built.", "Use for everything.")
    assert "rest untouched" in failed(
        replace(patch, after=sly, diff=skilldoc.diff(patch.before, sly, patch.skill.path))
    )


def promotion_of(patch: Patch) -> Promotion:
    return Promotion(id="m", patch=patch.id, decision="d", skill=patch.skill, commit="c", parent="b")


def test_a_retired_rule_leaves_the_skill_as_it_was() -> None:
    patch = written("\n# A\n\n- one\n")
    now = Target(replace(patch.skill, revision=skilldoc.revision(patch.after)), patch.after)
    gone = retired(promotion_of(patch), patch, now, "it spoke up needlessly")
    assert gone.after == patch.before
    assert (gone.kind, gone.retires, failed(gone)) == ("retire", patch.id, [])


def test_a_reworded_rule_is_a_persons_and_is_not_retired() -> None:
    patch = written("\n# A\n")
    text = patch.after.replace("Without it", "Without that")
    with pytest.raises(BadInput, match="not a list item"):
        retired(promotion_of(patch), patch, Target(patch.skill, text), "why")


def test_a_retirement_that_takes_more_than_its_rule_fails_its_check() -> None:
    patch = written("\n# A\n\nKeep this.\n")
    now = Target(replace(patch.skill, revision=skilldoc.revision(patch.after)), patch.after)
    gone = retired(promotion_of(patch), patch, now, "why")
    greedy = gone.after.replace("Keep this.\n", "")
    assert "rest untouched" in failed(replace(gone, after=greedy, diff=skilldoc.diff(gone.before, greedy, "x")))


BODIES = st.lists(
    st.sampled_from(
        ["# A", "## Set Up", "## Known pitfalls", "## Gotchas", "- one", "* **two**", "1. three", "text", "", "> q",
         "```", "| a | b |", "中文说明文字。", "---"]
    ), max_size=14,
)  # fmt: skip


@given(BODIES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_patch_then_retirement_gives_the_original(lines: list[str], newline: str, closed: bool) -> None:
    body = newline.join(["", *lines]) + (newline if closed else "")
    front = FRONT.replace("\n", newline)
    try:
        patch = written(body, front=front)
    except BadInput:
        return
    assert skilldoc.inserted(patch.before, patch.after) is not None
    now = Target(replace(patch.skill, revision=skilldoc.revision(patch.after)), patch.after)
    assert retired(promotion_of(patch), patch, now, "why").after == patch.before
