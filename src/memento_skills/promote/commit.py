"""Commits made from objects alone: no index, no checkout, so that nothing of the user's can be disturbed."""

from __future__ import annotations

import os

from memento_skills.errors import BadInput
from memento_skills.promote.git import FALLBACK, Git
from memento_skills.promote.place import Base, Place


def store_blob(git: Git, data: bytes) -> str:
    """Store exactly these bytes; their id."""
    return git.text("hash-object", "-w", "--no-filters", "--stdin", feed=data)


def commit_file(git: Git, parent: str, path: str, entry: tuple[str, str], message: str, at: float) -> str:
    """A commit on `parent` ("" = a first commit) that differs from it in one file; its id.

    `entry` is (mode, blob id); an empty blob id takes the file away. `at` is seconds since the epoch.
    """
    mode, blob = entry
    tree = _tree_with(git, parent and git.text("rev-parse", f"{parent}^{{tree}}"), path.split("/"), mode, blob)
    name, address = git.identity()
    date = f"@{int(at)} +0000"
    who = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": address,
        "GIT_COMMITTER_DATE": date,
    }
    parents = ["-p", parent] if parent else []
    _, out = git.run("commit-tree", tree or git.text("mktree"), *parents, "-F", "-", feed=message.encode(), env=who)
    return out.decode().strip()


def as_found(place: Place, base: Base, at: float) -> str:
    """The commit to build on. In Memento's own history the file as found is committed first where it changed."""
    if not place.own or base.found == base.stored:
        return place.head
    blob = store_blob(place.git, base.found) if base.found is not None else ""
    message = "The skill as it was found\n"
    return commit_file(place.git, place.head, place.git_path, (base.mode, blob), message, at)


def move(git: Git, ref: str, new: str, old: str, why: str) -> None:
    """Compare-and-swap of a ref; `old` "" = it must not exist. Raises StaleBase where it stands elsewhere."""
    name, address = FALLBACK
    who = {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address}
    git.run("update-ref", "--create-reflog", "-m", why, ref, new, old, env=who)


def find(git: Git, tip: str, trailer: str, value: str) -> str:
    """The newest commit in the history of `tip` with this trailer (`value` is hexadecimal); "" = none."""
    if not tip:
        return ""
    return git.text("rev-list", "--max-count=1", f"--grep=^{trailer}: {value}$", tip, "--")


def parent_and_time(git: Git, commit: str) -> tuple[str, float]:
    """The first parent ("" = none) of a commit, and its time in seconds since the epoch."""
    time, _, parents = git.text("show", "--no-patch", "--format=%ct %P", commit).partition(" ")
    return parents.split(" ")[0], float(time)


def contains(git: Git, tip: str, commit: str) -> bool:
    """Whether `commit` is in the history of `tip`."""
    if not tip or not git.commit_of(commit):
        return False
    return git.run("merge-base", "--is-ancestor", commit, tip, ok=(0, 1))[0] == 0


def _tree_with(git: Git, tree: str, parts: list[str], mode: str, blob: str) -> str:
    """The tree with one file put in or taken out; "" where nothing is left in it."""
    listing = git.run("ls-tree", "-z", tree)[1] if tree else b""
    name = os.fsencode(parts[0])
    kept = [entry for entry in listing.split(b"\0") if entry and entry.split(b"\t", 1)[1] != name]
    if len(parts) == 1:
        made = f"{mode} blob {blob}" if blob else ""
    else:
        inner = _tree_with(git, _subtree(listing, name), parts[1:], mode, blob)
        made = f"040000 tree {inner}" if inner else ""
    if made:
        kept.append(made.encode() + b"\t" + name)
    return git.text("mktree", "-z", "--missing", feed=b"".join(entry + b"\0" for entry in kept)) if kept else ""


def _subtree(listing: bytes, name: bytes) -> str:
    for entry in listing.split(b"\0"):
        head, _, found = entry.partition(b"\t")
        if found != name:
            continue
        _, kind, oid = head.decode().split(" ")
        if kind != "tree":
            raise BadInput("git has a file or a submodule where the skill's folder should be", where=os.fsdecode(name))
        return oid
    return ""
