"""Row *study*: what the failures of all logs of sessions are, whose, how often they repeat, recover and have a sign.

The labels are a check only: every share stands beside theirs, and none is made from them. `docs/study.md` quotes it.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bench.data import Settings
from bench.evidence import Evidence, evidence
from bench.labelled import labels
from memento_skills.guards import Row, fires
from memento_skills.guards.builtin import builtin
from memento_skills.records import Condition
from memento_skills.reflect.contrast import conditions_of
from memento_skills.stats import bootstrap
from memento_skills.verify import backtest as measure

FAULTS = ("agent", "work", "user", "denial", "service", "cascade")
STATE = frozenset(
    (
        "failed_before", "missing_path", "path_known", "file_too_big", "file_read", "read_whole", "boundary",
        "same_message", "newer_files", "file_changed", "changed_by", "old_text", "old_text_matches", "old_lines",
        "old_replaced", "run_age", "retry", "cwd", "folder", "from_root_in_sub", "path_kind",
    )
)  # fmt: skip
"""Features that ask the run so far; the others ask the pending call alone."""
SMALL = "claude-code/entire-skills"
"""Of the smoke run."""
KINDS = ("call", "state", "none")
PRECISE = 0.6
"""A sign: of the calls that show it, at least so many fail in this way."""
CANDIDATES = 40
"""Conditions of one signature that are paired, those of most lineages first."""


def row(settings: Settings) -> dict[str, Any]:
    """Shares with 90 % intervals by lineage, per project and of all; the labels' shares beside them."""
    known = evidence(settings.data, (settings.data / SMALL,) if settings.files else ())
    tables = {name: [*p.before, *p.after, *p.crossing] for name, p in known.parts.items()}
    signs = {name: _signs(table) for name, table in tables.items()}
    every = [r for table in tables.values() for r in table]
    return {
        "calls": len(every),
        "failing": sum(r.failure is not None for r in every),
        "faults": _faults(every),
        "faults_by_project": {name: _faults(table) for name, table in tables.items()},
        "without_a_call": dict(Counter(f.kind for f in known.failures if not f.call_id)),
        "projects": {name: _episodes(table, signs[name]) for name, table in tables.items()},
        "all": _episodes(every, {k: v for found in signs.values() for k, v in found.items()}),
        "ceiling": {name: _ceiling(part) for name, part in known.parts.items()},
        "by_cause": _by_cause(every),
        "labels": _labelled(settings, known, signs),
    }


def _share(rows: Sequence[Row], of: Callable[[Row], bool], among: Callable[[Row], bool]) -> dict[str, Any]:
    units: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for r in rows:
        if among(r):
            units[r.lineage][0] += of(r)
            units[r.lineage][1] += 1

    def share(drawn: Sequence[Sequence[int]]) -> float | None:
        whole = sum(u[1] for u in drawn)
        return sum(u[0] for u in drawn) / whole if whole else None

    low, high = bootstrap(dict(units), share, random.Random(0), n=500)
    return {
        "n": sum(u[0] for u in units.values()),
        "of": sum(u[1] for u in units.values()),
        "share": share(list(units.values())),
        "interval": [low, high],
    }


def _faults(rows: Sequence[Row]) -> dict[str, Any]:
    failing = [r for r in rows if r.failure is not None]
    return {name: _share(failing, _of_fault(name), _any) for name in FAULTS}


def _of_fault(name: str) -> Callable[[Row], bool]:
    return lambda r: r.failure is not None and r.failure.fault == name


def _any(_: Row) -> bool:
    return True


def _id(r: Row) -> str:
    return r.failure.signature.id if r.failure is not None else ""


def _episodes(rows: Sequence[Row], signs: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Of the agents' episodes: repeated, recovered, both; and the kind of sign that tells them from good calls."""
    where: dict[tuple[str, str], set[str]] = defaultdict(set)
    for r in rows:
        if r.label == "episode":
            where[r.project, _id(r)].add(r.lineage)
    chosen = [r for r in rows if r.label == "episode"]

    def again(r: Row) -> bool:
        return len(where[r.project, _id(r)]) >= 2

    def of_kind(*kinds: str) -> Callable[[Row], bool]:
        return lambda r: signs[r.run, r.call.step.call_id] in kinds

    return {
        "repeated": _share(chosen, again, _any),
        "recovered": _share(chosen, lambda r: bool(r.after), _any),
        "repeated_recovered": _share(chosen, lambda r: bool(r.after), again),
        "builtin": _share(chosen, lambda r: any(fires(g, r.call) for g in builtin()), _any),
        "signs": {kind: _share(chosen, of_kind(kind), _any) for kind in KINDS},
        "signs_of_repeated": {kind: _share(chosen, of_kind(kind), again) for kind in KINDS},
        "sign_and_recovered": _share(chosen, lambda r: bool(r.after) and of_kind("call", "state")(r), _any),
    }


def _signs(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Every agent episode -> the kind of the best sign it shows: a condition, or two, of its signature that two of its
    lineages show and that good calls do not; in hindsight over all calls of the project, so an upper bound."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for r in rows:
        if r.label == "episode":
            groups[_id(r)].append(r)
    good = [r for r in rows if r.label == "good"]
    found = {(r.run, r.call.step.call_id): "none" for group in groups.values() for r in group}
    wanted = {c for group in groups.values() for c in _common(group)}
    masks = _masks(good, wanted)
    for group in groups.values():
        for r, kind in _of_group(group, masks):
            found[r.run, r.call.step.call_id] = kind
    return found


def _common(group: Sequence[Row]) -> list[Condition]:
    lineages: dict[Condition, set[str]] = defaultdict(set)
    for r in group:
        for c in conditions_of(r.call):
            lineages[c].add(r.lineage)
    shared = [c for c, where in lineages.items() if len(where) >= 2]
    return sorted(shared, key=lambda c: (-len(lineages[c]), c.feature, str(c.value)))[:CANDIDATES]


def _masks(good: Sequence[Row], wanted: set[Condition]) -> dict[Condition, int]:
    members: dict[Condition, list[int]] = {c: [] for c in wanted}
    for i, r in enumerate(good):
        for c in conditions_of(r.call):
            if c in members:
                members[c].append(i)
    return {c: sum(1 << i for i in numbers) for c, numbers in members.items()}


def _of_group(group: Sequence[Row], masks: Mapping[Condition, int]) -> Iterator[tuple[Row, str]]:
    common = _common(group)
    shown = [set(conditions_of(r.call)) & set(common) for r in group]
    signs = []
    for n, one in enumerate(common):
        for other in common[n:]:
            members = [i for i, conditions in enumerate(shown) if one in conditions and other in conditions]
            false = (masks[one] & masks[other]).bit_count()
            if len({group[i].lineage for i in members}) >= 2 and len(members) >= PRECISE * (len(members) + false):
                state = {one.feature, other.feature} & STATE
                signs.append((bool(state), members))
    for i, r in enumerate(group):
        kinds = {state for state, members in signs if i in members}
        # a sign in the call alone is the plainer one: the run so far is said to be needed only where it is
        yield r, "call" if False in kinds else "state" if kinds else "none"


def _ceiling(part: measure.Split) -> dict[str, Any]:
    """Of the held-out episodes: what recovers, what was seen before T in two lineages, both; bounds of any method."""
    known = measure.repeated_signatures(part.before)
    episodes = [r for r in part.after if r.label == "episode"]
    again = [r for r in episodes if _id(r) in known]
    return {
        "episodes": len(episodes),
        "recovered": sum(bool(r.after) for r in episodes),
        "seen_before": len(again),
        "seen_before_recovered": sum(bool(r.after) for r in again),
    }


def _by_cause(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """By cause and tool, episodes and how many recover: why the ceiling is where it is."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for r in rows:
        if r.label == "episode" and r.failure is not None:
            cell = found[f"{r.failure.cause}, {'file' if r.call.path else 'command' if r.call.heads else 'other'}"]
            cell["episodes"] += 1
            cell["recovered"] += bool(r.after)
    ranked = sorted(found.items(), key=lambda item: -item[1]["episodes"])
    return {name: {"episodes": c["episodes"], "recovered": c["recovered"]} for name, c in ranked}


def _labelled(
    settings: Settings, known: Evidence, signs: Mapping[str, Mapping[tuple[str, str], str]]
) -> dict[str, Any]:
    rows = labels(settings.data)["first"]
    by_call = {call: kind for found in signs.values() for (_, call), kind in found.items()}
    ours = {f.call_id: f.fault for f in known.failures if f.call_id}
    agents = [r for r in rows if r["fault"] == "agent"]
    return {
        "rows": len(rows),
        "faults": dict(Counter(r["fault"] for r in rows)),
        "faults_ours": dict(Counter(ours.get(r["call_id"], "not seen") for r in rows)),
        "same_fault": sum(ours.get(r["call_id"]) == r["fault"] for r in rows),
        "agent": len(agents),
        "preventable": dict(Counter(r["preventable"] for r in agents)),
        "condition": dict(Counter(r["condition"] for r in agents)),
        "condition_ours": _crossed((r["condition"], by_call.get(r["call_id"], "no first episode")) for r in agents),
        "preventable_ours": _crossed((r["preventable"], by_call.get(r["call_id"], "no first episode")) for r in agents),
    }


def _crossed(pairs: Iterable[tuple[str, str]]) -> dict[str, int]:
    return {f"{label} / {own}": n for (label, own), n in sorted(Counter(pairs).items())}


def entries(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str, bool | None]]:
    """Two of its figures; no aim is set on what the logs are."""
    yield "study: agent's share of failing calls", _said(found["faults"]["agent"]), "reported", None
    yield "study: agents' episodes that recover within ten calls", _said(found["all"]["recovered"]), "reported", None


def _said(one: Mapping[str, Any]) -> str:
    if one["share"] is None:
        return "none"
    low, high = one["interval"]
    return f"{one['share']:.2f} ({low:.2f} to {high:.2f}), {one['n']} of {one['of']}"


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The section of the page; `docs/study.md` says what it means."""
    yield "## Study of failures"
    yield ""
    yield f"{found['failing']:,} failing calls of {found['calls']:,}; 90 % intervals by lineage. See `docs/study.md`."
    yield ""
    yield "| fault | share of failing calls | labelled sample |"
    yield "|---|---|---|"
    own = found["labels"]
    for name in FAULTS:
        yield f"| {name} | {_said(found['faults'][name])} | {own['faults'].get(name, 0)} of {own['rows']} |"
    yield ""
    yield "| project | agents' episodes, repeated | recovered | sign in the call | in the run so far | none |"
    yield "|---|---|---|---|---|---|"
    for name, one in [*found["projects"].items(), ("all", found["all"])]:
        cells = [one["repeated"], one["recovered"], *one["signs"].values()]
        yield f"| {name} | {' | '.join(_said(c) for c in cells)} |"
    yield ""
    yield "| held out | episodes | recover | seen before T in two lineages | of these recover |"
    yield "|---|---|---|---|---|"
    for name, one in found["ceiling"].items():
        yield f"| {name} | {' | '.join(str(n) for n in one.values())} |"
    yield ""
    yield "| cause, on what | episodes | recover |"
    yield "|---|---|---|"
    for name, one in list(found["by_cause"].items())[:12]:
        yield f"| {name} | {one['episodes']} | {one['recovered']} |"
