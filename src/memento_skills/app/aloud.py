"""Rules and guards as a person reads them aloud: conditions and alternatives in words, a rule in its parts."""

from __future__ import annotations

from memento_skills.records import Condition, Expect


def spans(text: str) -> list[tuple[str, str]]:
    """A rule as (tag, words): its bold lead, its code, and the rest."""
    found: list[tuple[str, str]] = []
    for n, part in enumerate(text.split("**")):
        for m, piece in enumerate(part.split("`")):
            tag = "code" if m % 2 else "strong" if n % 2 else ""
            if piece:
                found.append((tag, piece))
    return found


def condition_words(condition: Condition) -> str:
    """One condition as a person reads it."""
    feature = condition.feature.replace("_", " ")
    verb = {"is": "is", "is_not": "is not", "has": "has", "lacks": "lacks", "at_least": "at least"}
    return f"{feature} {verb.get(condition.op, condition.op)} {condition.value}"


def expect_words(expect: Expect) -> str:
    """The alternative as a person reads it."""
    match expect.form:
        case "first":
            return f"first a successful {expect.tool} of the same {expect.same_arg.replace('_', ' ')}"
        case "with" | "without":
            return f"the call {expect.form} {expect.flag} {expect.value}".strip()
        case "cwd":
            return f"the call from {expect.path}"
        case _:
            words = [expect.tool, *expect.argv_prefix, *(f"{k}={v}" for k, v in expect.args)]
            return f"instead {' '.join(w for w in words if w)}"
