"""A thin wrapper of the git command line: arguments as a list, no shell, no hooks, no prompts, no network.

Everything written is flushed to disk (`core.fsync=all`, references too). What the repository's own configuration
could make git execute is switched off: hooks, the file-system monitor, replacement objects; contents are stored
and read without filters. The user's own configuration is read for the identity and for `safe.directory`.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from memento_skills.errors import BadInput, MementoError, StaleBase
from memento_skills.masking import visible

TIMEOUT = 60.0
"""Seconds that one git command may take."""

_SWITCHES = (
    "--no-pager",
    "--no-optional-locks",
    "--no-replace-objects",
)
_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.fsync=all",
    "core.filesRefLockTimeout=2000",
    "core.quotePath=false",
    "core.logAllRefUpdates=true",
    "protocol.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "i18n.commitEncoding=UTF-8",
)
_PASSED_ON = ("PATH", "HOME", "USERPROFILE", "XDG_CONFIG_HOME", "SYSTEMROOT", "TMPDIR", "TEMP", "GIT_CONFIG_GLOBAL")
_LOCK = re.compile(r"'([^'\n]+\.lock)': File exists")
_KINDS: dict[str, type[MementoError]] = {"stale": StaleBase, "input": BadInput, "failed": MementoError}

FALLBACK = ("Memento-Skills", "memento-skills@localhost")
"""Name and address of commits where the user's git configuration has none."""


class GitRefused(MementoError):
    """A git command ended with an exit code that its caller did not expect."""

    def __init__(self, what: str, *, where: str = "", hint: str = "", stderr: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.stderr = stderr


class Git:
    """Commands of one repository, run in one folder.

    `git_dir` names the repository where it is not to be found from the folder (Memento's own one).
    """

    def __init__(
        self,
        folder: Path,
        git_dir: Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.folder = folder
        self.timeout = timeout
        self.git_dir = git_dir
        self._env = _environment(os.environ if environ is None else environ)

    def run(
        self,
        *args: str,
        feed: bytes = b"",
        ok: Sequence[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Run one command; (exit code, standard output).

        Raises an error of the tree where the exit code is not in `ok`, git is missing, or its time is up.
        """
        place = [f"--git-dir={self.git_dir}"] if self.git_dir else []
        config = [word for setting in _CONFIG for word in ("-c", setting)]
        try:
            done = subprocess.run(  # noqa: S603  (a list, no shell; arguments are made by this package)
                ["git", *_SWITCHES, *config, *place, *args],  # noqa: S607  (the user's own git, from PATH)
                input=feed,
                capture_output=True,
                cwd=self.folder,
                env={**self._env, **(env or {})},
                timeout=self.timeout,
                check=False,
            )
        except FileNotFoundError as error:
            if not self.folder.is_dir():
                raise BadInput("the library's folder does not exist", where=str(self.folder)) from error
            raise MementoError(
                "git is not installed", where=str(self.folder), hint="install git 2.36 or newer"
            ) from error
        except NotADirectoryError as error:
            raise BadInput("the library is not a folder", where=str(self.folder)) from error
        except subprocess.TimeoutExpired as error:
            raise MementoError(f"git {args[0]} took more than {self.timeout:g} s", where=str(self.folder)) from error
        if done.returncode < 0:
            why = "no memory, or a limit on the size of files or the time"
            raise MementoError(
                f"git {args[0]} was ended by signal {-done.returncode}", where=str(self.folder), hint=why
            )
        if done.returncode not in ok:
            raise explain(args[0], done.stderr, str(self.folder))
        return done.returncode, done.stdout

    def text(self, *args: str, feed: bytes = b"") -> str:
        """Standard output of a command that must succeed, without the last line break."""
        return os.fsdecode(self.run(*args, feed=feed)[1]).removesuffix("\n")

    def maybe(self, *args: str) -> str:
        """Standard output of a command that may end with exit code 1 or 128 to say *there is none*; "" then."""
        code, out = self.run(*args, ok=(0, 1, 128))
        return "" if code else os.fsdecode(out).removesuffix("\n")

    def commit_of(self, name: str) -> str:
        """Id of the commit that `name` (a full ref, an id, HEAD) stands for; "" where there is none."""
        return self.maybe("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")

    def entry(self, tree: str, path: str) -> tuple[str, str]:
        """(mode, blob id) of `path` in a commit or tree; ("", "") where there is none."""
        if not tree:
            return "", ""
        line = self.text("ls-tree", "-z", "--full-tree", tree, "--", path).rstrip("\0")
        if not line:
            return "", ""
        mode, _, blob = line.split("\t", 1)[0].split(" ")
        return mode, blob

    def blob(self, blob: str) -> bytes:
        """The bytes of a blob, as stored."""
        return self.run("cat-file", "blob", blob)[1]

    def identity(self) -> tuple[str, str]:
        """Name and address for commits: the user's configuration, else `FALLBACK`; never guessed from the host."""
        name, address = (self.maybe("config", "--get", key).strip() for key in ("user.name", "user.email"))
        # git drops these characters at the ends and refuses a name of which nothing is left
        if not name.strip(" .,:;<>\"'\\\n") or not address.strip(" .,:;<>\"'\\\n"):
            return FALLBACK
        return name, address


def explain(command: str, stderr: bytes, where: str) -> MementoError:
    """The error of the tree for what git said, by `git_errors.toml`; a `GitRefused` where nothing fits."""
    said = os.fsdecode(stderr)
    low = said.lower()
    if lock := _LOCK.search(said):
        hint = "wait for that git process; where none is running any more, remove the file"
        return MementoError("git's lock file is in the way", where=visible(lock[1]), hint=hint)
    for rule in _rules():
        if rule["needle"] in low:
            return _KINDS[rule["kind"]](rule["what"], where=where, hint=rule["hint"])
    first = next((line for line in said.splitlines() if line.strip()), "no message")
    return GitRefused(f"git {command} failed", where=where, hint=visible(first[:300]), stderr=said)


@cache
def _rules() -> list[dict[str, str]]:
    table: list[dict[str, str]] = tomllib.loads(
        files("memento_skills.promote").joinpath("git_errors.toml").read_text(encoding="utf-8")
    )["error"]
    return table


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {key: environ[key] for key in _PASSED_ON if key in environ}
    return kept | {
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_EDITOR": "false",
        "GIT_LITERAL_PATHSPECS": "1",
    }
