"""Guards over a log, call by call: what would have been advised, decided from what precedes each call alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from memento_skills import guards
from memento_skills.app.current import current
from memento_skills.app.options import Options
from memento_skills.app.reading import runs_of
from memento_skills.app.surfaces import native
from memento_skills.errors import UsageError
from memento_skills.records import Guard, Patch
from memento_skills.store.store import Store


class Armed(NamedTuple):
    """A patch's guard, ready to speak."""

    patch: Patch
    guard: Guard


def armed(store: Store, status: str) -> list[Armed]:
    """Guards of the patches with a status, the most confident first.

    promoted = committed and not rolled back; passed = verdict *better*; all = every patch that the last scan or a
    curator holds up. Raises UsageError for another word.
    """
    if status not in ("promoted", "passed", "all"):
        raise UsageError(f"unknown status {status!r}", hint="one of promoted, passed, all")
    if status == "promoted":
        undone = {r.promotion for r in store.rollbacks()}
        wanted = {p.patch for p in store.promotions() if p.id not in undone}
        patches = [p for p in store.patches() if p.id in wanted]
    else:
        patches = [p.patch for p in current(store) if status == "all" or p.verdict.value == "better"]
    gone = {p.retires for p in patches} if status == "promoted" else set()
    found = [Armed(p, p.guard) for p in patches if p.guard is not None and p.kind != "retire" and p.id not in gone]
    return sorted(found, key=lambda a: (-a.guard.confidence, a.guard.id, a.patch.id))


def replay(store: Store, file: str, status: str, options: Options) -> Iterator[dict[str, Any]]:
    """One line for each call on which a guard fires: that of the most confident one."""
    chosen = armed(store, status)
    for result in runs_of([file], options, salt=store.salt):
        for run in result.runs:
            for call in guards.calls(run):
                hit = _first(chosen, call, run.user, run.tenant)
                if hit is not None:
                    yield _line(hit, call, run.id, file)


def _first(chosen: Sequence[Armed], call: guards.Call, user: str, tenant: str) -> Armed | None:
    return next((a for a in chosen if _for(a.patch, user, tenant) and guards.fires(a.guard, call)), None)


def _for(patch: Patch, user: str, tenant: str) -> bool:
    """A patch for one user or tenant speaks to no other."""
    scope = patch.scope
    return scope.level == "base" or scope.name == (user if scope.level == "user" else tenant)


def _line(hit: Armed, call: guards.Call, run: str, file: str) -> dict[str, Any]:
    return {
        "run": run,
        "call_id": call.step.call_id,
        "file": file,
        "line": call.step.line,
        "tool": call.step.tool,
        "patch": hit.patch.id,
        "origin": hit.guard.origin,
        "learned_from": [native(r) for r in hit.guard.learned_from],
        "advice": hit.guard.advice,
        "expect": hit.guard.expect.public(),
        "confidence": hit.guard.confidence,
    }
