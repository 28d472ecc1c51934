"""What is read as which format, what is refused, and in which order files are found."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from ingest_build import Unmasked, answers, lines, read, says, text

from memento_skills.errors import UsageError
from memento_skills.ingest import discover
from memento_skills.ingest.discover import files_under, users_from
from memento_skills.ingest.ingest import read_file, read_tree
from memento_skills.ingest.result import Options

CLAUDE = lines([says("u1", "hi"), answers("a1", text("yes"))])
CHAT = json.dumps([{"role": "user", "content": "hi"}]).encode()
GENERIC = b'{"session": "s1", "kind": "message", "text": "hi"}\n'


@pytest.mark.parametrize(
    ("data", "name", "reader"),
    [
        (CLAUDE, "chat.json", "claude-code@1"),
        (CHAT, "session.jsonl", "chat@1"),
        (GENERIC, "x.log", "generic@1"),
        (b"\xef\xbb\xbf" + CLAUDE, "bom.jsonl", "claude-code@1"),
        (gzip.compress(CLAUDE, mtime=0), "x.json", "claude-code@1"),
        (CLAUDE.replace(b"\n", b"\r\n"), "crlf.jsonl", "claude-code@1"),
        (b"\n\n" + CLAUDE, "blank.jsonl", "claude-code@1"),
        (b"not json at all\n" * 3 + CLAUDE, "dirty.jsonl", "claude-code@1"),
    ],
)
def test_the_format_is_told_by_content(tmp_path: Path, data: bytes, name: str, reader: str) -> None:
    found = read(tmp_path, data, name)
    assert found.format == reader
    assert found.runs


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"\n  \n", "empty"),
        (b"\x7fELF\x00\x00", "binary"),
        ("hi".encode("utf-16"), "binary"),
        (b"# A readme\n", "not a log"),
        (b'{"trajectory_id": 1, "failures": []}', "not a log"),
        (b'{"type": "other_item", "payload": {"role": "user", "content": []}}\n', "not a log"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"\x1f\x8bbroken", "empty"),
    ],
)
def test_what_no_reader_knows_has_a_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    found = read(tmp_path, data)
    assert found.format is None
    assert reason in found.reason
    assert found.counts.seen == 0


def test_the_format_can_be_given(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"noise\n" + GENERIC)
    assert read_file(file, masker=Unmasked(), format="generic").counts.understood == 1


def test_an_unknown_format_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'tape'.*claude-code"):
        read_file(tmp_path / "x", masker=Unmasked(), format="tape")


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "loop", "device"])
def test_what_is_no_file_is_refused_with_a_reason(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "device":
        path = Path("/dev/zero")
    found = read_file(path, masker=Unmasked())
    assert found.format is None
    assert found.reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_has_a_reason(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_bytes(CLAUDE)
    file.chmod(0)
    assert "permission" in read_file(file, masker=Unmasked()).reason


def test_a_folder_is_walked_newest_first_and_links_out_of_it_are_not_followed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "logs"
    (root / "a" / ".git").mkdir(parents=True)
    outside.mkdir()
    for place, name, age in [
        (root, "old", 30),
        (root / "a", "new", 10),
        (root / "a" / ".git", "x", 1),
        (outside, "y", 2),
    ]:
        (place / name).write_bytes(CLAUDE)
        os.utime(place / name, (1e9 - age, 1e9 - age))
    (root / "out").symlink_to(outside)
    (root / "file-out").symlink_to(outside / "y")
    (root / "a" / "up").symlink_to(root)
    os.mkfifo(root / "pipe")
    assert [Path(log.path).name for log in files_under([root])] == ["new", "old"]


def test_files_of_one_age_are_sorted_by_the_time_in_them(tmp_path: Path) -> None:
    for name, day in [("a", 1), ("b", 3), ("c", 2)]:
        file = tmp_path / name
        file.write_bytes(gzip.compress(lines([says("u1", "hi", timestamp=f"2026-03-0{day}T10:00:00Z")])))
        os.utime(file, (1e9, 1e9))
    assert [Path(log.path).name for log in files_under([tmp_path])] == ["b", "c", "a"]


def test_too_many_files_are_a_usage_error(tmp_path: Path) -> None:
    for i in range(3):
        (tmp_path / str(i)).touch()
    with pytest.raises(UsageError, match="more than 2 files"):
        files_under([tmp_path], limit=2)


def test_a_tree_is_read_newest_first(tmp_path: Path) -> None:
    for name, age in [("one", 1), ("two", 2)]:
        (tmp_path / name).write_bytes(CLAUDE)
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    assert [Path(found.path).name for found in read_tree([tmp_path], masker=Unmasked())] == ["one", "two"]


def test_this_machine_s_logs_are_found_in_the_client_s_folder(tmp_path: Path) -> None:
    logs = tmp_path / ".claude" / "projects" / "-srv-app"
    logs.mkdir(parents=True)
    for name, age in [("new.jsonl", 10), ("old.jsonl", 1000), ("note.txt", 5)]:
        (logs / name).write_bytes(CLAUDE)
        os.utime(logs / name, (1.8e9 - age, 1.8e9 - age))
    found = discover.discover(tmp_path, environ={}, since=1.8e9 - 100)
    assert [Path(log.path).name for log in found] == ["new.jsonl"]
    assert len(discover.discover(tmp_path, environ={})) == 2
    assert discover.discover(tmp_path, environ={}, until=1.0) == []
    assert discover.discover(tmp_path, environ={"CLAUDE_CONFIG_DIR": str(tmp_path / "nowhere")}) == []


def test_every_client_s_logs_are_found_where_it_keeps_them(tmp_path: Path) -> None:
    kept = [
        ".codex/sessions/2026/03/01/rollout-1.jsonl", ".codex/archived_sessions/rollout-2.jsonl.zst",
        ".copilot/session-state/abc/events.jsonl", ".gemini/tmp/41d5/chats/session-1.json",
        ".gemini/tmp/41d5/chats/abc/sub.jsonl", ".claude/projects/-srv/s.jsonl",
    ]  # fmt: skip
    others = [".codex/history.jsonl", ".copilot/session-state/abc/plan.md", ".gemini/tmp/41d5/logs.json"]
    for number, name in enumerate([*kept, *others]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
        os.utime(tmp_path / name, (1.8e9 - number, 1.8e9 - number))
    found = discover.discover(tmp_path, environ={})
    assert [Path(log.path).relative_to(tmp_path).as_posix() for log in found] == kept


def test_a_client_s_folder_may_be_named_by_its_variable(tmp_path: Path) -> None:
    for name in ("a/sessions/r.jsonl", "b/session-state/s/events.jsonl", "c/.gemini/tmp/h/chats/s.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"{}")
    named = {"CODEX_HOME": "a", "COPILOT_HOME": "b", "GEMINI_CLI_HOME": "c"}
    environ = {variable: str(tmp_path / folder) for variable, folder in named.items()}
    assert len(discover.discover(tmp_path / "home", environ=environ)) == 3


def test_paths_are_shown_with_a_tilde(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(CLAUDE)
    found = read_file(file, masker=Unmasked(), options=Options(home=str(tmp_path)))
    assert (found.path, found.runs[0].sources) == ("~/log.jsonl", ("~/log.jsonl",))


def test_users_and_tenant_are_given_to_the_runs(tmp_path: Path) -> None:
    file = tmp_path / "set" / "log.jsonl"
    file.parent.mkdir()
    file.write_bytes(CLAUDE)
    options = Options(users={"set/log.jsonl": "user07"}, tenant="acme")
    (run,) = read_file(file, masker=Unmasked(), options=options).runs
    assert (run.user, run.tenant) == ("user07", "acme")


@pytest.mark.parametrize("data", [b"[]", b'{"a": 1}', b"{", b"\xff"])
def test_a_users_file_that_is_no_map_is_a_usage_error(data: bytes) -> None:
    with pytest.raises(UsageError, match="users file"):
        users_from(data)


def test_a_users_file_is_a_map_of_names() -> None:
    assert users_from(b'{"a.jsonl": "user01"}') == {"a.jsonl": "user01"}
