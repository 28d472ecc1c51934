"""Commands that know the global flags on either side of their name, and a group that loads them when called."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import Any

import click

from memento_skills.app.cli.session import Session
from memento_skills.errors import MementoError


def _remember(name: str) -> Callable[[click.Context, click.Parameter, object], None]:
    def callback(ctx: click.Context, _param: click.Parameter, value: object) -> None:
        if value and not ctx.resilient_parsing:
            setattr(ctx.ensure_object(Session), name, value)

    return callback


def global_flags() -> list[click.Parameter]:
    """--store, --json, --debug: they write into the Session, a command's function does not see them."""
    return [
        click.Option(
            ["--store"], metavar="PATH", expose_value=False, callback=_remember("store_flag"),
            help="The store to use (default: .memento/store.db of the project, else yours).",
        ),
        click.Option(
            ["--json"], is_flag=True, expose_value=False, callback=_remember("json"),
            help="Print data as JSON; ask nothing.",
        ),
        click.Option(
            ["--debug"], is_flag=True, expose_value=False, callback=_remember("debug"),
            help="Show a traceback when something fails.",
        ),
    ]  # fmt: skip


class Command(click.Command):
    """A command with the global flags."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click\'s own
        super().__init__(*args, **kwargs)
        self.params.extend(global_flags())


class Group(click.Group):
    """A group of such commands, in the order they were added."""

    command_class = Command

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click\'s own
        super().__init__(*args, **kwargs)
        self.params.extend(global_flags())

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names in the order of the work, not of the alphabet."""
        return list(self.commands)


class LazyGroup(Group):
    """The program: commands are modules of `app/cli`, imported only when called (`command` in each)."""

    def __init__(self, *args: Any, lazy: Mapping[str, str], **kwargs: Any) -> None:  # noqa: ANN401 - click\'s own
        super().__init__(*args, **kwargs)
        self.lazy = lazy

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own
        """Run the command. A file that ends early (a half-written `.pyc`) must not pass for an interruption at a
        question, which is what click takes an EOFError for.
        """
        try:
            return super().invoke(ctx)
        except EOFError as error:
            hint = "run again with --debug for the traceback"
            raise MementoError(f"a file ends early: {error or 'no more input'}", hint=hint) from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in pipeline order."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module and give its `command`; None for an unknown name."""
        if cmd_name not in self.lazy:
            return None
        module = importlib.import_module(f"memento_skills.app.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name for a mistyped one."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.lazy:
            near = difflib.get_close_matches(name, self.lazy, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`memento --help` lists the commands"
            raise click.UsageError(f"no command {name!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Names and short help from the table, so that nothing is imported to print it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.lazy.items()))
