"""A command line in, its simple commands out: enough of sh, bash and PowerShell to tell which program was called.

Pure, linear in the length of the line, and never raises: what is not closed (a quote, a substitution, a heredoc)
runs to the end of the line. It is a reader for grouping and guards, not a shell: nothing is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memento_skills.records import Record
from memento_skills.shellscan import Token, tokens

MAX_LINE = 100_000
"""Characters of a line that are read; heredocs beyond that are not."""
MAX_DEPTH = 6
"""Levels of substitutions and `bash -c` that are entered."""

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=")
_OPENERS = frozenset(("if", "then", "elif", "else", "do", "while", "until", "!", "{", "}", "time", "try", "finally"))
_CLOSERS = frozenset(("fi", "done", "esac"))
_SHELLS = frozenset(("sh", "bash", "zsh", "dash", "ksh", "pwsh", "powershell", "cmd"))
_VALUED_OF_SHELL = re.compile(r"[-+][a-z]{0,6}o|--rcfile|--init-file|-executionpolicy|-ep|-windowstyle|-version")
_EXTENSION = re.compile(r"\.(?:exe|cmd|bat)$", re.IGNORECASE)


class Command(Record, frozen=True, kw_only=True):
    """One simple command of a line."""

    argv: tuple[str, ...]
    """Its words without quotes, redirections, leading keywords and assignments; never empty."""
    operator_before: str = ""
    """What joins it to the command before: `&&`, `||`, `;` (a line break too), `|`, `&`; "" for the first."""
    text: str = ""
    """The words as they stand in the line."""
    env: tuple[str, ...] = ()
    """Assignments before the program: `CGO_ENABLED=0`."""
    nested: bool = False
    """Inside `$( )` or backticks of another command."""


def commands(line: str) -> tuple[Command, ...]:
    """All simple commands of `line` in order; those inside a substitution follow the command that holds it.

    `bash -lc '…'`, `powershell -Command '…'` and the like give the commands of the line they were handed.
    """
    return tuple(_commands(line[:MAX_LINE], "", 0, nested=False))


def peel(argv: Sequence[str], *, runners: bool = False) -> tuple[str, ...]:
    """`argv` without wrappers that only change how a program runs: `sudo`, `env X=1`, `timeout 5`, `bash -c`.

    With `runners`, also without `npx`, `uv run`, `poetry run`, `bundle exec` and the like, so that the tool that
    does the work comes first. A wrapper that wraps nothing stays.
    """
    words = tuple(argv)
    for _ in range(MAX_DEPTH):
        inner = _unwrapped(words) or (_unrunner(words) if runners else ())
        if not inner or inner == words:
            break
        words = inner
    return words


def head(argv: Sequence[str], n: int = 2) -> tuple[str, ...]:
    """Program and the first `n - 1` words that are not options: `git -C x commit -m y` gives `git commit`.

    Wrappers are peeled and the values of global options skipped. `python -m pytest` gives its three words: `-m` is
    part of the name. A program given by an absolute path or from a `bin` folder goes by its name.
    """
    words = peel(argv)
    if not words:
        return ()
    name = program(words[0])
    result = [name]
    values = _VALUED.get(name, frozenset())
    rest = iter(words[1:])
    extra = 0
    for word in rest:
        if len(result) - extra >= n or word == "--":
            break
        if name.startswith("python") and word == "-m":
            result.append(word)
            extra += 1
        elif word in values:
            next(rest, None)
        elif not word.startswith(("-", "+")):
            result.append(word)
    return tuple(result)


def flags(argv: Sequence[str]) -> tuple[str, ...]:
    """The options of a command in order, without values: `--out=x` gives `--out`; nothing after `--`."""
    found: list[str] = []
    for word in argv[1:]:
        if word == "--":
            break
        if word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            found.append(word.split("=", 1)[0])
    return tuple(found)


def program(word: str) -> str:
    """Name of the program that `word` calls: `/usr/bin/git`, `git.exe` and `.venv/bin/git` are `git`; `./dev` stays."""
    bare = _EXTENSION.sub("", word.replace("\\", "/")) if "\\" in word or "." in word else word
    folder, slash, name = bare.rpartition("/")
    if slash and name and (folder in ("", "bin") or folder.startswith(("/", "~")) or folder.endswith("/bin")):
        return name
    return name if slash and re.match(r"[A-Za-z]:", folder) and name else bare


# ------------------------------------------------------------------------------------------------ grouping


def _commands(line: str, before: str, depth: int, *, nested: bool) -> Iterator[Command]:
    words: list[Token] = []
    operator = before
    in_case = False
    for token in tokens(line):
        if token.kind == "word":
            words.append(token)
            continue
        if in_case and token.value == ")":
            words = []  # a pattern of `case`, not a command
            continue
        in_case = _in_case(words, in_case=in_case)
        yield from _simple(words, operator, depth, nested=nested)
        words = []
        if token.value != "(":
            operator = ";" if token.value in ("\n", ";;", ")") else token.value
    yield from _simple(words, operator, depth, nested=nested)


def _in_case(words: Sequence[Token], *, in_case: bool) -> bool:
    if not words:
        return in_case
    return words[0].raw == "case" or (in_case and words[0].raw != "esac")


def _simple(words: Sequence[Token], operator: str, depth: int, *, nested: bool) -> Iterator[Command]:
    env: list[str] = []
    inner = [text for token in words for text in token.inner]
    rest = list(words)
    while rest and (rest[0].raw in _OPENERS or rest[0].raw.endswith("()") or _ASSIGNMENT.match(rest[0].raw)):
        first = rest.pop(0)
        if _ASSIGNMENT.match(first.raw):
            env.append(first.value)
    if len(rest) > 2 and rest[0].raw.startswith("$") and rest[1].raw in ("=", "+="):
        rest = rest[2:]  # PowerShell: $x = Get-Item y
    while rest and rest[-1].raw == "}":
        rest.pop()
    if rest and rest[0].raw not in _CLOSERS and rest[0].raw not in ("for", "foreach", "case", "select", "function"):
        argv = tuple(token.value for token in rest)
        line = _line_of_shell(argv) if depth < MAX_DEPTH else ""
        if line:
            yield from _commands(line, operator, depth + 1, nested=nested)
        elif argv[0]:
            text = " ".join(token.raw for token in rest)
            yield Command(argv=argv, operator_before=operator, text=text, env=tuple(env), nested=nested)
    if depth < MAX_DEPTH:
        for text in inner:
            yield from _commands(text, "", depth + 1, nested=True)


def _line_of_shell(argv: tuple[str, ...]) -> str:
    """The line that a shell is handed by `-c`, `-Command` or `/c`, else ""."""
    words = _unwrapped(argv, shells=False) or argv
    if program(words[0]).lower() not in _SHELLS:
        return ""
    valued = False  # whether the word before takes this one as its value
    for i, word in enumerate(words[1:-1], 1):
        low = word.lower()
        if low in ("-command", "/c"):
            return " ".join(words[i + 1 :])
        if re.fullmatch(r"-[a-z]{0,6}c", low):
            return words[i + 1]
        if not valued and not word.startswith(("-", "/", "+")):
            return ""
        valued = not valued and bool(_VALUED_OF_SHELL.fullmatch(low))
    return ""


# ------------------------------------------------------------------------------------------------ wrappers

_WRAPPERS: dict[str, frozenset[str]] = {
    "sudo": frozenset(("-u", "-g", "-h", "-p", "-C", "--user", "--group")),
    "doas": frozenset(("-u", "-C")),
    "env": frozenset(("-u", "-C", "-S", "--unset", "--chdir")),
    "timeout": frozenset(("-s", "-k", "--signal", "--kill-after")),
    "gtimeout": frozenset(("-s", "-k", "--signal", "--kill-after")),
    "nice": frozenset(("-n", "--adjustment")),
    "ionice": frozenset(("-c", "-n", "-p")),
    "stdbuf": frozenset(("-i", "-o", "-e")),
    "xargs": frozenset(("-I", "-n", "-P", "-L", "-d", "-a", "-s", "-E")),
    "nohup": frozenset(),
    "setsid": frozenset(),
    "time": frozenset(("-f", "-o")),
    "command": frozenset(),
    "exec": frozenset(("-a",)),
    "builtin": frozenset(),
    "caffeinate": frozenset(("-t", "-w")),
}
"""Wrappers with those of their options that take a value."""

_RUNNERS: dict[tuple[str, ...], frozenset[str]] = {
    ("npx",): frozenset(("-p", "--package", "-c")),
    ("bunx",): frozenset(),
    ("uvx",): frozenset(("--from", "--with", "-p", "--python")),
    ("uv", "run"): frozenset(("--with", "--extra", "--group", "-p", "--python", "--project", "--directory")),
    ("poetry", "run"): frozenset(("-C", "--directory")),
    ("pipenv", "run"): frozenset(),
    ("pdm", "run"): frozenset(),
    ("hatch", "run"): frozenset(),
    ("bundle", "exec"): frozenset(),
    ("mise", "exec"): frozenset(("-C",)),
    ("mise", "x"): frozenset(("-C",)),
    ("pnpm", "exec"): frozenset(("-C", "--dir", "--filter")),
    ("pnpm", "dlx"): frozenset(),
    ("npm", "exec"): frozenset(("--prefix",)),
    ("yarn", "dlx"): frozenset(),
    ("python", "-m"): frozenset(),
    ("python3", "-m"): frozenset(),
    ("py", "-m"): frozenset(),
}
"""Programs that only find and start another one, with their options that take a value."""

_VALUED: dict[str, frozenset[str]] = {
    "git": frozenset(("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env")),
    "go": frozenset(("-C",)),
    "npm": frozenset(("--prefix", "-C", "-w", "--workspace", "--loglevel")),
    "pnpm": frozenset(("-C", "--dir", "--filter", "-F", "--prefix")),
    "yarn": frozenset(("--cwd", "--prefix")),
    "bun": frozenset(("--cwd",)),
    "make": frozenset(("-C", "-f", "--directory", "--file")),
    "cargo": frozenset(("-C", "-Z", "--manifest-path", "--config", "--color")),
    "docker": frozenset(("-H", "--host", "--context", "-c", "-l", "--log-level", "--config")),
    "docker-compose": frozenset(("-f", "--file", "-p", "--project-name")),
    "kubectl": frozenset(("-n", "--namespace", "--context", "--kubeconfig", "--cluster", "-s")),
    "helm": frozenset(("-n", "--namespace", "--kube-context")),
    "gh": frozenset(("-R", "--repo", "--hostname")),
    "aws": frozenset(("--profile", "--region", "--output", "--endpoint-url")),
    "gcloud": frozenset(("--project", "--account", "--format")),
    "terraform": frozenset(),
    "uv": frozenset(("--directory", "--project", "--python", "-p", "--color")),
    "mise": frozenset(("-C", "-E", "--cd")),
    "python": frozenset(("-W", "-X")),
    "python3": frozenset(("-W", "-X")),
    "node": frozenset(("-r", "--require", "--import", "--loader")),
    "ssh": frozenset(("-p", "-i", "-o", "-l", "-F", "-J")),
    "systemctl": frozenset(("-H", "-M")),
    "gradle": frozenset(("-p", "-b")),
    "mvn": frozenset(("-f", "-pl", "-s")),
}
"""Global options that take a value, by program: what follows them is no subcommand."""


def _unwrapped(words: tuple[str, ...], *, shells: bool = True) -> tuple[str, ...]:
    if not words:
        return ()
    name = program(words[0])
    if name in _WRAPPERS:
        rest = _after_options(words[1:], _WRAPPERS[name])
        while name in ("env", "sudo") and rest and _ASSIGNMENT.match(rest[0]):
            rest = rest[1:]
        return rest[1:] if name.endswith("timeout") else rest
    line = _line_of_shell(words) if shells else ""
    if line:
        inner = [c.argv for c in commands(line) if not c.nested]
        working = (argv for argv in inner if argv[0] not in ("cd", "pushd", "set", "source", "."))
        return next(working, inner[0] if inner else ())
    return ()


def _unrunner(words: tuple[str, ...]) -> tuple[str, ...]:
    key = next((k for k in _RUNNERS if k == (program(words[0]), *words[1 : len(k)])), None)
    return _after_options(words[len(key) :], _RUNNERS[key]) if key else ()


def _after_options(words: tuple[str, ...], valued: frozenset[str]) -> tuple[str, ...]:
    i = 0
    while i < len(words) and words[i].startswith("-"):
        if words[i] == "--":
            return words[i + 1 :]
        i += 2 if words[i] in valued else 1
    return words[i:]
