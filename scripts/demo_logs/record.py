"""Records a session: a fresh work folder, the real client in it, and a check that it went as scripted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from script import Call, Session
from server import MODEL, ScriptedModel

HERE = Path(__file__).parent
VERSION = json.loads((HERE / "package.json").read_text())["dependencies"]["@anthropic-ai/claude-code"]
NAMESPACE = uuid.UUID("5d5b2f2c-6d0e-5a53-9d53-1c7f3a1f0a11")
ALLOWED = ("Skill", "Edit", "Write", "Agent", *(f"Bash({name}:*)" for name in ("./dev", "python3", "git", "pytest")))
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
ITEMS = ("mug", "lamp", "chair", "plate", "vase")


class ScriptBroken(Exception):
    """A real tool did not do what the script expected of it."""


@dataclass(frozen=True)
class Recording:
    """What the client wrote for one session."""

    session: Session
    session_id: str
    log: Path
    agents: tuple[Path, ...]


def session_id(slug: str) -> str:
    """The session's id: the same at each recording."""
    return str(uuid.uuid5(NAMESPACE, slug))


def install_client(scratch: Path) -> Path:
    """The client's program, installed by npm into the scratch folder if it is not there yet."""
    folder = scratch / "client"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "package.json", folder)
    programs = folder / "node_modules" / "@anthropic-ai"
    if not programs.exists():
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=folder, check=True)
    found = [*programs.glob("claude-code-*/claude"), *programs.glob("claude-code/cli.js")]
    if not found:
        raise ScriptBroken(f"{programs}: no client found after npm install")
    said = subprocess.run([found[0], "--version"], capture_output=True, text=True, check=True).stdout
    if not said.startswith(VERSION):
        raise ScriptBroken(f"{found[0]}: version {VERSION} is wanted, this is {said.strip()}")
    return found[0]


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, env=_environment(folder.anchor, "2026-08-31T08:00:00Z"), check=True)


def _environment(home: str, date: str) -> dict[str, str]:
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER")
           for key, value in (("NAME", "shop"), ("EMAIL", "shop@example.invalid"), ("DATE", date))}  # fmt: skip
    return {
        **who,
        "HOME": home,
        "PATH": SYSTEM_PATH,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _exports(folder: Path) -> None:
    """The order exports: commas from the web shop, semicolons from the till and the partner."""
    plans = [
        (f"{kind}/2026-w{week}", mark, week) for kind, mark in (("web", ","), ("till", ";")) for week in range(33, 44)
    ]
    plans += [("partner/2026-08", ";", 8), ("partner/2026-09", ";", 9)]
    for name, mark, seed in plans:
        rows = [mark.join(("order", "day", "item", "amount"))]
        for number in range(12):
            item = ITEMS[(number * seed + number) % len(ITEMS)]
            day = ("mon", "tue", "wed", "thu", "fri")[number * 5 // 12]
            rows.append(mark.join((str(seed * 100 + number), day, item, str(900 + (number * seed * 37) % 2400))))
        path = folder / "data" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(rows) + "\n")


def prepare(session: Session, home: Path) -> Path:
    """A fresh clone of the session's project, as the session finds it."""
    root = home / "projects" / session.project
    for old in (root, home / "remotes"):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(HERE / "template" / session.project, root)
    if session.project == "shop":
        _exports(root)
    _write_all(root, session.files)
    _git(root, "init", "-q", "-b", "main")
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "The shop as it is")
    if session.remote:
        _add_remote(root, home / "remotes" / f"{session.project}.git", session.remote)
    _write_all(root, session.uncommitted)
    return root


def _write_all(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _add_remote(root: Path, remote: Path, branch: str) -> None:
    """A remote that is one commit ahead and refuses to lose it."""
    _git(root, "clone", "-q", "--bare", str(root), str(remote))
    _git(remote, "config", "receive.denyNonFastForwards", "true")
    _git(root, "remote", "add", "origin", str(remote))
    (root / "config" / "printer.ini").write_text("[printer]\nname = front\n")
    _git(root, "add", "-A")
    _git(root, "commit", "-q", "-m", "Add the printer")
    _git(root, "push", "-q", "origin", branch)
    _git(root, "reset", "-q", "--hard", "HEAD~1")


def record(session: Session, program: Path, scratch: Path) -> Recording:
    """Run the session with the real client and check each result against the script."""
    home = scratch / "home" / session.user
    root = prepare(session, home)
    shutil.rmtree(home / ".claude", ignore_errors=True)
    temporary = scratch / "tmp"
    temporary.mkdir(exist_ok=True)
    known = session_id(session.slug)
    flags = [
        "-p",
        "--output-format",
        "json",
        "--model",
        MODEL,
        "--permission-mode",
        "default",
        "--allowedTools",
        *ALLOWED,
    ]
    with ScriptedModel(session, str(root)) as base_url:
        environment = {
            **_environment(str(home), session.start.replace(" ", "T") + ":00Z"),
            "ANTHROPIC_BASE_URL": base_url,
            "ANTHROPIC_API_KEY": "demo",
            "TMPDIR": str(temporary),
            "CLAUDE_CODE_TMPDIR": str(temporary),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_TELEMETRY": "1",
        }
        for number, turn in enumerate(session.turns):
            which = ["--resume", known] if number else ["--session-id", known]
            done = subprocess.run(
                [program, *flags, *which],
                input=turn.says, cwd=root, env=environment, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            if done.returncode:
                raise ScriptBroken(
                    f"{session.slug}: the client ended with {done.returncode}: {done.stderr or done.stdout}"
                )
    folder = next((home / ".claude" / "projects").iterdir())
    log = folder / f"{known}.jsonl"
    agents = tuple(sorted((folder / known).rglob("agent-*.jsonl")))
    check(session, [log, *agents])
    return Recording(session, known, log, agents)


def rows_of(path: Path) -> Iterator[dict]:
    """The rows of a log."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def check(session: Session, logs: list[Path]) -> None:
    """Each scripted call has the result that the script expects.

    Raises: ScriptBroken, naming the call.
    """
    results: list[tuple[bool, str]] = []
    for path in logs:
        calls, answers = [], {}
        for row in rows_of(path):
            content = row.get("message", {}).get("content", [])
            for block in content if isinstance(content, list) else []:
                if block["type"] == "tool_use":
                    calls.append(block["id"])
                elif block["type"] == "tool_result":
                    answers[block["tool_use_id"]] = (
                        bool(block.get("is_error")),
                        json.dumps(block["content"], ensure_ascii=False),
                    )
        results += [answers[call] for call in calls]
    wanted: list[Call] = [call for reply in (*session.replies, *session.agent_replies) for call in reply.calls]
    if len(wanted) != len(results):
        raise ScriptBroken(f"{session.slug}: {len(wanted)} calls scripted, {len(results)} made")
    for call, (failed, text) in zip(wanted, results, strict=True):
        if failed != bool(call.fails) or call.fails not in text:
            raise ScriptBroken(
                f"{session.slug}: {call.tool} {call.args} answered {text}, expected {call.fails or 'success'}"
            )
