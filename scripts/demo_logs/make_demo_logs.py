"""Records the bundled demo logs: the real Claude Code client against a scripted model server on loopback.

    python scripts/demo_logs/make_demo_logs.py [--scratch DIR] [--only SLUG...] [--out DIR]

Needs npm, git and Python; takes a few minutes. Nothing leaves the machine but npm's download of the client.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from string import Template

from edits_and_permissions import approval_sessions, force_push_sessions, unread_sessions
from healthy import healthy_sessions
from neutral import Bundler
from record import HERE, VERSION, install_client, record
from script import Session
from talk_and_work import agent_sessions, correction_sessions, work_sessions
from wrapper_and_exports import export_sessions, wrapper_sessions

BUNDLE = HERE.parents[1] / "src" / "memento_skills" / "app" / "demo"
SKILLS = HERE / "template" / "shop" / ".claude" / "skills"
FAMILIES = {
    "wrapper": "`./dev run test` is no command of the project's wrapper; `./dev run check` is",
    "export": "a CSV separated by semicolons meets `report.py`, which expects commas",
    "unread": "an edit of a file that was not read",
    "approval": "a command that nobody is there to allow",
    "correction": "a vague request that the user corrects (two in Chinese)",
    "force_push": "one user's pushes by force, refused by the remote, and one clean-up that lost work",
    "work": "tests that fail because the code is broken",
    "agent": "a search by a sub-agent",
    "healthy": "the same commands, working; two with a small slip of their own",
}


def all_sessions() -> list[Session]:
    """Every session of the bundle, in the order of their times."""
    makers = (wrapper_sessions, export_sessions, unread_sessions, approval_sessions, correction_sessions,
              force_push_sessions, work_sessions, agent_sessions, healthy_sessions)  # fmt: skip
    return sorted((session for make in makers for session in make()), key=lambda session: session.start)


def readme(sessions: list[Session], cut: Counter[str]) -> str:
    """The bundle's README."""
    counts = Counter(session.family for session in sessions)
    families = "\n".join(f"| `{name}` | {counts[name]} | {text} |" for name, text in FAMILIES.items())
    removed = "\n".join(f"- {name}: {count}" for name, count in sorted(cut.items()))
    users = ", ".join(sorted({session.user for session in sessions}))
    text = Template((HERE / "bundle-readme.md").read_text(encoding="utf-8"))
    return text.substitute(sessions=len(sessions), version=VERSION, users=users, families=families, removed=removed)


def write_bundle(out: Path, files: dict[str, str], text: str) -> None:
    """Replace the bundle's logs, library and README."""
    for name in ("logs", "library"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name, content in sorted(files.items()):
        path = out / "logs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    shutil.copytree(SKILLS, out / "library")
    (out / "README.md").write_text(text, encoding="utf-8")


def record_all(options: argparse.Namespace, scratch: Path) -> None:
    """Record, make neutral, write."""
    program = install_client(scratch)
    bundler = Bundler(scratch, frozenset(path.name for path in SKILLS.iterdir()))
    sessions = [session for session in all_sessions() if not options.only or session.slug in options.only]
    files: dict[str, str] = {}
    for number, session in enumerate(sessions, 1):
        print(f"{number}/{len(sessions)} {session.start} {session.user} {session.slug}", file=sys.stderr)
        files.update(bundler.files(record(session, program, scratch)))
    if not options.only:
        write_bundle(options.out, files, readme(sessions, bundler.cut))
    print(f"{len(sessions)} sessions, {sum(map(len, files.values()))} characters; cut: {dict(bundler.cut)}")


def main() -> int:
    """Read the options and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scratch", type=Path, help="folder for client and work folders, kept (default: temporary)")
    parser.add_argument("--out", type=Path, default=BUNDLE, help="where the bundle goes")
    parser.add_argument("--only", nargs="+", metavar="SLUG", help="record these sessions only, write no bundle")
    options = parser.parse_args()
    if options.scratch:
        record_all(options, options.scratch.resolve())
        return 0
    with tempfile.TemporaryDirectory(prefix="demo-logs-") as scratch:
        record_all(options, Path(scratch).resolve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
