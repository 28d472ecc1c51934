"""Write docs/reference/cli.md from the commands' own help. `--check` only compares (exit 1 where it is not current)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from memento_skills.app.cli.main import cli

TARGET = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
INTRO = """\
# The command line

Made from `--help` by `scripts/cli_docs.py`; do not edit it by hand. `memento` and `memento-skills` are the same.
`--store PATH`, `--json` and `--debug` may stand before or after any command's name.
"""


def page() -> str:
    """The whole page."""
    parts = [INTRO]
    for path, text in helps(cli, "memento"):
        parts.append(f"## `{path}`\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def helps(command: click.Command, path: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """(command path, help text) of a command and all below it, at 100 columns."""
    names = ["-h", "--help"]
    context = click.Context(
        command, info_name=path.rpartition(" ")[2], parent=parent, terminal_width=100, help_option_names=names
    )
    yield path, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None, name
            yield from helps(below, f"{path} {name}", context)


def main() -> int:
    """Write or compare."""
    if "--check" in sys.argv[1:]:
        return int(not TARGET.exists() or TARGET.read_text("utf-8") != page())
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(page(), "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
