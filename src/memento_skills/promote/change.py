"""Carrying out one change of a library (branch, then file, then index), and settling what a kill cut short.

Order is all: the commit exists before the intent is noted, the intent before the branch moves, the branch moves by
compare-and-swap before the file changes. So an intent whose commit is not in its branch has done nothing, and one
whose commit is there can be finished.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from memento_skills.errors import MementoError, StaleBase
from memento_skills.masking import visible
from memento_skills.promote import disk
from memento_skills.promote.commit import contains, move
from memento_skills.promote.git import Git
from memento_skills.promote.place import lock_file, own_git_dir
from memento_skills.promote.plan import Intent, Journal
from memento_skills.records import Record


class Settled(Record, frozen=True, kw_only=True):
    """What became of one interrupted change."""

    id: str
    outcome: Literal["finished", "undone", "stuck"]
    reason: str = ""


def carry_out(intent: Intent, journal: Journal) -> None:
    """Do what the intent says and record it. On any error but a kill the library is as it was, and the intent gone.

    The one exception is a locked index: branch and file are right by then, and the intent stays to be finished.
    """
    journal.begin(intent)
    git = git_of(intent)
    try:
        move(git, intent.ref, intent.new, intent.old, f"memento: {intent.id}")
    except MementoError:
        journal.cancel(intent)
        raise
    try:
        _write(intent)
    except MementoError:
        _move_back(git, intent)
        journal.cancel(intent)
        raise
    _index(git, intent)
    journal.finish(intent)


def recover(journal: Journal, state: Path, root: Path | None = None) -> tuple[Settled, ...]:
    """Finish or find undone every change that a kill cut short, of one library or of all. Safe to call at any time.

    What cannot be settled now (the library is not there, the index is locked) is returned as *stuck* with the reason.
    """
    settled: list[Settled] = []
    for intent in journal.pending():
        if root is not None and Path(intent.root) != root.resolve():
            continue
        try:
            with holding(Path(intent.root), state):
                settled.extend(_settle(intent, journal))
        except MementoError as error:
            settled.append(Settled(id=intent.id, outcome="stuck", reason=str(error)))
    return tuple(settled)


@contextmanager
def holding(root: Path, state: Path) -> Iterator[None]:
    """Be the only process that changes the library. Locks that a killed git left in Memento's own git directory go."""
    with disk.locked(lock_file(root, state)):
        own = own_git_dir(root.resolve(), state)
        for left in own.rglob("*.lock") if own.is_dir() else ():
            left.unlink(missing_ok=True)
        yield


def settle_library(journal: Journal, root: Path) -> None:
    """Settle what is pending for one library, whose lock the caller holds; raises where it cannot be settled."""
    for intent in journal.pending():
        if Path(intent.root) == root:
            _settle(intent, journal)


def _settle(intent: Intent, journal: Journal) -> tuple[Settled, ...]:
    """Finish one interrupted change if its branch moved, else drop it. The library's lock is held by the caller."""
    if intent not in journal.pending():  # another process settled it while this one waited for the lock
        return ()
    git = git_of(intent)
    if not intent.writes:  # nobody but Memento locks the branch of a patch: such a lock is a killed git's
        lock = git.text("rev-parse", "--path-format=absolute", "--git-path", f"{intent.ref}.lock")
        Path(lock).unlink(missing_ok=True)
    if not contains(git, git.commit_of(intent.ref), intent.new):
        journal.cancel(intent)
        return (Settled(id=intent.id, outcome="undone"),)
    reason = ""
    try:
        _write(intent)
    except StaleBase:
        reason = "the file was edited since; it is left as it is"
    _index(git, intent)
    journal.finish(intent)
    return (Settled(id=intent.id, outcome="finished", reason=reason),)


def git_of(intent: Intent) -> Git:
    """The repository of an intent."""
    root = Path(intent.root)
    if intent.git_dir:
        return Git(root, Path(intent.git_dir))
    folder = next((f for f in (root / intent.path).parents if f.is_dir()), root)
    return Git(Path(Git(folder).text("rev-parse", "--show-toplevel")))


def _write(intent: Intent) -> None:
    """Bring the file to its new text; StaleBase where it is neither the old nor the new one."""
    if not intent.writes:
        return
    file = Path(intent.root) / intent.path
    disk.sweep(file)
    found = disk.read(file)
    after = None if intent.after is None else intent.after.encode()
    if found == after:
        return
    if found != (None if intent.before is None else intent.before.encode()):
        raise StaleBase("the skill was edited meanwhile", where=visible(intent.path), hint="verify and approve again")
    if after is None:
        disk.remove(file, Path(intent.root))
    else:
        disk.replace(file, after)


def _index(git: Git, intent: Intent) -> None:
    """Bring the file's entry of the user's index along, unless the user staged something else there."""
    if not intent.writes or intent.git_dir or git.maybe("symbolic-ref", "--quiet", "HEAD") != intent.ref:
        return
    line = git.text("ls-files", "--stage", "-z", "--", intent.git_path).rstrip("\0")
    staged = line.split(" ")[1] if line else ""
    if staged == intent.new_blob or staged != intent.old_blob:
        return
    if not intent.new_blob:
        git.run("update-index", "--force-remove", "--", intent.git_path)
        return
    git.run("update-index", "--add", "--cacheinfo", f"{intent.mode},{intent.new_blob},{intent.git_path}")
    git.run("add", "--refresh", "--", intent.git_path, ok=(0, 1, 128))


def _move_back(git: Git, intent: Intent) -> None:
    if intent.old:
        move(git, intent.ref, intent.old, intent.new, f"memento: {intent.id} taken back")
    else:
        git.run("update-ref", "-d", intent.ref, intent.new)
