"""A person's approval -> a commit in the skill library, and back: what ties ledger, libraries and audit together."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from memento_skills import promote as stage
from memento_skills.app.hook import ArmedGuard, write_armed
from memento_skills.curate import seen_hash
from memento_skills.errors import BadInput, CheckFailed, StaleBase
from memento_skills.masking import visible
from memento_skills.promote import FolderJournal, Intent, Job, Overlay, Undo
from memento_skills.promote.anchors import anchors
from memento_skills.read.overlays import amended, overlay_path
from memento_skills.records import Decision, Patch, Promotion, Rollback
from memento_skills.skilldoc import revision
from memento_skills.store.store import Store


def state_of(store: Store) -> Path:
    """Memento's own folder beside the store: locks, intents, git directories of libraries that are no repository."""
    return Path(store.path).resolve().parent / "libraries"


def journal_of(store: Store) -> FolderJournal:
    """Intents beside the store; what is done is recorded in it."""

    def record(intent: Intent) -> None:
        with store.write() as tx:
            if intent.promotion is not None:
                tx.add_promotion(intent.promotion)
            if intent.rollback is not None:
                tx.add_rollback(intent.rollback)

        arm(store)

    folder = state_of(store)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return FolderJournal(folder, record)


def arm(store: Store) -> None:
    """Lay out the guards of what is promoted now, for the hook, which does not open the store."""
    undone = {r.promotion for r in store.rollbacks()}
    wanted = {p.patch for p in store.promotions() if p.id not in undone}
    patches = [p for p in store.patches() if p.id in wanted]
    retired = {p.retires for p in patches}
    armed = [
        ArmedGuard(patch=p.id, guard=p.guard, scope=p.scope)
        for p in patches
        if p.guard is not None and p.kind != "retire" and p.id not in retired
    ]
    write_armed(Path(store.path).resolve().parent, armed)


def settle(store: Store) -> tuple[str, ...]:
    """Finish or undo what a kill cut short; one line for each that is stuck."""
    if not any(state_of(store).glob("*.intent.json")):
        return ()
    settled = stage.recover(journal_of(store), state_of(store))
    return tuple(f"{s.id}: {s.reason}" for s in settled if s.outcome == "stuck")


def promote(
    store: Store, patch_id: str, *, curator: str, to: Literal["branch", "tree"], accept_risk: bool, now: float
) -> Promotion:
    """Commit an approved patch. Raises CheckFailed without an approval, StaleBase where the skill moved on."""
    settle(store)
    patch = store.patch(patch_id)
    decision = _approval(store, patch)
    verdict = next((v for v in store.verdicts(patch.id) if v.id == decision.verdict), None)
    if verdict is None or verdict.id != store.verdicts(patch.id)[-1].id:
        raise StaleBase("the patch was tested again since it was approved", where=patch.id, hint="look again, approve")
    dangerous = [c for c in patch.chips if c.dangerous]
    if dangerous and not accept_risk:
        raise CheckFailed(
            f"the patch brings {dangerous[0].kind} {visible(dangerous[0].text)[:60]}", where=patch.id,
            hint="promote it with --accept-risk if that is meant",
        )  # fmt: skip
    root = _library(patch, make=True)
    file = root / patch.skill.path
    head = revision(file.read_bytes()) if file.is_file() else ""
    job = Job(
        patch=patch, verdict=verdict, decision=decision, seen=seen_hash(patch, verdict, head), root=str(root),
        state=str(state_of(store)), to=to, overlay=_overlay(patch, root), audit_head=store.audit_head(), at=now,
    )  # fmt: skip
    _ = curator  # who decided stands in the decision; who typed the command is in the audit log of the machine
    return stage.promote(job, journal_of(store))


def _approval(store: Store, patch: Patch) -> Decision:
    decisions = store.decisions(patch.id)
    if not decisions or decisions[-1].action not in ("approve", "edit"):
        said = decisions[-1].action if decisions else "nobody has reviewed it"
        raise CheckFailed(
            f"the patch is not approved: {said}", where=patch.id, hint=f"memento review approve {patch.id}"
        )
    return decisions[-1]


def _library(patch: Patch, *, make: bool = False) -> Path:
    root = Path(patch.skill.library).expanduser()
    if not root.is_dir():
        if not make or patch.kind != "create":
            raise BadInput("the skill library is not there", where=str(root), hint="restore it, or scan with --skills")
        root.mkdir(parents=True, exist_ok=True)
    return root


def _overlay(patch: Patch, root: Path) -> Overlay | None:
    """The overlay file of a patch for one tenant or user; a skill that does not exist yet is made in it alone."""
    if patch.scope.level == "base":
        return None
    path = overlay_path(patch.skill.name, patch.scope)
    file = root / path
    before = file.read_bytes().decode("utf-8") if file.is_file() else None  # every byte of it, line endings too
    after = amended(before or "", patch.rule, skill=patch.skill.name, scope=patch.scope)
    return Overlay(path=path, before=before, after=after)


def rollback(store: Store, promotion_id: str, reason: str, *, curator: str, now: float) -> Rollback:
    """Revert a promotion, named by its id or by its patch's."""
    settle(store)
    promotion = _promotion(store, promotion_id)
    undo = Undo(
        promotion=promotion, reason=reason, curator=curator, root=str(Path(promotion.skill.library).expanduser()),
        state=str(state_of(store)), audit_head=store.audit_head(), at=now,
    )  # fmt: skip
    return stage.rollback(undo, journal_of(store))


def _promotion(store: Store, name: str) -> Promotion:
    by_patch = [p for p in store.promotions() if p.patch.startswith(name)]
    if len({p.patch for p in by_patch}) == 1:
        return by_patch[-1]
    return store.promotion(name)


def audit_problems(store: Store) -> list[str]:
    """Everything wrong with the audit chain; heads that commits carry must be in it. A change that was cut short and
    cannot be settled now stands in git and not in the ledger: it is said, too.
    """
    stuck = [f"cut short and not settled yet: {line}" for line in settle(store)]
    known = {p.id for p in store.patches()}
    libraries = sorted({p.skill.library for p in store.patches()})
    heads = [h for root in libraries for h in anchors(Path(root).expanduser(), state_of(store), known)]
    return stuck + store.audit_problems(heads)
