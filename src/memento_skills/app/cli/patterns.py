"""`memento patterns`: the recurring task patterns, or one with its signature and quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from memento_skills.app.cli import flags
from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session
from memento_skills.masking import visible

if TYPE_CHECKING:
    from memento_skills.records import Pattern


@click.command("patterns", cls=Command)
@click.argument("pattern", required=False, metavar="[ID]")
@click.option("--all", "every", is_flag=True, help="Also those seen in one lineage only.")
@click.option("--merge", nargs=2, metavar="A B", help="Let pattern A be part of pattern B, in later scans too.")
@click.option("--split", metavar="A", help="Let pattern A be several, one for each value of a part (--by).")
@click.option("--by", "part", metavar="PART", help="With --split: the part of the signature that shall count.")
@click.option("--undo", metavar="RULING", help="Take a merge or split back.")
@click.option("--rulings", "ruled", is_flag=True, help="List the merges and splits that stand.")
@flags.curator
@click.pass_obj
def command(session: Session, /, pattern: str | None, every: bool, ruled: bool, **rule: Any) -> None:  # noqa: ANN401
    """List the recurring patterns, or show the one whose id begins with ID."""
    from memento_skills.app import pipeline

    if ruled or any(rule[name] for name in ("merge", "split", "part", "undo")):
        from memento_skills.app.cli import rulings

        rulings.answer(session, pattern, **rule)
        return
    with session.open_store() as store:
        found = store.patterns() if not pattern else [store.pattern(pattern)]
        why = pipeline.refusals(store, pattern) if pattern else {}
    if pattern:
        one = found[0]
        if session.json:
            session.emit(public(one) | {"refused": why.get(one.id, "")})
        else:
            session.say(text(one) + (f"\n  no patch: {visible(why[one.id])}" if one.id in why else ""))
        return
    shown = [p for p in found if every or p.repeated]
    if session.json:
        session.emit([public(p) for p in shown])
        return
    for p in shown:
        session.row(f"{p.id}  {p.episodes:>4}  {p.cause:<19} {p.remedy:<11} {' '.join(p.title.split())}")
    if not shown:
        session.say("no pattern was seen in two lineages or more (--all lists the others)")


def public(p: Pattern) -> dict[str, Any]:
    """A pattern as JSON, with its signature's parts and why each contributes or not."""
    from memento_skills.app import surfaces

    return {
        "id": p.id,
        "title": p.title,
        "cause": p.cause,
        "remedy": p.remedy,
        "fault": p.fault,
        "severity": p.severity,
        "lane": p.lane,
        "failures": p.failures,
        "episodes": p.episodes,
        "runs": p.runs,
        "lineages": p.lineages,
        "users": list(p.users),
        "tenants": list(p.tenants),
        "projects": list(p.projects),
        "skills": list(p.skills),
        "first_seen": p.first_seen,
        "last_seen": p.last_seen,
        "share": p.share,
        "minutes": p.cost.seconds / 60,
        "tokens": p.cost.tokens,
        "usd": p.cost.usd,
        "examples": [surfaces.citation(c) for c in p.examples],
        "signature": {
            "version": p.signature.version,
            "parts": [
                {"name": s.name, "text": s.text, "contributes": s.contributes, "hint": s.hint}
                for s in p.signature.parts
            ],
        },
    }


def text(p: Pattern) -> str:
    """A pattern for a person: what, how often, whom, what makes it one pattern, and quotes."""
    from memento_skills.app.when import day, spell

    seen = f"  {p.failures} failures, {p.episodes} episodes in {p.lineages} lineages, {len(p.users)} users,"
    seen += f" {day(p.first_seen)} to {day(p.last_seen)}"
    rows = [
        " ".join(p.title.split()),
        f"  pattern {p.id}: {p.cause}, remedy {p.remedy}, fault {p.fault}, severity {p.severity}, lane {p.lane}",
        seen,
        f"  lost: {spell(p.cost.seconds)}, {p.cost.tokens:,} tokens, ${p.cost.usd:,.2f}",
        f"  one pattern because ({p.signature.version}):",
    ]
    for part in p.signature.parts:
        mark = "=" if part.contributes else " "
        rows.append(
            f"    {mark} {part.name}: {' '.join(part.text.split())[:140]}{'  (' + part.hint + ')' if part.hint else ''}"
        )
    rows.extend(f"  “{' '.join(c.quote.split())[:200]}”  {c.run} step {c.step}" for c in p.examples)
    return "\n".join(visible(row) for row in rows)
