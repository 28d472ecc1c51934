"""The loop in order: read logs -> detect -> reflect -> write -> verify -> queue; then, by a person, promote and undo.

Only this package knows the order of the stages. Everything that a command does is a function here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from memento_skills import detect
from memento_skills.app import grouping, reading
from memento_skills.app.current import LAST_SCAN, VERSION, current, queue_of
from memento_skills.app.first_screen import FirstScreen
from memento_skills.app.html import Proposal
from memento_skills.app.options import Ingested, Options, Progress, Scanned
from memento_skills.app.parts import Parts
from memento_skills.app.promoting import audit_problems, promote, rollback
from memento_skills.app.replay import replay
from memento_skills.app.shelf import Shelf, shelf_of
from memento_skills.app.stored import Stored
from memento_skills.errors import BadInput
from memento_skills.records import Failure, Patch, QueueItem, Reflection, Verdict, digest
from memento_skills.store.store import Store

__all__ = [
    "audit_problems",
    "backtest",
    "demo",
    "edited",
    "failures",
    "first_screen",
    "guard_replay",
    "ingest",
    "promote",
    "proposals",
    "propose",
    "reflect",
    "reflect_run",
    "refusals",
    "report",
    "rollback",
    "scan",
    "verify",
]

FIRST_SCREEN_SECONDS = 14.0
"""Reading stops after this long where a person waits; the rest is read on the next call, and said. Analysing takes
about half as long as reading did (`make bench`), and the screen is promised within 30 seconds."""
FREE_SALT = b"nothing is stored by this command"


def quiet(what: str, done: int, total: int) -> None:
    """A progress that says nothing."""


def ingest(
    store: Store, paths: Sequence[str], options: Options, progress: Progress = quiet, *, seconds: float | None = None
) -> Ingested:
    """Read what is new in the logs into the store, with the failures that the detectors see in it.

    `seconds` bounds the reading; what was not begun by then is counted as waiting.
    """
    grouping.up_to_date(store, options, Parts(options), progress)
    files = reading.find(paths, options)
    return reading.into_store(store, files, options, progress, enough=_deadline(seconds))


def _deadline(seconds: float | None) -> Callable[[], bool]:
    if seconds is None:
        return lambda: False
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def scan(
    store: Store, paths: Sequence[str], options: Options, progress: Progress = quiet, *, seconds: float | None = None
) -> Scanned:
    """Logs in, a queue of tested patches out. With nothing new in the logs or the skills, nothing is done again."""
    ingested = ingest(store, paths, options, progress, seconds=seconds)
    if ingested.runs:
        grouping.keep_apart(store, options, Parts(options))
    shelf = shelf_of(options, store.headers())
    basis = _basis(store, options, shelf)
    if store.note("basis") != basis:
        _analyse(store, options, progress, basis)
    held = current(store)
    queue = queue_of(store, options, options.proposals)
    return Scanned(
        ingested=ingested,
        failures=len(store.failures()),
        patterns=len(store.patterns()),
        patches=len(held),
        passed=sum(h.verdict.value == "better" for h in held),
        best=_best(queue, {h.patch.id: h.verdict for h in held}),
    )


def _best(queue: Sequence[QueueItem], verdicts: Mapping[str, Verdict]) -> str:
    """The proposal to show first: the best proven one of the queue; the queue's own order protects the few."""
    order = {"better": 0, "not_enough_evidence": 1, "not_better": 2}
    ranked = sorted(
        queue, key=lambda i: (order[i.verdict], -i.worth.per_line, -verdicts[i.patch].counts.right, -i.failures)
    )
    return ranked[0].patch if ranked else ""


def _basis(store: Store, options: Options, shelf: Shelf) -> str:
    """What an analysis depends on: the same basis gives the same patches and verdicts."""
    skills = [(ref.path, ref.revision, ref.library) for ref, _ in shelf.skills]
    return digest(store.data_version(), skills, shelf.home, options.split, options.seed, detect.Template.name, VERSION)


def _analyse(store: Store, options: Options, progress: Progress, basis: str) -> None:
    from memento_skills.app import analysis, retiring  # heavy: a scan with nothing new does without

    failures = store.failures()
    found = analysis.analyse(
        failures, store.lineages(), Stored(store), options, progress,
        parts=Parts(options), past=analysis.Past(store.patterns(), retiring.standing(store)),
    )  # fmt: skip
    with store.write() as tx:
        tx.set_patterns(found.patterns)
        for reflection in found.reflections:
            tx.add_reflection(reflection)
        for proposal in found.proposals:
            tx.add_reflection(proposal.reflection)
            tx.add_patch(proposal.patch)
            tx.add_verdict(proposal.verdict)
        tx.put_note(LAST_SCAN, repr(options.now))
        tx.put_note("basis", basis)
        tx.put_note("tried", msgspec.json.encode(found.tried).decode())


def failures(paths: Sequence[str], options: Options) -> tuple[Failure, ...]:
    """Every failure of log files; nothing is stored. A call that several files repeat counts once."""
    used = Parts(options).detectors
    runs = [run for result in reading.runs_of(paths, options, salt=FREE_SALT) for run in result.runs]
    return tuple(detect.unique(f for run in runs for f in detect.failures(run, extra=used)))


def report(store: Store, options: Options) -> dict[str, Any]:
    """The dict of `report --json`; lanes as the last scan set them."""
    from memento_skills.detect.report import build

    answer = build(
        store.failures(),
        store.lineages(),
        runs=len(store.headers()),
        now=options.now,
        formats=reading.formats(store.files().values()),
        seed=options.seed,
    )
    lanes = {p.id: p.lane for p in store.patterns()}
    for row in answer["patterns"]:
        row["lane"] = lanes.get(row["id"], row["lane"])
    return answer


def reflect(store: Store, pattern: str | None) -> list[Reflection]:
    """The latest reflection of one pattern, or of all repeated ones."""
    wanted = [store.pattern(pattern)] if pattern else [p for p in store.patterns() if p.repeated]
    found = []
    for item in wanted:
        reflections = store.reflections(item.id)
        if reflections:
            found.append(reflections[-1])
    if pattern and not found:
        raise BadInput("the pattern was not reflected on", where=pattern, hint="it was seen in one lineage only")
    return found


def propose(store: Store, pattern: str | None) -> list[Patch]:
    """The patches held up now, of one pattern or of all."""
    wanted, moved = store.pattern(pattern).id if pattern else None, store.moved()
    filed = ((h.patch, (h.patch.pattern, *h.patch.patterns)) for h in current(store))
    return [patch for patch, ids in filed if wanted in (None, *(moved.get(i, i) for i in ids))]


def refusals(store: Store, pattern: str | None) -> dict[str, str]:
    """By pattern (one, or all repeated ones), why no patch of it is held up now; patterns with a patch are left out."""
    wanted = [store.pattern(pattern)] if pattern else [p for p in store.patterns() if p.repeated]
    written = [h.patch for h in current(store) if h.patch.kind != "retire"]
    held = {p for patch in written for p in (patch.pattern, *patch.patterns)}
    found: dict[str, str] = {}
    for item in wanted:
        reflections = store.reflections(item.id)
        if item.id in held:
            continue
        if reflections and reflections[-1].refused:
            found[item.id] = reflections[-1].refused
        elif not item.repeated:
            found[item.id] = "seen in one lineage only: a rule learnt once is an anecdote"
    return found


def guard_replay(store: Store, file: str, status: str, options: Options) -> Iterator[dict[str, Any]]:
    """One line for each call of the log on which a guard fires."""
    return replay(store, file, status, options)


def verify(store: Store, patch_id: str, options: Options) -> Verdict:
    """Test one patch again on the stored logs; the verdict is stored."""
    patch = store.patch(patch_id)
    verdict = _verdict(store, patch, options)
    with store.write() as tx:
        tx.add_verdict(verdict)
    return verdict


def _verdict(store: Store, patch: Patch, options: Options) -> Verdict:
    from memento_skills.app import analysis

    if patch.kind == "retire":
        hint = "the next scan tests it on the logs since its rule was promoted"
        raise BadInput("a patch that takes a rule out is not tested by itself", where=patch.id, hint=hint)
    tried = msgspec.json.decode(store.note("tried") or "{}", type=dict[str, list[float]])
    judge = analysis.among(Parts(options).gate, tried, patch.pattern)
    return analysis.verify_one(store.failures(), store.lineages(), Stored(store), patch, options, judge)


def edited(store: Store, patch: Patch, text: str, *, curator: str, now: float) -> tuple[Patch, Verdict]:
    """The curator's own text as a patch of its own, with all checks and the backtest run again; both are stored."""
    from msgspec.structs import replace

    from memento_skills.curate import edited as edit
    from memento_skills.verify.chips import chips

    made = edit(patch, text, curator)
    made = replace(made, chips=chips(made.before, made.after))
    options = Options(now=now, home="")
    verdict = _verdict(store, made, options)
    with store.write() as tx:
        tx.add_patch(made)
        tx.add_verdict(verdict)
    return made, verdict


def first_screen(store: Store, result: Scanned, options: Options) -> FirstScreen:
    """What the first screen shows: the repeated patterns, and the proposal to look at first."""
    queue = queue_of(store, options, options.proposals)
    held = {h.patch.id: h for h in current(store)}
    best = held.get(result.best)
    patterns = tuple(store.patterns())
    elsewhere = sum(p.repeated and p.remedy not in ("skill", "none") for p in patterns)
    return FirstScreen(
        scanned=result,
        patterns=patterns,
        patch=best.patch if best else None,
        verdict=best.verdict if best else None,
        waiting=len(queue),
        elsewhere=elsewhere,
    )


def proposals(store: Store) -> tuple[Proposal, ...]:
    """Every patch held up now with its verdict and what became of it, for the report page."""
    titles = {p.id: p.title for p in store.patterns()}
    undone = {r.promotion for r in store.rollbacks()}
    states = {d.patch: _ANSWERED[d.action] for d in store.decisions()}
    for promotion in store.promotions():
        states[promotion.patch] = "rolled back" if promotion.id in undone else "promoted"
    return tuple(
        Proposal(
            patch=held.patch,
            verdict=held.verdict,
            title=titles.get(held.patch.pattern, ""),
            state=states.get(held.patch.id, "awaiting review"),
        )
        for held in sorted(current(store), key=lambda h: (-h.verdict.worth.per_line, h.patch.id))
    )


_ANSWERED = {"approve": "approved", "edit": "approved", "reject": "rejected", "snooze": "snoozed"}


def backtest(paths: Sequence[str], options: Options, progress: Progress = quiet) -> dict[str, Any]:
    """What patches learnt from the first part of each project's calls catch among the rest; nothing is stored."""
    from memento_skills.app.backtesting import backtest as measured

    return measured(paths, options, progress)


def reflect_run(file: str, options: Options, *, like: Sequence[str] = (), chosen: str = "") -> dict[str, Any]:
    """Which step of one run decided its failure; `like`: logs of the same task that went well."""
    from memento_skills.app.decisive import decisive

    return decisive(file, options, like=like, chosen=chosen)


def demo(into: str | None, *, say: Callable[[str], None], now: float) -> dict[str, Any]:
    """The whole loop on the bundled logs, in a folder of its own."""
    from memento_skills.app.demonstration import demo as shown

    return shown(into, say=say, now=now)
