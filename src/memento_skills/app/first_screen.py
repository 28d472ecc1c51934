"""The screen that decides: three dear failures, one small diff with its evidence, and what to type next (pure)."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memento_skills.app import screen
from memento_skills.app.options import Scanned
from memento_skills.app.when import spell
from memento_skills.records import Patch, Pattern, Record, Verdict

DEAREST = 3


class FirstScreen(Record, frozen=True, kw_only=True):
    """What the screen shows, chosen by the pipeline."""

    scanned: Scanned
    patterns: tuple[Pattern, ...]
    """Candidates in any order; the dearest three repeated ones are shown."""
    patch: Patch | None = None
    verdict: Verdict | None = None
    waiting: int = 0
    """Proposals in the queue."""
    elsewhere: int = 0
    """Repeated patterns that are no skill problem."""


def render(first: FirstScreen, *, flags: str = "") -> RenderableType:
    """The whole screen; fits 24 lines of 80 columns for ordinary texts.

    `flags` (such as `--store PATH`) stand behind every command that is named.
    """
    if not first.scanned.ingested.files and not first.patterns:
        return _nothing_found(flags)
    rows: list[RenderableType] = [_account(first.scanned), Text()]
    rows.extend(_dear(first.patterns))
    rows.append(Text())
    rows.extend(_proposal(first))
    rows.append(_next(first, flags))
    return Group(*rows)


def dearest(patterns: tuple[Pattern, ...], limit: int = DEAREST) -> tuple[Pattern, ...]:
    """The repeated patterns of an agent's own fault or denial that cost most: money, then time, then episodes."""
    repeated = [p for p in patterns if p.repeated and p.fault in ("agent", "denial")]
    repeated.sort(key=lambda p: (-_price(p), -p.episodes, p.id))
    return tuple(repeated[:limit])


def cost(pattern: Pattern) -> str:
    """`7 times, 42 min and $3.10 lost`; money is left out where the logs and the price list tell none."""
    times = f"{pattern.episodes} times"
    parts = [spell(pattern.cost.seconds)] if pattern.cost.seconds else []
    if pattern.cost.usd >= 0.005:
        parts.append(f"${pattern.cost.usd:,.2f}")
    return f"{times}, {' and '.join(parts)} lost" if parts else times


def _price(pattern: Pattern) -> float:
    """Money and time on one scale: an hour of waiting counts as a dollar, so that time decides between free ones."""
    return pattern.cost.usd + pattern.cost.seconds / 3600


def _account(scanned: Scanned) -> Text:
    done = scanned.ingested
    read = f"{done.runs:,} runs" if done.runs else "nothing new"
    row = Text(f"{read} in {done.files:,} files, {done.lines.seen:,} lines", "dim")
    if done.lines.quarantined:
        row.append(f" ({done.lines.quarantined:,} could not be read)", "yellow")
    row.append(f": {scanned.failures:,} failures, {scanned.patterns:,} patterns", "dim")
    return row


def _dear(patterns: tuple[Pattern, ...]) -> list[RenderableType]:
    chosen = dearest(patterns)
    if not chosen:
        return [Text("No failure of the agents repeats in these logs yet.", "bold")]
    rows: list[RenderableType] = [Text("What your agents repeat most dearly", "bold")]
    for place, pattern in enumerate(chosen, 1):
        title = screen.plain(pattern.title, "bold", limit=100)
        rows.append(_hanging(Text(f"{place}. ", "bold"), title))
        users = f", {len(pattern.users)} users" if len(pattern.users) > 1 else ""
        rows.append(Text(f"   {cost(pattern)}{users}", "red"))
    return rows


def _proposal(first: FirstScreen) -> list[RenderableType]:
    if first.patch is None:
        said = "No patch is proposed: nothing that a skill could say has evidence enough."
        return [Text(said, "bold"), Text()]
    patch = first.patch
    new = " (a new skill)" if patch.kind == "create" else ""
    rows: list[RenderableType] = [
        Text("A patch for the skill ", "bold").append_text(screen.plain(patch.skill.name, "bold")).append(new, "yellow")
    ]
    # of a new skill the end is what matters: its head is the format's, the rule stands last
    lines = screen.changed(patch.diff)[-5:] if patch.kind == "create" else screen.changed(patch.diff, limit=8)
    rows.extend(_indented(line) for line in lines)
    if patch.chips:
        rows.append(_indented(screen.chips(patch.chips)))
    quotes = [c for claim in patch.rationale for c in claim.citations]
    rows.extend(_indented(screen.quote(c, limit=70)) for c in screen.distinct(quotes, 2))
    if first.verdict is not None:
        word, style = screen.VERDICT_WORDS[first.verdict.value]
        row = Text("on later logs: ").append(word, style)
        row.append(f", {screen.backtest(first.verdict.counts, first.verdict.held_out_lineages)}")
        if lost := len(first.verdict.lost_cases):
            row.append(f"; it speaks up at {lost} {'call' if lost == 1 else 'calls'} that worked", "red")
        rows.append(_indented(row))
    rows.append(Text())
    return rows


def _indented(text: Text) -> RenderableType:
    return Padding(text, (0, 0, 0, 2), expand=False)


def _hanging(mark: Text, text: Text) -> RenderableType:
    """A mark, and the text beside it: its second line begins below its first."""
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row(mark, text)
    return grid


def _next(first: FirstScreen, flags: str) -> RenderableType:
    rows = []
    if first.waiting:
        what = "proposal" if first.waiting == 1 else "proposals"
        rows.append(("memento review", f"approve, edit or reject ({first.waiting} {what})"))
    else:
        rows.append(("memento report", "all patterns and what they cost"))
    if first.elsewhere:
        rows.append(("memento reflect", f"why {first.elsewhere} more are not a skill's to fix"))
    if first.scanned.ingested.waiting:
        rows.append(("memento scan", f"goes on with the {first.scanned.ingested.waiting:,} older files"))
    return _commands(rows, flags)


def _nothing_found(flags: str) -> RenderableType:
    rows = [
        ("memento scan PATH", "logs that lie elsewhere"),
        ("memento doctor", "where logs were looked for"),
        ("memento demo", "the whole loop on bundled logs"),
    ]
    return Group(Text("No agent logs were found.", "bold"), Text(), _commands(rows, flags))


def _commands(rows: list[tuple[str, str]], flags: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=not flags, style="bold cyan")
    grid.add_column()
    for place, (command, why) in enumerate(rows):
        grid.add_row(Text("" if place else "Next:", "bold"), f"{command} {flags}".strip(), why)
    return grid
