"""The showcase: chosen by verdict and worth, everything from a log inert, code shown as code."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app import made
from memento_skills.app import showcase
from memento_skills.app.aloud import condition_words, expect_words, spans
from memento_skills.app.current import Held
from memento_skills.records import Citation, Condition, Expect, Guard, Patch, Pattern, Worth
from memento_skills.store.store import Store


def held(store: Store) -> list[Held]:
    return [Held(p, store.verdicts(p.id)[-1]) for p in store.patches()]


def patterns(store: Store) -> dict[str, Pattern]:
    return {p.id: replace(p, lineages=3) for p in store.patterns()}


def test_nothing_of_a_log_is_alive_in_the_page(store: Store) -> None:
    page = showcase.page(store, now=made.NOW, said=[made.HOSTILE])
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
    assert re.findall(r'(?:src|href)="', page) == []


def test_a_patch_that_failed_its_test_is_among_the_refused_and_not_among_the_chosen(store: Store) -> None:
    one, *rest = held(store)
    failed = one._replace(verdict=replace(one.verdict, value="not_better", reason="wrong fires outnumber right ones"))
    assert failed.patch.id not in {h.patch.id for h in showcase.chosen([failed, *rest], patterns(store))}
    found = showcase.refusals([failed, *rest], patterns(store), [])
    assert [(r.kind, r.why) for r in found] == [("failed its test", "wrong fires outnumber right ones")]


def test_the_better_proven_come_first_then_the_dearer_for_each_line(store: Store) -> None:
    ranked = [
        h._replace(verdict=replace(h.verdict, value="better", worth=Worth(harm=float(n), lines=1)))
        for n, h in enumerate(held(store))
    ]
    fit = showcase.chosen(ranked, patterns(store))
    assert len(fit) > 1
    assert [h.verdict.worth.harm for h in fit] == sorted((h.verdict.worth.harm for h in fit), reverse=True)


def test_what_was_seen_in_one_lineage_only_is_not_shown(store: Store) -> None:
    once = {key: replace(p, lineages=1) for key, p in patterns(store).items()}
    assert showcase.chosen(held(store), once) == []


def refusal(key: str, kind: str, episodes: int) -> showcase.Refusal:
    return showcase.Refusal(
        pattern=made_pattern(key, episodes), kind=kind, why="w", quotes=(Citation(run="r", step=0, quote="q"),)
    )


def made_pattern(key: str, episodes: int) -> Pattern:
    from memento_skills.records import Part, Signature

    return Pattern(
        id=key, signature=Signature(version="t", parts=(Part(name="e", text=key),)), title=key, cause="unknown",
        remedy="skill", fault="agent", severity=3, lane="broad", failures=episodes, episodes=episodes, runs=1,
        lineages=2,
    )  # fmt: skip


def test_refusals_are_of_different_kinds_those_that_take_judgement_first() -> None:
    work = [refusal(f"w{n}", "part of the work", 90 - n) for n in range(6)]
    other = [refusal("a", "failed its test", 2), refusal("b", "would speak up too often", 3)]
    assert [r.pattern.id for r in showcase.various([*work, *other])] == ["a", "b", "w0", "w1", "w2"]


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        (Expect(form="first", tool="Read", same_arg="file_path"), "first a successful Read of the same file path"),
        (Expect(form="without", flag="--stat"), "the call without --stat"),
        (Expect(form="cwd", path="<root>"), "the call from <root>"),
        (Expect(form="instead", tool="Bash", argv_prefix=("go", "test")), "instead Bash go test"),
    ],
)
def test_the_alternative_is_said_in_words(expect: Expect, words: str) -> None:
    assert expect_words(expect) == words


@given(st.text(max_size=80))
def test_spans_keep_every_word_of_a_rule(text: str) -> None:
    said = "".join(words for _, words in spans(text))
    assert said == text.replace("**", "").replace("`", "")


def test_a_rule_without_a_guard_shows_no_measure(store: Store) -> None:
    patch: Patch = replace(store.patches()[0], guard=None)
    shown = showcase._patch(Held(patch, store.verdicts(patch.id)[-1]), patterns(store), {})
    assert (shown["worth"], shown["guard"]) == ("", {})


def test_conditions_are_said_in_words() -> None:
    assert condition_words(Condition(feature="old_text", value="never")) == "old text is never"
    assert showcase._guard(Guard(conditions=(), expect=Expect(form="cwd", path="a"), advice=""))["situations"] == [""]
