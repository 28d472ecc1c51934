"""The run so far, as far as a guard can see it: files read and changed, the shell's folder, what failed before.

One `RunState` per agent of a run (a sub-agent starts with its own). It is fed steps in the log's order and only
ever with steps that precede the pending call; results of the pending call's siblings are held back by `calls`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from memento_skills.guards import tools
from memento_skills.guards.files import SHOWN_LIMIT, FileState, apply_edit
from memento_skills.guards.lines import Lines, telling
from memento_skills.guards.patches import changes
from memento_skills.records import Step
from memento_skills.shell import Command, head

_MISSING = re.compile(
    r"does not exist|no such file|not found|cannot find|directory not found|enoent|is not recognized", re.IGNORECASE
)
_CUT = re.compile(r"\b\d{1,9} (?:more )?(?:characters|chars|bytes|tokens|lines) (?:removed|truncated|omitted|cut)")
"""What logs and clients put where they left something out."""
_SHELL_RESET = re.compile(r"Shell cwd was reset to ([^\n<]+)")
_REDIRECTED = re.compile(r">{1,2}\s*([^\s'\"<>|;&]{1,300})")
_LONGEST_PATH = 300
_LINE = 20_000
_LIST_LIMIT = 60_000


class RunState:
    """Mutable on purpose: one pass over a long run. Everything that it knows precedes the pending call."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.cwd = root
        self.logged_cwd = root
        self.epoch = 0
        self.files: dict[str, FileState] = {}
        self.missing: set[str] = set()
        self.listed: set[str] = set()
        self.failed: dict[str, int] = {}
        """Keys of calls that failed and did not succeed since."""
        self.failed_heads: dict[str, int] = {}
        self.ok_heads: set[str] = set()
        self.shown: list[str] = []
        """Recent shell and search output, newest last."""
        self.lines = Lines()
        self.folders: set[str] = set()
        """Folders in which files of this run lie."""
        self.gap = False
        """Rows of the session are not in the log: what was read in them is not known."""
        self.named: set[str] = set()
        """Files that a shell command named and no file tool worked on since."""
        self.cut = False
        """A result was displayed in part only: what stood in the rest is not known."""
        self.calls = 0
        self.last_boundary = -1
        """Number of calls when the last boundary came."""

    def file(self, path: str) -> FileState:
        """The state of a normalised path, made on first sight."""
        return self.files.setdefault(path, FileState())

    def boundary(self, kind: str) -> None:
        """A compaction, a resume or a clearing: the client forgets most of what was read."""
        order = sorted((f for f in self.files.values() if f.touched >= 0), key=lambda f: -f.touched)
        for newer, state in enumerate(order):
            state.newer = newer
            if state.epoch == self.epoch or kind == "resume":
                state.boundary = kind
        self.epoch += 1
        self.last_boundary = self.calls

    def see_cwd(self, cwd: str) -> None:
        """The log states a working directory for a row; a change of it is believed, a repetition is not."""
        if cwd and cwd != self.logged_cwd:
            self.logged_cwd = cwd
            self.cwd = cwd

    def see_result(self, call: Step, result: Step) -> None:
        """Take in the result of an earlier call."""
        ok = result.status == "ok"
        self.cut = self.cut or bool(_CUT.search(result.text))
        key = call_key(call)
        kind = tools.role(call.tool)
        if ok:
            self.failed.pop(key, None)
        elif result.status in ("error", "timeout", "unknown"):
            self.failed[key] = self.failed.get(key, 0) + 1
        if kind == "shell":
            self._see_shell(call, result, ok)
        else:
            self._see_file(call, result, kind, ok)

    def _see_file(self, call: Step, result: Step, kind: str, ok: bool) -> None:
        path = tools.normal(tools.place(call.tool, call.args), self.cwd)
        if kind == "search":
            if ok:
                self._list(result.text)
                self._show(result.text)
                self.lines.see(result.text[:SHOWN_LIMIT])
            return
        if not path:
            return
        if not ok:
            self._see_file_failure(self.file(path), path, result.text)
        elif kind == "patch":
            self._see_patch(tools.argument(call.args, "patch"))
        elif kind in ("read", "write", "edit"):
            state = self._used(path)
            if kind == "read":
                self._see_reading(state, call.args, result.text)
            elif kind == "write":
                self._see_writing(state, tools.argument(call.args, "content"))
            else:
                old, new = tools.argument(call.args, "old"), tools.argument(call.args, "new")
                apply_edit(state, call.args)
                self._replace(state, old, new)

    def _used(self, path: str) -> FileState:
        """The state of a file that a call worked on just now."""
        state = self.file(path)
        self.missing.discard(path)
        self.listed.add(path.rsplit("/", 1)[-1])
        self._lies_in(path)
        state.epoch = self.epoch
        state.boundary = ""
        state.touched = self.calls
        state.changed_by = set()
        return state

    def _lies_in(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        while folder and folder not in self.folders:
            self.folders.add(folder)
            folder = folder.rpartition("/")[0]

    def _see_reading(self, state: FileState, args: dict[str, Any], text: str) -> None:
        whole = "offset" not in args and "limit" not in args
        state.read_whole |= whole
        # what was displayed under an older boundary is only known to the log
        fresh = whole or state.touched < self.last_boundary
        state.display(text[:SHOWN_LIMIT], fresh=fresh)
        self.lines.see(text[:SHOWN_LIMIT])
        if whole:
            state.replaced = set()

    def _see_writing(self, state: FileState, content: str) -> None:
        state.read_whole = True
        state.know(content[:SHOWN_LIMIT], [])
        self.lines.see(content[:SHOWN_LIMIT])
        state.replaced = set()

    def _see_patch(self, patch: str) -> None:
        for change in changes(patch):
            path = tools.normal(change.path, self.cwd)
            if change.how == "Delete":
                self.missing.add(path)
                continue
            state = self._used(path)
            if change.how == "Add":
                self._see_writing(state, change.new)
            else:
                self._replace(state, change.old, change.new)

    def _replace(self, state: FileState, old: str, new: str) -> None:
        """Lines were taken out of a file and others put in."""
        stays = set(telling(new))
        state.replaced.difference_update(stays)
        state.replaced.update(line for line in telling(old) if line not in stays)
        self.lines.see(new[:SHOWN_LIMIT])

    def _see_file_failure(self, state: FileState, path: str, text: str) -> None:
        start = text[:400]
        if _MISSING.search(start) and "replace" not in start:
            self.missing.add(path)
        if "exceeds maximum" in start or "too large" in start:
            state.too_big = True

    def _see_shell(self, call: Step, result: Step, ok: bool) -> None:
        line = tools.argument(call.args, "command")
        parsed = tools.parsed(line)
        heads = [" ".join(head(c.argv, 2)) for c in parsed]
        for name in heads:
            if ok:
                self.ok_heads.add(name)
                self.failed_heads.pop(name, None)
            elif result.status in ("error", "timeout"):
                self.failed_heads[name] = self.failed_heads.get(name, 0) + 1
        if ok:
            self._name(parsed, line)
        self._changes(heads)
        if call.tool in tools.KEEP_FOLDER:
            self._move(parsed, result.text, ok)
        self._show(result.text)
        self.lines.see(result.text[:SHOWN_LIMIT])
        if ok:
            self._list(result.text)

    def _name(self, parsed: tuple[Command, ...], line: str) -> None:
        """Files that a command worked on: it may have made them, and it may have displayed them."""
        cwd = self.cwd
        for command in parsed:
            if command.argv[:1] == ("cd",):
                cwd = cwd_after((command,), cwd)
            else:
                self._name_words(command.argv[1:], cwd)
        self._name_words(_REDIRECTED.findall(line[:_LINE]), cwd)

    def _name_words(self, words: Sequence[str], cwd: str) -> None:
        for word in words:
            if "." in word and not word.startswith("-") and len(word) < _LONGEST_PATH:
                path = tools.normal(word, cwd)
                self.missing.discard(path)
                self.named.add(path)

    def _changes(self, heads: list[str]) -> None:
        changing = {word for h in heads if (word := tools.changer(h))}
        if changing:
            for state in self.files.values():
                state.changed_by |= changing

    def _move(self, parsed: tuple[Command, ...], text: str, ok: bool) -> None:
        if reset := _SHELL_RESET.search(text[-600:]):
            self.cwd = reset.group(1).strip()
            return
        self.cwd = cwd_after(parsed, self.cwd) if ok else self.cwd

    def _list(self, text: str) -> None:
        for word in text[:_LIST_LIMIT].split():
            if "/" in word and word[0] in "/~":
                self._lies_in(word.rstrip(":,"))
            if "." in word:
                name = word.split(":", 1)[0].rsplit("/", 1)[-1].strip("\"'`,;()[]<>*")
                if len(name) < 120 and "." in name[1:-1]:
                    self.listed.add(name)

    def _show(self, text: str) -> None:
        self.shown.append(text[:_LIST_LIMIT])
        del self.shown[:-40]


def cwd_after(parsed: tuple[Command, ...], cwd: str) -> str:
    """The shell's folder after a line's `cd` commands, as far as they are plain."""
    for command in parsed:
        if command.argv[:1] != ("cd",):
            continue
        target = command.argv[1] if len(command.argv) > 1 else "~"
        if target == "-" or "$" in target or "*" in target:
            continue
        cwd = tools.normal(target, cwd)
    return cwd


def call_key(call: Step) -> str:
    """Identity of "the same call again": tool and arguments, less the words meant for a person."""
    shown = sorted((k, str(v)) for k, v in call.args.items() if k not in ("description", "timeout"))
    return f"{call.tool}\0{shown}"
