"""Run a command and write what it cost: `python measured.py REPORT COMMAND...`.

A process of its own, because the peak memory of a child counts that of the process it was forked from: this one stays
small, whatever the benchmark has loaded.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    """Fork, run, wait; the report is: wall seconds, processor seconds, peak kilobytes."""
    report, command = sys.argv[1], sys.argv[2:]
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        os.execv(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    with open(report, "w") as out:  # noqa: PTH123  (pathlib would double the size of this process)
        out.write(f"{wall} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss}")
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
