"""The sentences of a lesson, from the templates of a language and facts that passed the plain-text gate."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from memento_skills.records import Condition, Expect
from memento_skills.reflect.plain import plain

OWN = "en"
"""The language of the claims, and of a rule where the skill's language has no templates."""
Situations = Sequence[tuple[Condition, ...]]


@cache
def _load(name: str) -> dict[str, Any]:
    return tomllib.loads((files("memento_skills.reflect") / name).read_text("utf-8"))


def templates() -> list[dict[str, Any]]:
    """All templates in the order they are tried."""
    return list(_load("templates.toml")["template"])


def template(name: str, language: str = OWN) -> dict[str, Any] | None:
    """The template of that name, None where the language has none."""
    if language == OWN:
        return next((t for t in templates() if t["name"] == name), None)
    found: dict[str, dict[str, Any]] = _load(f"templates_{language}.toml")["rule"]
    return found.get(name)


def topics() -> dict[str, dict[str, str]]:
    """Title and description of the new skills that rules go to, by topic."""
    return dict(_load("templates.toml")["topics"])


def languages() -> tuple[str, ...]:
    """Codes of the languages in which rules can be said."""
    return (OWN, "zh")


def claims(template: Mapping[str, Any], facts: Mapping[str, str]) -> dict[str, str]:
    """The three claims and the rule's sentence. Raises KeyError naming a fact that the logs do not tell."""
    return {key: template[key].format_map(facts) for key in ("wrong", "missing", "assumed", "rule")}


def rule_in(language: str, name: str, facts: Mapping[str, str], situations: Situations, expect: Expect) -> str:
    """The rule of template `name` in that language, "" where there is none or a fact is missing."""
    own = language == OWN
    table = template(name, language)
    if table is None:
        return ""
    spoken = dict(facts)
    if not own:
        spoken |= phrased(situations, expect, language) | {"worked": worked(facts, language)}
        between = phrases(language)["or"]
        spoken = {k: v.replace(phrases(OWN)["or"], between) for k, v in spoken.items()}
    try:
        return str(table["rule"].format_map(spoken)) + extras(table, situations, between="" if not own else " ")
    except KeyError:
        return ""


def extras(table: Mapping[str, Any], situations: Situations, *, between: str = " ") -> str:
    """Sentences that a template adds where a situation uses one of their features or values."""
    used = {word for s in situations for c in s for word in (c.feature, str(c.value))}
    return "".join(between + text for key, text in table.get("extra", {}).items() if used & set(key.split()))


def phrases(language: str) -> dict[str, str]:
    """The small words of a language that facts are joined with."""
    return dict(_load("templates.toml" if language == OWN else f"templates_{language}.toml")["phrases"])


def phrased(situations: Situations, expect: Expect, language: str) -> dict[str, str]:
    """The facts that are phrases: where a rule is limited to, the folder, and what rewrote a file."""
    words = phrases(language)
    changers = sorted({str(c.value) for s in situations for c in s if c.feature == "changed_by"})
    found = {
        "situation": _situation(situations, words),
        "changer": f"`{changers[0]}`" if changers and plain(changers[0]) else words["changer"],
    }
    inside = expect.path.removeprefix("<root>").lstrip("/")
    if expect.path == "<root>":
        found["folder"] = words["root_folder"]
    elif inside and plain(inside):
        found["folder"] = f"`{inside}`"
    return found


def worked(facts: Mapping[str, str], language: str) -> str:
    """Which option the call had when it worked, as the end of a sentence; "" where the logs do not agree on one."""
    flag = facts.get("worked_flag", "")
    return phrases(language)["worked"].format(flag) if flag else ""


def _situation(situations: Situations, words: Mapping[str, str]) -> str:
    """What the sentence must say of the conditions: the file extension or folder that they are limited to."""
    said = dict.fromkeys(_limit(conditions, words) for conditions in situations)
    return "" if "" in said else words["and"].join(said)


def _limit(conditions: Sequence[Condition], words: Mapping[str, str]) -> str:
    for condition in sorted(conditions, key=lambda c: c.feature != "under"):
        value = str(condition.value)
        if condition.feature in ("extension", "under") and condition.op == "has" and plain(value):
            return words[condition.feature].format(value)
        if condition.feature == "cwd" and value in ("sub", "root") and condition.op == "is":
            return words[value]
    return ""
