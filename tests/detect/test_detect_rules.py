"""The rule tables: every rule's examples are decided by it, and no hostile text slows them."""

from __future__ import annotations

import re
import time
import tomllib
from importlib import resources

import pytest

from memento_skills.detect import rules as rules_module
from memento_skills.detect.dialogue import Corrections
from memento_skills.detect.evidence import Evidence, window
from memento_skills.detect.judge import decide, read
from memento_skills.detect.rules import Example, Rule, Rules, load, parse
from memento_skills.errors import BadInput

RULES = load()
TABLES: dict[str, tuple[Rule, ...]] = {
    "fault": RULES.fault,
    "cause": RULES.cause,
    "severity": RULES.severity,
    "aliases": RULES.aliases,
}
CASES = [
    pytest.param(table, rule.name, example, id=f"{table}-{rule.name}-{i}")
    for table, rows in TABLES.items()
    for rule in rows
    for i, example in enumerate(rule.examples)
]


def evidence(example: Example) -> Evidence:
    return Evidence(
        tool=example.tool,
        line=example.command,
        status=example.status,  # type: ignore[arg-type]
        exit_code=example.exit,
        text=window(example.text),
        kind=example.kind,
        moved=example.moved,
        context=example.context,
    )


@pytest.mark.parametrize(("table", "name", "example"), CASES)
def test_an_example_is_decided_by_its_rule(table: str, name: str, example: Example) -> None:
    reading = read(evidence(example), RULES)
    if table == "aliases":
        assert reading.alias is not None
        assert reading.alias.name == name
    else:
        assert decide(reading, TABLES[table], "none").name == name


@pytest.mark.parametrize("table", TABLES)
def test_every_rule_has_an_example_and_a_reason(table: str) -> None:
    assert [rule.name for rule in TABLES[table] if not rule.examples or not rule.reason] == []


@pytest.mark.parametrize("table", TABLES)
def test_names_of_rules_are_unique(table: str) -> None:
    names = [rule.name for rule in TABLES[table]]
    assert sorted(set(names)) == sorted(names)


def test_aliases_named_in_the_tables_exist() -> None:
    known = {rule.name for rule in RULES.aliases}
    named = {name for rows in (RULES.fault, RULES.cause, RULES.severity) for rule in rows for name in rule.alias}
    assert named - known == set()


@pytest.mark.parametrize("correction", RULES.corrections, ids=lambda row: row.name)
def test_corrections_are_told_from_other_sentences(correction: rules_module.Correction) -> None:
    detector = Corrections(RULES)
    assert [text for text in correction.examples if not detector.told(text)] == []
    assert [text for text in correction.not_examples if detector.told(text)] == []


def patterns() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for file in resources.files(rules_module.__name__).iterdir():
        if file.name.endswith(".toml"):
            table = tomllib.loads(file.read_text("utf-8"))
            for row in (*table.get("rule", []), *table.get("mask", [])):
                fields = [row.get(k, []) for k in ("text", "line", "command", "not_text", "patterns", "unless")]
                found += [(f"{file.name}:{row['name']}", p) for field in fields for p in field]
                found += [(f"{file.name}:{row['name']}", row["pattern"])] if "pattern" in row else []
    return found


def test_no_expression_nests_unbounded_quantifiers() -> None:
    nested = re.compile(r"\([^()]*[*+][^()]*\)[*+]")
    assert [name for name, pattern in patterns() if nested.search(pattern)] == []


HOSTILE = {
    "letters": "a" * 1_000_000,
    "slashes": "a/" * 500_000,
    "quotes": "'\"`" * 333_333,
    "lines": "error: x\n" * 111_111,
    "blank lines": "\n" * 1_000_000,
    "numbers": "1" * 1_000_000,
    "hex": "deadbeef0" * 111_111,
    "colons": "a.go:1:" * 142_857,
    "dashes": "-" * 1_000_000,
    "spaces": " " * 1_000_000,
    "traceback": "Traceback (most recent call last)\n" + "A.Error: " * 111_111,
    "brackets": "[](){}<>" * 125_000,
    "equals": "=" * 1_000_000,
    "dots": "." * 1_000_000,
    "at": "a@b." * 250_000,
    "words": "unknown unknown command command " * 31_250,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_of_hostile_text_is_judged_at_once(name: str) -> None:
    judge(HOSTILE[name][:5_000])  # compile the expressions
    start = time.process_time()
    judge(HOSTILE[name])
    assert time.process_time() - start < 1  # 60 ms at most on an idle core; anything worse than linear takes minutes


def judge(text: str) -> None:
    reading = read(Evidence(tool="Bash", line="x " + text[:8_000], exit_code=1, text=window(text)), RULES)
    for table in (RULES.fault, RULES.cause, RULES.severity):
        decide(reading, table, "none")


def tables() -> dict[str, dict[str, object]]:
    folder = resources.files(rules_module.__name__)
    return {name: tomllib.loads((folder / f"{name}.toml").read_text("utf-8")) for name in rules_module.TABLES}


def test_a_table_that_is_not_valid_is_named() -> None:
    broken = tables() | {"fault": {"rule": [{"name": "x", "value": "nobody", "reason": "r"}]}}
    with pytest.raises(BadInput, match=r"'x': 'nobody' is no fault"):
        parse(broken)


def test_an_expression_that_does_not_compile_is_named() -> None:
    broken = tables() | {"cause": {"rule": [{"name": "x", "value": "unknown", "reason": "r", "text": ["("]}]}}
    with pytest.raises(BadInput, match=r"cause\.toml"):
        parse(broken)


def test_an_unknown_field_is_refused() -> None:
    broken = tables() | {"masks": {"mask": [{"name": "x", "pattern": "a", "to": "b", "colour": "red"}]}}
    with pytest.raises(BadInput, match=r"masks\.toml"):
        parse(broken)


def test_prices_are_positive_and_the_first_match_is_the_narrowest() -> None:
    rows = RULES.prices
    assert all(row.input > 0 and row.output > row.input for row in rows)
    later = [(a.match, b.match) for i, a in enumerate(rows) for b in rows[i + 1 :] if a.match in b.match]
    assert later == []


def test_rules_are_loaded_once() -> None:
    again: Rules = load()
    assert again is RULES
