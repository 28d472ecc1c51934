"""Small pieces that the terminal screens share: harmless text, coloured diffs, counts in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from rich.text import Text

from memento_skills.app.when import spell
from memento_skills.masking import visible
from memento_skills.records import Chip, Citation, Counts, Patch, Scope, Worth
from memento_skills.stats import wilson

_MADE_VISIBLE = re.compile(r"‹[^›]{1,12}›|[\u2400-\u2426]")
"""What `visible` writes for a hidden character."""
DiffKind = Literal["file", "hunk", "add", "del", "same"]
DIFF_KINDS: dict[str, DiffKind] = {"+": "add", "-": "del", "@": "hunk"}
DIFF_STYLES: dict[DiffKind, str] = {"add": "green", "del": "red", "hunk": "cyan", "file": "dim", "same": ""}
VERDICT_WORDS = {
    "better": ("better", "bold green"),
    "not_better": ("not better", "bold red"),
    "not_enough_evidence": ("not enough evidence", "bold yellow"),
}


def plain(text: str, style: str = "", *, limit: int = 0) -> Text:
    """Text from anywhere on one line: hidden characters visible and marked, cut to `limit` characters."""
    flat = visible(" ".join(text.split()))
    if limit and len(flat) > limit:
        flat = flat[: limit - 1] + "…"
    return _marked(flat, style)


def diff_kinds(text: str) -> list[tuple[DiffKind, str]]:
    """(kind, line) of a unified diff; file names stand only before the first hunk, whatever a line looks like."""
    rows: list[tuple[DiffKind, str]] = []
    head = True
    for line in text.split("\n"):
        head = head and not line.startswith("@@")
        rows.append(("file" if head else DIFF_KINDS.get(line[:1], "same"), line))
    if rows and not rows[-1][1]:
        rows.pop()
    return rows


def diff(text: str, *, limit: int = 0) -> list[Text]:
    """A unified diff, a Text a line, coloured; a last line says how much was left out beyond `limit` lines."""
    return _drawn(diff_kinds(text), limit)


def changed(text: str, *, limit: int = 0) -> list[Text]:
    """The heart of a diff: without file names and with at most one line around what changes."""
    lines = [(kind, line) for kind, line in diff_kinds(text) if kind != "file"]
    keep = {near for at, (kind, _) in enumerate(lines) if kind in ("add", "del") for near in (at - 1, at, at + 1)}
    return _drawn([row for at, row in enumerate(lines) if at in keep and row[0] != "hunk"], limit)


def _drawn(rows: list[tuple[DiffKind, str]], limit: int) -> list[Text]:
    shown = rows if not limit or len(rows) <= limit else rows[: max(1, limit - 1)]
    drawn = [_marked(visible(line), DIFF_STYLES[kind]) for kind, line in shown]
    if len(shown) < len(rows):
        drawn.append(Text(f"… {len(rows) - len(shown)} more lines", "dim"))
    return drawn


def quote(item: Citation, *, limit: int = 120) -> Text:
    """“words”  run, step."""
    row = Text("“").append_text(plain(item.quote, "italic", limit=limit)).append("”  ")
    return row.append(f"{short_run(item.run)}, step {item.step}", "dim")


def short_run(key: str) -> str:
    """A run's key with a long native id cut to its first eight characters, as git does with commits."""
    client, _, native = key.rpartition(":")
    native = native if len(native) <= 14 else native[:8] + "…"
    return visible(f"{client}:{native}" if client else native)


def distinct(citations: Iterable[Citation], limit: int) -> list[Citation]:
    """The first citations, one for each different quote before any quote is said twice."""
    every = list(citations)
    first: dict[str, Citation] = {}
    for citation in every:
        first.setdefault(" ".join(citation.quote.split()), citation)
    chosen = list(first.values())
    return (chosen + [c for c in every if c not in chosen])[:limit]


def chips(items: Iterable[Chip]) -> Text:
    """New capabilities in brackets, dangerous ones loud."""
    row = Text()
    for chip in items:
        row.append("[", "dim").append_text(
            plain(f"new {chip.kind}: {chip.text}", "bold red" if chip.dangerous else "yellow")
        )
        row.append("] ", "dim")
    return row


def backtest(counts: Counts, lineages: int) -> str:
    """`7 right, 1 wrong, 0 false, 2 undecidable in 5 held-out lineages: precision 0.88 (0.58–0.97)`."""
    fires = counts.right + counts.wrong + counts.false
    if not fires and not counts.undecidable:
        return "no later call met it"
    said = (
        f"{counts.right} right, {counts.wrong} wrong, {counts.false} false, {counts.undecidable} undecidable"
        f" in {lineages} held-out {'lineage' if lineages == 1 else 'lineages'}"
    )
    if not fires:
        return said
    low, high = wilson(counts.right, fires, confidence=0.9)
    return f"{said}: precision {counts.right / fires:.2f} ({low:.2f}–{high:.2f})"


def worth(item: Worth) -> str:
    """What the failures cost that a patch is right on, on which logs, and how much of it stands for each added line."""
    lines = "1 line" if item.lines == 1 else f"{item.lines} lines"
    where = "on later logs" if item.held_out else "on the logs it was learnt from"
    if not item.failures:
        return f"no failure counted that its guard is right on; it adds {lines}"
    failures = "the failure" if item.failures == 1 else f"the {item.failures} failures"
    cost = f"{spell(item.minutes * 60)}, {item.steps:,} steps and {item.tokens:,} tokens"
    each = f"{item.minutes_per_line * 60:,.1f} s" if item.minutes else f"{item.steps / item.lines:,.1f} steps"
    return f"{failures} that it is right on {where} cost {cost}; for {lines}: {each} a line"


def without(lost: Counts | None) -> str:
    """What the set of all patches loses without this one, "" where it was not measured."""
    if lost is None:
        return ""
    parts = [f"{n} {word}" for word in ("right", "wrong", "false", "undecidable") if (n := getattr(lost, word))]
    return f"without it the set of all patches loses {', '.join(parts) or 'nothing'} on later logs"


def placement(patch: Patch) -> str:
    """Where the rule goes and which tier failed; "" where no log told it."""
    if not patch.placement.why:
        return ""
    where = {
        "new": "in a new skill",
        "description": "in the body, and named in the description",
        "body": "in the body",
        "reference": "in the body, with a pointer to the reference file",
    }
    return f"{where[patch.placement.tier]}: {patch.placement.why}"


def scope_words(scope: Scope) -> str:
    """For whom a patch is."""
    return "everyone" if scope.level == "base" else f"only the {scope.level} {visible(scope.name)}"


def _marked(text: str, style: str) -> Text:
    row = Text(text, style)
    for found in _MADE_VISIBLE.finditer(text):
        row.stylize("bold white on red", found.start(), found.end())
    return row


def labels(patch: Patch) -> tuple[str, ...]:
    """What each claim of a patch is about, where it has the three that reflection makes."""
    three = ("wrong decision: ", "missing: ", "assumed: ")
    return three if len(patch.rationale) == len(three) else ("",) * len(patch.rationale)
