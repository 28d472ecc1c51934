"""The curator's desk: the queue as cards, and answers as decisions in the ledger and the audit log.

`review list|show|approve|…` and the keyboard walk both sit here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from memento_skills.app.current import queue_of
from memento_skills.app.options import Options
from memento_skills.app.review_screen import Card
from memento_skills.curate.decide import Answer, decide, seen_hash
from memento_skills.curate.refile import evidence_hash
from memento_skills.errors import BadInput
from memento_skills.records import Action, Citation, Decision, Patch, Pattern, QueueItem, RejectReason, Verdict
from memento_skills.skilldoc import revision

if TYPE_CHECKING:
    from memento_skills.store.store import Store

INSTANT = 0.001
"""Seconds that an undone answer sleeps: a snooze must end after it was given."""


class Desk:
    """The queue of one store, for one curator. `clock` (seconds since the epoch) is read for each decision anew:
    answers of one sitting must be in order, or an undo could come before what it undoes.
    """

    def __init__(self, store: Store, *, curator: str, clock: Callable[[], float], limit: int) -> None:
        self.store = store
        self.curator = curator
        self.clock = clock
        self.limit = limit

    def items(self) -> tuple[QueueItem, ...]:
        """The queue in order."""
        return queue_of(self.store, Options(now=self.clock(), home=""), self.limit)

    def cards(self) -> tuple[Card, ...]:
        """The queue with everything to decide on."""
        return tuple(self._card(item) for item in self.items())

    def card(self, patch: str) -> Card:
        """The card of a patch by id or unique beginning; BadInput where there is none or it was never tested."""
        item = self.store.patch(patch)
        for queued in self.items():
            if queued.patch == item.id:
                return self._card(queued)
        return self._card(self._unqueued(item))

    def approve(self, card: Card, *, note: str = "", accept_risk: bool = False) -> Decision:
        """Approve what was seen (as `edit` where it is the curator's own text).

        Raises StaleBase if the skill moved on, CheckFailed for a failed check, a verdict *not better* or an
        unaccepted risk.
        """
        action: Action = "edit" if card.edited else "approve"
        return self._record(card, Answer(action=action, curator=self.curator, note=note, accept_risk=accept_risk))

    def reject(self, card: Card, reason: RejectReason, note: str = "") -> Decision:
        """Reject, with a reason that keeps it from being filed again while its evidence stays the same."""
        return self._record(card, Answer(action="reject", curator=self.curator, reason=reason, note=note))

    def snooze(self, card: Card, seconds: float, note: str = "") -> Decision:
        """Send away for some days (bounded by the lanes' rules, UsageError); it keeps its age."""
        at = self.clock()
        return self._record(card, Answer(action="snooze", curator=self.curator, until=at + seconds, note=note), at)

    def edit(self, card: Card, text: str) -> Card:
        """The card of a new patch with the curator's text of the skill; all checks ran again. Nothing is decided."""
        from memento_skills.app import pipeline

        patch, verdict = pipeline.edited(self.store, card.patch, text, curator=self.curator, now=self.clock())
        return self._made(card.item, patch, verdict)

    def undo(self, card: Card) -> Decision:
        """Take the last answer back: the ledger only grows, so this is a snooze that is over at once."""
        return self.snooze(card, INSTANT, note="undone")

    def _record(self, card: Card, answer: Answer, at: float | None = None) -> Decision:
        decision = decide(
            card.patch,
            card.verdict,
            answer,
            seen=card.seen,
            head=head_revision(card.patch),
            evidence=evidence_hash(card.pattern) if card.pattern else "",
            at=self.clock() if at is None else at,
        )
        with self.store.write() as tx:
            tx.add_decision(decision)
        return decision

    def _card(self, item: QueueItem) -> Card:
        patch = self.store.patch(item.patch)
        return self._made(item, patch, self._verdict(patch))

    def _made(self, item: QueueItem, patch: Patch, verdict: Verdict) -> Card:
        quoted = [*(c for claim in patch.rationale for c in claim.citations), *verdict.examples]
        head = head_revision(patch)
        return Card(
            item=item,
            patch=patch,
            verdict=verdict,
            pattern=self._pattern(patch),
            places=self._places(quoted),
            head=head,
            seen=seen_hash(patch, verdict, head),
        )

    def _pattern(self, patch: Patch) -> Pattern | None:
        """Also after a newer grouping; None where no failure of it is left."""
        wanted = self.store.moved().get(patch.pattern, patch.pattern)
        return next((p for p in self.store.patterns() if p.id == wanted), None)

    def _verdict(self, patch: Patch) -> Verdict:
        verdicts = tuple(self.store.verdicts(patch.id))
        if not verdicts:
            raise BadInput(f"the patch {patch.id} was never tested", hint=f"memento verify {patch.id}")
        return verdicts[-1]

    def _unqueued(self, patch: Patch) -> QueueItem:
        """A patch that is not in the queue (answered, or waiting for evidence) can still be looked at."""
        pattern = self._pattern(patch)
        verdict = self._verdict(patch)
        return QueueItem(
            patch=patch.id,
            skill=patch.skill.name,
            pattern=patch.pattern,
            title=pattern.title if pattern else patch.rule,
            lane=pattern.lane if pattern else "oldest",
            severity=pattern.severity if pattern else 3,
            failures=pattern.failures if pattern else 0,
            users=len(pattern.users) if pattern else 0,
            verdict=verdict.value,
            reach=verdict.reach.share,
            review_by="not queued",
            scope=patch.scope,
            new_skill=patch.kind == "create",
        )

    def _places(self, citations: list[Citation]) -> dict[str, str]:
        places: dict[str, str] = {}
        for run_key in sorted({c.run for c in citations}):
            run = self.store.run(run_key)
            if run is None:
                continue  # forgotten meanwhile: the quote stands without its place
            lines = {step.seq: (step.source, step.line) for step in run.steps}
            for citation in citations:
                if citation.run == run_key and citation.step in lines:
                    source, line = lines[citation.step]
                    file = run.sources[source] if source < len(run.sources) else ""
                    places[f"{run_key}#{citation.step}"] = f"{file}:{line}"
        return places


def head_revision(patch: Patch) -> str:
    """Revision of the patched SKILL.md as it is on disk now; "" where it does not exist."""
    path = Path(patch.skill.library).expanduser() / patch.skill.path
    try:
        return revision(path.read_bytes())
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise BadInput(f"the skill cannot be read: {error.strerror}", where=str(path)) from error
