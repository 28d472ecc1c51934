"""Flags that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

paths = click.argument("paths", nargs=-1, type=click.Path(exists=True), metavar="[PATH]...")
since = click.option("--since", metavar="WHEN", help="Only from then on: 90d, 12h, 2026-10-01.")
until = click.option("--until", metavar="WHEN", help="Only up to then.")
skills = click.option(
    "--skills", multiple=True, type=click.Path(exists=True, file_okay=False), metavar="DIR",
    help="Skill library to amend (default: that of the logs' client and project).",
)  # fmt: skip
users = click.option(
    "--users", type=click.Path(exists=True, dir_okay=False), metavar="FILE",
    help="JSON file {log file or session: user}.",
)  # fmt: skip
tenant = click.option("--tenant", metavar="NAME", help="Tenant these logs belong to.")
format_ = click.option("--format", metavar="NAME", help="Log format (default: told by content).")


class Share(click.FloatRange):
    """A number within bounds, which NaN (neither below nor above any) is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """The number; click's own error for anything else."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is no number.", param, ctx)
        return number


split = click.option(
    "--split", type=Share(0.1, 0.9), metavar="SHARE", help="Share of the calls, by time, to learn from."
)
yes = click.option("--yes", "-y", is_flag=True, help="Answer the question with yes.")
curator = click.option("--curator", metavar="NAME", help="Who decides (default: settings, git's user.name, you).")


def together(*decorators: Decorator) -> Decorator:
    """Apply several flags, the first of them listed first."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


reading = together(since, until, users, tenant, format_)
"""Flags of every command that reads log files."""
