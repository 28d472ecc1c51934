"""`memento report` on a terminal: the concentration, the causes and the dearest patterns (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from memento_skills.app import charts, html, screen
from memento_skills.masking import visible

ROWS = 15


def render(report: Mapping[str, Any], *, width: int) -> RenderableType:
    """The dict of `report --json` as a screen of `width` columns."""
    rows: list[RenderableType] = [_head(report), Text(), *_concentration(report, width), Text()]
    rows.extend(_bars("Causes", report["causes"], width))
    rows.append(Text())
    rows.append(patterns_table(report, width))
    rows.append(_account(report))
    return Group(*rows)


def patterns_table(report: Mapping[str, Any], width: int, *, limit: int = ROWS) -> RenderableType:
    """The first `limit` patterns; narrow screens leave out what is least needed."""
    patterns = list(report["patterns"])
    if not patterns:
        return Text("No pattern yet.", "dim")
    wide = width >= 110
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True, header_style="bold")
    grid.add_column("what goes wrong", ratio=1, overflow="ellipsis", no_wrap=True)
    if wide:
        grid.add_column("cause", no_wrap=True)
    for name in ("times", "share", "users", "min", "$", *(("last seen",) if wide else ())):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("id", no_wrap=True, style="dim")
    for row in patterns[:limit]:
        grid.add_row(*_cells(row, wide))
    if len(patterns) <= limit:
        return grid
    return Group(grid, Text(f"{len(patterns) - limit:,} more: memento patterns", "dim"))


def _cells(row: Mapping[str, Any], wide: bool) -> list[Text | str]:
    view = html.pattern_view(row)
    unsure = " (unsure)" if row.get("unsure") else ""
    cells: list[Text | str] = [screen.plain(str(row["title"]) + unsure, "red" if row["severity"] == 1 else "")]
    if wide:
        cells.append(str(row["cause"]).replace("_", " "))
    cells += [f"{row['episodes']:,}", f"{row['share']:.0%}", str(view["users"])]
    cells.append(f"{row['minutes']:,.0f}" if row["minutes"] else "-")
    cells.append(f"{row['usd']:,.2f}" if row["usd"] else "-")
    if wide:
        cells.append(str(view["last"]))
    return [*cells, Text(visible(str(row["id"]))[:8])]


def _head(report: Mapping[str, Any]) -> Text:
    row = Text().append(f"{report['runs']:,} runs, {report['lineages']:,} lineages", "bold")
    return row.append(
        f": {report['failures']:,} failures, {report['agent_failures']:,} of them the agent's own,"
        f" {report['repeated_episodes']:,} repeated episodes",
    )


def _concentration(report: Mapping[str, Any], width: int) -> list[RenderableType]:
    told = report["concentration"]
    said = html.statement(told)
    rows: list[RenderableType] = []
    curve = _curve(report)
    if curve:
        size = min(60, width - 24)
        cut = max(1, round(size * float(told["top"])))
        line = charts.spark(curve, size)
        rows.append(
            Text().append(line[:cut], "bold cyan").append(line[cut:], "dim cyan").append("  cumulative share", "dim")
        )
        rows.append(
            Text(" " * (cut - 1) + "└ ", "dim").append(f"top {told['top']:.0%} of {told['patterns']} patterns", "dim")
        )
    if said["held_out"] is not None:
        figure = f"{said['held_out']:.0%} of repeated episodes they were not chosen on"
        if said["low"] is not None and said["high"] is not None:
            figure += f" ({said['low']:.0%} to {said['high']:.0%})"
        rows.append(Text(f"The top {told['top']:.0%} of the patterns cover {figure}.", "bold"))
    rows.append(Text(str(said["said"])))
    return rows


def _curve(report: Mapping[str, Any]) -> list[float]:
    counts = sorted((int(p["episodes"]) for p in report["patterns"] if html.is_repeated(p)), reverse=True)
    total, running, curve = sum(counts), 0, []
    for count in counts:
        running += count
        curve.append(running / total)
    return curve


def _bars(title: str, counts: Mapping[str, int], width: int) -> list[RenderableType]:
    ranked = sorted(((n, c) for n, c in counts.items() if c), key=lambda pair: (-pair[1], pair[0]))[:6]
    if not ranked:
        return []
    total, high = sum(counts.values()), ranked[0][1]
    room = max(10, min(40, width - 46))
    rows: list[RenderableType] = [Text(title, "bold")]
    for name, count in ranked:
        bar = "█" * max(1, round(room * count / high))
        row = Text(f"{visible(name.replace('_', ' ')):<22} ").append(f"{bar:<{room}}", "cyan")
        rows.append(row.append(f" {count:>6,}  {count / total:>4.0%}"))
    return rows


def _account(report: Mapping[str, Any]) -> Text:
    formats = report["formats"].values()
    total = {key: sum(int(f[key]) for f in formats) for key in ("lines", "understood", "ignored", "quarantined")}
    said = (
        f"{total['lines']:,} lines read = {total['understood']:,} understood + {total['ignored']:,} ignored"
        f" + {total['quarantined']:,} quarantined"
    )
    return Text(said, "dim")
