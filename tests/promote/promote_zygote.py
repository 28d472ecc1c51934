"""A process that has imported everything and forks one child for each task, so that a kill hits the work itself.

Each line on stdin is a JSON `[kind, state, task]`; it answers with the child's pid, which is also its process group,
and, when the child is gone, with its exit code (0 done, 1 stale, 2 another error of ours).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
from promote_build import Ledger

from memento_skills.errors import MementoError, StaleBase
from memento_skills.promote import Job, Undo, promote, rollback


def work(kind: str, state: str, task: bytes) -> int:
    try:
        if kind == "promote":
            promote(msgspec.json.decode(task, type=Job), Ledger(Path(state)))
        else:
            rollback(msgspec.json.decode(task, type=Undo), Ledger(Path(state)))
    except StaleBase:
        return 1
    except MementoError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def main() -> None:
    for line in sys.stdin.buffer:
        kind, state, task = msgspec.json.decode(line, type=tuple[str, str, msgspec.Raw])
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            os._exit(work(kind, state, bytes(task)))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
