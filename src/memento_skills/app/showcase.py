"""One page that shows what a scan is worth: the patches to merge, with their quotes and backtests, and proposals that
were rightly refused, with the reason. Chosen by worth and verdict alone, so that it takes whatever a scan gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from memento_skills import __version__
from memento_skills.app import html, screen
from memento_skills.app.aloud import condition_words, expect_words, spans
from memento_skills.app.current import Held, current
from memento_skills.app.when import day, spell
from memento_skills.guards import FEATURES
from memento_skills.records import Citation, Guard, Patch, Pattern, Record, Reflection, Run
from memento_skills.skilldoc import parse
from memento_skills.store.store import Store

PATCHES = 10
REFUSALS = 5
QUOTES = 3
_ORDER = {"better": 0, "not_enough_evidence": 1, "not_better": 2}


class Refusal(Record, frozen=True, kw_only=True):
    """A repeated pattern of which no patch was proposed, or whose patch did not stand its test."""

    pattern: Pattern
    kind: str
    """Why in a word or two: what makes refusals different from each other."""
    why: str
    rule: str = ""
    """What the patch would have said, where one was written."""
    quotes: tuple[Citation, ...] = ()


def page(store: Store, *, now: float, said: Sequence[str] = ()) -> str:
    """The showcase of a scanned store as an HTML document; `said` are lines about where the logs come from."""
    return html.render("showcase.html.j2", view(store, now=now) | {"said": list(said)})


def view(store: Store, *, now: float) -> dict[str, Any]:
    """What the template draws: plain values."""
    held = current(store)
    patterns = {p.id: p for p in store.patterns()}
    shown = chosen(held, patterns)
    refused = refusals(held, patterns, store.reflections())
    picked = various(refused)
    cited = [c for h in shown for c in _quotes(h)] + [c for r in picked for c in r.quotes]
    places = places_of(store, cited)
    return {
        "version": __version__,
        "made": day(now),
        "numbers": _numbers(store, held, refused),
        "patches": [_patch(h, patterns, places) for h in shown],
        "wanted": PATCHES,
        "refusals": [_refusal(r, places) for r in picked],
        "kinds": Counter(r.kind for r in refused).most_common(),
    }


def chosen(held: Iterable[Held], patterns: Mapping[str, Pattern]) -> list[Held]:
    """At most `PATCHES` patches to merge: no failed check, no verdict *not better*; the better proven first, then by
    harm for each line, and where none was measured by the lineages hit. Of several rules for one new skill each stands
    by itself."""
    fit = [
        h
        for h in held
        if h.verdict.value != "not_better"
        and all(c.passed for c in h.verdict.checks)
        and (h.patch.pattern not in patterns or patterns[h.patch.pattern].repeated)
    ]

    def rank(h: Held) -> tuple[float, ...]:
        hit = sum(patterns[p].lineages for p in (h.patch.pattern, *h.patch.patterns) if p in patterns)
        return _ORDER[h.verdict.value], -h.verdict.worth.per_line, -hit

    return sorted(fit, key=lambda h: (*rank(h), h.patch.id))[:PATCHES]


def refusals(held: Iterable[Held], patterns: Mapping[str, Pattern], reflections: Iterable[Reflection]) -> list[Refusal]:
    """Everything repeated that is not proposed, the most frequent first."""
    found: dict[str, Refusal] = {}
    answered: set[str] = set()
    for h in held:
        pattern = patterns.get(h.patch.pattern)
        answered |= {h.patch.pattern, *h.patch.patterns}
        if pattern is not None and h.verdict.value == "not_better":
            quotes = h.verdict.lost_cases or tuple(c for claim in h.patch.rationale for c in claim.citations)
            why = h.verdict.reason
            found[pattern.id] = Refusal(
                pattern=pattern, kind="failed its test", why=why, rule=h.patch.rule, quotes=quotes[:QUOTES]
            )
    for reflection in reflections:  # in order: the latest one of a pattern speaks
        pattern = patterns.get(reflection.pattern)
        if pattern is None or not reflection.refused or pattern.id in answered or not pattern.repeated:
            continue
        kind, why = _kind(reflection)
        found[pattern.id] = Refusal(
            pattern=pattern,
            kind=kind,
            why=why,
            rule=reflection.facts.get("rule", ""),
            quotes=reflection.wrong_decision.citations[:QUOTES],
        )
    return sorted(found.values(), key=lambda r: (-r.pattern.episodes, r.pattern.id))


_KINDS = (
    ("says this already", "said already"),
    ("proposed already", "said already"),
    ("needless", "would speak up too often"),
    ("cannot be told", "cannot be told from calls that worked"),
    ("nothing is known", "nothing known that works"),
    ("one lineage", "an anecdote"),
    ("no template", "no plain words for it"),
    ("plain words", "no plain words for it"),
)
_NOT_SKILLS = {
    "none": ("part of the work", "The program ran and reported on the code: no rule would make that report unneeded."),
    "task_author": (
        "for the task's author",
        "A person stopped or corrected the agent: what was wanted stands in the task, not in a skill.",
    ),
    "environment": ("for the environment's owner", "A service or the network failed: a skill cannot mend that."),
    "permission": (
        "for who grants permissions",
        "What is missing is a permission: it is proposed by itself, never inside a skill.",
    ),
}
_PREFERRED = (
    "failed its test",
    "would speak up too often",
    "said already",
    "cannot be told from calls that worked",
    "for who grants permissions",
    "nothing known that works",
    "no plain words for it",
)
"""Kinds in which a rule was thought of come first: these are the refusals that take judgement."""


def _kind(reflection: Reflection) -> tuple[str, str]:
    said = reflection.refused
    if reflection.remedy in _NOT_SKILLS:
        return _NOT_SKILLS[reflection.remedy]
    return next((kind for sign, kind in _KINDS if sign in said), "refused"), said


def various(refused: Sequence[Refusal]) -> list[Refusal]:
    """The most frequent refusal of each kind, the kinds that take judgement first; then what is left by frequency."""
    first: dict[str, Refusal] = {}
    for refusal in refused:
        first.setdefault(refusal.kind, refusal)
    order = {kind: place for place, kind in enumerate(_PREFERRED)}
    ranked = sorted(first.values(), key=lambda r: (order.get(r.kind, len(order)), -r.pattern.episodes, r.pattern.id))
    rest = [r for r in refused if r not in ranked]
    return [*ranked, *rest][:REFUSALS]


def places_of(store: Store, citations: Iterable[Citation]) -> dict[str, str]:
    """`file:line` of quotes, by `run#step`; runs that were forgotten give none."""
    wanted: dict[str, set[int]] = {}
    for citation in citations:
        wanted.setdefault(citation.run, set()).add(citation.step)
    return {key: place for run in store.runs(sorted(wanted)) for key, place in _lines(run, wanted[run.key])}


def _lines(run: Run, steps: set[int]) -> Iterable[tuple[str, str]]:
    for step in run.steps:
        if step.seq in steps:
            file = run.sources[step.source] if step.source < len(run.sources) else ""
            yield f"{run.key}#{step.seq}", f"{file.rpartition('/')[2]}:{step.line}"


def _working(patch: Patch) -> list[Citation]:
    """What worked afterwards: the quotes of what was missing that are not the failure's own."""
    failed = {(c.run, c.step) for c in patch.rationale[0].citations} if patch.rationale else set()
    return [c for claim in patch.rationale[1:2] for c in claim.citations if (c.run, c.step) not in failed]


def _guard(guard: Guard | None) -> dict[str, Any]:
    if guard is None:
        return {}
    situations = [" and ".join(condition_words(c) for c in s) for s in (guard.conditions, *guard.also)]
    features = {c.feature for s in (guard.conditions, *guard.also) for c in s}
    return {
        "situations": situations,
        "expect": expect_words(guard.expect),
        "features": [(f.replace("_", " "), FEATURES[f]) for f in sorted(features) if f in FEATURES],
        "runs": len(guard.learned_from),
    }


def _quotes(held: Held) -> list[Citation]:
    every = [c for claim in held.patch.rationale for c in claim.citations]
    return [*every, *screen.distinct(held.verdict.examples, 2), *held.verdict.lost_cases[:2]]


def _quoted(citations: Iterable[Citation], places: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {
            "quote": c.quote[:300],
            "where": f"{screen.short_run(c.run)}, step {c.step}",
            "place": places.get(f"{c.run}#{c.step}", ""),
        }
        for c in citations
    ]


_LABELS = ("What went wrong", "What was missing", "What was assumed")


def _patch(held: Held, patterns: Mapping[str, Pattern], places: Mapping[str, str]) -> dict[str, Any]:
    patch, verdict = held.patch, held.verdict
    of = [patterns[p] for p in (patch.pattern, *patch.patterns) if p in patterns]
    return {
        "patch": patch,
        "verdict": verdict,
        "title": of[0].title if of else patch.skill.name,
        "alike": [p.title for p in of[1:]],
        "rule": spans(patch.rule),
        "failures": sum(p.failures for p in of),
        "lineages": sum(p.lineages for p in of),
        "users": len({u for p in of for u in p.users}),
        "projects": sorted({html.project_name(name) for p in of for name in p.projects}),
        "lost": spell(lost) if (lost := sum(p.cost.seconds for p in of)) >= 1 else "",
        "lines": screen.diff_kinds(patch.diff),
        "description": parse(patch.after).description if patch.kind == "create" else "",
        "claims": list(zip(_LABELS, (c.text for c in patch.rationale), strict=False)),
        "failed": _quoted(screen.distinct(patch.rationale[0].citations if patch.rationale else (), QUOTES), places),
        "worked": _quoted(screen.distinct(_working(patch), 2), places),
        "caught": _quoted(screen.distinct(verdict.examples, 2), places),
        "needless": _quoted(verdict.lost_cases[:2], places),
        "backtest": screen.backtest(verdict.counts, verdict.held_out_lineages),
        "worth": screen.worth(verdict.worth) if patch.guard else "",
        "without": screen.without(verdict.without),
        "placement": screen.placement(patch),
        "scope": screen.scope_words(patch.scope),
        "guard": _guard(patch.guard),
        "dangerous": [c.text for c in patch.chips if c.dangerous],
    }


def _refusal(refusal: Refusal, places: Mapping[str, str]) -> dict[str, Any]:
    return {
        "title": refusal.pattern.title,
        "kind": refusal.kind,
        "why": refusal.why,
        "rule": spans(refusal.rule),
        "episodes": refusal.pattern.episodes,
        "lineages": refusal.pattern.lineages,
        "users": len(refusal.pattern.users),
        "quotes": _quoted(screen.distinct(refusal.quotes, 2), places),
    }


def _numbers(store: Store, held: Sequence[Held], refused: Sequence[Refusal]) -> dict[str, Any]:
    patterns = store.patterns()
    return {
        "runs": len(store.headers()),
        "failures": len(store.failures()),
        "patterns": len(patterns),
        "repeated": sum(p.repeated for p in patterns),
        "projects": len({p for found in patterns for p in found.projects}),
        "proposals": len(held),
        "better": sum(h.verdict.value == "better" for h in held),
        "not_better": sum(h.verdict.value == "not_better" for h in held),
        "waiting": sum(h.verdict.value == "not_enough_evidence" for h in held),
        "refused": len(refused),
    }
