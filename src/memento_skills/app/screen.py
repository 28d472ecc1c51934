"""Small pieces that the terminal screens share: harmless text, coloured diffs, counts in words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.text import Text

from memento_skills.masking import visible
from memento_skills.records import Chip, Citation, Counts, Scope
from memento_skills.stats import wilson

_MADE_VISIBLE = re.compile(r"‹[^›]{1,12}›|[\u2400-\u2426]")
"""What `visible` writes for a hidden character."""
DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
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


def diff(text: str, *, limit: int = 0) -> list[Text]:
    """A unified diff, a Text a line, coloured; a last line says how much was left out beyond `limit` lines."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    shown = lines if not limit or len(lines) <= limit else lines[: max(1, limit - 1)]
    rows = [_marked(visible(line), _diff_style(line)) for line in shown]
    if len(shown) < len(lines):
        rows.append(Text(f"… {len(lines) - len(shown)} more lines", "dim"))
    return rows


def changed(text: str, *, limit: int = 0) -> list[Text]:
    """The heart of a diff: without file names and with at most one line around what changes."""
    lines = [line for line in text.split("\n") if not line.startswith(("---", "+++"))]
    keep = {near for at, line in enumerate(lines) if line[:1] in "+-" and line for near in (at - 1, at, at + 1)}
    kept = [line for at, line in enumerate(lines) if at in keep and line and not line.startswith("@@")]
    return diff("\n".join(kept), limit=limit)


def quote(item: Citation, *, limit: int = 120) -> Text:
    """“words”  run, step."""
    row = Text("“").append_text(plain(item.quote, "italic", limit=limit)).append("”  ")
    return row.append(f"{visible(item.run)}, step {item.step}", "dim")


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
    said = (
        f"{counts.right} right, {counts.wrong} wrong, {counts.false} false, {counts.undecidable} undecidable"
        f" in {lineages} held-out {'lineage' if lineages == 1 else 'lineages'}"
    )
    if not fires:
        return said
    low, high = wilson(counts.right, fires, confidence=0.9)
    return f"{said}: precision {counts.right / fires:.2f} ({low:.2f}–{high:.2f})"


def scope_words(scope: Scope) -> str:
    """For whom a patch is."""
    return "everyone" if scope.level == "base" else f"only the {scope.level} {visible(scope.name)}"


def _marked(text: str, style: str) -> Text:
    row = Text(text, style, end="")
    for found in _MADE_VISIBLE.finditer(text):
        row.stylize("bold white on red", found.start(), found.end())
    return row


def _diff_style(line: str) -> str:
    if line.startswith(("---", "+++")):
        return "dim"
    return DIFF_STYLES.get(line[:1], "")
