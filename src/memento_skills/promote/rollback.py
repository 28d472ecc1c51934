"""Taking a promotion back: a commit that restores what was there, or a three-way merge where the skill moved on."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from memento_skills.errors import BadInput, CheckFailed, UsageError
from memento_skills.promote.change import carry_out, holding, settle_library
from memento_skills.promote.commit import as_found, commit_file, contains, find, parent_and_time, store_blob
from memento_skills.promote.git import Git
from memento_skills.promote.message import branch_ref, rollback_message
from memento_skills.promote.place import Place, base_of, check_ready, locate, own_git_dir, own_place
from memento_skills.promote.plan import Intent, Journal, Undo
from memento_skills.records import Rollback, digest

TRAILER = "Memento-Rollback"


@dataclass(frozen=True, kw_only=True)
class _Where:
    """Where the revert goes: the ref, the commit that it builds on, and whether the file is written too."""

    ref: str
    tip: str
    old: str
    """Where the ref stands now; "" = it does not exist."""
    writes: bool


def rollback(undo: Undo, journal: Journal) -> Rollback:
    """Take a promotion back with a commit; the rollback, recorded through `journal`.

    The skill becomes byte for byte what it was; where it moved on since, the promotion's change alone is taken out.
    A promotion that is already taken back gives the same rollback. Raises CheckFailed where the change cannot be
    taken out without losing later ones, or the repository is not ready; UsageError without a reason.
    """
    if not undo.reason.strip():
        raise UsageError("a rollback needs a reason", hint="add --reason")
    root, state = Path(undo.root).resolve(), Path(undo.state)
    with holding(root, state):
        settle_library(journal, root)
        place = _place(undo, root, state)
        where = _where(undo, place)
        known = find(place.git, where.tip, TRAILER, rollback_id(undo))
        if known:
            return _rollback(undo, place, known, where.ref)
        check_ready(place, "tree" if where.writes else "branch")
        intent = _prepare(undo, place, where)
        carry_out(intent, journal)
    assert intent.rollback is not None
    return intent.rollback


def rollback_id(undo: Undo) -> str:
    """A promotion is taken back once."""
    return digest("rollback", undo.promotion.id)


def _place(undo: Undo, root: Path, state: Path) -> Place:
    path, commit = undo.promotion.skill.path, undo.promotion.commit
    own_dir = own_git_dir(root, state)
    if own_dir.is_dir() and Git(root, own_dir).commit_of(commit):
        return own_place(root, path, state)
    place = locate(root, path, state)
    if place.own or not place.git.commit_of(commit):
        raise BadInput("the promotion's commit is not in this library's history", where=commit[:12])
    return place


def _where(undo: Undo, place: Place) -> _Where:
    done = undo.promotion
    if place.own:
        return _Where(ref=place.branch, tip=place.head, old=place.head, writes=True)
    ref = f"refs/heads/{done.branch}"
    by_branch = done.branch.startswith("memento/")
    if undo.to == "tree" or (undo.to is None and not by_branch):
        if undo.to is None and place.branch != ref:
            raise CheckFailed(
                f"the promotion went to branch {done.branch!r}, which is not checked out",
                where=str(place.root),
                hint="check it out, or use --to branch",
            )
        return _Where(ref=place.branch, tip=place.head, old=place.head, writes=True)
    tip = place.git.commit_of(ref)
    if _is_in_head(undo, place):
        new_ref = branch_ref(done.skill.name, done.patch, "-rollback")
        tip = place.git.commit_of(new_ref)
        return _Where(ref=new_ref, tip=tip or place.head, old=tip, writes=False)
    if by_branch and contains(place.git, tip, done.commit):
        return _Where(ref=ref, tip=tip, old=tip, writes=False)
    raise CheckFailed("the promotion was never merged and its branch is gone: nothing to roll back", where=done.branch)


def _is_in_head(undo: Undo, place: Place) -> bool:
    """Merged, or carried over by a squash or a cherry-pick that left the same file."""
    commit = undo.promotion.commit
    entries = [place.git.entry(tip, place.git_path) for tip in (place.head, commit)]
    return contains(place.git, place.head, commit) or (bool(place.head) and entries[0] == entries[1])


def _prepare(undo: Undo, place: Place, where: _Where) -> Intent:
    git, path = place.git, place.git_path
    parent, _ = parent_and_time(git, undo.promotion.commit)
    (_, old_blob), (_, new_blob) = git.entry(parent, path), git.entry(undo.promotion.commit, path)
    base = base_of(place) if where.writes else None
    tip = as_found(place, base, undo.at) if base else where.tip
    mode, blob = git.entry(tip, path)
    restored = _take_out(git, blob, old_blob, new_blob)
    kept = old_blob if restored is None else store_blob(git, restored)
    message = rollback_message(undo.promotion.skill.name, undo.reason, undo.promotion.id, _trailers(undo))
    commit = commit_file(git, tip, path, (mode or "100644", kept), message, undo.at)
    before = after = None
    if base and base.found is not None:
        before = base.found.decode()
    if base and kept:
        after = base.to_tree(git.blob(kept)).decode()
    return Intent(
        id=rollback_id(undo),
        root=str(place.root),
        path=place.path,
        git_dir=str(git.git_dir or ""),
        git_path=path,
        ref=where.ref,
        old=where.old,
        new=commit,
        writes=where.writes,
        before=before,
        after=after,
        old_blob=blob,
        new_blob=kept,
        mode=mode or "100644",
        rollback=_rollback(undo, place, commit, where.ref),
    )


def _take_out(git: Git, blob: str, old: str, new: str) -> bytes | None:
    """What the file becomes; None = exactly what it was before the promotion."""
    if blob == new:
        return None
    if blob == old:
        raise CheckFailed("the skill is already as it was before the promotion")
    if not blob or not old:
        raise CheckFailed("the skill changed since: taking the promotion out would lose that", hint="edit it by hand")
    with tempfile.TemporaryDirectory(prefix="memento-") as folder:
        names = {"current": blob, "promoted": new, "before": old}
        for name, oid in names.items():
            (Path(folder) / name).write_bytes(git.blob(oid))
        code, merged = Git(Path(folder)).run("merge-file", "-p", "--quiet", *names, ok=range(128))
    if code:
        raise CheckFailed("the skill changed at the same lines since", hint="take the rule out by hand and commit")
    return merged


def _rollback(undo: Undo, place: Place, commit: str, ref: str) -> Rollback:
    return Rollback(
        id=rollback_id(undo),
        promotion=undo.promotion.id,
        commit=commit,
        branch=ref.removeprefix("refs/heads/"),
        curator=undo.curator,
        reason=undo.reason,
        at=parent_and_time(place.git, commit)[1],
    )


def _trailers(undo: Undo) -> list[tuple[str, str]]:
    return [
        ("Memento-Patch", undo.promotion.patch),
        ("Memento-Rollback-Of", undo.promotion.id),
        (TRAILER, rollback_id(undo)),
        ("Memento-Audit", undo.audit_head or "-"),
    ]
