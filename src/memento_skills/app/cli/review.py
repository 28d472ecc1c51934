"""`memento review`: the queue, by keyboard or command by command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO, get_args

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command, Group
from memento_skills.app.cli.session import Session
from memento_skills.errors import UsageError
from memento_skills.records import Decision, RejectReason

if TYPE_CHECKING:
    from memento_skills.app.desk import Desk


@click.group("review", cls=Group, invoke_without_command=True)
@flags.curator
@click.pass_context
def command(ctx: click.Context, curator: str | None) -> None:
    """Walk through the queue by keyboard and decide; or list, show and answer one by one.

    Your answer is bound to what you saw: if the skill or its evidence moves on, it no longer counts.
    """
    session: Session = ctx.obj
    session.curator_flag = curator or session.curator_flag
    if ctx.invoked_subcommand is not None:
        return
    if not session.interactive:
        hint = "use `memento review list`, then approve, reject, edit or snooze with a patch"
        raise UsageError("the review walk needs a terminal", hint=hint)
    from memento_skills.app.cli.walking import walk

    with _desk(session) as desk:
        walk(session, desk)


@command.command("list", cls=Command)
@click.pass_obj
def list_(session: Session) -> None:
    """List the queue: what is awaiting review, in the order to look at it."""
    from memento_skills.app import surfaces

    with _desk(session) as desk:
        items = desk.items()
    if session.json:
        session.emit([surfaces.queue_item(item) for item in items])
        return
    for item in items:
        title = " ".join(item.title.split())
        session.row(
            f"{item.patch}  {item.lane:<9} s{item.severity}  by {item.review_by}  {item.verdict.replace('_', ' ')}"
            f"  {item.worth.minutes_per_line:,.2g} min/line"
            f"  {item.skill}{' (new)' if item.new_skill else ''}: {title}"
        )
    if not items:
        session.say("nothing is awaiting review")


@command.command("show", cls=Command)
@click.argument("patch")
@click.pass_obj
def show(session: Session, patch: str) -> None:
    """Show one PATCH: diff, quotes, backtest, reach, checks."""
    from memento_skills.app import review_screen, surfaces

    with _desk(session) as desk:
        card = desk.card(patch)
    if session.json:
        told = surfaces.patch(card.patch) | {
            "verdict": surfaces.verdict(card.verdict),
            "queue": surfaces.queue_item(card.item),
            "places": card.places,
            "head": card.head,
            "stale": card.stale,
        }
        session.emit(told)
    else:
        session.show(review_screen.head(card, ""), review_screen.body(card, "all"))


@command.command("approve", cls=Command)
@click.argument("patch")
@click.option("--promote", "then", is_flag=True, help="Commit it to its skill at once.")
@click.option("--to", type=click.Choice(["branch", "tree"]), default="branch", show_default=True, help="As `promote`.")
@click.option("--accept-risk", is_flag=True, help="Approve although the patch brings a dangerous capability.")
@click.option("--note", default="", metavar="TEXT", help="Kept with the decision.")
@flags.curator
@flags.yes
@click.pass_obj
def approve(session: Session, /, patch: str, note: str, yes: bool, **more: object) -> None:
    """Approve PATCH as it is now."""
    session.curator_flag = str(more["curator"] or "") or session.curator_flag
    with _desk(session) as desk:
        card = desk.card(patch)
        session.confirm(f"Approve {card.patch.id} for the skill {card.patch.skill.name}?", yes)
        decision = desk.approve(card, note=note, accept_risk=bool(more["accept_risk"]))
        if not more["then"]:
            risk = " --accept-risk" if card.risky else ""
            _told(session, decision, f"approved; `memento promote {card.patch.id}{risk}` commits it")
            return
        from memento_skills.app import pipeline, surfaces
        from memento_skills.app.cli.promote import text

        done = pipeline.promote(
            desk.store,
            card.patch.id,
            curator=desk.curator,
            to="tree" if more["to"] == "tree" else "branch",
            accept_risk=bool(more["accept_risk"]),
            now=session.now,
        )
    if session.json:
        session.emit({"decision": decision.id} | surfaces.promotion(done))
    else:
        session.say(text(done))


@command.command("reject", cls=Command)
@click.argument("patch")
@click.option("--reason", type=click.Choice(get_args(RejectReason)), help="Why; it is required.")
@click.option("--note", default="", metavar="TEXT", help="Kept with the decision.")
@flags.curator
@click.pass_obj
def reject(session: Session, patch: str, reason: RejectReason | None, note: str, curator: str | None) -> None:
    """Reject PATCH with a reason; it is not filed again while its evidence stays the same."""
    session.curator_flag = curator or session.curator_flag
    if reason is None:
        raise UsageError("a rejection needs a reason", hint=f"--reason {'|'.join(get_args(RejectReason))}")
    with _desk(session) as desk:
        _told(session, desk.reject(desk.card(patch), reason, note), f"rejected: {reason.replace('_', ' ')}")


@command.command("snooze", cls=Command)
@click.argument("patch")
@click.option("--days", "length", metavar="N", default="7", show_default=True, help="For how long: 7, 12h, 2w.")
@flags.curator
@click.pass_obj
def snooze(session: Session, patch: str, length: str, curator: str | None) -> None:
    """Send PATCH away for some days (30 at most); it keeps its age."""
    from memento_skills.app.when import day, days

    session.curator_flag = curator or session.curator_flag
    with _desk(session) as desk:
        decision = desk.snooze(desk.card(patch), days(length))
        _told(session, decision, f"snoozed until {day(decision.until)}")


@command.command("edit", cls=Command)
@click.argument("patch")
@click.option("--file", "file", type=click.File("r", encoding="utf-8"), metavar="FILE", help="The edited SKILL.md.")
@flags.curator
@click.pass_obj
def edit(session: Session, patch: str, file: TextIO | None, curator: str | None) -> None:
    """Edit the skill's text of PATCH (in $EDITOR, or from --file); a new patch is made and checked again."""
    from memento_skills.app import surfaces

    session.curator_flag = curator or session.curator_flag
    with _desk(session) as desk:
        card = desk.card(patch)
        if file is None and not session.interactive:
            raise UsageError("there is no terminal to edit on", hint="give the edited text with --file FILE")
        text = file.read() if file is not None else edited_text(card.patch.after)
        if text is None or text == card.patch.after:
            session.say("nothing was changed")
            return
        new = desk.edit(card, text)
    if session.json:
        session.emit({"patch": new.patch.id, "verdict": surfaces.verdict(new.verdict)})
    else:
        session.say(f"{new.patch.id}: {new.verdict.value.replace('_', ' ')}; `memento review show {new.patch.id}`")


def edited_text(text: str) -> str | None:
    """The text after the person's editor ($VISUAL, $EDITOR); None where it was not saved."""
    return click.edit(text, extension=".md", require_save=True)


def _told(session: Session, decision: Decision, words: str) -> None:
    if session.json:
        session.emit(
            {
                "decision": decision.id,
                "patch": decision.patch,
                "action": decision.action,
                "reason": decision.reason,
                "curator": decision.curator,
                "until": decision.until,
                "seen": decision.seen,
            }
        )
    else:
        session.say(words)


@contextlib.contextmanager
def _desk(session: Session) -> Iterator[Desk]:
    from memento_skills.app.desk import Desk

    with session.open_store() as store:
        yield Desk(store, curator=session.curator(None), clock=session.clock, limit=session.settings.proposals)
