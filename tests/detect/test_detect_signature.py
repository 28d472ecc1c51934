"""The signature: what merges, what stays apart, and why; the masks with prefix, suffix and known mistakes."""

from __future__ import annotations

import pytest
from detect_build import bash_failure, edit_failure
from hypothesis import given
from hypothesis import strategies as st

from memento_skills.detect import Template
from memento_skills.detect.rules import load
from memento_skills.detect.signature import mask, plain
from memento_skills.records import Signature

RULES = load()
TEMPLATE = Template(RULES)

MASKS: list[tuple[str, str, str]] = [
    ("url", "https://api.example.com/v1/x?y=1", "<url>"),
    ("git remote", "git@github.com:owner/repo.git", "<url>"),
    ("address", "ann.lee@mail.example.com", "<email>"),
    ("uuid", "0276a600-2f22-4d2b-844c-3feb9c5aa108", "<id>"),
    ("time", "2026-01-15T16:03:05.123Z", "<time>"),
    ("clock", "16:03:05", "<time>"),
    ("temp dir", "/tmp/build-123/x.o", "<path>"),
    ("macOS temp dir", "/private/var/folders/ab/cd/T/go-build1", "<path>"),
    ("path", "/home/ann/work/main.go", "<path>"),
    ("home path", "~/work/main.go", "<path>"),
    ("relative path", "cmd/cli/main.go", "<path>"),
    ("dotted path", "./cmd/cli", "<path>"),
    ("Windows path", "C:\\Users\\ann\\src\\app.cs", "<path>"),
    ("file", "report.csv", "<path>"),
    ("position", "cmd/cli/main.go:12:5", "<path>"),
    ("double quotes", '"some name"', "<name>"),
    ("single quotes", "'some name'", "<name>"),
    ("backticks", "`some name`", "<name>"),
    ("version", "v1.22.3", "<version>"),
    ("hash", "f0d754426203", "<id>"),
    ("long hash", "5f713113023a6af9d9aa6bf3efefb0e2bfae49156b374e14fac599b51d5c4a98", "<id>"),
    ("pointer", "0xc000123", "<id>"),
    ("duration", "12.5s", "<n>"),
    ("size", "3.1MB", "<n>"),
    ("number", "42", "<n>"),
    ("masked secret", "[SECRET:github]", "<secret>"),
    ("option", "--disable-all", "--disable-all"),
    ("word", "unknown", "unknown"),
    ("status", "HTTP 404", "HTTP 404"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), MASKS, ids=[row[0] for row in MASKS])
@pytest.mark.parametrize(("before", "after"), [("", ""), ("fatal: ", ""), ("", " failed"), ("at ", " (x)")])
def test_a_mask_replaces_bare_with_prefix_and_with_suffix(
    name: str, text: str, expected: str, before: str, after: str
) -> None:
    assert mask(before + text + after, RULES) == (before + expected + after).strip()


KNOWN_MISTAKES: list[tuple[str, str, str, str]] = [
    ("a path with a blank is cut at it", "open /a/My Docs/x: gone", "open <path>: gone", "open <path> <path>: gone"),
    ("an abbreviation with a slash is taken for a path", "and/or", "and/or", "<path>"),
    ("a name with a dash and digits stays", "box-42", "<name>", "box-42"),
    ("an unquoted branch name stays", "branch feature-x is gone", "branch <name> is gone", "branch feature-x is gone"),
    ("a word of hex letters and a digit is an id", "decade7", "decade7", "<id>"),
    ("an apostrophe opens a quote", "can't read, won't write", "can't read, won't write", "can<name>t write"),
]


@pytest.mark.parametrize(("name", "text", "desired", "actual"), KNOWN_MISTAKES, ids=[row[0] for row in KNOWN_MISTAKES])
def test_known_mistakes_are_still_made_as_written_down(name: str, text: str, desired: str, actual: str) -> None:
    assert mask(text, RULES) == actual
    assert desired != actual


@given(st.text(max_size=300))
def test_masking_twice_is_masking_once_and_never_raises(text: str) -> None:
    once = mask(text, RULES)
    assert len(mask(once, RULES)) <= len(once) + 8


def test_a_title_says_masks_in_words() -> None:
    assert plain("open <path>: <name>", RULES) == "open a file: a name"


def ids(*signatures: Signature) -> int:
    return len({signature.id for signature in signatures})


def test_edit_and_write_before_reading_are_one_error() -> None:
    text = "File has not been read yet. Read it first before writing to it."
    assert ids(edit_failure(text).signature, edit_failure(text, tool="Write").signature) == 1


def test_edits_of_text_that_is_not_there_are_one_error_whatever_the_text() -> None:
    first = edit_failure("String to replace not found in file.\nString: a := 1")
    second = edit_failure("String to replace not found in file.\nString: def f():")
    assert ids(first.signature, second.signature) == 1


def test_the_same_error_of_different_paths_is_one() -> None:
    first = bash_failure("go install ./x", "go: cannot find main module, but found .git/config in /a/b")
    second = bash_failure("go install ./y", "go: cannot find main module, but found .git/config in /c/d")
    assert ids(first.signature, second.signature) == 1


def test_an_exit_code_alone_does_not_merge_different_commands() -> None:
    assert ids(bash_failure("entire list", "").signature, bash_failure("make it", "").signature) == 2


def test_one_exit_code_with_two_texts_is_two_causes() -> None:
    first = bash_failure("git push", " ! [rejected]        x -> x (non-fast-forward)")
    second = bash_failure("git push", "ssh: connect to host github.com port 22: Operation timed out", 128)
    assert ids(first.signature, second.signature) == 2


def test_two_subcommands_of_a_wrapper_stay_apart() -> None:
    first = bash_failure("./dev test", "dev: unknown command 'test'\nusage: dev check|fmt", 2)
    second = bash_failure("./dev lint", "dev: unknown command 'lint'\nusage: dev check|fmt", 2)
    assert ids(first.signature, second.signature) == 2


def test_two_options_that_a_command_does_not_know_stay_apart() -> None:
    first = bash_failure("gh pr diff 1 --stat", "unknown flag: --stat\n\nUsage:  gh pr diff")
    second = bash_failure("gh pr diff 2 --short", "unknown flag: --short\n\nUsage:  gh pr diff")
    assert ids(first.signature, second.signature) == 2


@pytest.mark.parametrize(
    ("command", "text", "option"),
    [
        ("cat -A x", "cat: illegal option -- A\nusage: cat", "-A"),
        ("Land.ps1 -Subject x", "A parameter cannot be found that matches parameter name 'Subject'.", "-Subject"),
    ],
)
def test_the_unknown_option_is_part_of_the_key(command: str, text: str, option: str) -> None:
    parts = {part.name: part.text for part in bash_failure(command, text).signature.parts}
    assert parts["error"] == f"unknown-option {option}"


def test_lint_findings_of_one_command_are_one_pattern() -> None:
    first = bash_failure(
        "make lint", "a.go:1:2: Error return value of `x` is not checked (errcheck)\n1 issues:\n* errcheck: 1"
    )
    second = bash_failure("make lint 2>&1", "b.go:3:4: string `a` has 4 occurrences (goconst)\n3 issues:\n* goconst: 3")
    assert ids(first.signature, second.signature) == 1


def test_a_pytest_run_is_not_named_by_its_last_line() -> None:
    first = bash_failure("pytest -q", "E   assert 1 == 2\n=== 1 failed, 3 passed in 0.10s ===")
    second = bash_failure("pytest", "E   KeyError: 'x'\n=== 7 failed, 9 passed in 12.10s ===")
    assert ids(first.signature, second.signature) == 1
    assert first.fault == "work"


SURFACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "no such host": (
        "curl https://x.example/a",
        ("curl: (6) Could not resolve host: x.example", "getaddrinfo ENOTFOUND x"),
    ),
    "no right to a file": (
        "npm i",
        ("EACCES: permission denied, mkdir '/usr'", "sh: 1: /usr: Permission denied", "Access is denied."),
    ),
    "forbidden": ("kubectl get pods", ("Error from server (Forbidden): no", "HTTP 403", "403 Forbidden")),
    "too often": ("gh api x", ("gh: API rate limit exceeded (HTTP 403)", "error: 429 Too Many Requests")),
    "no JSON": (
        "python3 a.py",
        ("json.decoder.JSONDecodeError: Expecting value", "SyntaxError: Unexpected token < in JSON at 0"),
    ),
    "unknown option": (
        "tool x --fast",
        ("error: unknown option '--fast'", "Error: unknown flag: --fast", "flag provided but not defined: --fast"),
    ),
    "unknown command": (
        "tool fast",
        ("error: unknown command 'fast'", 'unknown command "fast" for "tool"', "tool: 'fast' is not a tool command."),
    ),
    "unknown program": (
        "foo x",
        ("bash: foo: command not found", "(eval):1: command not found: foo", "sh: 1: foo: not found"),
    ),
}


@pytest.mark.parametrize("name", SURFACES)
def test_surface_forms_of_one_cause_are_one(name: str) -> None:
    command, texts = SURFACES[name]
    assert ids(*(TEMPLATE.signature(f"Exit code 2\n{text}", "Bash", command, "error") for text in texts)) == 1


def test_the_causes_of_the_surfaces_stay_apart() -> None:
    firsts = [
        TEMPLATE.signature(f"Exit code 2\n{texts[0]}", "Bash", command, "error") for command, texts in SURFACES.values()
    ]
    assert ids(*firsts) == len(SURFACES)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("cd /a/b && go vet ./... 2>&1 | tail -5", "go vet"),
        ("timeout 9 bash -lc 'cd x && cargo build'", "cargo build"),
        ("FOO=1 sudo npm --prefix ui run check -- --fix", "npm run check"),
        ("python3 tools/report.py --month 3", "python3 tools/report.py"),
        ("/usr/local/bin/terraform plan", "terraform plan"),
        ("git -C /a stash pop", "git stash pop"),
        ("./very/long/way/harness.sh verify x", "harness.sh verify"),
        ("make build && make deploy", "make deploy"),
    ],
)
def test_the_failing_command_is_named_without_wrappers(line: str, command: str) -> None:
    parts = {part.name: part.text for part in TEMPLATE.signature("Exit code 3", "Bash", line, "error").parts}
    assert parts["command"] == command


def test_the_command_that_speaks_is_the_failing_one() -> None:
    line = "git add a.go && golangci-lint run && git commit -m x"
    text = "Exit code 1\nThe following paths are ignored by one of your .gitignore files:\na.go"
    parts = {part.name: part for part in TEMPLATE.signature(text, "Bash", line, "error").parts}
    assert parts["error"].text == "git-ignored-path"


def test_parts_that_do_not_contribute_say_why() -> None:
    signature = bash_failure("gh pr diff 1 --stat", "unknown flag: --stat", client_version="2.1.0").signature
    assert [part.name for part in signature.parts if not part.contributes and not part.hint] == []
    assert {part.name for part in signature.parts if not part.contributes} >= {"exit", "client", "said"}


def test_client_version_and_directory_do_not_change_the_key() -> None:
    first = bash_failure("cat x.txt", "cat: x.txt: No such file or directory", client_version="2.0")
    second = bash_failure("cat y.txt", "cat: y.txt: No such file or directory", client_version="2.1")
    assert ids(first.signature, second.signature) == 1


def test_a_refusal_is_keyed_by_what_was_refused_not_by_the_words() -> None:
    said = "The user doesn't want to proceed with this tool use. To tell you how to proceed, the user said:\n"
    first = TEMPLATE.signature(said + "no", "Bash", "git commit -m a", "denied_user")
    second = TEMPLATE.signature(said + "later", "Bash", "git commit -m b", "denied_user")
    other = TEMPLATE.signature(said + "no", "Bash", "git push", "denied_user")
    assert (ids(first, second), ids(first, other)) == (1, 2)


def test_the_version_is_part_of_the_key() -> None:
    assert TEMPLATE.name == bash_failure("x", "y").signature.version == "template@2026-12"


@given(st.text(max_size=400), st.text(max_size=80), st.sampled_from(["error", "denied_user", "cascade", "odd"]))
def test_any_text_and_command_give_a_key(text: str, command: str, status: str) -> None:
    signature = TEMPLATE.signature(text, "Bash", command, status)
    assert signature.id == TEMPLATE.signature(text, "Bash", command, status).id


@pytest.mark.parametrize(
    "line", ["cmd/a.go:403:2: string has 4 occurrences (goconst)", "a.py:401:5: E501 Line too long"]
)
def test_a_line_number_is_no_http_status(line: str) -> None:
    failure = bash_failure("make lint", f"{line}\n1 issues:\n* goconst: 1")
    assert (failure.fault, failure.cause) == ("work", "unknown")
