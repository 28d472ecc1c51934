"""A generated corpus of failures: one cause with many surface forms, and the reverse, in the shapes of three clients.

`corpus.toml` has the causes and forms. `draw` fills the slots, wraps each text as its client does and gives runs with
the failing call and its result, and what the cause was. Half of the forms of each cause (by a hash of the form) are
held out: figures on them are reported apart, and no rule may be written for them.
"""

from __future__ import annotations

import hashlib
import random
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from memento_skills.ingest.status import classify
from memento_skills.records import Run, Step

FORMS = Path(__file__).with_name("corpus.toml")
CLIENTS = ("claude-code", "codex", "opencode")
_SHORT = {"claude": "claude-code", "codex": "codex", "opencode": "opencode"}
_WORDS = ("ledger", "parser", "billing", "search", "upload", "notify", "orders", "matrix", "report", "widget")
_NOISE = ("loading configuration ...", "step 1 of 3: ok", "Using cached data", "checked 14 items")


class Form(NamedTuple):
    """One surface form of a cause."""

    cause: str
    label: str
    """One of the design's causes."""
    reverse: bool
    held: bool
    client: str
    """"" = any of the three."""
    tool: str
    """"" = the client's shell."""
    args: str
    text: str


class Case(NamedTuple):
    """One drawn failure: its form and a run with the call and the result."""

    form: Form
    run: Run


def forms() -> list[Form]:
    """All forms, in the order of the file."""
    return [form for row in tomllib.loads(FORMS.read_text("utf-8"))["cause"] for form in _of(row)]


def _of(row: dict[str, Any]) -> list[Form]:
    found = [("", "", f"command={command}", text) for command, text in row.get("shell", ())]
    found += [(_SHORT.get(f["by"], ""), f["tool"], f["args"], f["text"]) for f in row.get("tool", ())]
    order = sorted(range(len(found)), key=lambda i: hashlib.sha256(repr((row["name"], found[i])).encode()).digest())
    held = set(order[: len(order) // 2])
    return [
        Form(row["name"], row["cause"], row.get("reverse", False), number in held, *form)
        for number, form in enumerate(found)
    ]


def draw(count: int, seed: int) -> list[Case]:
    """`count` failures: each form at least once where `count` allows, then causes by 1 / rank, forms evenly."""
    rng = random.Random(seed)
    known = forms()
    by_cause: dict[str, list[Form]] = {}
    for form in known:
        by_cause.setdefault(form.cause, []).append(form)
    names = list(by_cause)
    rng.shuffle(names)
    weights = [1 / (rank + 5) for rank in range(len(names))]
    more = (rng.choice(by_cause[name]) for name in rng.choices(names, weights, k=max(count - len(known), 0)))
    chosen = [*known, *more][:count]
    return [Case(form, _run(form, number, rng)) for number, form in enumerate(chosen)]


def _run(form: Form, number: int, rng: random.Random) -> Run:
    client = form.client or rng.choice(CLIENTS)
    slots = _slots(rng)
    tool, args = _call(form, client, slots)
    shell = not form.tool or form.tool == "Bash"
    text = _filled(form.text, slots)
    if shell and text and rng.random() < 0.3:
        text = f"{rng.choice(_NOISE)}\n{text}"
    shown, code = _shown(text, client, form, rng)
    status = classify(shown, error=True)
    ends: dict[str, Any] = {"call_id": f"c{number}", "tool": tool}
    steps = (
        Step(seq=0, kind="message", actor="user", text="please go on"),
        Step(seq=1, kind="call", actor="agent", args=args, **ends),
        Step(
            seq=2, kind="result", actor="tool", text=shown, status=status.status, exit_code=status.exit_code or code,
            **ends,
        ),
    )  # fmt: skip
    return Run(id=f"g{number}", client=client, reader="corpus@1", project="generated", steps=steps)


def _call(form: Form, client: str, slots: dict[str, str]) -> tuple[str, dict[str, str]]:
    key, _, value = _filled(form.args, slots).partition("=")
    if form.tool:
        return form.tool, {key: value}
    tool = {"claude-code": "Bash", "codex": "shell_command", "opencode": "bash"}[client]
    if value.startswith(("Get-", "Set-", "Copy-", "Invoke-")) and client != "codex":
        tool = "PowerShell"
    return tool, {"command": value.strip()}


def _shown(text: str, client: str, form: Form, rng: random.Random) -> tuple[str, int | None]:
    """The result as the client shows it, and the exit code that the log states apart from it."""
    if form.tool:
        return text, None
    code = 127 if "not found" in text and "pdflatex" in text else rng.choice((1, 1, 1, 2)) if text else 1
    if client == "claude-code":
        return f"Exit code {code}\n{text}".rstrip("\n"), code
    if client == "codex":
        wall = f"{rng.random():.4f}"
        chunk = f"Chunk ID: {rng.randbytes(3).hex()}\nWall time: {wall} seconds"
        if rng.random() < 0.5:
            return f"{chunk}\nProcess exited with code {code}\nOutput:\n{text}", code
        return f"Exit code: {code}\nWall time: {wall} seconds\nOutput:\n{text}\n", code
    return f"{text}\n" if text else "(no output)", code


def _slots(rng: random.Random) -> dict[str, str]:
    word = rng.choice(_WORDS)
    ending = rng.choice(("json", "csv", "ts", "py", "txt", "md"))
    return {
        "word": word,
        "file": f"{rng.choice(_WORDS)}_{rng.randrange(99)}.{ending}",
        "dir": rng.choice(("app", "lib", "pkg/core", "services/api")),
        "path": f"/w/{word}/{rng.randrange(999)}",
        "repo": f"{rng.choice(_WORDS)}-org/{word}",
        "host": f"{rng.choice(_WORDS)}.example",
        "user": f"user{rng.randrange(40):02d}",
        "n": str(rng.randrange(3000, 9000)),
        "id": rng.randbytes(5).hex(),
    }


def _filled(text: str, slots: dict[str, str]) -> str:
    for name, value in slots.items():
        text = text.replace("{" + name + "}", value)
    return text
