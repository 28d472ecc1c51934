"""`memento reflect`: why a pattern happens, every claim with its quote."""

from __future__ import annotations

from typing import Any

import click

from memento_skills.app.cli.base import Command
from memento_skills.app.cli.session import Session
from memento_skills.errors import UsageError
from memento_skills.records import Claim, Reflection


@click.command("reflect", cls=Command)
@click.argument("pattern", required=False)
@click.option("--run", "file", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help="One log, one run.")
@click.option("--id", "chosen", default="", metavar="RUN", help="With --run: which run of a file that holds several.")
@click.option(
    "--like",
    type=click.Path(exists=True),
    multiple=True,
    metavar="PATH",
    help="With --run: logs of the same task that went well; where the run leaves their way counts.",
)
@click.pass_obj
def command(session: Session, pattern: str | None, file: str | None, chosen: str, like: tuple[str, ...]) -> None:
    """Say why a PATTERN happens (all patterns without one), or which step of one run decided its failure."""
    from memento_skills.app import pipeline, surfaces

    if not file and (chosen or like):
        raise UsageError("--id and --like need --run", hint="name the log with --run FILE")
    if file:
        if pattern:
            raise UsageError("PATTERN and --run exclude each other", hint="give one of them")
        answer = pipeline.reflect_run(file, session.options(), like=like, chosen=chosen)
        if session.json:
            session.emit(answer)
        else:
            session.say(_run_text(answer))
        return
    with session.open_store() as store:
        reflections = pipeline.reflect(store, pattern)
    if session.json:
        session.emit([surfaces.reflection(r) for r in reflections])
        return
    session.say("\n\n".join(text(r) for r in reflections) or "no reflection: nothing repeats")


def text(reflection: Reflection) -> str:
    """A reflection for a person: the three claims with their quotes, then what would help."""
    from memento_skills.masking import visible

    head = f"{reflection.pattern}  {reflection.cause} -> {reflection.remedy}"
    rows = [head if not reflection.owner else f"{head} (for: {reflection.owner})"]
    for name, claim in (
        ("wrong decision", reflection.wrong_decision),
        ("missing information", reflection.missing_information),
        ("failed assumption", reflection.failed_assumption),
    ):
        rows.extend(_claim(name, claim))
    if allow := reflection.facts.get("allow"):
        rows.append(f"  to be granted, if that is meant, in the client's own settings: {allow}")
    if reflection.refused:
        rows.append(f"  no patch: {reflection.refused}")
    return "\n".join(visible(row) for row in rows)


def _claim(name: str, claim: Claim | None) -> list[str]:
    if claim is None:
        return []
    quotes = [f"      “{' '.join(c.quote.split())[:160]}”  {c.run} step {c.step}" for c in claim.citations[:3]]
    return [f"  {name}: {claim.text}", *quotes]


def _run_text(answer: dict[str, Any]) -> str:
    from memento_skills.masking import visible

    decisive = answer["decisive"]
    state = "failed" if answer["failed"] else "the log itself names no failure that stayed"
    rows = [f"{answer['run']}: {state}, cause {answer['cause']}"]
    if decisive is None:
        rows.append("  decisive: no step stands out")
    else:
        said = f"step {decisive['step']} by {decisive['speaker']}, confidence {decisive['confidence']:.2f}"
        rows.append(f"  decisive: {said}; {_certainty(answer)}")
        rows.append(f"  actor: {decisive['actor']}, over all steps, confidence {decisive['actor_confidence']:.2f}")
    claims = ("wrong_decision", "missing_information", "failed_assumption")
    rows += [f"  {name.replace('_', ' ')}: {answer[name]}" for name in claims if answer.get(name)]
    rows += [f"    “{' '.join(str(c['quote']).split())[:160]}”  step {c['step']}" for c in answer["citations"]]
    return "\n".join(visible(row) for row in rows)


def _certainty(answer: dict[str, Any]) -> str:
    """How sure it is, in words; where it is not, what else it may have been."""
    decisive, others = answer["decisive"], answer["candidates"][1:4]
    words = str(decisive["certainty"])
    if not decisive["calibrated"]:
        words += " (how often that is right was not measured for such runs)"
    if decisive["certainty"] == "sure" or not others:
        return words
    return f"{words}; else " + ", ".join(f"step {c['step']} by {c['actor']} ({c['score']:.2f})" for c in others)
