"""Made sessions with known failures: written as Claude Code log rows, from the format's description, by a seed.

A session is a task, some reading, an edit, a check and a last message; one thing in it goes wrong, or nothing does.
Kinds: `clean`; `recovered` (a call fails, the next one puts it right); `complained` (the user says so); the rest are
silent: nobody says so. Words come from `injected.toml`, where half of the phrasings are held out from the rule tables.
"""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

SILENT = (
    "hidden_exit", "wrong_output", "unchecked", "against_check", "thrown_away", "there_and_back", "cycle",
    "same_error", "left_failing", "gave_up", "goal_dropped",
)  # fmt: skip
KINDS = ("clean", "recovered", "complained", *SILENT)
FILES = ("src/cart.py", "pkg/parse/lexer.go", "app/views/list.ts", "lib/report.rb", "src/main.rs", "core/session.kt")
THINGS = ("the retry limit", "a timeout", "the price filter", "pagination", "the empty case", "rounding of totals")
HERE = Path(__file__).parent


class Made(NamedTuple):
    """One session: its rows, what was put into it, and the ids of calls that fail by their status."""

    name: str
    kind: str
    rows: list[dict[str, Any]]
    errors: list[str]


def sessions(count: int, words: str, seed: int) -> list[Made]:
    """`count` sessions of each kind with the phrasings `seen` or `held_out`."""
    lists = tomllib.loads((HERE / "injected.toml").read_text("utf-8"))[words]
    return [
        _Session(f"{words}-{kind}-{n}", kind, lists, random.Random(f"{seed}-{words}-{kind}-{n}")).made()
        for kind in KINDS
        for n in range(count)
    ]


def write(made: list[Made], folder: Path) -> None:
    """One JSON-lines file a session."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in made:
        text = "".join(json.dumps(row) + "\n" for row in one.rows)
        (folder / f"{one.name}.jsonl").write_text(text, "utf-8")


class _Session:
    """One session under construction."""

    def __init__(self, name: str, kind: str, words: dict[str, list[str]], chance: random.Random) -> None:
        self.name, self.kind, self.words, self.chance = name, kind, words, chance
        self.rows: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self.file, self.thing = chance.choice(FILES), chance.choice(THINGS)
        self.which = chance.randrange(len(words["checks"]))
        self.check = words["checks"][self.which]

    def made(self) -> Made:
        """The whole session."""
        self.user(self.say("task"))
        self.agent(self.say("work"))
        for _ in range(self.chance.randint(1, 3)):
            self.call("Read", {"file_path": f"/work/{self.file}"}, f"     1\tline {self.chance.random()}")
        steps: dict[str, Callable[[], None]] = {
            "clean": self._clean, "recovered": self._recovered, "complained": self._complained,
            "hidden_exit": self._hidden_exit, "wrong_output": self._wrong_output, "unchecked": self._unchecked,
            "against_check": self._against, "thrown_away": self._thrown_away, "there_and_back": self._there_and_back,
            "cycle": self._cycle, "same_error": self._same_error, "left_failing": self._left_failing,
            "gave_up": self._gave_up, "goal_dropped": self._goal_dropped,
        }  # fmt: skip
        steps[self.kind]()
        return Made(self.name, self.kind, self.rows, self.errors)

    # ------------------------------------------------------------------------------------------------- stories

    def _clean(self) -> None:
        for _ in range(self.chance.randint(1, 3)):
            self.edit()
        self.passes()
        self.agent(self.say("clean"))
        if self.chance.random() < 0.5:
            self.user(self.say("thanks"))
            self.agent("Here is the answer: it is called from two places.")

    def _recovered(self) -> None:
        text = self.say("error")
        self.call("Bash", {"command": f"tool --fast {self.chance.randrange(99)}"}, f"Exit code 1\n{text}", error=True)
        self.call("Bash", {"command": "tool --slow"}, "fine")
        if self.chance.random() < 0.5:
            self.call("Edit", {"file_path": f"/work/{self.file}", "old_string": "q", "new_string": "r"},
                      "<tool_use_error>String to replace not found in file.</tool_use_error>", error=True)  # fmt: skip
        self._clean()

    def _complained(self) -> None:
        self.edit()
        self.passes()
        self.agent(self.say("clean"))
        self.user(self.say("complaint"))
        self.edit()
        self.passes()
        self.agent(self.say("clean"))

    def _hidden_exit(self) -> None:
        self.edit()
        tail = self.chance.choice([" | tail -5", " 2>&1 | head -20", " || true", "; echo finished"])
        self.call("Bash", {"command": self.check + tail}, self.fails_with())
        self.agent(f"I changed {self.file} as you asked.")

    def _wrong_output(self) -> None:
        self.edit()
        self.passes()
        command = f"python3 scripts/job_{self.chance.randrange(99)}.py"
        self.call("Bash", {"command": command}, self.say("bad_output"))
        self.agent(self.say("accepted"))

    def _unchecked(self) -> None:
        if self.chance.random() < 0.4:
            self.passes()
        self.edit()
        self.edit()
        self.agent(self.say("claim"))

    def _against(self) -> None:
        self.edit()
        self.fails()
        self.agent(self.say("claim"))

    def _thrown_away(self) -> None:
        self.edit()
        self.edit()
        command = self.chance.choice(["git checkout -- ", "git restore ", "git checkout "]) + self.file
        self.call("Bash", {"command": command}, "Updated 1 path from the index")
        self.agent(f"{self.file} is as it was.")

    def _there_and_back(self) -> None:
        old, new = self.edit()
        self.passes()
        self.edit(new, old)
        self.agent(f"I left {self.file} alone in the end.")

    def _cycle(self) -> None:
        a, b = f"/work/{self.file}", "/work/README.md"
        for _ in range(self.chance.randint(3, 5)):
            self.call("Read", {"file_path": a}, "     1\tsame")
            self.call("Read", {"file_path": b}, "     1\tother")
        self.agent(f"{self.thing} looks right.")

    def _same_error(self) -> None:
        for n in range(self.chance.randint(4, 6)):
            self.edit()
            self.call("Bash", {"command": f"{self.check} --run {n}"}, f"Exit code 1\n{self.fails_with()}", error=True)
        self.passes()
        self.agent(f"I changed {self.file}.")

    def _left_failing(self) -> None:
        self.edit()
        self.fails()
        if self.chance.random() < 0.5:
            self.edit()
        self.agent(f"I changed {self.file} so that it has {self.thing}.")

    def _gave_up(self) -> None:
        self.edit()
        self.passes()
        self.agent(self.say("gave_up"))

    def _goal_dropped(self) -> None:
        items = [f"Handle {self.thing} in {self.file}", "Document the exporter settings in docs/exporter.md"]
        todos = [{"content": item, "status": "pending", "activeForm": item} for item in items]
        self.call("TodoWrite", {"todos": todos}, "Todos have been modified successfully.")
        self.edit()
        self.row("system", {"subtype": "compact_boundary", "content": "Conversation compacted"})
        for _ in range(12):
            self.edit()
        self.passes()
        self.agent(f"{self.thing} is handled.")

    # --------------------------------------------------------------------------------------------------- parts

    def say(self, key: str) -> str:
        """One of the phrasings, its slots filled."""
        text = self.chance.choice(self.words[key])
        slots = {"file": self.file, "thing": self.thing, "check": self.check, "n": str(self.chance.randrange(99))}
        for name, value in slots.items():
            text = text.replace("{" + name + "}", value)
        return text

    def fails_with(self) -> str:
        """What a failing check of this session prints, the same each time."""
        failing = self.words["failing"]
        return failing[self.which % len(failing)].replace("{n}", "7")

    def passes(self) -> None:
        """The check runs and passes."""
        passing = self.words["passing"]
        self.call("Bash", {"command": self.check}, passing[self.which % len(passing)])

    def fails(self) -> None:
        """The check runs and fails, and the status says so."""
        self.call("Bash", {"command": self.check}, f"Exit code 1\n{self.fails_with()}", error=True)

    def edit(self, old: str = "", new: str = "") -> tuple[str, str]:
        """One edit of the session's file."""
        old = old or f"value = {self.chance.randrange(10**6)}  # before"
        new = new or f"value = {self.chance.randrange(10**6)}  # after"
        args = {"file_path": f"/work/{self.file}", "old_string": old, "new_string": new}
        self.call("Edit", args, "The file has been updated successfully.")
        return old, new

    def user(self, text: str) -> None:
        """A person writes."""
        self.row("user", {"message": {"role": "user", "content": text}})

    def agent(self, text: str) -> None:
        """The agent writes."""
        block = {"type": "text", "text": text}
        self.row("assistant", {"message": {"id": f"m{len(self.rows)}", "role": "assistant", "content": [block]}})

    def call(self, tool: str, args: dict[str, Any], text: str, *, error: bool = False) -> None:
        """A call and its result."""
        call_id = f"toolu_{self.name}_{len(self.rows)}"
        block = {"type": "tool_use", "id": call_id, "name": tool, "input": args}
        self.row("assistant", {"message": {"id": f"m{len(self.rows)}", "role": "assistant", "content": [block]}})
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id, "content": text}
        if error:
            result["is_error"] = True
            self.errors.append(call_id)
        self.row("user", {"message": {"role": "user", "content": [result]}})

    def row(self, kind: str, more: dict[str, Any]) -> None:
        """One row of the log."""
        n = len(self.rows)
        fixed = {"type": kind, "uuid": f"{self.name}-{n}", "sessionId": self.name, "cwd": "/work", "version": "2.1.0"}
        at = f"2026-03-01T{10 + n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}.000Z"
        self.rows.append(fixed | {"parentUuid": f"{self.name}-{n - 1}" if n else None, "timestamp": at} | more)
