"""Decision -> commit in the skill library, by compare-and-swap; nothing of the user's is moved unasked."""

from __future__ import annotations

from pathlib import Path

from memento_skills.errors import CheckFailed, StaleBase, UsageError
from memento_skills.masking import find_secrets
from memento_skills.promote.change import carry_out, holding, settle_library
from memento_skills.promote.commit import as_found, commit_file, find, parent_and_time, store_blob
from memento_skills.promote.message import branch_ref, evidence_trailers, promotion_message
from memento_skills.promote.place import Base, Place, base_of, check_base, check_ready, locate, make_own
from memento_skills.promote.plan import Intent, Job, Journal, Overlay
from memento_skills.records import Promotion, SkillRef, digest
from memento_skills.skilldoc import allowed_tools, parse, revision, widened

TRAILER = "Memento-Promotion"


def promote(job: Job, journal: Journal) -> Promotion:
    """Commit an approved patch into its library; the promotion, recorded through `journal`.

    The same decision again gives the same promotion and no second commit. Raises CheckFailed where the decision does
    not carry it or the repository is not ready, StaleBase where anything moved on since it was seen, BadInput for
    paths or repositories that cannot be used. After any of these the library is as it was.
    """
    _check_decision(job)
    change = _change(job)
    root, state = Path(job.root).resolve(), Path(job.state)
    with holding(root, state):
        settle_library(journal, root)  # nothing new is begun where something is half done
        place = locate(root, change.path, state)
        known = _known(job, place, change)
        if known:
            return known
        _check_seen(job)
        check_ready(place, job.to)
        base = base_of(place)
        check_base(base, change.before, change.path)
        if job.overlay:
            _check_skill(job, place, state)
        if place.own:
            make_own(place, state)
        intent = _prepare(job, place, base, change)
        carry_out(intent, journal)
    assert intent.promotion is not None
    return intent.promotion


def promotion_id(job: Job) -> str:
    """One decision gives one promotion."""
    return digest("promotion", job.patch.id, job.decision.id)


def _check_decision(job: Job) -> None:
    patch, verdict, decision = job.patch, job.verdict, job.decision
    if decision.action not in {"approve", "edit"}:
        raise CheckFailed(f"the curator's answer was {decision.action}", where=f"patch {patch.id}")
    if (decision.patch, decision.verdict, verdict.patch) != (patch.id, verdict.id, patch.id):
        raise CheckFailed("the decision is about another patch or verdict", where=f"patch {patch.id}")
    if verdict.value == "not_better":
        raise CheckFailed("the verdict is not_better", where=f"patch {patch.id}")
    failed = [check.name for check in verdict.checks if not check.passed]
    if failed:
        raise CheckFailed(f"a check failed: {', '.join(failed)}", where=f"patch {patch.id}")


def _check_seen(job: Job) -> None:
    if not job.decision.seen or job.decision.seen != job.seen:
        raise StaleBase(
            "what was approved is not what would be promoted",
            where=f"patch {job.patch.id}",
            hint="look at it again and approve again",
        )


def _change(job: Job) -> Overlay:
    """The file to change, with its text before and after, checked once more for what may never be promoted."""
    patch = job.patch
    if (patch.scope.level == "base") == (job.overlay is not None):
        raise UsageError("a patch for a tenant or a user goes to an overlay, and no other does", where=patch.id)
    if revision(patch.before) != patch.skill.revision and (patch.skill.revision or patch.before):
        raise StaleBase("the patch does not fit the revision it names", where=f"patch {patch.id}", hint="verify again")
    change = job.overlay or Overlay(
        path=patch.skill.path, before=patch.before if patch.skill.revision else None, after=patch.after
    )
    if job.overlay and not change.path.startswith(".overlays/"):
        raise UsageError("an overlay lies below .overlays/", where=change.path)
    wider = widened(allowed_tools(parse(patch.before)), allowed_tools(parse(change.after)))
    if wider and patch.kind != "permission":
        raise CheckFailed(f"the patch widens allowed-tools by {', '.join(sorted(wider))}", where=f"patch {patch.id}")
    if len(find_secrets(change.after)) > len(find_secrets(change.before or "")):
        raise CheckFailed("the patch brings a secret", where=f"patch {patch.id}", hint="edit it out")
    return change


def _known(job: Job, place: Place, change: Overlay) -> Promotion | None:
    """The promotion that this decision has led to already, if it has."""
    ref = _ref(job, place)
    commit = find(place.git, place.git.commit_of(ref) if ref else "", TRAILER, promotion_id(job))
    if not commit:
        return None
    _, blob = place.git.entry(commit, place.git_path)
    same = blob and blob == place.git.entry(ref, place.git_path)[1]
    after = change.after.encode()
    if not same or place.git.blob(blob) not in {after, after.replace(b"\r\n", b"\n")}:
        raise CheckFailed("this decision was promoted already, and the skill changed since", where=change.path)
    return _promotion(job, place, ref, commit, change)


def _ref(job: Job, place: Place) -> str:
    if place.own or job.to == "tree":
        return place.branch
    return branch_ref(job.patch.skill.name, job.patch.id)


def _check_skill(job: Job, place: Place, state: Path) -> None:
    """An overlay is verified on top of a base skill: that must not have moved on either."""
    skill = job.patch.skill
    base = base_of(locate(place.root, skill.path, state))
    if (revision(base.found) if base.found is not None else "") != skill.revision:
        raise StaleBase("the base skill changed since the patch was verified", where=skill.path, hint="verify it again")


def _prepare(job: Job, place: Place, base: Base, change: Overlay) -> Intent:
    """The commit, made and not yet visible, and all that is needed to make it so."""
    parent = as_found(place, base, job.at)
    blob = store_blob(place.git, base.to_store(change.after.encode()))
    commit = commit_file(
        place.git, parent, place.git_path, (base.mode, blob), promotion_message(job.patch, _trailers(job)), job.at
    )
    ref = _ref(job, place)
    moves_head = place.own or job.to == "tree"
    return Intent(
        id=promotion_id(job),
        root=str(place.root),
        path=place.path,
        git_dir=str(place.git.git_dir or ""),
        git_path=place.git_path,
        ref=ref,
        old=place.head if moves_head else "",
        new=commit,
        writes=moves_head,
        before=change.before,
        after=change.after,
        old_blob=base.blob,
        new_blob=blob,
        mode=base.mode,
        promotion=_promotion(job, place, ref, commit, change),
    )


def _promotion(job: Job, place: Place, ref: str, commit: str, change: Overlay) -> Promotion:
    parent, at = parent_and_time(place.git, commit)
    after = revision(change.after)
    return Promotion(
        id=promotion_id(job),
        patch=job.patch.id,
        decision=job.decision.id,
        skill=SkillRef(name=job.patch.skill.name, path=change.path, revision=after, library=str(place.root)),
        commit=commit,
        parent=parent,
        branch=ref.removeprefix("refs/heads/"),
        before="" if change.before is None else revision(change.before),
        after=after,
        at=at,
    )


def _trailers(job: Job) -> list[tuple[str, str]]:
    patch = job.patch
    cited = [c for claim in patch.rationale for c in claim.citations] + list(job.verdict.examples)
    return [
        ("Memento-Patch", patch.id),
        ("Memento-Pattern", patch.pattern),
        ("Memento-Decision", job.decision.id),
        ("Memento-Verdict", f"{job.verdict.value} {job.verdict.id}"),
        (TRAILER, promotion_id(job)),
        ("Memento-Audit", job.audit_head or "-"),
        *evidence_trailers((c.run, c.step) for c in cited),
    ]
