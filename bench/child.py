"""Child processes, measured: wall time, processor time, peak memory, and when a word appeared on their terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.data import ROOT

MEMENTO = (sys.executable, "-c", "import sys; from memento_skills.app.cli.main import main; sys.exit(main())")


class Spent(NamedTuple):
    """What one process cost."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of user and system time."""
    rss: float
    """Peak resident memory in MB (10^6 bytes)."""
    output: bytes


def environment(home: Path) -> dict[str, str]:
    """A clean environment with a home folder of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MEMENTO_", "XDG_", "PYTHON"))}
    return kept | {"HOME": str(home), "TERM": "xterm", "NO_COLOR": "1", "PYTHONPATH": str(ROOT / "src")}


def memento(arguments: Sequence[str], home: Path, command: Sequence[str] = MEMENTO) -> Spent:
    """Run the program to its end. Raises RuntimeError with its last words where it fails."""
    done = subprocess.run(
        [*_measured(home), *command, *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False,
        env=environment(home), cwd=home,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:].decode("utf-8", "replace"))
    return _spent(home, done.stdout)


def seen(arguments: Sequence[str], home: Path, word: bytes) -> tuple[float, Spent]:
    """Run the program on a terminal of its own, as for a person: seconds until `word` was shown, and the whole."""
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(home)
        os.execve(sys.executable, [*_measured(home), *MEMENTO, *arguments], environment(home))
    output, shown = b"", 0.0
    while chunk := _some(terminal):
        output += chunk
        if not shown and word in output:
            shown = time.perf_counter() - start
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    if os.waitstatus_to_exitcode(status) or not shown:
        raise RuntimeError(output[-2000:].decode("utf-8", "replace"))
    return shown, _spent(home, output)


def _measured(home: Path) -> list[str]:
    return [sys.executable, "-S", str(Path(__file__).with_name("measured.py")), str(home / "spent")]


def _spent(home: Path, output: bytes) -> Spent:
    wall, cpu, kilobytes = (float(word) for word in (home / "spent").read_text("utf-8").split())
    return Spent(wall, cpu, kilobytes * 1024 / 1e6, output)


def _some(terminal: int) -> bytes:
    select.select([terminal], [], [])
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side of the terminal is closed
        return b""
