"""`memento demo`: the whole loop on the bundled logs, in a folder of its own, step by step and with real commits."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from memento_skills import curate
from memento_skills.app.current import Held, current
from memento_skills.app.desk import Desk
from memento_skills.app.options import Options
from memento_skills.app.promoting import audit_problems, promote, rollback
from memento_skills.errors import CheckFailed, UsageError
from memento_skills.promote.git import Git
from memento_skills.records import Promotion, Reflection
from memento_skills.store.store import Store, open_store

CURATOR = "demo"
Say = Callable[[str], None]


def demo(into: str | None, *, say: Say, now: float) -> dict[str, Any]:
    """Scan the bundled logs, approve and promote an amendment, write the report, roll back, check the audit log.

    Everything stays in the folder `into` (a new temporary one without it); it must be empty. Returns what was done,
    for `--json`. Raises UsageError for a folder that is not empty, CheckFailed where the loop does not close.
    """
    from memento_skills.app import html, pipeline

    began = time.monotonic()
    folder = _folder(into)
    with ExitStack() as stack:
        bundle = stack.enter_context(as_file(files("memento_skills.app").joinpath("demo")))
        library = _library(bundle, folder)
        store = stack.enter_context(open_store(folder / "store.db", clock=lambda: now))
        options = Options(now=now, home=str(folder), skills=(str(library),))
        say("1. Read: the recorded sessions of two small projects, and the skills of one of them")
        scanned = pipeline.scan(store, [str(bundle / "logs")], options)
        lines = scanned.ingested.lines
        say(
            f"   {scanned.ingested.runs} runs, {lines.seen} lines = {lines.understood} understood + {lines.ignored} "
            f"ignored + {lines.quarantined} quarantined; {scanned.failures} failures in {scanned.patterns} patterns"
        )
        _say_findings(store, say)
        held = {h.patch.kind: h for h in reversed(_best_first(store))}
        for kind in ("amend", "create"):
            if kind not in held:
                raise CheckFailed(f"the demo logs gave no patch of kind {kind}", hint="report this as a bug")
        _say_proposal("2. Write and verify: an amendment of an existing skill", held["amend"], say)
        _say_proposal("   and a new skill, where none fits", held["create"], say)
        promotion = _promote(store, held["amend"], say, now)
        page = folder / "report.html"
        page.write_text(html.page(pipeline.report(store, options), pipeline.proposals(store), now=now), "utf-8")
        say(f"5. Report: {page}")
        undone = rollback(store, promotion.id, "end of the demo", curator=CURATOR, now=now + 2)
        say(f"6. Rollback: commit {undone.commit[:12]}, the skill is byte for byte what it was")
        problems = audit_problems(store)
        say(f"7. Audit: {'intact' if not problems else problems[0]}; everything is in {folder}")
        say(f"   ({time.monotonic() - began:.1f} s, no model, no network)")
    return {
        "folder": str(folder),
        "scan": scanned.public(),
        "patches": {kind: h.patch.id for kind, h in held.items()},
        "promotion": {"id": promotion.id, "commit": promotion.commit},
        "rollback": {"id": undone.id, "commit": undone.commit},
        "report": str(page),
        "audit_problems": problems,
    }


def _folder(into: str | None) -> Path:
    if into is None:
        return Path(tempfile.mkdtemp(prefix="memento-demo-"))
    folder = Path(into).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError("the folder is not empty", where=str(folder), hint="name a new one with --into")
    return folder


def _library(bundle: Path, folder: Path) -> Path:
    """A project with its skills, as a git repository of its own."""
    project = folder / "shop"
    library = project / ".claude" / "skills"
    shutil.copytree(bundle / "library", library)
    git = Git(project)
    git.run("init", "--quiet", "--initial-branch=main")
    git.run("add", "--", ".claude")
    name, address = git.identity()
    who = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": address,
    }
    git.run("commit", "--quiet", "--no-gpg-sign", "--message", "The skills of the demo project", env=who)
    return library


def _best_first(store: Store) -> list[Held]:
    order = {"better": 0, "not_enough_evidence": 1, "not_better": 2}
    lanes = {p.id: p.lane for p in store.patterns()}
    open_ = [h for h in current(store) if curate.reviewable(h.verdict, lanes[h.patch.pattern])]
    return sorted(open_, key=lambda h: (order[h.verdict.value], -h.verdict.counts.right, h.patch.id))


def _say_findings(store: Store, say: Say) -> None:
    """What is not a skill problem, each with its owner: an ambiguous goal, a missing permission."""
    titles = {p.id: p.title for p in store.patterns()}
    latest: dict[str, Reflection] = {r.pattern: r for r in store.reflections()}
    said: dict[str, None] = {}
    for reflection in latest.values():
        if reflection.remedy in ("task_author", "permission") and reflection.pattern in titles:
            words = f"{reflection.cause.replace('_', ' ')}: {titles[reflection.pattern]}"
            allow = f" (rule to consider: {reflection.facts['allow']})" if "allow" in reflection.facts else ""
            said[f"   not a skill problem, for {reflection.owner}: {words}{allow}"] = None
    for line in said:
        say(line)


def _say_proposal(head: str, held: Held, say: Say) -> None:
    patch, verdict = held
    say(f"{head}: {patch.skill.name} ({verdict.value.replace('_', ' ')})")
    for line in patch.diff.splitlines():
        say(f"     {line}")
    quote = patch.rationale[0].citations[0]
    say(f"   seen in {quote.run} step {quote.step}: {' '.join(quote.quote.split())[:100]}")
    say(f"   backtest: {verdict.reason}")


def _promote(store: Store, held: Held, say: Say, now: float) -> Promotion:
    desk = Desk(store, curator=CURATOR, clock=lambda: now, limit=5)
    desk.approve(desk.card(held.patch.id))
    say(f"3. Review: approved by {CURATOR!r} (in real life a person reads the diff above and answers)")
    promotion = promote(store, held.patch.id, curator=CURATOR, to="tree", accept_risk=False, now=now + 1)
    say(f"4. Promote: commit {promotion.commit[:12]} on {promotion.branch or 'the current branch'}")
    git = Git(Path(promotion.skill.library))
    for line in git.text("show", "--stat", "--format=%B", promotion.commit).splitlines():
        if line.strip():
            say(f"     {line}")
    return promotion
