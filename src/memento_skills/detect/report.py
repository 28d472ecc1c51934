"""Failures in, the value of `report --json` out: patterns, causes, trend, users, cost and the 80/20 statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from memento_skills.detect.grouping import episodes, patterns, total, with_lineages
from memento_skills.detect.pareto import concentration
from memento_skills.detect.rules import Rules, load
from memento_skills.records import SURE, Concentration, Cost, Failure, LineCount, Pattern

WEEKS = 53
"""Weeks of the trend at most, the latest."""


def build(
    failures: Iterable[Failure],
    lineages: Mapping[str, str],
    *,
    runs: int,
    now: float,
    formats: Mapping[str, tuple[int, LineCount]] | None = None,
    seed: int = 0,
    rules: Rules | None = None,
) -> dict[str, Any]:
    """The report as a JSON value.

    `lineages`: lineage by run key, of all runs seen (runs without failures too). `formats`: files and lines by format.
    `now` in seconds, UTC. Shares are 0 to 1, `minutes` the time lost until recovery, `usd` list prices.
    """
    rules = rules or load()
    known = with_lineages(failures, lineages)
    grouped = patterns(known, lineages, now=now, rules=rules)
    agents = [failure for failure in known if failure.fault == "agent"]
    # what is unsure is listed, but the claim about few patterns is not built on it
    certain = [failure for failure in known if failure.confidence >= SURE]
    spread = concentration(certain, lineages, seed=seed)
    own = concentration([f for f in certain if f.fault == "agent"], lineages, seed=seed)
    sure = sureness(known)
    return {
        "runs": runs,
        "lineages": len(set(lineages.values()) | {failure.lineage for failure in known}),
        "failures": len(known),
        "agent_failures": len(agents),
        "failures_by_fault": _counted(failure.fault for failure in known),
        "repeated_episodes": spread.episodes,
        "concentration": _shown(spread) | {"statement": statement(spread)},
        "agent_concentration": _shown(own) | {"statement": statement(own)},
        "causes": _counted(failure.cause for failure in known if failure.fault in ("agent", "denial", "user")),
        "severities": {str(k): v for k, v in sorted(Counter(failure.severity for failure in known).items())},
        "users": _users(known),
        "cost": _cost(total(failure for failure in known if failure.fault != "work")),
        "unpriced_models": unpriced(known, rules),
        "trend": trend(known, now=now),
        "patterns": [row(pattern) | sure[pattern.id] for pattern in grouped],
        "formats": {name: _lines(files, lines) for name, (files, lines) in sorted((formats or {}).items())},
    }


def sureness(failures: Iterable[Failure]) -> dict[str, dict[str, Any]]:
    """By pattern: mean confidence of its failures, and whether it is to be shown as unsure."""
    found: dict[str, list[float]] = {}
    for failure in failures:
        found.setdefault(failure.signature.id, []).append(failure.confidence)
    means = {key: sum(values) / len(values) for key, values in found.items()}
    return {key: {"confidence": round(mean, 3), "unsure": mean < SURE} for key, mean in means.items()}


def row(pattern: Pattern) -> dict[str, Any]:
    """One pattern as the report shows it."""
    return {
        "id": pattern.id,
        "title": pattern.title,
        "cause": pattern.cause,
        "remedy": pattern.remedy,
        "fault": pattern.fault,
        "lane": pattern.lane,
        "severity": pattern.severity,
        "failures": pattern.failures,
        "episodes": pattern.episodes,
        "runs": pattern.runs,
        "lineages": pattern.lineages,
        "repeated": pattern.repeated,
        "users": len(pattern.users),
        "user_names": list(pattern.users),
        "tenants": list(pattern.tenants),
        "projects": list(pattern.projects),
        "skills": list(pattern.skills),
        "first_seen": when(pattern.first_seen),
        "last_seen": when(pattern.last_seen),
        "share": pattern.share,
        **_cost(pattern.cost),
        "signature": [
            {"name": part.name, "text": part.text, "contributes": part.contributes, "hint": part.hint}
            for part in pattern.signature.parts
        ],
        "examples": [{"run": c.run, "step": c.step, "quote": c.quote} for c in pattern.examples],
    }


def statement(spread: Concentration) -> str:
    """The 80/20 claim as these logs have it, in one sentence."""
    if spread.in_sample is None:
        return "No failure was seen in two lineages: nothing is repeated, so there is no concentration to state."
    top = f"The most frequent 20 % of {spread.patterns} repeated patterns carry {spread.in_sample:.0%}"
    seen = f"{top} of the {spread.episodes} repeated episodes in these logs"
    if spread.held_out is None or spread.low is None or spread.high is None:
        return f"{seen}; too few lineages to say how it would be on others."
    return (
        f"{seen}; ranked on one half of the lineages they carry {spread.held_out:.0%} on the other half "
        f"(90 % interval {spread.low:.0%} to {spread.high:.0%})."
    )


def trend(failures: Sequence[Failure], *, now: float) -> list[dict[str, Any]]:
    """Failures and episodes by week (Monday's date, UTC), empty weeks included; times after `now` count as now."""
    dated = [(min(failure.at, now), failure) for failure in failures if failure.at is not None]
    if not dated:
        return []
    weeks: dict[str, list[Failure]] = {}
    first = max(monday(min(at for at, _ in dated)), monday(now) - timedelta(weeks=WEEKS - 1))
    last = monday(max(at for at, _ in dated))
    for i in range((last - first).days // 7 + 1):
        weeks[(first + timedelta(weeks=i)).date().isoformat()] = []
    for at, failure in dated:
        key = monday(at).date().isoformat()
        if key in weeks:
            weeks[key].append(failure)
    return [
        {
            "week": week,
            "failures": len(group),
            "agent_failures": sum(failure.fault == "agent" for failure in group),
            "episodes": len(episodes(group)),
            "by_fault": _counted(failure.fault for failure in group),
        }
        for week, group in weeks.items()
    ]


def monday(at: float) -> datetime:
    """Midnight (UTC) of the Monday of the week of `at`."""
    day = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def when(at: float | None) -> str | None:
    """A time as ISO 8601 in UTC, None where unknown."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unpriced(failures: Iterable[Failure], rules: Rules) -> list[str]:
    """Models of failures for which the price table has no row: their `usd` is 0."""
    models = {failure.model for failure in failures if failure.model}
    return sorted(model for model in models if not any(price.match in model.lower() for price in rules.prices))


def _shown(spread: Concentration) -> dict[str, Any]:
    def part(value: float | None) -> float | None:
        return None if value is None else round(value, 4)

    return {
        "top": spread.top,
        "in_sample": part(spread.in_sample),
        "held_out": part(spread.held_out),
        "low": part(spread.low),
        "high": part(spread.high),
        "patterns": spread.patterns,
        "episodes": spread.episodes,
        "curve": list(spread.curve),
    }


def _users(failures: Sequence[Failure]) -> list[dict[str, Any]]:
    """Users by number of failures that are not reports on the code."""
    rows = []
    for user in sorted({failure.user for failure in failures}):
        own = [failure for failure in failures if failure.user == user and failure.fault not in ("work", "cascade")]
        counted = {"user": user, "failures": len(own), "agent_failures": sum(f.fault == "agent" for f in own)}
        rows.append(counted | {"episodes": len(episodes(own))} | _cost(total(own)))
    return sorted(rows, key=lambda shown: (-int(shown["failures"]), str(shown["user"])))


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "minutes": round(cost.seconds / 60, 1),
        "steps": cost.steps,
        "tokens": cost.tokens,
        "usd": round(cost.usd, 4),
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))


def _lines(files: int, lines: LineCount) -> dict[str, int]:
    return {
        "files": files,
        "lines": lines.seen,
        "understood": lines.understood,
        "ignored": lines.ignored,
        "quarantined": lines.quarantined,
    }
