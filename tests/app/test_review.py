"""`memento review` command by command, and its keyboard on a real pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.calls import Call
from memento_skills.records import Patch


def test_the_queue_is_listed_with_the_documented_fields(call: Call, patches: tuple[Patch, ...]) -> None:
    rows = call("review", "list", "--json").json
    assert isinstance(rows, list)
    wanted = {"patch", "skill", "pattern", "lane", "severity", "failures", "users", "verdict", "reach", "review_by"}
    assert [wanted <= row.keys() for row in rows] == [True, True, True]


def test_a_patch_is_shown_with_diff_quotes_places_and_verdict(call: Call, patches: tuple[Patch, ...]) -> None:
    shown = call("review", "show", patches[0].id, "--json").json
    assert isinstance(shown, dict)
    assert shown["diff"] == patches[0].diff
    assert shown["places"]["claude-code:run-0#2"] == "~/logs/run-0.jsonl:3"
    assert shown["verdict"]["verdict"] == "better"
    words = call("review", "show", patches[1].id).out
    assert words.startswith("LOST")
    assert "\x1b" not in words


def test_approving_needs_yes_and_names_the_curator(call: Call, patches: tuple[Patch, ...]) -> None:
    assert call("review", "approve", patches[0].id).code == 2
    said = call("review", "approve", patches[0].id, "--yes", "--curator", "someone", "--json").json
    assert isinstance(said, dict)
    assert (said["action"], said["curator"]) == ("approve", "someone")
    rows = call("review", "list", "--json").json
    assert isinstance(rows, list)
    assert patches[0].id not in {row["patch"] for row in rows}


def test_the_curator_comes_from_the_settings_too(call: Call, patches: tuple[Patch, ...]) -> None:
    said = call("review", "reject", patches[0].id, "--reason", "wrong", "--json", env={"MEMENTO_CURATOR": "them"}).json
    assert isinstance(said, dict)
    assert (said["curator"], said["reason"]) == ("them", "wrong")


def test_a_dangerous_patch_is_not_approved_without_accepting_the_risk(call: Call, patches: tuple[Patch, ...]) -> None:
    refused = call("review", "approve", patches[1].id, "--yes")
    assert refused.code == 1
    assert "--accept-risk" in refused.err
    assert call("review", "approve", patches[1].id, "--yes", "--accept-risk").code == 0


def test_a_rejection_needs_a_reason(call: Call, patches: tuple[Patch, ...]) -> None:
    said = call("review", "reject", patches[0].id)
    assert said.code == 2
    assert "too_specific" in said.err


@pytest.mark.parametrize(("days", "code"), [("7", 0), ("12h", 0), ("31", 2), ("0", 2), ("soon", 2)])
def test_a_snooze_is_between_now_and_thirty_days(days: str, code: int, call: Call, patches: tuple[Patch, ...]) -> None:
    assert call("review", "snooze", patches[0].id, "--days", days).code == code


def test_an_edit_from_a_file_is_a_new_patch(call: Call, patches: tuple[Patch, ...], tmp_path: Path) -> None:
    file = tmp_path / "edited.md"
    file.write_text(patches[0].after.replace("change to", "first change to"), "utf-8")
    said = call("review", "edit", patches[0].id, "--file", str(file), "--json").json
    assert isinstance(said, dict)
    shown = call("review", "show", said["patch"], "--json").json
    assert isinstance(shown, dict)
    assert "first change to" in shown["diff"]
    assert call("review", "edit", patches[0].id).code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of Unix")
def test_the_keyboard_walk_decides_on_a_terminal_and_leaves_it_as_it_was(
    project: Path, patches: tuple[Patch, ...]
) -> None:
    with terminal(project) as (ours, walk):
        shown = _until(ours, b"q)uit")
        for keys, then in (
            (b"r", b"not useful"),
            (b"2", b"rejected"),
            (b"u", b"undone"),
            (b"\x1b[B", b"2/3"),
            (b"q", b""),
        ):
            os.write(ours, keys)
            shown += _until(ours, then) if then else b""
        assert walk.wait(timeout=20) == 0
    assert b"1/3" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are of Unix")
def test_ctrl_c_leaves_with_130_and_keeps_what_was_decided(
    project: Path, patches: tuple[Patch, ...], call: Call
) -> None:
    with terminal(project) as (ours, walk):
        _until(ours, b"q)uit")
        os.write(ours, b"r")
        _until(ours, b"not useful")
        os.write(ours, b"2")
        _until(ours, b"rejected")
        os.write(ours, b"\x03")
        _until(ours, b"\x1b[?1049l")
        assert walk.wait(timeout=20) == 130
    rows = call("review", "list", "--json").json
    assert isinstance(rows, list)
    assert len(rows) == 2


@contextlib.contextmanager
def terminal(project: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A review walk on a pseudo-terminal of 80 x 24, which must be left as it was."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(theirs)
    environment = {"TERM": "xterm-256color", "MEMENTO_CURATOR": "someone"}
    for name in ("PATH", "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        environment[name] = os.environ.get(name, "")

    def own() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what runs in the background of a shell inherits it ignored
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    walk = subprocess.Popen(
        [sys.executable, "-m", "memento_skills.app.cli.main", "review"],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=project, env=environment, preexec_fn=own,  # noqa: PLW1509 - the controlling terminal can be taken only in the child
    )  # fmt: skip
    try:
        yield ours, walk
    finally:
        walk.kill()
        walk.wait()
        after = termios.tcgetattr(theirs)
        os.close(ours)
        os.close(theirs)
    assert after == before


def _until(terminal: int, wanted: bytes) -> bytes:
    got, end = b"", time.monotonic() + 30
    while wanted not in got and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            got += os.read(terminal, 65_536)
    assert wanted in got, got[-2000:]
    return got
