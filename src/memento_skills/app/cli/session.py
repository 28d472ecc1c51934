"""What every command shares: global flags, settings, the store, and output that hostile text cannot harm."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from memento_skills.errors import MementoError, UsageError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from memento_skills.app.cli.progress import Line
    from memento_skills.app.options import Options, Progress
    from memento_skills.app.settings import Loaded, Settings
    from memento_skills.store.store import Store

APP = "memento-skills"
_ODD = re.compile(r"[^ -~\n]")


class Session:
    """One call of the program. Mutable on purpose: global flags may stand before or after the command's name."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        home: Path | None = None,
    ) -> None:
        self.clock = clock
        self.env = os.environ if env is None else env
        self.cwd = cwd or Path.cwd()
        self.home = home or Path.home()
        self.store_flag: str | None = None
        self.curator_flag = ""
        self.json = False
        self.debug = False
        self._loaded: Loaded | None = None
        self._now: float | None = None
        self._line: Line | None = None

    @property
    def now(self) -> float:
        """The time of this call, the same for all of it (seconds since the epoch)."""
        if self._now is None:
            self._now = self.clock()
        return self._now

    @property
    def user_folder(self) -> Path:
        """The person's folder of settings."""
        from platformdirs import user_config_path

        return user_config_path(APP, appauthor=False)

    @property
    def loaded(self) -> Loaded:
        """Settings and where each comes from; raises UsageError for a wrong one."""
        if self._loaded is None:
            from memento_skills.app import settings

            flags = {"store": self.store_flag}
            self._loaded = settings.load(flags, self.env, self.cwd, self.home, self.user_folder)
        return self._loaded

    @property
    def settings(self) -> Settings:
        """The merged settings."""
        return self.loaded.settings

    @property
    def store_path(self) -> Path:
        """Where the store is, whether it exists yet or not."""
        from memento_skills.app.settings import default_store

        if self.settings.store:
            return Path(self.settings.store)
        from platformdirs import user_state_path

        return default_store(self.cwd, self.home, user_state_path(APP, appauthor=False))

    def open_store(self, *, create: bool = False) -> Store:
        """Open the store; unless `create`, one that is not there is said with what to do (UsageError)."""
        from memento_skills.store.store import open_store

        path = self.store_path
        if str(path) != ":memory:":
            if not create and not path.exists():
                raise UsageError("there is no store yet", where=str(path), hint="run `memento scan` first")
            if create:
                self._make_folder(path.parent)
        return open_store(path, clock=self.clock)

    def _make_folder(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            ignore = folder / ".gitignore"
            if folder.name == ".memento" and not ignore.exists():
                ignore.write_text("*\n", "utf-8")
        except OSError as error:
            hint = "choose another place with --store"
            raise MementoError(
                f"cannot make the store's folder: {error.strerror}", where=str(folder), hint=hint
            ) from error

    def options(self, **given: object) -> Options:
        """What the pipeline is asked with: settings, overruled by those flags that were given (not None)."""
        from memento_skills.app.options import Options
        from memento_skills.app.when import moment

        s = self.settings
        values: dict[str, Any] = {
            "skills": s.skills, "users": s.users, "tenant": s.tenant, "split": s.split, "proposals": s.proposals,
            "seed": s.seed, "mask": s.mask, "plugins": s.plugins,
        }  # fmt: skip
        values.update({name: value for name, value in given.items() if value not in (None, (), "")})
        for bound in ("since", "until"):
            if isinstance(values.get(bound), str):
                values[bound] = moment(values[bound], self.now, flag=f"--{bound}")
        return Options(now=self.now, home=str(self.home), **values)

    def curator(self, flag: str | None) -> str:
        """Who decides: the flag, the setting, git's user.name, else the system's user."""
        if named := flag or self.curator_flag or self.settings.curator:
            return named
        import getpass

        from memento_skills.promote.git import Git

        try:
            name = Git(self.cwd).maybe("config", "--get", "user.name").strip()
        except MementoError:
            name = ""  # no git: the system's user will do
        return name or getpass.getuser()

    # ------------------------------------------------------------------------------------------ asking

    @property
    def interactive(self) -> bool:
        """Whether a question could be answered: a terminal on both sides, and not --json."""
        return not self.json and sys.stdin.isatty() and sys.stdout.isatty()

    def confirm(self, question: str, yes: bool, *, flag: str = "--yes") -> None:
        """Pass if `yes` or if a person says so; a no is CheckFailed-like Abort, nobody to ask is UsageError."""
        if yes:
            return
        if not self.interactive:
            raise UsageError(f"{question} Nobody can be asked here", hint=f"answer with {flag}")
        if not click.confirm(question, default=False):
            raise click.Abort

    def need(self, value: str | None, question: str, flag: str) -> str:
        """A text that must be given: by its flag, or typed by a person; UsageError where nobody can be asked."""
        if value:
            return value
        if not self.interactive:
            raise UsageError(f"{question} Nobody can be asked here", hint=f"answer with {flag}")
        return str(click.prompt(question))

    # ------------------------------------------------------------------------------------------ output

    def emit(self, data: object) -> None:
        """Print one JSON document (with --json) on one line."""
        self.settled()
        click.echo(json_text(data))

    def emit_lines(self, rows: Iterable[object]) -> None:
        """Print JSON lines, each as soon as it is there."""
        for row in rows:
            self.settled()
            click.echo(json_text(row))

    def say(self, text: str = "") -> None:
        """Print words of ours for a person; anything from a log in it is made harmless."""
        from memento_skills.masking import visible

        self.settled()
        click.echo(visible(text, newlines=True))

    def row(self, text: str) -> None:
        """Print one line of a list; a line break in it, as in a hostile tool's name, cannot forge another line."""
        from memento_skills.masking import visible

        self.settled()
        click.echo(visible(text))

    def note(self, text: str) -> None:
        """A remark of one line on stderr."""
        from memento_skills.masking import visible

        self.settled()
        click.echo(visible(text), err=True)

    def console(self) -> Console:
        """A rich console on stdout: no markup, no guessing; colour only on a terminal and without NO_COLOR."""
        from rich.console import Console

        width = None if sys.stdout.isatty() else int(self.env.get("COLUMNS", "0") or 0) or 100
        return Console(file=sys.stdout, width=width, markup=False, emoji=False, highlight=False, legacy_windows=False)

    def show(self, *renderables: RenderableType) -> None:
        """Print rich renderables, whose texts were made harmless by who built them."""
        self.settled()
        console = self.console()
        for renderable in renderables:
            console.print(renderable)

    def progress(self) -> Progress:
        """A line on stderr that says how far work is; silent where stderr is no terminal."""
        from memento_skills.app.cli.progress import Line

        self._line = Line(sys.stderr if sys.stderr.isatty() else None, time.monotonic)
        return self._line

    def settled(self) -> None:
        """Wipe the progress line: something is about to be said."""
        if self._line is not None:
            self._line.wipe()

    def stop(self, exit_code: int) -> NoReturn:
        """End the command with this exit code."""
        click.get_current_context().exit(exit_code)


def json_text(data: object) -> str:
    """JSON of records, dicts and lists with every character that a terminal could act on escaped.

    Such characters stand only inside strings, where an escape means the same, so what is parsed is unchanged.
    """
    import msgspec

    try:
        text = msgspec.json.encode(data).decode()
    except UnicodeEncodeError:  # a lone surrogate, such as from a file name that is no UTF-8
        import json

        text = json.dumps(msgspec.to_builtins(data), ensure_ascii=True)
    return _ODD.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    char = match[0]
    if char.isprintable():
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
