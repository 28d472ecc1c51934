"""Calls of a run as a guard sees them: the pending call, features of it and of the run so far, and its result.

The features are decided from what precedes the call alone: results of the same message's siblings are held back
until the next message, and nothing later is looked at (design.md, section 5; a test truncates and scrambles the
rest). Feature values are plain words so that a condition can be read aloud.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from memento_skills.guards import tools
from memento_skills.guards.lines import telling
from memento_skills.guards.patches import changes
from memento_skills.guards.state import RunState, call_key, cwd_after
from memento_skills.records import Run, Step
from memento_skills.shell import Command, flags, head, peel

EARLY = 10
"""Calls before which a run counts as early: a log may begin in the middle of a session, its first calls may then
rely on what is not in it."""

_BOUNDARIES = {"compact_boundary": "compaction", "resume": "resume", "clear": "compaction", "gap": "gap"}
"""Notices of readers (their first words) after which the client, or the log, has lost what was read."""

Features = dict[str, Any]
"""Feature name -> word, number or set of words."""


class Call(NamedTuple):
    """A pending call with what was known when it was made, and (for measuring only) its result."""

    step: Step
    result: Step | None
    features: Features
    path: str
    """Normalised path it works on, "" where none."""
    heads: tuple[str, ...]
    """First two words of each simple command of its line."""
    cwd: str
    """Folder it starts in, as far as known."""
    root: str


def root_of(run: Run) -> str:
    """The project's root as the run states it: its first working directory."""
    return tools.normal(run.cwd) if run.cwd else ""


def calls(run: Run) -> Iterator[Call]:
    """Every call of the run, in order, each native call id once.

    Steps that precede a call are seen before it; results of its own message's other calls are not.
    """
    results = {s.call_id: s for s in run.steps if s.kind == "result" and s.call_id}
    root = root_of(run)
    states: dict[str, RunState] = {}
    open_calls: dict[str, Step] = {}
    held: list[tuple[Step, Step]] = []
    seen: set[str] = set()
    siblings: list[Step] = []
    for step in run.steps:
        state = states.get(step.agent) or states.setdefault(step.agent, RunState(root))
        if step.kind == "call":
            if step.call_id in seen:
                continue
            seen.add(step.call_id)
            message = step.message or step.call_id
            held = _release(held, states, message)
            siblings = [s for s in siblings if s.message == step.message and s.agent == step.agent and step.message]
            state.see_cwd(tools.normal(step.cwd) if step.cwd else "")
            view = _view(step, results.get(step.call_id), state)
            if view.path and siblings:
                _sibling(view, siblings, state)
            view.features["client"] = run.client
            yield view
            siblings.append(step)
            state.calls += 1
            open_calls[step.call_id] = step
        elif step.kind == "result" and (call := open_calls.pop(step.call_id, None)):
            held.append((call, step))
        elif step.kind == "notice" and (kind := _BOUNDARIES.get(step.text.split(":", 1)[0].strip())):
            held = _release(held, states, "")
            if kind == "gap":
                state.gap = True
            else:
                state.boundary(kind)
    # Results still held when the run ends belong to no later call.


def _sibling(call: Call, siblings: list[Step], state: RunState) -> None:
    """What earlier calls of the same message are about to do with the same file."""
    roles = {tools.role(s.tool) for s in siblings if tools.normal(tools.place(s.tool, s.args), state.cwd) == call.path}
    if roles & {"read", "write"} and "file_read" in call.features:
        call.features["file_read"] = "in_this_message"
    call.features["same_message"] = bool(roles & {"edit", "write", "patch"})


def _release(held: list[tuple[Step, Step]], states: dict[str, RunState], message: str) -> list[tuple[Step, Step]]:
    keep: list[tuple[Step, Step]] = []
    for call, result in held:
        if message and (call.message or call.call_id) == message:
            keep.append((call, result))
        else:
            states[call.agent].see_result(call, result)
    return keep


def _view(step: Step, result: Step | None, state: RunState) -> Call:
    features: Features = {
        "tool": step.tool,
        "argument": frozenset(k for k, v in step.args.items() if v not in ("", None, False)),
    }
    key = call_key(step)
    features["retry"] = "same" if key in state.failed else "no"
    features["run_age"] = "later" if state.calls >= EARLY else "early"
    path = ""
    heads: tuple[str, ...] = ()
    role = tools.role(step.tool)
    if role == "shell":
        heads = _shell_features(features, tools.argument(step.args, "command"), state)
    elif raw := tools.place(step.tool, step.args):
        path = tools.normal(raw, state.cwd)
        _path_features(features, raw, path, state)
        if role in ("edit", "write", "patch"):
            _edit_features(features, step, path, state, role)
    return Call(step, result, features, path, heads, state.cwd, state.root)


def _shell_features(features: Features, line: str, state: RunState) -> tuple[str, ...]:
    parsed = tools.parsed(line)
    heads = tuple(" ".join(head(c.argv, 2)) for c in parsed)
    words: set[str] = set()
    begins: set[str] = set()
    used: set[str] = set()
    for command in parsed:
        bare = peel(command.argv)
        for n in (1, 2, 3):
            words.add(" ".join(head(command.argv, n)))
            begins.update((" ".join(command.argv[:n]), " ".join(bare[:n])))
        used.update(flags(command.argv))
    features["command"] = frozenset(words)
    features["begins"] = frozenset(begins)
    features["folder"] = tools.under_root(cwd_after(parsed, state.cwd), state.root)
    features["flag"] = frozenset(used)
    features["shape"] = (
        "single" if len(parsed) == 1 else "pipe" if any(c.operator_before == "|" for c in parsed) else "chain"
    )
    features["cwd"] = _cwd_word(cwd_after(parsed[:1], state.cwd), state.root)
    features["from_root_in_sub"] = _root_relative(parsed, state)
    features["failed_before"] = frozenset(h for h in heads if state.failed_heads.get(h))
    features["extension"] = frozenset(_extension(w) for c in parsed for w in c.argv[1:] if "." in w[1:-1])
    features["under"] = _folders(parsed, state)
    features["missing_path"] = any(
        tools.normal(w, state.cwd) in state.missing for c in parsed for w in c.argv[1:] if "/" in w
    )
    return heads


def _folders(parsed: tuple[Command, ...], state: RunState) -> frozenset[str]:
    """Folders of the project in which the line's files lie, each with those above it: `data`, `data/till`."""
    found: set[str] = set()
    for word in (w for c in parsed for w in c.argv[1:] if "/" in w and not w.startswith("-")):
        where = tools.under_root(tools.normal(word, state.cwd), state.root)
        if where.startswith("<root>/"):
            parts = where[7:].split("/")[:-1]
            found.update("/".join(parts[: n + 1]) for n in range(min(len(parts), 4)))
    return frozenset(found)


def _cwd_word(cwd: str, root: str) -> str:
    if not root or not cwd:
        return "unknown"
    where = tools.under_root(cwd, root)
    return "root" if where == "<root>" else "sub" if where.startswith("<root>") else "outside"


def _root_relative(parsed: tuple[Command, ...], state: RunState) -> bool:
    """A path written from the project's root while the shell stands in a subfolder that the path runs through."""
    first = parsed[0].argv if parsed else ()
    moves = first[:1] == ("cd",) and len(first) > 1 and tools.absolute(first[1])
    folder = cwd_after(parsed[:1], state.cwd) if moves else state.cwd
    return any(_is_root_relative(w, folder, state.root) for c in parsed for w in c.argv)


def _is_root_relative(word: str, folder: str, root: str) -> bool:
    where = tools.under_root(folder, root)
    if not where.startswith("<root>/") or tools.absolute(word):
        return False
    top = where[7:].split("/", 1)[0]
    word = word.removeprefix("./")
    return word == top or word.startswith(top + "/")


def _extension(word: str) -> str:
    tail = word.rsplit("/", 1)[-1]
    return "." + tail.rsplit(".", 1)[-1].lower() if "." in tail[1:] and len(tail.rsplit(".", 1)[-1]) <= 6 else ""


def _path_features(features: Features, raw: str, path: str, state: RunState) -> None:
    known = state.files.get(path)
    name = path.rsplit("/", 1)[-1]
    features["extension"] = frozenset({_extension(path)})
    features["path_written"] = "absolute" if tools.absolute(raw) else "relative"
    features["where"] = _cwd_word(path, state.root)
    features["from_root_in_sub"] = _is_root_relative(raw, state.cwd, state.root)
    if path in state.missing:
        features["path_known"] = "missing"
    elif known is not None and known.epoch >= 0:
        features["path_known"] = "used"
    else:
        features["path_known"] = "listed" if name in state.listed else "gap" if state.gap else "new"
    features["path_kind"] = "folder" if path in state.folders else "file" if "." in name[1:] else "bare"
    features["file_too_big"] = bool(known and known.too_big)


def _edit_features(features: Features, step: Step, path: str, state: RunState, role: str) -> None:
    known = state.files.get(path)
    if known is None or known.epoch < 0:
        named = path in state.named
        features["file_read"] = "gap" if state.gap else "by_shell" if named else "never"
    else:
        features["file_read"] = "yes" if known.epoch == state.epoch else "before_boundary"
        features["read_whole"] = "yes" if known.read_whole else "no"
        if known.epoch != state.epoch:
            features["newer_files"] = known.newer
            features["boundary"] = known.boundary
    changed = known.changed_by if known else set()
    features["changed_by"] = frozenset(changed)
    features["file_changed"] = bool(changed)
    if role == "edit" and (old := tools.argument(step.args, "old")):
        features["old_text"] = _old_text(old, known.content if known else "", state)
        if known and known.numbers and features["old_text"] == "shown":
            features["old_text_matches"] = known.content.count(old)
        if features["old_text"] != "shown":
            _line_features(features, [(path, old)], state)
    elif role == "patch":
        found = changes(tools.argument(step.args, "patch"))
        _line_features(features, [(tools.normal(c.path, state.cwd), c.old) for c in found], state)


def _line_features(features: Features, parts: list[tuple[str, str]], state: RunState) -> None:
    """Whether the lines to be replaced (of each file) were displayed, and whether this run took them out itself."""
    lines = [line for _, old in parts for line in telling(old)]
    unseen = len(state.lines.unseen(lines))
    if lines and not (unseen and (state.gap or state.cut)):
        features["old_lines"] = "all_seen" if not unseen else "none_seen" if unseen == len(lines) else "some_seen"
    features["old_size"] = sum(old.count("\n") + 1 for _, old in parts)
    features["old_replaced"] = any(
        line in state.files[path].replaced for path, old in parts if path in state.files for line in telling(old)
    )


def _old_text(old: str, content: str, state: RunState) -> str:
    """Was the text to replace displayed? shown, other_whitespace, elsewhere (only in a command's output), never."""
    if old in content:
        return "shown"
    squeezed = "".join(old.split())
    if squeezed and squeezed in "".join(content.split()):
        return "other_whitespace"
    if any(old in text for text in state.shown):
        return "elsewhere"
    return "never" if content else "no_content"
