"""Advice that is known without learning it: hand-written, quoted, without a guard."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from msgspec.structs import replace

from memento_skills.masking import hidden_characters
from memento_skills.records import Citation, Part, Pattern, Reflection, Signature
from memento_skills.reflect import TOPICS
from memento_skills.reflect.handbook import advice
from memento_skills.reflect.merge import alike, merged
from memento_skills.skilldoc import create, slug

BOOK = tomllib.loads((files("memento_skills.reflect") / "handbook.toml").read_text("utf-8"))
KINDS = tomllib.loads((files("memento_skills.detect") / "rules" / "aliases.toml").read_text("utf-8"))
QUOTE = Citation(run="t:a", step=3, quote="no matches found")


def pattern(error: str, key: str = "p", lineages: int = 2) -> Pattern:
    return Pattern(
        id=key, signature=Signature(version="t", parts=(Part(name="error", text=error),)), title="t",
        cause="wrong_command", remedy="skill", fault="agent", severity=3, lane="broad", failures=2, episodes=2, runs=2,
        lineages=lineages,
    )  # fmt: skip


def advised(error: str = "shell-glob", key: str = "p", quote: Citation = QUOTE) -> Reflection:
    made = advice("template@1", pattern(error, key), [quote])
    assert made is not None
    return made


def test_a_known_error_gets_its_rule_with_quotes_and_no_guard() -> None:
    made = advised()
    assert made.facts["rule"].startswith("**Quote every argument")
    assert (made.guard, made.refused, made.template) == (None, "", "handbook/quote_patterns")
    assert made.wrong_decision.citations == (QUOTE,)


def test_it_says_nothing_of_an_unknown_error_of_one_lineage_or_without_a_quote() -> None:
    assert advice("t", pattern("no such kind"), [QUOTE]) is None
    assert advice("t", pattern("shell-glob", lineages=1), [QUOTE]) is None
    assert advice("t", pattern("shell-glob"), []) is None


def test_one_entry_for_several_patterns_is_one_rule_with_all_their_quotes() -> None:
    one, other = advised(), advised(key="q", quote=replace(QUOTE, run="t:b"))
    assert alike(one, other)
    both = merged([one, other], "q")
    assert both == merged([other, one, one], "q")
    assert (both.pattern, both.facts) == ("q", one.facts)
    assert {c.run for c in both.wrong_decision.citations} == {"t:a", "t:b"}
    assert not alike(one, advised("jq-syntax"))


def test_every_entry_makes_a_valid_skill_and_every_kind_is_in_one_entry_at_most() -> None:
    kinds = [kind for entry in BOOK["entry"] for kind in entry["errors"].split()]
    assert len(kinds) == len(set(kinds))
    for entry in BOOK["entry"]:
        words = TOPICS[entry["topic"]]
        text = create(slug(entry["topic"]), words["description"], words["title"], [entry["rule"]])
        assert not hidden_characters(text)
        assert entry["rule"].startswith("**")


def test_every_kind_of_error_is_one_that_detection_knows() -> None:
    silent = tomllib.loads((files("memento_skills.detect") / "rules" / "silent.toml").read_text("utf-8"))
    known = {name for table in (KINDS, silent) for name in _names(table)}
    kinds = {kind for entry in BOOK["entry"] for kind in entry["errors"].split()}
    assert kinds <= known


def _names(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["name"]} if isinstance(value.get("name"), str) else set()
        return own.union(*(_names(v) for v in value.values()))
    return set().union(*(_names(v) for v in value)) if isinstance(value, list) else set()
