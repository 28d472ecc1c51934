"""Geometry of the report's charts: numbers in, coordinates out (pure; the template only draws)."""

from __future__ import annotations

from collections.abc import Sequence

from memento_skills.records import Record

BARS = 40
"""At most so many bars in the Pareto chart: beyond that they are thinner than a pixel on a phone."""


class Bar(Record, frozen=True, kw_only=True):
    """One bar: position and size in the chart's own units, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int
    top: bool = False
    """Among the top share of the patterns."""


class Tick(Record, frozen=True, kw_only=True):
    """One line of the grid with its two readings."""

    y: float
    left: str
    right: str


class Pareto(Record, frozen=True, kw_only=True):
    """Bars, the cumulative curve as an SVG path, and where the top share of the patterns ends."""

    width: float
    height: float
    bars: tuple[Bar, ...]
    curve: str
    ticks: tuple[Tick, ...]
    cut: float | None
    """x of the end of the top share; None where it lies beyond the bars shown."""
    cut_y: float | None
    covered: float
    """Share (0-1) that the top patterns cover, in-sample."""
    shown: int
    total: int


def pareto(
    counts: Sequence[tuple[str, int]], *, top: float = 0.2, width: float = 720, height: float = 240
) -> Pareto | None:
    """Pareto chart of (label, count), largest first whatever the order given; None without any count."""
    ranked = sorted((pair for pair in counts if pair[1] > 0), key=lambda pair: (-pair[1], pair[0]))
    total = sum(value for _, value in ranked)
    if not total:
        return None
    shown = ranked[:BARS]
    high = nice(shown[0][1])
    slot = width / len(shown)
    best = max(1, round(len(ranked) * top))
    bars, points, running = [], [f"M0 {height:g}"], 0
    cut_y: float | None = None
    for index, (label, value) in enumerate(shown):
        tall = height * value / high
        running += value
        x, y = slot * index, height * (1 - running / total)
        bars.append(
            Bar(
                x=round(x + slot * 0.1, 2), y=round(height - tall, 2), width=round(slot * 0.8, 2),
                height=round(tall, 2), label=label, value=value, top=index < best,
            )
        )  # fmt: skip
        points.append(f"L{x + slot:.2f} {y:.2f}")
        if index == best - 1:
            cut_y = round(y, 2)
    ticks = tuple(
        Tick(y=round(height * (1 - part), 2), left=_short(high * part), right=f"{part:.0%}")
        for part in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    return Pareto(
        width=width, height=height, bars=tuple(bars), curve=" ".join(points), ticks=ticks,
        cut=round(slot * best, 2) if cut_y is not None else None, cut_y=cut_y,
        covered=sum(value for _, value in ranked[:best]) / total, shown=len(shown), total=len(ranked),
    )  # fmt: skip


def columns(counts: Sequence[tuple[str, int]], *, width: float = 720, height: float = 90) -> tuple[Bar, ...]:
    """Columns of a time series, in the order given."""
    if not counts:
        return ()
    high = max(1, *(value for _, value in counts))
    slot = width / len(counts)
    wide = min(slot * 0.8, 36)
    return tuple(
        Bar(
            x=round(slot * index + (slot - wide) / 2, 2), y=round(height * (1 - value / high), 2),
            width=round(wide, 2), height=round(height * value / high, 2), label=label, value=value,
        )
        for index, (label, value) in enumerate(counts)
    )  # fmt: skip


def nice(value: float) -> int:
    """The smallest 1, 2, 4, 6 or 8 times a power of ten that is at least `value`: a readable end of an axis."""
    power = 1
    while power * 10 < value:
        power *= 10
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= value)


def spark(values: Sequence[float], width: int) -> str:
    """A rising or falling row of block characters, `width` columns for `values` between 0 and 1."""
    blocks = " ▁▂▃▄▅▆▇█"
    if not values or width <= 0:
        return ""
    picked = [values[min(len(values) - 1, index * len(values) // width)] for index in range(width)]
    return "".join(blocks[max(0, min(8, round(value * 8)))] for value in picked)


def _short(value: float) -> str:
    return f"{value:g}" if value < 10_000 else f"{value / 1000:g}k"
