"""The command line's own rules: flags on either side, exit codes, one-line errors, nothing asked in vain."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from app import made
from app.calls import Call
from memento_skills.app.cli.main import COMMANDS, cli, run
from memento_skills.app.cli.session import Session
from memento_skills.app.settings import Loaded
from memento_skills.records import Patch


@pytest.fixture
def context() -> click.Context:
    return click.Context(cli, info_name="memento")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_exists_and_says_what_it_does(name: str, context: click.Context) -> None:
    command = cli.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_help_lists_the_commands_in_the_order_of_the_work(call: Call) -> None:
    said = call("--help").out
    places = [said.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_without_a_command_help_is_shown_and_it_is_usage(call: Call) -> None:
    said = call()
    assert said.code == 2
    assert "Commands:" in said.out + said.err


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["scann"], "scan"),
        (["review", "approve"], "PATCH"),
        (["scan", "--nope"], "--nope"),
        (["forget"], "--run"),
        (["forget", "--secret", "abc", "--yes"], "four characters"),
        (["rollback", "x", "--reason"], "--reason"),
        (["report", "--store"], "--store"),
        (["ingest"], "PATH"),
        (["scan", "--since", "yesterday", "--yes"], "--since"),
    ],
)
def test_wrong_words_are_one_line_and_exit_code_2(
    words: list[str], hint: str, call: Call, patches: tuple[Patch, ...]
) -> None:
    said = call(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("memento: ")
    assert said.err.count("\n") == 1
    assert hint in said.err


def test_global_flags_stand_before_or_after_the_command(call: Call, patches: tuple[Patch, ...], tmp_path: Path) -> None:
    before, after = call("--json", "patterns"), call("patterns", "--json")
    assert before == after
    other = str(tmp_path / "other.db")
    for words in (["--store", other, "patterns"], ["patterns", "--store", other]):
        said = call(*words)
        assert said.code == 2
        assert other in said.err
    assert call("--json", "review", "list").json == call("review", "--json", "list").json
    assert call("review", "list", "--json").json == call("review", "--json", "list").json


def test_without_a_store_one_is_told_what_to_do(call: Call) -> None:
    said = call("report")
    assert said.code == 2
    assert "memento scan" in said.err


@pytest.mark.parametrize(
    "words",
    [["scan"], ["scan", "--json"], ["review"], ["forget", "--user", "user-1"], ["rollback", "x"]],
)
def test_without_a_terminal_nothing_is_asked_and_the_flag_is_named(
    words: list[str], call: Call, patches: tuple[Patch, ...]
) -> None:
    said = call(*words)
    assert said.code == 2
    assert any(flag in said.err for flag in ("--yes", "--reason", "review list"))


def test_an_unknown_pattern_or_patch_is_bad_input(call: Call, patches: tuple[Patch, ...]) -> None:
    assert call("patterns", "zzz").code == 3
    assert call("review", "show", "zzz").code == 3


class Broken(Session):
    """A session with a bug."""

    @property
    def loaded(self) -> Loaded:
        raise ZeroDivisionError("hostile \x1b[31m words")


def test_a_bug_is_one_line_and_a_traceback_only_with_debug(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settings"], Broken()) == 4
    plain = capsys.readouterr().err
    assert plain.count("\n") == 1
    assert "--debug" in plain
    assert "\x1b" not in plain
    assert run(["settings", "--debug"], Broken()) == 4
    assert "Traceback" in capsys.readouterr().err


def test_a_store_that_is_none_is_a_system_failure_in_one_line(call: Call, project: Path) -> None:
    (project / ".memento" / "store.db").write_bytes(b"no database " * 100)
    said = call("patterns")
    assert said.code == 4
    assert said.err.count("\n") == 1


def test_log_text_is_inert_in_words_and_unchanged_in_json(call: Call, patches: tuple[Patch, ...]) -> None:
    words = call("patterns")
    assert "\x1b" not in words.out
    assert "\u202e" not in words.out
    answer = call("patterns", "--json")
    assert "\x1b" not in answer.out
    assert "\u202e" not in answer.out
    assert "\u200b" not in answer.out
    assert isinstance(answer.json, list)
    assert any(made.HOSTILE in row["title"] for row in answer.json)


def test_failures_of_the_store_are_json_lines_with_every_field(call: Call, patches: tuple[Patch, ...]) -> None:
    import msgspec

    rows = [msgspec.json.decode(line) for line in call("failures", "--json").out.splitlines()]
    wanted = {"run", "call_id", "file", "line", "tool", "kind", "fault", "cause", "signature", "severity", "quote"}
    assert rows
    assert all(wanted <= row.keys() for row in rows)
    assert {row["run"] for row in rows} <= {f"run-{n}" for n in range(12)}


def test_settings_say_where_each_value_comes_from(call: Call) -> None:
    said = call("settings", "--json", env={"MEMENTO_SEED": "7", "MEMENTO_SEEDS": "8"}).json
    assert isinstance(said, dict)
    assert {"name": "seed", "value": 7, "source": "MEMENTO_SEED"} in said["settings"]
    assert said["ignored_variables"] == ["MEMENTO_SEEDS"]
    assert said["store"].endswith("store.db")


def test_forget_removes_a_user_and_the_audit_log_knows(call: Call, patches: tuple[Patch, ...]) -> None:
    assert call("forget", "--run", "run-5", "--yes").code == 0
    assert call("forget", "--run", "run-5", "--yes").code == 3
    assert call("forget", "--user", "user-1", "--yes", "--json").code == 0
    assert "user-1" not in call("patterns", "--json").out
    assert "forget" in call("audit", "list").out


def test_skills_are_listed_checked_and_routed(call: Call, project: Path) -> None:
    (project / "skills" / "broken").mkdir()
    (project / "skills" / "broken" / "SKILL.md").write_text("no front matter\n")
    flag = ("--skills", str(project / "skills"))
    listed = call("skills", "list", "--json", *flag).json
    assert isinstance(listed, list)
    assert {"go-testing", "releases"} <= {row["name"] for row in listed}
    assert call("skills", "lint", *flag).code == 1
    routed = call("skills", "route", "run the go tests", "--json", *flag).json
    assert isinstance(routed, dict)
    assert routed["skill"] == "go-testing"
    assert "How to run the tests" in call("skills", "show", "go-testing", *flag).out
    assert (project / "skills" / "broken" / "SKILL.md").read_text() == "no front matter\n"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_help_imports_nothing_heavy_and_stays_small() -> None:
    """The start budget is 60 MB and 0.25 s; the imports are what decides both, so they are what is checked."""
    code = (
        "import sys\n"
        "from memento_skills.app.cli.main import run\n"
        "from memento_skills.app.cli.session import Session\n"
        "assert run(['--help'], Session()) == 0\n"
        "heavy = {'sqlalchemy', 'rich', 'jinja2', 'yaml', 'msgspec', 'zstandard', 'sqlite3'} & set(sys.modules)\n"
        "peak = [row.split()[1] for row in open('/proc/self/status') if row.startswith('VmHWM')]\n"
        "print(heavy, int(peak[0]) // 1024, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    heavy, _, megabytes = done.stderr.strip().rpartition(" ")
    assert heavy == "set()"
    assert int(megabytes) <= 60


def test_a_reader_that_goes_away_is_no_error(patches: tuple[Patch, ...], project: Path) -> None:
    command = f"{sys.executable} -m memento_skills.app.cli.main settings --json; echo code $?"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; ({command}) | head -c 1"],
        capture_output=True,
        text=True,
        cwd=project,
        timeout=60,
    )
    assert done.stderr == ""
