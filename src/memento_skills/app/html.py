"""The report as one self-contained page: no script, no network, every string inert.

Two walls stand between a log and the reader: jinja2 escapes every expression, and `finalize` makes control,
bidi and other hidden characters of every string visible first. The page's CSP forbids everything but its style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from memento_skills import __version__
from memento_skills.app import charts, screen
from memento_skills.app.when import day
from memento_skills.records import Patch, Record, Verdict

if TYPE_CHECKING:
    from jinja2 import Environment

PATTERNS = 25
"""Patterns listed in full; the rest is one line, and all of them are in `report --json`."""

REMEDIES = {
    "skill": "a skill can say it",
    "permission": "for who grants permissions",
    "tool": "for the tool's owner",
    "environment": "for the environment's owner",
    "data": "for the data's owner",
    "task_author": "for the task's author",
    "none": "nothing to fix",
}


class Proposal(Record, frozen=True, kw_only=True):
    """One patch as the page shows it."""

    patch: Patch
    verdict: Verdict | None = None
    title: str = ""
    state: str = "awaiting review"
    """awaiting review, approved, rejected, promoted, rolled back, …"""


def page(report: Mapping[str, Any], proposals: Sequence[Proposal], *, now: float) -> str:
    """Render the dict of `report --json` and the proposals as an HTML document (UTF-8 text)."""
    return render("report.html.j2", view(report, proposals, now=now))


def render(template: str, values: Mapping[str, Any]) -> str:
    """A page from a template of ours: every value escaped, every hidden character made visible."""
    return _environment().get_template(template).render(values)


def project_name(project: str) -> str:
    """The last part of a project's path."""
    return project.rstrip("/").rpartition("/")[2] or project


def view(report: Mapping[str, Any], proposals: Sequence[Proposal], *, now: float) -> dict[str, Any]:
    """What the template draws: plain values, each computed here."""
    patterns = list(report["patterns"])
    concentration = report["concentration"]
    lines = [dict(row, name=name) for name, row in sorted(report["formats"].items())]
    weeks = [(str(week["week"]), int(week["failures"])) for week in report.get("trend", ())]
    seen = [p[key] for p in patterns for key in ("first_seen", "last_seen") if p.get(key)]
    return {
        "version": __version__,
        "remedies": REMEDIES,
        "made": day(now),
        "report": report,
        "since": _day(min(seen, default=None)),
        "until": _day(max(seen, default=None)),
        "statement": statement(concentration),
        "pareto": charts.pareto(
            [(str(p["title"]), int(p["episodes"])) for p in patterns if is_repeated(p)],
            top=float(concentration["top"]),
        ),
        "causes": _shares(report["causes"]),
        "faults": _shares(report.get("failures_by_fault", {})),
        "weeks": charts.columns(weeks),
        "users": _shares(_users(report)),
        "patterns": [pattern_view(p) for p in patterns[:PATTERNS]],
        "more": max(0, len(patterns) - PATTERNS),
        "lost": {key: sum(float(p.get(key) or 0) for p in patterns) for key in ("minutes", "tokens", "usd")}
        | dict(report.get("cost", {})),
        "unpriced": list(report.get("unpriced_models", ())),
        "proposals": [_proposal(p) for p in proposals],
        "lines": lines,
        "total": {key: sum(int(row.get(key, 0)) for row in lines) for key in _LINE_KEYS},
    }


def statement(concentration: Mapping[str, Any]) -> dict[str, Any]:
    """The 80/20 claim tested on these logs: the figure to trust, its interval, and what it says in words."""
    held_out, low, high = (concentration.get(key) for key in ("held_out", "low", "high"))
    if held_out is None:
        said = "Too few repeated failures to say whether a few patterns cause most of them."
    elif low is not None and low > 0.5:
        said = "Few patterns cause most repeated failures here."
    elif high is not None and high < 0.5:
        said = "Repeated failures are spread over many patterns here: no few causes explain most of them."
    else:
        said = "These logs cannot tell whether few patterns cause most repeated failures."
    return {"held_out": held_out, "low": low, "high": high, "in_sample": concentration.get("in_sample"), "said": said}


def is_repeated(pattern: Mapping[str, Any]) -> bool:
    """Whether a pattern of the report was seen in two lineages or more (episodes = one a lineage)."""
    return int(pattern.get("lineages", pattern["episodes"])) >= 2


def pattern_view(pattern: Mapping[str, Any]) -> dict[str, Any]:
    """A pattern of the report with users and tenants counted and its days written."""
    row = dict(pattern)
    row["users"] = _count(pattern.get("users", 0))
    row["tenants"] = _count(pattern.get("tenants", 0))
    row["first"] = _day(pattern.get("first_seen"))
    row["last"] = _day(pattern.get("last_seen"))
    return row


_LINE_KEYS = ("files", "lines", "understood", "ignored", "quarantined")


def _proposal(item: Proposal) -> dict[str, Any]:
    quotes = [citation for claim in item.patch.rationale for citation in claim.citations]
    return {
        "title": item.title or item.patch.skill.name,
        "state": item.state,
        "patch": item.patch,
        "verdict": item.verdict,
        "lines": screen.diff_kinds(item.patch.diff),
        "claims": [label + c.text for label, c in zip(screen.labels(item.patch), item.patch.rationale, strict=True)],
        "quotes": screen.distinct(quotes, 3),
        "worth": screen.worth(item.verdict.worth) if item.verdict and item.patch.guard else "not measured",
        "without": screen.without(item.verdict.without) if item.verdict else "",
        "placement": screen.placement(item.patch),
    }


def _count(value: object) -> int:
    return len(value) if isinstance(value, (list, tuple)) else int(str(value))


def _day(value: object) -> str:
    return day(float(value)) if isinstance(value, (int, float)) else str(value or "")[:10]


def _users(report: Mapping[str, Any]) -> dict[str, int]:
    return {str(row["user"]) or "unknown": int(row["failures"]) for row in report.get("users", ())}


def _shares(counts: Mapping[str, Any]) -> list[dict[str, Any]]:
    total = sum(int(value) for value in counts.values()) or 1
    high = max((int(value) for value in counts.values()), default=1) or 1
    ranked = sorted(((str(name), int(value)) for name, value in counts.items()), key=lambda pair: (-pair[1], pair[0]))
    return [
        {"name": name.replace("_", " "), "value": value, "share": value / total, "width": round(100 * value / high, 1)}
        for name, value in ranked
        if value
    ]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from memento_skills.masking import visible

    def inert(value: object) -> object:
        return visible(value.replace("\r\n", "\n"), newlines=True) if type(value) is str else value

    environment = Environment(
        loader=PackageLoader("memento_skills.app", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=inert,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=lambda value: f"{value:,}",
        share=lambda value: "–" if value is None else f"{value:.0%}",
        usd=lambda value: f"${value:,.2f}" if value else "–",
        minutes=lambda value: "–" if not value else f"{value:,.0f}" if value >= 10 else f"{value:.1f}",
        short=_short,
    )
    return environment


def _short(value: float) -> str:
    """1234567 -> 1.2 M, for tables."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f} {letter}"
    return f"{value:g}"
