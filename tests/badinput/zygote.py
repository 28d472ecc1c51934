"""A process that has imported the program and forks one child for each command, so that a kill hits the work itself.

Each line on stdin is a JSON object `{words, cwd, env, said, commit}`: the command, its place, the file for what it
prints, and the bytes of log that one commit holds (0 = the program's own choice; fewer give more moments between two
commits). It answers with the child's pid, which is also its process group, and, when the child is gone, its exit code.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import memento_skills.app.cli.audit
import memento_skills.app.cli.ingest
import memento_skills.app.cli.promote
import memento_skills.app.cli.rollback
import memento_skills.app.pipeline
import memento_skills.app.surfaces
import memento_skills.store.store  # noqa: F401
from memento_skills.app import reading
from memento_skills.app.cli.main import run
from memento_skills.app.cli.session import Session


def work(task: dict[str, Any]) -> int:
    said = os.open(task["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(task["env"])
    os.chdir(task["cwd"])
    if task["commit"]:
        reading.COMMIT_BYTES = task["commit"]
    code = run(task["words"], Session(home=Path(task["env"]["HOME"])))
    sys.stdout.flush()
    return code


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            os._exit(work(json.loads(line)))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
