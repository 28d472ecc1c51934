"""Whose run it was and which project it worked in (the design's words *user* and *project*).

Reads `.git` of a directory that exists on this machine; no process is started.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from memento_skills import masking

_WORKTREE = re.compile(r"[\\/](?:\.claude[\\/]worktrees|\.worktrees|\.git[\\/]worktrees)[\\/].*$", re.DOTALL)
_HOME = re.compile(r"(?:/Users/|/home/|[A-Za-z]:[\\/]Users[\\/])([^\\/]+)(?=[\\/]|$)")
_NO_PROJECT = re.compile(
    r"(?:subagents|workflows|chats|wf_\w+|\d{4}|\d\d|\d{4}-\d\d-\d\d|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,27})"
)
_CLIENT_LAYOUT = re.compile(r"/(?:\.codex|\.copilot|\.gemini)/|/sessions/\d{4}/\d\d/\d\d/|/session-state/")
"""Folders that a client itself puts its logs in: their names say nothing of the project."""
_PATH_LENGTH = 4096  # a longer one is no path
_GIT_FILE = 4096  # bytes of a `.git` file that are read


def home_of(cwd: str) -> str:
    """The home folder at the beginning of a path of any system; "" where there is none or it is nobody's."""
    if not masking.user_of(cwd):
        return ""
    found = _HOME.match(cwd)
    return found[0] if found else "/root"


def without_home(path: str, home: str) -> str:
    """`path` with the home folder `home` as `~`."""
    if home and (path == home or path.startswith((home + "/", home + "\\"))):
        return "~" + path[len(home) :]
    return path


def user_of(cwd: str, *, file: Path, session: str, users: Mapping[str, str], system_user: str) -> str:
    """The run's user: from the `--users` map (session id, or the log's path relative to any folder above it), else the
    home folder's name in `cwd` (unmasked), else the system's user.
    """
    if users:
        if session in users:
            return users[session]
        named = file.as_posix().split("/")
        for start in range(len(named)):
            user = users.get("/".join(named[start:]))
            if user:
                return user
    return masking.user_of(cwd) or system_user


def project_of(cwd: str, *, file: Path) -> str:
    """The project of a run with the (unmasked) working directory `cwd`, whose log is `file` (an absolute path).

    In this order: the git repository's root, where `cwd` exists on this machine; `cwd` without its worktree's suffix,
    where the log lies in the client's own layout (a folder named after a directory); the name of the folder that the
    log was collected in, so that several users' clones of one repository are one project. A repository that a log
    names (a link to a pull request) is not used: few sessions have one, and they would be parted from the others.
    """
    cwd = cwd[:_PATH_LENGTH]
    base = _WORKTREE.sub("", cwd)
    root = git_root(Path(base)) if _looks_local(base) else None
    if root is not None:
        return str(root)
    native = _native(base, file) or _native(cwd, file)
    if native:
        return _WORKTREE.sub("", native)
    if base and (any(folder.name.startswith("-") for folder in file.parents) or _CLIENT_LAYOUT.search(file.as_posix())):
        return base
    for folder in file.parents:
        if folder.name and not _NO_PROJECT.fullmatch(folder.name):
            return folder.name
    return base


def _looks_local(path: str) -> bool:
    return path.startswith("/") and not path.startswith("//") and "\0" not in path


def encoded(cwd: str) -> str:
    """The folder name that Claude Code gives to the logs of a working directory."""
    return re.sub(r"[^A-Za-z0-9]", "-", cwd)


def _native(cwd: str, file: Path) -> str:
    """The part of `cwd` that a folder above `file` is named after, else ""."""
    if not cwd:
        return ""
    names = {encoded(folder.name) for folder in file.parents}
    cut = len(cwd)
    while cut > 1:
        if encoded(cwd[:cut]) in names:
            return cwd[:cut]
        cut = max(cwd.rfind("/", 0, cut), cwd.rfind("\\", 0, cut))
    return ""


def git_root(folder: Path) -> Path | None:
    """Root of the git repository that an existing `folder` lies in (of the main tree, for a worktree), else None."""
    try:
        if not folder.is_dir():
            return None
        for here in (folder, *folder.parents):
            mark = here / ".git"
            if mark.is_dir():
                return here
            if mark.is_file():
                return _main_tree(here, mark)
    except OSError:
        return None
    return None


def _main_tree(here: Path, mark: Path) -> Path:
    with mark.open("rb") as source:
        text = source.read(_GIT_FILE).decode("utf-8", "replace")
    target = text.removeprefix("gitdir:").strip()
    git_folder = Path(target) if Path(target).is_absolute() else here / target
    for above in git_folder.parents:
        if above.name == "worktrees" and above.parent.name == ".git":
            return Path(above.parent.parent)
    return here
