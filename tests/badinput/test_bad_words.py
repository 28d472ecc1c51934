"""Flags, settings and files of settings that are wrong: one line, the design's exit code, nothing done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from badinput.build import BUNDLE, Memento, library, lines, refused, says
from badinput.conftest import Call
from memento_skills.app.cli.main import COMMANDS, run
from memento_skills.app.cli.session import Session
from memento_skills.app.settings import Loaded


@pytest.fixture
def log(memento: Memento) -> Path:
    path = memento.project / "log.jsonl"
    path.write_bytes(lines([says(f"g{n}", f"good {n}") for n in range(9)]))
    return path


@pytest.fixture
def scanned(call: Call, memento: Memento) -> Path:
    """The demo logs, scanned; the skills they are for."""
    skills = library(memento.project)
    assert call("scan", BUNDLE / "logs", "--skills", skills).code == 0
    return skills


USERS = {
    "no JSON": b"{nope",
    "a list": b'["ada"]',
    "numbers": b'{"log.jsonl": 7}',
    "not UTF-8": b'{"log.jsonl": "\xff"}',
    "deep": b"[" * 100_000,
    "empty": b"",
}


@pytest.mark.parametrize("kind", USERS)
@pytest.mark.parametrize("command", ["ingest", "scan", "failures"])
def test_a_broken_users_file_is_said(kind: str, command: str, call: Call, memento: Memento, log: Path) -> None:
    users = memento.project / "users.json"
    users.write_bytes(USERS[kind])
    refused(call(command, log, "--users", users), 3, "users.json")
    if memento.store.exists():
        with memento.opened() as store:
            assert store.headers() == []


@pytest.mark.parametrize(
    "value", ["yesterday", "90x", "-5d", "2026-13-40", "", "9" * 400 + "d", "\x1b[2J", "nan", "1e400d"]
)
@pytest.mark.parametrize("flag", ["--since", "--until"])
def test_a_time_that_is_none_is_usage(flag: str, value: str, call: Call, log: Path) -> None:
    said = call("scan", log, flag, value, "--yes")
    if value:
        refused(said, 2, flag)
    else:
        assert said.code in (0, 2)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["ingest", "LOG", "--format", "codexx"], 2, "codexx"),
        (["scan", "LOG", "--format", "\x1b[31m"], 2, "format"),
        (["failures", "LOG", "--format", "nope"], 2, "nope"),
        (["scan", "/nowhere/at/all"], 2, "/nowhere/at/all"),
        (["ingest", "no-such-file"], 2, "no-such-file"),
        (["failures", "no\x1b[2Jsuch"], 2, "such"),
        (["scan", "LOG", "--skills", "/nowhere"], 2, "/nowhere"),
        (["scan", "LOG", "--skills", "LOG"], 2, "log.jsonl"),
        (["scan", "LOG", "--split", "7"], 2, "--split"),
        (["scan", "LOG", "--split", "nan"], 2, "--split"),
        (["backtest", "LOG", "--split", "x"], 2, "--split"),
        (["backtest"], 2, "PATH"),
        (["guard", "--replay", "no-such-file"], 2, "no-such-file"),
        (["guard", "--replay", "LOG", "--status", "mine"], 2, "--status"),
        (["reflect", "--run", "no-such-file"], 2, "no-such-file"),
        (["skills", "lint", "--skills", "LOG"], 2, "log.jsonl"),
        (["review"], 2, "terminal"),
        (["scan"], 2, "--yes"),
        (["scan", "--json"], 2, "--yes"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], code: int, said: str, call: Call, log: Path) -> None:
    refused(call(*(str(log) if word == "LOG" else word for word in words)), code, said)


UNKNOWN = ["zzz", "", "%", "_", "' OR 1=1 --", "../../x", "\x1b[2J", "a" * 5000, "-1", "\udcff"]


NAMED = (
    ["patterns"], ["reflect"], ["propose"], ["verify"], ["review", "show"], ["review", "approve", "--yes"],
    ["review", "reject", "--reason", "wrong"], ["review", "snooze"], ["promote", "--yes"],
    ["rollback", "--reason", "x"],
)  # fmt: skip


def test_unknown_ids_are_bad_input_and_change_nothing(call: Call, scanned: Path, memento: Memento) -> None:
    before = memento.store.read_bytes()
    for words in NAMED:
        for unknown in UNKNOWN:
            if unknown == "" and words[0] in ("patterns", "reflect", "propose"):
                continue  # no id: all of them
            for flags in ([], ["--json"]):
                said = call(*words, *flags, "--", unknown)
                assert said.code in (2, 3), (words, unknown, said)
                refused(said, said.code)
    with memento.opened() as store:
        assert (store.decisions(), store.promotions()) == ([], [])
    assert memento.store.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("splitt = 0.5\n", ["splitt", "split"]),
        ("split = 7\n", ["split", "memento.toml"]),
        ('split = "x"\n', ["split"]),
        ("skills = 3\n", ["skills"]),
        ("split = = 3\n", ["memento.toml"]),
        ('curator = "me"\n', ["personal"]),
        ('plugins = ["readers=os:system"]\n', ["personal"]),
        ('"\\u001b[2J" = 1\n', ["unknown setting"]),
        ("seed = " + "[" * 5000 + "]" * 5000 + "\n", ["memento.toml"]),
    ],
)
@pytest.mark.parametrize("command", [["scan", "LOG", "--json"], ["settings"], ["ingest", "LOG"]])
def test_a_wrong_settings_file_is_said(
    text: str, words: list[str], command: list[str], call: Call, memento: Memento, log: Path
) -> None:
    (memento.project / "memento.toml").write_text(text)
    refused(call(*(str(log) if word == "LOG" else word for word in command)), 2, *words)
    assert not memento.store.exists()


def test_a_settings_file_that_is_no_text_is_said(call: Call, memento: Memento) -> None:
    (memento.project / "memento.toml").write_bytes(b"\xff\xfe\0")
    refused(call("settings"), 2, "memento.toml")


@pytest.mark.parametrize(
    ("variable", "value"), [("MEMENTO_SPLIT", "x"), ("MEMENTO_SEED", "1.5"), ("MEMENTO_PROPOSALS", "0")]
)
def test_a_wrong_variable_is_said(variable: str, value: str, call: Call, log: Path) -> None:
    refused(call("ingest", log, env={variable: value}), 2, variable)


PLUGINS = {
    "raises": "raise RuntimeError('\\x1b[2J\\nbroken')\n",
    "ends": "import sys; sys.exit(7)\n",
    "no text": "\0",
    "syntax": "def\n",
    "not there": "x = 1\n",
}


@pytest.mark.parametrize("kind", PLUGINS)
def test_a_broken_plugin_is_named_and_the_program_goes_on(kind: str, memento: Memento, log: Path) -> None:
    (memento.project / "mine.py").write_text(PLUGINS[kind])
    path = os.pathsep.join([str(memento.project), os.environ.get("PYTHONPATH", "")])
    env = {"PYTHONPATH": path, "MEMENTO_PLUGINS": "readers=mine:Reader"}
    listed = memento.run("plugins", "--json", env=env)
    assert listed.code == 1, listed
    broken = [p for p in listed.json if p["target"] == "mine:Reader"]
    assert broken[0]["problem"]
    done = memento.run("ingest", log, "--json", env=env)
    assert done.code in (0, 2), done
    assert "Traceback" not in done.err
    if done.code == 0:
        assert '"new_runs":1' in done.out
    else:
        refused(done, 2, "mine:Reader")


@pytest.mark.parametrize("value", ["nonsense", "readers=os", "houses=os:path", "=", "readers=mine:"])
def test_a_plugin_that_cannot_be_understood_is_usage(value: str, call: Call) -> None:
    refused(call("plugins", env={"MEMENTO_PLUGINS": value}), 2, "plugin")


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"demo", "doctor", "settings", "plugins", "guard"}))
def test_every_command_without_anything_ends_in_one_line(name: str, call: Call) -> None:
    said = call(name)
    if name in ("review", "skills", "audit") and said.out:
        assert said.code in (0, 2)
        return
    assert said.code in (2, 3), said
    if not said.err.startswith("Usage") and not said.out.startswith("Usage"):
        refused(said, said.code)


def test_a_scan_of_a_machine_without_logs_is_one_line(call: Call, memento: Memento) -> None:
    said = call("scan", "--yes", "--json")
    assert said.code in (0, 3), said
    if said.code:
        refused(said, 3)
    else:
        assert said.json["runs"] == 0


def test_without_git_on_the_path_reading_works_and_promotion_says_so(memento: Memento, tmp_path: Path) -> None:
    library(memento.project)
    empty = tmp_path / "bin"
    empty.mkdir()
    skills = memento.project / ".claude" / "skills"
    done = memento.run("scan", BUNDLE / "logs", "--skills", skills, "--json", env={"PATH": str(empty)})
    assert done.json["patches"] > 0
    queue = memento.run("review", "list", "--json", env={"PATH": str(empty)}).json
    patch = queue[0]["patch"]
    assert memento.run("review", "approve", patch, "--yes", "--accept-risk", env={"PATH": str(empty)}).code == 0
    refused(memento.run("promote", patch, "--yes", "--accept-risk", env={"PATH": str(empty)}), 4, "git")
    assert memento.run("audit", "verify").code == 0
    assert memento.run("promote", patch, "--yes", "--accept-risk").code == 0


class CutShort(Session):
    """A session in which a file of the program itself ends early."""

    @property
    def loaded(self) -> Loaded:
        raise EOFError("marshal data too short")


def test_an_early_end_of_a_file_is_not_taken_for_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settings"], CutShort()) == 4
    said = capsys.readouterr().err
    assert "marshal data too short" in said
    assert said.count("\n") == 1
