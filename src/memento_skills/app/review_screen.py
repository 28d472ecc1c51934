"""One proposal of the review walk as a screen: what it would break first, then what it says and why (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.segment import Segment
from rich.text import Text

from memento_skills.app import screen
from memento_skills.masking import visible
from memento_skills.records import Citation, Patch, Pattern, QueueItem, Record, Slice, Verdict

Pane = Literal["all", "diff", "quotes", "backtest"]
PANES: tuple[Pane, ...] = ("all", "diff", "quotes", "backtest")
TITLES = {"diff": "what changes", "quotes": "why", "backtest": "on later logs"}
KEYS = "j/k next/previous  a approve  e edit  r reject  s snooze  d view  u undo  ? help  q quit"
KEYS_SHORT = "j k a)pprove e)dit r)eject s)nooze d)view u)ndo ?help q)uit"
HELP = """\
j k   next, previous proposal (arrows too)
a     approve: kept with your name; `memento promote` commits it
A     approve although it brings a dangerous capability
e     edit the skill's text in your editor; every check runs again
r     reject, with a reason
s     snooze: it comes back, and keeps its age
d     view: everything, what changes, why, on later logs
space scroll; b back
u     undo your last decision
q     quit; decisions are kept as you make them"""
LANES = {"severe": "severe", "few_users": "few users", "broad": "broad", "oldest": "oldest"}


class Card(Record, frozen=True, kw_only=True):
    """A proposal with everything a person needs to decide on it."""

    item: QueueItem
    patch: Patch
    verdict: Verdict
    pattern: Pattern | None = None
    places: dict[str, str]
    """`file:line` by `run#step`, of the quotes."""
    head: str = ""
    """Revision of the skill now; another than the patch's base = it moved on."""
    seen: str = ""
    """`curate.seen_hash` of what is shown."""

    @property
    def edited(self) -> bool:
        """Whether the text is the curator's own: its authorship names the writer and the person."""
        return " + " in self.patch.writer

    @property
    def risky(self) -> bool:
        """Whether it brings a dangerous capability."""
        return any(chip.dangerous for chip in self.patch.chips)

    @property
    def stale(self) -> bool:
        """Whether the skill is no longer what the patch was written against."""
        return self.head != self.patch.skill.revision


def head(card: Card, place: str, answer: str = "") -> RenderableType:
    """Lost cases, title, lane, severity, date, verdict, chips; `place` such as 2/5, `answer` what was decided."""
    item = card.item
    rows: list[RenderableType] = list(_lost(card.verdict))
    if card.stale:
        rows.append(Text("The skill has changed since this was written: it must be proposed again.", "bold red"))
    title = Text().append(f"{place}  ", "dim").append_text(screen.plain(item.title, "bold", limit=150))
    rows.append(title if not answer else title.append(f"  [{answer}]", "bold cyan"))
    facts = Text().append(LANES[item.lane], "bold red" if item.lane == "severe" else "bold")
    facts.append(f", severity {item.severity}, by {item.review_by}")
    facts.append(f"; {item.failures} failures, {item.users} {'user' if item.users == 1 else 'users'}; ")
    word, style = screen.VERDICT_WORDS[card.verdict.value]
    rows.append(facts.append(word, style))
    kinds = {"amend": "amends", "create": "NEW skill", "permission": "PERMISSION for", "retire": "TAKES A RULE OUT of"}
    what = kinds[card.patch.kind]
    skill = Text().append(f"{what} ", "yellow" if card.patch.kind != "amend" else "")
    skill.append_text(screen.plain(card.patch.skill.name, "bold")).append(
        f", for {screen.scope_words(card.patch.scope)}"
    )
    rows.append(skill.append(f"  {visible(card.patch.id)}", "dim"))
    if card.patch.chips:
        rows.append(screen.chips(card.patch.chips))
    rows.extend(screen.plain(note, "bold yellow", limit=200) for note in card.patch.notes)
    return Group(*rows)


def body(card: Card, pane: Pane) -> RenderableType:
    """The chosen view: all of it, or one of its parts."""
    parts: tuple[Literal["diff", "quotes", "backtest"], ...] = (
        ("diff", "quotes", "backtest") if pane == "all" else (pane,)
    )
    make: dict[str, Callable[[], Sequence[RenderableType]]] = {
        "diff": lambda: screen.changed(card.patch.diff) if pane == "all" else screen.diff(card.patch.diff),
        "quotes": lambda: quotes(card, brief=pane == "all"),
        "backtest": lambda: [*evidence(card.verdict), *_placed(card.patch)],
    }
    rows: list[RenderableType] = []
    for part in parts:
        rows.append(Rule(TITLES[part], align="left", style="dim", characters="─"))
        rows.extend(make[part]())
    return Group(*rows)


def quotes(card: Card, *, brief: bool = False) -> list[RenderableType]:
    """Each claim with its quotes, run, step and file:line; then held-out failures that it catches.

    `brief`: the claims, and of all their quotes the two that differ, with the file's name alone.
    """
    rows: list[RenderableType] = []
    for label, claim in zip(screen.labels(card.patch), card.patch.rationale, strict=True):
        rows.append(screen.plain(label + claim.text, limit=300))
        if not claim.citations:
            rows.append(Text("  unsupported: no quote", "bold red"))
        elif not brief:
            rows.extend(_quoted(screen.distinct(claim.citations, 3), card.places))
    every = [citation for claim in card.patch.rationale for citation in claim.citations]
    if brief:
        return [*rows, *_quoted(screen.distinct(every, 2), {key: _file_name(at) for key, at in card.places.items()})]
    if card.verdict.examples:
        rows.append(Text("later failures it would have caught:"))
        rows.extend(_quoted(screen.distinct(card.verdict.examples, 3), card.places))
    return rows or [Text("no quote", "bold red")]


def evidence(verdict: Verdict) -> Sequence[RenderableType]:
    """Backtest with its interval, slices, reach and checks."""
    rows: list[RenderableType] = [Text(screen.backtest(verdict.counts, verdict.held_out_lineages))]
    rows.append(screen.plain(verdict.reason, "italic"))
    rows.extend(_slices(verdict.slices))
    rows.append(Text(screen.worth(verdict.worth)))
    if alone := screen.without(verdict.without):
        rows.append(Text(alone))
    share = verdict.reach.share
    reach = "reach: not known" if share is None else f"reach: {share:.0%} of {verdict.reach.runs} held-out failing runs"
    if verdict.reach.carries:
        reach += f"; the rest: {visible(verdict.reach.carries)}"
    rows.append(Text(reach))
    rows.append(_checks(verdict))
    return rows


def _placed(patch: Patch) -> list[RenderableType]:
    said = screen.placement(patch)
    return [screen.plain(f"where: {said}", limit=300)] if said else []


def verdict_block(verdict: Verdict) -> RenderableType:
    """A verdict on its own, for `memento verify`."""
    word, style = screen.VERDICT_WORDS[verdict.value]
    return Group(*_lost(verdict), Text(word, style), *evidence(verdict))


def fit(
    console: Console, parts: tuple[RenderableType, RenderableType, RenderableType], offset: int
) -> tuple[list[list[Segment]], int]:
    """Lay out (head, body, foot) on the console's screen; the body scrolls by `offset` lines.

    Gives exactly the screen's lines, and the offset of the next page (0 = the last page is shown).
    """
    options = console.options.update(height=None)
    top, middle, bottom = (_lines(console, options, part) for part in parts)
    room = max(1, console.height - len(bottom))
    top = top[: max(1, room - 3)]
    room -= len(top)
    offset = min(offset, max(0, len(middle) - 1))
    shown = middle[offset : offset + room]
    following = offset + room if offset + room < len(middle) else 0
    if following and shown:
        shown[-1] = [Segment(f"… {len(middle) - following + 1} more lines (space)", console.get_style("dim"))]
        following -= 1
    shown += [[] for _ in range(room - len(shown))]
    return top + shown + bottom, following


def foot(message: str, width: int) -> RenderableType:
    """What just happened, and the keys."""
    return Group(
        screen.plain(message, "cyan", limit=4 * max(10, width)), Text(KEYS if width >= len(KEYS) else KEYS_SHORT, "dim")
    )


def _lines(console: Console, options: ConsoleOptions, part: RenderableType) -> list[list[Segment]]:
    return console.render_lines(part, options, pad=False)


def _checks(verdict: Verdict) -> Text:
    failed = [check for check in verdict.checks if not check.passed]
    passed = len(verdict.checks) - len(failed)
    if not verdict.checks:
        return Text("checks: none ran", "yellow")
    row = Text("checks: ").append(f"{passed} passed", "green")
    for check in failed:
        row.append(f", FAILED {visible(check.name)}", "bold red")
        row.append_text(screen.plain(f" ({check.detail})", "red", limit=160))
    return row


def _lost(verdict: Verdict) -> list[RenderableType]:
    rows: list[RenderableType] = []
    if verdict.lost_cases:
        count = len(verdict.lost_cases)
        rows.append(
            Text(f"LOST: it speaks up at {count} {'call' if count == 1 else 'calls'} that worked", "bold white on red")
        )
        rows.extend(
            Padding(screen.quote(case, limit=90), (0, 0, 0, 2), expand=False) for case in verdict.lost_cases[:2]
        )
    worse = [s for s in verdict.slices if s.judgement == "worse"]
    if worse:
        rows.append(
            Text().append("WORSE for ", "bold white on red").append_text(screen.plain(_names(worse), "bold red"))
        )
    return rows


def _slices(slices: Sequence[Slice]) -> list[Text]:
    rows = []
    for judgement, style in (("worse", "bold red"), ("better", "green"), ("unknown", "dim")):
        of_it = [s for s in slices if s.judgement == judgement]
        if of_it:
            rows.append(
                Text().append(f"{judgement} for: ", style).append_text(screen.plain(_names(of_it), "", limit=300))
            )
    return rows


def _names(slices: Sequence[Slice]) -> str:
    return ", ".join(
        f"{s.kind} {s.name} ({s.counts.right}/{s.counts.right + s.counts.wrong + s.counts.false})" for s in slices
    )


def _quoted(citations: Sequence[Citation], places: Mapping[str, str]) -> list[RenderableType]:
    rows: list[RenderableType] = []
    for citation in citations:
        row = screen.quote(citation, limit=160)
        if place := places.get(f"{citation.run}#{citation.step}"):
            row.append(f"  {visible(place)}", "dim")
        rows.append(Padding(row, (0, 0, 0, 2), expand=False))
    return rows


def _file_name(place: str) -> str:
    """`file:line` without the folder, its middle cut where it is long: session ids make it so."""
    name = place.replace("\\", "/").rpartition("/")[2]
    return name if len(name) <= 30 else f"{name[:12]}…{name[-16:]}"
