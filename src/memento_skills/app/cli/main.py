"""The program's entrance, and the one border where an error becomes a line on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from memento_skills import __version__
from memento_skills.app.cli.base import LazyGroup
from memento_skills.app.cli.session import Session
from memento_skills.errors import MementoError

COMMANDS = {
    "demo": "Show the whole loop on bundled real logs.",
    "scan": "Read logs, find what repeats, write and test patches.",
    "ingest": "Read log files into the store.",
    "failures": "List every failure, one a line.",
    "report": "Show what fails most, and what it costs.",
    "patterns": "List the recurring patterns, or show one.",
    "reflect": "Say why a pattern happens, with quotes.",
    "propose": "Write patches for patterns.",
    "backtest": "Measure what patches learnt early catch later.",
    "verify": "Test a patch on failures it has not seen.",
    "review": "Walk through the queue and decide.",
    "promote": "Commit an approved patch to its skill.",
    "rollback": "Revert a promotion, with a reason.",
    "guard": "Show where patches would have spoken up in a log.",
    "skills": "List, show, check and route skills.",
    "export": "Write stored runs as ATIF trajectories.",
    "forget": "Remove a run, a user or a secret for good.",
    "audit": "Check or list the log of decisions.",
    "doctor": "Say what is installed, found and missing.",
    "settings": "Show every setting and where it comes from.",
    "plugins": "List readers, detectors and other parts.",
}


@click.group(
    cls=LazyGroup,
    lazy=COMMANDS,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 a check said no, 2 usage, 3 bad input data, 4 the system failed.",
)
@click.version_option(__version__, prog_name="memento")
def cli() -> None:
    """Turn your agents' failures into reviewed, tested amendments of their skills."""


def main() -> None:
    """Run the program on the process's own arguments and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:], Session()))


def run(arguments: Sequence[str], session: Session) -> int:
    """Run one command and give its exit code: 0-4 as the design says, 130 after Ctrl-C."""
    try:
        result = cli.main(list(arguments), prog_name="memento", standalone_mode=False, obj=session)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - the one border: a bug becomes a line, too
        return _failed(session, error)
    except KeyboardInterrupt:
        session.settled()
        return 130
    except SystemExit as stop:  # click ends so when a pipe's reader went away
        _silence()
        return stop.code if isinstance(stop.code, int) and stop.code != 1 else 0
    return result if isinstance(result, int) else 0


def _failed(session: Session, error: Exception) -> int:
    match error:
        case BrokenPipeError():
            _silence()
            return 0
        case click.Abort():
            session.settled()
            return 130
        case MementoError():
            return _told(session, str(error), error.exit_code)
        case click.UsageError():
            return _told(session, _usage(error), 2)
        case click.ClickException():
            return _told(session, error.format_message(), 2)
        case _:
            text = f"internal error: {type(error).__name__}: {error} (run again with --debug for the traceback)"
            return _told(session, text, 4)


def _usage(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "memento"
    return f"{error.format_message()} (see `{path} --help`)"


def _told(session: Session, text: str, exit_code: int) -> int:
    if session.debug:
        import traceback

        traceback.print_exc()
    from memento_skills.masking import visible

    session.settled()
    try:
        sys.stdout.flush()
        click.echo(f"memento: {visible(text)}", err=True)
    except BrokenPipeError:
        _silence()
    return exit_code


def _silence() -> None:
    """Give the interpreter nothing to complain about when it closes a pipe that nobody reads."""
    import os

    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            os.dup2(null, stream.fileno())
        except (OSError, ValueError):  # not a real file, as in a test
            continue


if __name__ == "__main__":
    main()
