"""The backtest: guards learnt before T, run over later lineages, counted as section 5 of the design says.

It tests the knowledge, not whether an agent would heed it; only replays and live data may say *prevented*.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from memento_skills.guards import Row, fires, judge
from memento_skills.records import Counts, Guard
from memento_skills.stats import bootstrap

SPLIT = 0.6
MIN_EPISODES = 20
"""Held-out episodes that a project needs to enter the macro mean."""


class Split(NamedTuple):
    """Rows of one project, divided at a time T."""

    at: float
    before: list[Row]
    """What may be learnt from: every call before T."""
    after: list[Row]
    """Calls of lineages that lie wholly after T."""
    crossing: list[Row]
    """Calls after T of lineages that began before: reported apart, never counted as unseen."""


def split(rows: Sequence[Row], fraction: float = SPLIT) -> Split:
    """Divide at the `fraction` quantile of the call times."""
    times = sorted(r.at for r in rows)
    if not times:
        return Split(0.0, [], [], [])
    at = times[min(len(times) - 1, int(len(times) * fraction))]
    before = [r for r in rows if r.at < at]
    early = {r.lineage for r in before}
    return Split(
        at,
        before,
        [r for r in rows if r.at >= at and r.lineage not in early],
        [r for r in rows if r.at >= at and r.lineage in early],
    )


def by_project(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows of each project, projects by name."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.project].append(row)
    return dict(sorted(found.items()))


def repeated_signatures(rows: Iterable[Row]) -> frozenset[str]:
    """Signatures of episodes that occur in two or more of these lineages."""
    lineages: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.label == "episode" and row.failure is not None:
            lineages[row.failure.signature.id].add(row.lineage)
    return frozenset(s for s, found in lineages.items() if len(found) >= 2)


def adviser(guards: Sequence[Guard]) -> Callable[[Row], Guard | None]:
    """What would be said at a call: the most confident guard that fires, one advice a call."""
    ranked = sorted(guards, key=lambda g: (-g.confidence, g.id))
    return lambda row: next((g for g in ranked if fires(g, row.call)), None)


def count(rows: Iterable[Row], advise: Callable[[Row], Guard | None], repeated: frozenset[str] = frozenset()) -> Counts:
    """Counts over rows; each call is judged once, by the guard that `advise` names."""
    c = dict.fromkeys(Counts.__struct_fields__, 0)
    for row in rows:
        c["calls"] += 1
        again = row.failure is not None and row.failure.signature.id in repeated
        if row.label == "episode":
            c["episodes"] += 1
            c["repeated_episodes"] += again
        guard = advise(row)
        if guard is None:
            continue
        judgement = judge(guard.expect, row)
        if judgement == "neutral":
            continue
        c[judgement] += 1
        c["caught"] += judgement != "false"
        c["repeated_right"] += judgement == "right" and again
    return Counts(**c)


def rates(counts: Counts) -> dict[str, float | None]:
    """Precision, recall, repeated recall, false fires per 1,000 calls; with the undecidable counted either way."""
    decided = counts.right + counts.wrong + counts.false
    everything = decided + counts.undecidable
    return {
        "precision": _share(counts.right, decided),
        "precision_low": _share(counts.right, everything),
        "precision_high": _share(counts.right + counts.undecidable, everything),
        "recall": _share(counts.right, counts.episodes),
        "recall_high": _share(counts.right + counts.undecidable, counts.episodes),
        "repeated_recall": _share(counts.repeated_right, counts.repeated_episodes),
        "false_per_1000": _share(1000 * counts.false, counts.calls),
    }


class Blunt(NamedTuple):
    """Fires counted without asking what was advised: on failing calls (`caught`) against on good ones (`false`)."""

    caught: int
    false: int
    episodes: int

    def rates(self) -> dict[str, float | None]:
        """Precision and recall of being there at all."""
        return {
            "precision": _share(self.caught, self.caught + self.false),
            "recall": _share(self.caught, self.episodes),
        }


def trivial_prefixes(before: Iterable[Row], lineages: int = 2, share: float = 0.3) -> frozenset[str]:
    """The trivial rule: two-word command prefixes that failed in `lineages` earlier lineages or more and in at least
    `share` of their calls."""
    failed: dict[str, set[str]] = defaultdict(set)
    calls: dict[str, list[bool]] = defaultdict(list)
    for row in before:
        if row.label == "other":
            continue
        for prefix in _prefixes(row):
            calls[prefix].append(row.label != "good")
            if row.label != "good":
                failed[prefix].add(row.lineage)
    return frozenset(p for p, lin in failed.items() if len(lin) >= lineages and sum(calls[p]) >= share * len(calls[p]))


def _prefixes(row: Row) -> Iterable[str]:
    return (words for words in row.call.features.get("command", ()) if words.count(" ") == 1)


def blunt(rows: Iterable[Row], fire: Callable[[Row], object]) -> Blunt:
    """Count fires bluntly; every row is asked once."""
    caught = false = episodes = 0
    for row in rows:
        episodes += row.label == "episode"
        if row.label in ("episode", "good") and fire(row):
            caught += row.label == "episode"
            false += row.label == "good"
    return Blunt(caught, false, episodes)


def by_prefix(prefixes: frozenset[str]) -> Callable[[Row], bool]:
    """Whether the trivial rule fires."""
    return lambda row: not prefixes.isdisjoint(_prefixes(row))


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def intervals(
    rows: Sequence[Row], advise: Callable[[Row], Guard | None], rng: random.Random, repeated: frozenset[str]
) -> dict[str, tuple[float | None, float | None]]:
    """Bootstrap intervals (90 %) of precision and recall over lineages."""
    units: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        units[row.lineage].append(row)
    parts = {lineage: count(found, advise, repeated) for lineage, found in units.items()}

    def rate(name: str) -> Callable[[Sequence[Counts]], float | None]:
        return lambda sample: rates(sum(sample, start=Counts()))[name]

    return {name: bootstrap(parts, rate(name), rng, n=500) for name in ("precision", "recall")}


def shuffled(guards: Sequence[Guard], rng: random.Random) -> list[Guard]:
    """Control: the same conditions with each other's alternatives."""
    from msgspec.structs import replace

    expects = [g.expect for g in guards]
    rng.shuffle(expects)
    return [replace(g, expect=e) for g, e in zip(guards, expects, strict=True)]


def retries(rows: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """First calls, and calls that repeat what just failed in the same run."""
    first: list[Row] = []
    again: list[Row] = []
    for row in rows:
        (again if row.call.features.get("retry") == "same" else first).append(row)
    return first, again
