"""The shell-line splitter: what each line's simple commands are, and that no line breaks or slows it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.shell import commands, flags, head, peel, program

LINES: list[tuple[str, list[tuple[str, str]]]] = [
    ("go test ./...", [("", "go test ./...")]),
    ("cd x && go test ./... 2>&1 | tail -5", [("", "cd x"), ("&&", "go test ./..."), ("|", "tail -5")]),
    ("a; b || c & d", [("", "a"), (";", "b"), ("||", "c"), ("&", "d")]),
    ("one\ntwo \\\n three", [("", "one"), (";", "two three")]),
    ("(cd a; ls) || echo no", [("", "cd a"), (";", "ls"), ("||", "echo no")]),
    ("if [ -f x ]; then cat x; else rm y; fi", [("", "[ -f x ]"), (";", "cat x"), (";", "rm y")]),
    ("for f in *.go; do gofmt -l $f; done", [(";", "gofmt -l $f")]),
    ("case $x in a) foo;; b) bar;; esac; baz", [(";", "foo"), (";", "bar"), (";", "baz")]),
    ("X=1 CGO_ENABLED=0 go build", [("", "go build")]),
    ("ls # comment 'with quote\npwd", [("", "ls"), (";", "pwd")]),
    ("grep 'a|b && c' f > out.txt 2>/dev/null < in", [("", "grep a|b && c f")]),
    ("cat > f.py <<'EOF'\nrm -rf / && echo \"\nEOF\npython f.py", [("", "cat"), (";", "python f.py")]),
    ("bash -lc 'cd /a && make check'", [("", "cd /a"), ("&&", "make check")]),
    ("timeout 9 bash -c 'make a'; b", [("", "make a"), (";", "b")]),
    ('pwsh -NoProfile -Command "Get-Item x; git status"', [("", "Get-Item x"), (";", "git status")]),
    ("bash -euo pipefail -c 'a && b'", [("", "a"), ("&&", "b")]),
    ("bash script.sh -c x", [("", "bash script.sh -c x")]),
    ("pwsh -ExecutionPolicy Bypass -Command Get-Item x", [("", "Get-Item x")]),
    ("cmd /c dir /b", [("", "dir /b")]),
    ("echo $'it\\'s' ${x} 'open", [("", "echo it\\'s ${x} open")]),
    ("\\rm -f x", [("", "rm -f x")]),
    ("if (Test-Path x) { Remove-Item x }", [("", "Test-Path x"), (";", "Remove-Item x")]),
    ("wc -l < <(ls)", [("", "wc -l <(ls)"), ("", "ls")]),
    ("$x = Get-Content a.txt; git status", [("", "Get-Content a.txt"), (";", "git status")]),
    ("cd C:\\app; & 'C:\\My Git\\git.exe' log", [("", "cd C:\\app"), ("&", "C:\\My Git\\git.exe log")]),
    ('git commit -m @"\nit\'s && done\n"@', [("", 'git commit -m @"\nit\'s && done\n"@')]),
    ("a=(1 2 3); f() { echo hi; }; f", [(";", "echo hi"), (";", "f")]),
    ("", []),
    ("   \n ; && ", []),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line[:40] for line, _ in LINES])
def test_a_line_gives_its_simple_commands(line: str, expected: list[tuple[str, str]]) -> None:
    assert [(c.operator_before, " ".join(c.argv)) for c in commands(line)] == expected


def test_a_heredoc_in_a_substitution_does_not_end_the_command() -> None:
    line = 'git commit -m "$(cat <<\'EOF\'\nfix: it\'s (a) "thing" && more\nEOF\n)" && git push'
    assert [c.argv[:2] for c in commands(line) if not c.nested] == [("git", "commit"), ("git", "push")]


def test_commands_inside_a_substitution_are_marked_nested() -> None:
    assert [(c.argv[0], c.nested) for c in commands("echo $(git rev-parse HEAD) `date`")] == [
        ("echo", False),
        ("git", True),
        ("date", True),
    ]


def test_a_substitution_in_quotes_is_found_too() -> None:
    assert [c.argv[0] for c in commands('echo "$(git log # it\'s\n) $((1+2)) $(cat <<E\n)\nE\n)"')] == [
        "echo",
        "git",
        "cat",
    ]


def test_assignments_are_kept_apart_from_the_words() -> None:
    assert commands("A=1 B='x y' env")[0].env == ("A=1", "B=x y")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sudo -u root timeout -k 1 5 env A=1 npm run build", "npm run build"),
        ("nohup nice -n 5 make", "make"),
        ("xargs -n 1 rm", "rm"),
        ("time go test", "go test"),
        ("git status", "git status"),
    ],
)
def test_peel_removes_wrappers(line: str, expected: str) -> None:
    assert peel(line.split()) == tuple(expected.split())


@pytest.mark.parametrize(
    ("line", "expected"),
    [("npx tsc --noEmit", "tsc"), ("uv run --with x pytest -q", "pytest"), ("python3 -m pytest", "pytest")],
)
def test_peel_with_runners_gives_the_tool_that_works(line: str, expected: str) -> None:
    assert peel(line.split(), runners=True)[0] == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("git -C dir -c a=b commit -m x", ("git", "commit")),
        ("npm --prefix x run build", ("npm", "run")),
        ("go -C sub test ./...", ("go", "test")),
        ("docker compose up", ("docker", "compose")),
        ("python -m pytest -q", ("python", "-m", "pytest")),
        ("/usr/bin/git log", ("git", "log")),
        (".venv/bin/pytest tests", ("pytest", "tests")),
        ("./dev test", ("./dev", "test")),
        ("cargo +nightly build", ("cargo", "build")),
        ("ls", ("ls",)),
    ],
)
def test_head_is_program_and_subcommand(line: str, expected: tuple[str, ...]) -> None:
    assert head(line.split()) == expected


def test_a_wrapper_that_wraps_nothing_stays() -> None:
    assert (peel(["sudo"]), peel([]), head([]), peel(["env", "--", "x"])) == (("sudo",), (), (), ("x",))


def test_a_shell_line_is_peeled_to_what_works() -> None:
    assert (peel(["bash", "-c", "cd x && make"]), peel(["sh", "-c", "cd x"])) == (("make",), ("cd", "x"))


def test_flags_are_the_options_without_values() -> None:
    assert flags(("rg", "-n", "--glob=*.go", "-C", "3", "x", "-1", "--", "-y")) == ("-n", "--glob", "-C")


def test_program_of_a_windows_path_has_no_extension() -> None:
    assert program("C:\\tools\\Git.EXE") == "Git"


HOSTILE = ["$(", '"$("', "'", "((", "`", "<<a ", "\n", "a=(", "$((", "\\", "& ", "<<A\n", "$'", "${", "=", "$(x)", "#"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_line_takes_linear_time(piece: str) -> None:
    start = time.process_time()
    commands(piece * (1_000_000 // len(piece)))
    assert time.process_time() - start < 5  # 0.4 s at most on an idle core


@given(st.text(alphabet="ab $(){}[]<>|&;'\"`\\\n#=EOF-c@", max_size=60))
def test_no_line_raises_and_no_command_is_empty(line: str) -> None:
    assert all(c.argv and c.argv[0] for c in commands(line))


@given(st.lists(st.text(min_size=1, max_size=8).filter(lambda w: "\x00" not in w), min_size=1, max_size=5))
def test_quoted_words_come_back_whole(words: list[str]) -> None:
    line = "run " + " ".join("'" + w.replace("'", "'\"'\"'") + "'" for w in words)
    assert commands(line)[0].argv == ("run", *words)


@given(st.lists(st.text(max_size=8), max_size=6))
def test_peel_head_and_flags_never_raise(words: list[str]) -> None:
    assert len(head(words)) <= 3
    assert len(flags(words)) <= len(words)
    assert len(peel(words)) <= max(len(words), 1)
