"""Where a skill file lives in git: the user's repository, or Memento's own git directory for the library.

Everything that can be odd about a repository is found here and said: bare, detached, in the middle of a merge,
locked, not trusted, the file ignored, changed, staged, or reached through a link.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from memento_skills.errors import BadInput, CheckFailed, MementoError, StaleBase
from memento_skills.masking import visible
from memento_skills.promote import disk
from memento_skills.promote.git import Git, GitRefused
from memento_skills.promote.plan import To

OWN_BRANCH = "refs/heads/library"
_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "BISECT_LOG": "a bisection",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One file of a library and the repository that keeps its history."""

    git: Git
    own: bool
    root: Path
    path: str
    git_path: str
    branch: str
    """Full ref of the current branch; "" = HEAD is detached."""
    head: str
    """Commit of HEAD; "" = no commit yet."""

    @property
    def file(self) -> Path:
        """The file in the work tree."""
        return self.root / self.path


@dataclass(frozen=True, kw_only=True)
class Base:
    """The file as found: in the work tree, and as git stores it."""

    found: bytes | None
    stored: bytes | None
    blob: str
    mode: str
    converts: bool
    """Work tree has CRLF where git stores LF (`core.autocrlf`, `.gitattributes`)."""

    def to_store(self, data: bytes) -> bytes:
        """Bytes for git of a text of the work tree."""
        return data.replace(b"\r\n", b"\n") if self.converts else data

    def to_tree(self, data: bytes) -> bytes:
        """Bytes for the work tree of a text of git."""
        return data.replace(b"\n", b"\r\n") if self.converts else data


def own_git_dir(root: Path, state: Path) -> Path:
    """Memento's own git directory for a library."""
    return state / "libraries" / (_library_id(root) + ".git")


def lock_file(root: Path, state: Path) -> Path:
    """The lock that a process holds while it changes the library."""
    return state / "libraries" / (_library_id(root.resolve()) + ".lock")


def target(root: Path, path: str) -> Path:
    """The file `path` of the library, proven to lie in it. Raises BadInput for anything that leads elsewhere."""
    pure = PurePosixPath(path)
    odd = pure.is_absolute() or "\\" in path or visible(path) != path or str(pure) != path or path == "."
    if odd or any(part == ".." or part.lower() == ".git" for part in pure.parts):
        raise BadInput("not a path inside the library", where=visible(path))
    file = root / path
    if file.resolve() != file:
        raise BadInput("the file is reached through a symbolic link", where=visible(path), hint="use the real folder")
    return file


def locate(root: Path, path: str, state: Path) -> Place:
    """Find the repository of a library's file; Memento's own one where the file is in none, or ignored by it.

    Raises BadInput for a bare or untrusted repository and for paths that lead out of the library.
    """
    root = root.resolve()
    if not root.is_dir():
        raise BadInput("the skill library does not exist", where=str(root))
    file = target(root, path)
    folder = next(parent for parent in file.parents if parent.is_dir())
    git = Git(folder)
    prefix = _prefix(git)
    inside = file.relative_to(folder).as_posix()
    if prefix is None or _ignored(git, inside):
        return own_place(root, path, state)
    return Place(
        git=Git(Path(git.text("rev-parse", "--show-toplevel"))),
        own=False,
        root=root,
        path=path,
        git_path=prefix + inside,
        branch=git.maybe("symbolic-ref", "--quiet", "HEAD"),
        head=git.commit_of("HEAD"),
    )


def own_place(root: Path, path: str, state: Path) -> Place:
    """The library's file in Memento's own git directory, which may not exist yet."""
    git_dir = own_git_dir(root.resolve(), state)
    git = Git(root, git_dir)
    head = git.commit_of(OWN_BRANCH) if git_dir.is_dir() else ""
    return Place(git=git, own=True, root=root.resolve(), path=path, git_path=path, branch=OWN_BRANCH, head=head)


def make_own(place: Place, state: Path) -> None:
    """Make Memento's own git directory where it is missing: beside its place, then moved there whole."""
    git_dir = own_git_dir(place.root, state)
    if git_dir.is_dir():
        return
    begun = git_dir.with_suffix(".begun")
    try:
        shutil.rmtree(begun, ignore_errors=True)
        begun.mkdir(parents=True)
        Git(begun).run("init", "--quiet", "--bare", "--template=", "--initial-branch=library", str(begun))
        begun.rename(git_dir)
    except OSError as error:
        raise MementoError(f"no folder for the history: {error.strerror}", where=str(git_dir)) from error


def check_ready(place: Place, to: To) -> None:
    """Refuse where something of the user's is under way, or where `to` cannot be done."""
    if place.own:
        _check_writable(place)
        return
    git_dir = Path(place.git.text("rev-parse", "--absolute-git-dir"))
    for name, what in _UNDER_WAY.items():
        if (git_dir / name).exists():
            raise CheckFailed(f"{what} is under way in the repository", where=str(place.root), hint="finish it first")
    if to == "branch":
        return
    if not place.branch:
        raise CheckFailed("HEAD is detached", where=str(place.root), hint="check out a branch, or use --to branch")
    if (git_dir / "index.lock").exists():
        raise MementoError(
            "the index is locked by another git process", where=str(git_dir / "index.lock"),
            hint="wait for it; where no git is running any more, remove the file",
        )  # fmt: skip
    _check_writable(place)


def base_of(place: Place) -> Base:
    """The file as it is now. Raises CheckFailed where it is changed, staged or not committed (user's repository)."""
    found = disk.read(place.file)
    mode, blob = place.git.entry(place.head, place.git_path)
    if mode not in {"", "100644", "100755"}:
        raise BadInput("git has a link or a folder in the place of the file", where=place.path)
    stored = place.git.blob(blob) if blob else None
    converts = stored is not None and found is not None and found != stored and _same_but_crlf(found, stored)
    if not place.own:
        _check_clean(place, found, stored, converts=converts)
    return Base(found=found, stored=stored, blob=blob, mode=mode or "100644", converts=converts)


def check_base(base: Base, before: str | None, path: str) -> None:
    """Raise StaleBase unless the file is what the patch was written against (None = no file)."""
    expected = None if before is None else before.encode()
    if base.found == expected:
        return
    what = "the skill exists already" if before is None else "the skill changed since the patch was verified"
    if base.found is None:
        what = "the skill is gone"
    raise StaleBase(what, where=visible(path), hint="verify the patch again and approve again")


def _check_clean(place: Place, found: bytes | None, stored: bytes | None, *, converts: bool) -> None:
    where = visible(place.path)
    if stored is None and found is not None:
        raise CheckFailed("the skill is not committed in its repository", where=where, hint="commit it first")
    if found != stored and not converts:
        hint = "commit or undo them first"
        if b"filter: unspecified" not in place.git.run("check-attr", "filter", "--", place.git_path)[1]:
            hint = "its .gitattributes has a content filter, which is not supported here"
        raise CheckFailed("the skill has changes that are not committed", where=where, hint=hint)
    against = place.head or place.git.text("mktree")
    quietly = ("--cached", "--quiet", "--no-ext-diff", "--no-textconv")
    code, _ = place.git.run("diff-index", *quietly, against, "--", place.git_path, ok=(0, 1))
    if code:
        raise CheckFailed("the skill has staged changes", where=where, hint="commit or unstage them first")


def _check_writable(place: Place) -> None:
    folder = next(parent for parent in place.file.parents if parent.is_dir())
    if not os.access(folder, os.W_OK):
        raise MementoError("no permission to write into the library", where=str(folder))


def _prefix(git: Git) -> str | None:
    try:
        bare, inside = git.text("rev-parse", "--is-bare-repository", "--is-inside-work-tree").split("\n")
    except GitRefused as error:
        if "not a git repository" in error.stderr.lower():
            return None
        raise
    if bare == "true" or inside != "true":
        raise BadInput("the library is inside a git directory or a bare repository", where=str(git.folder))
    return git.text("rev-parse", "--show-prefix")


def _ignored(git: Git, path: str) -> bool:
    # this command refuses literal pathspecs; `./` keeps a leading colon from being read as one
    env = {"GIT_LITERAL_PATHSPECS": "0"}
    return git.run("check-ignore", "-q", "--", f"./{path}", ok=(0, 1), env=env)[0] == 0


def _same_but_crlf(found: bytes, stored: bytes) -> bool:
    return (
        b"\r\n" not in stored and found.count(b"\n") == found.count(b"\r\n") and found.replace(b"\r\n", b"\n") == stored
    )


def _library_id(root: Path) -> str:
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
