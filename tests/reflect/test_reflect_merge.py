"""Lessons that say the same become one; in whatever order, however often."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.errors import BadInput
from memento_skills.records import Citation, Claim, Condition, Expect, Guard, Reflection, digest
from memento_skills.reflect.merge import MAX_CITATIONS, alike, merged, refused, situations_of
from memento_skills.reflect.plain import plain
from memento_skills.reflect.say import OWN, claims, languages, phrased, rule_in, template, templates, worked

EXPECT = Expect(form="cwd", path="<root>/web")


def conditions(*pairs: tuple[str, str]) -> tuple[Condition, ...]:
    return tuple(Condition(feature=f, op="has" if f != "tool" else "is", value=v) for f, v in pairs)


def lesson(pattern: str, command: str, *extra: tuple[str, str], quotes: int = 2, expect: Expect = EXPECT) -> Reflection:
    guard = Guard(
        conditions=conditions(("tool", "Bash"), ("command", command), *extra), expect=expect, advice="",
        learned_from=(f"t:{pattern}",), confidence=0.4 + len(command) / 100,
    )  # fmt: skip
    facts = {"command": command, "programs": command.partition(" ")[0], "project": "shop", "topic": "shop-commands"}
    facts |= phrased(situations_of(guard)[:1], expect, OWN)
    table = template("right_folder")
    assert table is not None
    said = claims(table, facts)
    cited = tuple(Citation(run=f"t:{pattern}", step=n, quote=f"no such file {n}") for n in range(quotes))
    made = Reflection(
        id="", pattern=pattern, reflector="template@1", template="right_folder", cause="stale_state", remedy="skill",
        wrong_decision=Claim(text=said["wrong"], citations=cited),
        missing_information=Claim(text=said["missing"], citations=cited[:1]),
        failed_assumption=Claim(text=said["assumed"], citations=cited[:1]), guard=guard,
        facts=facts | {"rule": said["rule"]},
    )  # fmt: skip
    return Reflection(**{f: getattr(made, f) for f in made.__struct_fields__} | {"id": digest("reflection", made)})


TEST, BUILD, LINT = lesson("p1", "npm test"), lesson("p2", "npm run"), lesson("p3", "eslint src")
PLACED = lesson("p4", "npm test", ("extension", ".ts"))


def test_one_rule_names_all_the_commands_and_the_guard_has_all_situations() -> None:
    one = merged([TEST, BUILD], "p1")
    assert one.facts["rule"].startswith("**Run `npm run` or `npm test` from `web`.**")
    assert one.guard is not None
    assert set(situations_of(one.guard)) == {
        *situations_of(TEST.guard or one.guard), *situations_of(BUILD.guard or one.guard)
    }  # fmt: skip
    assert one.guard.advice == one.facts["rule"].replace("**", "")
    assert one.guard.learned_from == ("t:p1", "t:p2")


def test_a_more_general_situation_takes_in_the_special_one() -> None:
    one = merged([TEST, PLACED], "p1")
    assert one.guard is not None
    assert situations_of(one.guard) == situations_of(TEST.guard or one.guard)
    assert "for `.ts` files" not in one.facts["rule"]


def test_lessons_with_another_alternative_are_not_alike() -> None:
    other = lesson("p5", "npm test", expect=Expect(form="cwd", path="<root>/api"))
    assert not alike(TEST, other)
    with pytest.raises(BadInput):
        merged([TEST, other], "p1")


def test_a_refused_lesson_joins_none_and_says_why() -> None:
    no = refused(TEST, "p9", "the skill says this already in line 3")
    assert (no.pattern, no.refused, no.id != TEST.id) == ("p9", "the skill says this already in line 3", True)
    assert not alike(no, BUILD)


SETS = st.lists(st.sampled_from([TEST, BUILD, LINT, PLACED]), min_size=1, max_size=6)


@given(SETS, st.randoms())
def test_the_order_does_not_matter(lessons: list[Reflection], rng: object) -> None:
    other = list(lessons)
    rng.shuffle(other)  # type: ignore[attr-defined]
    assert merged(lessons, "p1") == merged(other, "p1")


@given(SETS)
def test_merging_again_changes_nothing(lessons: list[Reflection]) -> None:
    one = merged(lessons, "p1")
    assert merged([one], "p1") == one
    assert merged([one, one], "p1") == one
    assert merged([one, lessons[0]], "p1") == (one if len({r.id for r in lessons}) > 1 else lessons[0])


@given(SETS)
def test_claims_stay_cited_and_commands_plain(lessons: list[Reflection]) -> None:
    one = merged(lessons, "p1")
    known = {c for r in lessons for c in r.wrong_decision.citations}
    assert set(one.wrong_decision.citations) <= known
    assert 0 < len(one.wrong_decision.citations) <= MAX_CITATIONS
    assert all(plain(part) for part in one.facts["command"].split("` or `"))


def test_every_template_is_said_in_every_language() -> None:
    facts = dict.fromkeys(
        ("command", "flag", "flag_value", "instead", "tool", "expect_tool", "project", "programs"), "word"
    ) | {"worked_flag": "--ok", "worked": worked({"worked_flag": "--ok"}, OWN)}
    situations = (conditions(("tool", "Bash"), ("extension", ".csv"), ("changed_by", "gofmt")),)
    for table in templates():
        said = {code: rule_in(code, table["name"], facts | phrased(situations, EXPECT, code), situations, EXPECT)
                for code in languages()}  # fmt: skip
        assert all(said.values()), table["name"]
        assert len(set(said.values())) == len(said)


def test_a_language_without_templates_says_nothing() -> None:
    assert rule_in("zh", "no such template", {}, (), EXPECT) == ""
    assert rule_in(OWN, "right_folder", {}, (), EXPECT) == ""
