"""What a guard sees of a pending call, and that nothing later changes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from memento_skills.guards import Call, calls, fires, meets, recovery_meets
from memento_skills.guards.patches import changes
from memento_skills.records import Condition, Expect, Guard, Run, Status, Step


class Log:
    """A run under construction: `call` adds a call and its result."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def call(self, tool: str, result: str = "ok", status: Status | None = "ok", message: str = "", **args: Any) -> Log:
        number = len(self.steps)
        self.steps.append(
            Step(
                seq=number, kind="call", actor="agent", tool=tool, args=args, call_id=f"c{number}",
                message=message or f"m{number}",
            )
        )  # fmt: skip
        if status is not None:
            self.result(f"c{number}", tool, result, status)
        return self

    def result(self, call_id: str, tool: str, text: str, status: Status) -> Log:
        self.steps.append(
            Step(seq=len(self.steps), kind="result", actor="tool", tool=tool, text=text, call_id=call_id, status=status)
        )
        return self

    def notice(self, text: str) -> Log:
        self.steps.append(Step(seq=len(self.steps), kind="notice", actor="system", text=text))
        return self

    def run(self) -> Run:
        return Run(id="r", client="claude-code", reader="test@1", cwd="~/shop", steps=tuple(self.steps))

    def last(self) -> Call:
        return list(calls(self.run()))[-1]


FILE = "~/shop/a.py"


def test_an_edit_of_a_file_that_was_never_read_is_seen_as_such() -> None:
    assert Log().call("Edit", file_path=FILE, old_string="x", new_string="y").last().features["file_read"] == "never"


def test_a_read_of_the_same_file_by_another_spelling_counts() -> None:
    log = Log().call("Read", "     1→x = 1", file_path="~/shop/sub/../a.py")
    features = log.call("Edit", file_path=FILE, old_string="x = 1", new_string="y").last().features
    assert (features["file_read"], features["old_text"], features["old_text_matches"]) == ("yes", "shown", 1)


def test_a_compaction_makes_a_reading_old_and_counts_the_files_used_after_it() -> None:
    log = Log().call("Read", "     1→x", file_path=FILE)
    for name in ("b.py", "c.py", "d.py"):
        log.call("Read", "     1→x", file_path=f"~/shop/{name}")
    features = (
        log.notice("compact_boundary").call("Edit", file_path=FILE, old_string="x", new_string="y").last().features
    )
    assert (features["file_read"], features["newer_files"]) == ("before_boundary", 3)


def test_text_that_differs_in_white_space_only_is_told_from_text_never_shown() -> None:
    log = Log().call("Read", "     1→if x:\n     2→\treturn 1", file_path=FILE)
    assert (
        log.call("Edit", "no", "error", file_path=FILE, old_string="if x:\n    return 1").last().features["old_text"]
        == "other_whitespace"
    )
    assert log.call("Edit", file_path=FILE, old_string="while y").last().features["old_text"] == "never"


def test_an_edit_moves_the_known_text_and_its_line_numbers() -> None:
    log = Log().call("Read", "     1→a\n     2→b\n     3→c", file_path=FILE)
    log.call("Edit", file_path=FILE, old_string="b", new_string="b1\nb2")
    log.call("Read", "     4→C", file_path=FILE, offset=4, limit=1)
    assert log.call("Edit", file_path=FILE, old_string="b2\nC", new_string="").last().features["old_text"] == "shown"


def test_the_lines_of_a_file_in_an_element_are_known_as_well() -> None:
    newer = f"<path>{FILE}</path>\n<type>file</type>\n<content>\n1: if x:\n2:   y\n3: z\n\n(End of file)\n</content>"
    for shown in (newer, "<file>\n00001| if x:\n00002|   y\n00003| z\n</file>"):
        log = Log().call("read", shown, filePath=FILE)
        call = log.call("edit", filePath=FILE, oldString="if x:\n  y\nz", newString="z").last()
        assert (call.features["file_read"], call.features["old_text"]) == ("yes", "shown")


def test_a_formatter_run_marks_the_files_read_before_it_as_changed() -> None:
    log = Log().call("Read", "     1→x", file_path=FILE).call("Bash", command="gofmt -w . && git status")
    features = log.call("Edit", file_path=FILE, old_string="x", new_string="y").last().features
    assert features["changed_by"] == frozenset({"gofmt"})


def test_the_shell_keeps_the_folder_of_an_earlier_cd() -> None:
    log = Log().call("Bash", command="cd cmd && ls")
    features = log.call("Bash", "no such file", "error", command="go test ./cmd/x").last().features
    assert (features["cwd"], features["from_root_in_sub"]) == ("sub", True)


def test_a_failed_cd_moves_nothing() -> None:
    log = Log().call("Bash", "no such file", "error", command="cd nowhere")
    assert log.call("Bash", command="ls").last().features["cwd"] == "root"


def test_results_of_siblings_of_the_same_message_are_not_seen() -> None:
    log = Log().call("Read", "     1→x", message="m", file_path=FILE)
    features = log.call("Edit", message="m", file_path=FILE, old_string="x", new_string="y").last().features
    assert (features["file_read"], features["old_text"]) == ("in_this_message", "no_content")


def test_an_earlier_change_of_the_same_file_in_the_same_message_is_known() -> None:
    log = Log().call("Edit", message="m", file_path=FILE, old_string="x", new_string="y")
    assert log.call("Edit", message="m", file_path=FILE, old_string="z", new_string="").last().features["same_message"]
    assert not log.call("Edit", file_path=FILE, old_string="z", new_string="").last().features.get("same_message")


def test_where_rows_are_missing_from_the_log_a_file_is_not_called_unread() -> None:
    log = Log().notice("gap: the rows before this one are not in this run")
    features = log.call("Edit", file_path=FILE, old_string="x = 1", new_string="y").last().features
    assert (features["file_read"], "old_lines" in features) == ("gap", False)


def test_a_file_that_only_a_shell_command_named_is_not_called_unread() -> None:
    log = Log().call("Bash", command="printf 'x' > a.py")
    assert log.call("Edit", file_path=FILE, old_string="x", new_string="y").last().features["file_read"] == "by_shell"


def test_lines_are_known_from_whatever_displayed_them() -> None:
    old = "first line\nsecond line"
    shown = Log().call("Bash", "a.py:3:first line\n  12→second line", command="grep -n line a.py")
    edit: dict[str, Any] = {"file_path": FILE, "old_string": old, "new_string": "y"}
    assert shown.call("Edit", **edit).last().features["old_lines"] == "all_seen"
    assert (
        Log().call("Bash", "+first line", command="git diff").call("Edit", **edit).last().features["old_lines"]
        == "some_seen"
    )
    assert Log().call("Edit", **edit).last().features["old_lines"] == "none_seen"


def test_what_a_client_cut_from_a_result_is_not_called_unseen() -> None:
    log = Log().call("Read", "     1→x\n[5,000 characters removed]", file_path=FILE)
    assert "old_lines" not in log.call("Edit", file_path=FILE, old_string="gone line", new_string="").last().features


def test_text_that_the_run_itself_replaced_is_known_to_be_gone() -> None:
    log = Log().call("Read", "     1→total = 0\n     2→other", file_path=FILE)
    log.call("Edit", file_path=FILE, old_string="total = 0", new_string="total = 1")
    features = log.call("Edit", file_path=FILE, old_string="total = 0", new_string="total = 2").last().features
    assert features["old_replaced"] is True


def test_what_came_since_a_file_was_read_is_told_apart() -> None:
    log = Log().call("Read", "     1→x", file_path=FILE, offset=1, limit=2).notice("compact_boundary")
    edit: dict[str, Any] = {"file_path": FILE, "old_string": "x", "new_string": "y"}
    after = log.call("Edit", "File has not been read yet", "error", **edit).last().features
    assert (after["file_read"], after["boundary"], after["read_whole"]) == ("before_boundary", "compaction", "no")
    assert log.notice("resume").call("Edit", **edit).last().features["boundary"] == "resume"


def test_a_path_in_which_files_lie_is_a_folder() -> None:
    log = Log().call("Read", "     1→x", file_path="~/shop/lib/a.py")
    assert log.call("Read", file_path="~/shop/lib").last().features["path_kind"] == "folder"
    assert log.call("Read", file_path="~/shop/other").last().features["path_kind"] == "bare"


PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n keep this\n-old line\n+new line\n*** End Patch"


def test_a_patch_works_on_its_first_file_and_is_asked_for_its_lines() -> None:
    log = Log().call("exec_command", "keep this\nold line\n", cmd="cat a.py")
    call = log.call("apply_patch", input=PATCH).last()
    assert (call.path, call.features["old_lines"]) == (FILE, "all_seen")
    again = log.call("apply_patch", input=PATCH).last()
    assert (again.features["file_read"], again.features["old_replaced"]) == ("yes", True)


@given(st.text(alphabet="*+- @ab\n:File Update", max_size=200))
def test_any_text_is_taken_for_a_patch_without_an_error(text: str) -> None:
    assert all(change.path for change in changes("*** Update File: x\n" + text))


def test_a_sub_agent_has_a_state_of_its_own() -> None:
    log = Log().call("Read", "     1→x", file_path=FILE)
    log.call("Edit", file_path=FILE, old_string="x", new_string="y")
    log.steps[-2:] = [replace(s, agent="sub") for s in log.steps[-2:]]
    assert log.last().features["file_read"] == "never"


def test_an_identical_call_after_its_failure_is_a_retry_until_it_succeeds() -> None:
    log = Log().call("Bash", "boom", "error", command="make x", description="one")
    assert log.call("Bash", command="make x", description="two").last().features["retry"] == "same"
    assert log.call("Bash", command="make x").last().features["retry"] == "no"


def test_a_native_call_id_is_viewed_once() -> None:
    log = Log().call("Bash", command="ls")
    repeated = replace(log.run(), steps=(*log.steps, *log.steps))
    assert len(list(calls(repeated))) == 1


def guard(*conditions: Condition, expect: Expect) -> Guard:
    return Guard(conditions=conditions, expect=expect, advice="")


def test_a_guard_does_not_fire_on_a_call_that_already_does_what_it_expects() -> None:
    rule = guard(Condition(feature="command", op="has", value="report"), expect=Expect(form="with", flag="--sep"))
    assert fires(rule, Log().call("Bash", command="report x.csv").last())
    assert not fires(rule, Log().call("Bash", command="report --sep=; x.csv").last())


def test_a_guard_fires_in_any_of_its_situations() -> None:
    rule = Guard(
        conditions=(Condition(feature="tool", value="Read"),),
        also=((Condition(feature="tool", value="Bash"), Condition(feature="flag", op="has", value="-x")),),
        expect=Expect(form="first", tool="Glob", same_arg="path"),
        advice="",
    )
    assert fires(rule, Log().call("Read", file_path=FILE).last())
    assert fires(rule, Log().call("Bash", command="ls -x").last())
    assert not fires(rule, Log().call("Bash", command="ls").last())


def test_instead_compares_the_first_words_of_any_simple_command() -> None:
    expect = Expect(form="instead", tool="Bash", argv_prefix=("./dev", "run", "check"))
    assert meets(expect, Log().call("Bash", command="cd x && ./dev run check -v").last())
    assert not meets(expect, Log().call("Bash", command="echo ./dev run check").last())


def test_first_is_true_of_a_recovery_whose_way_leads_over_the_other_tool() -> None:
    log = Log().call("Edit", "not read", "error", file_path=FILE, old_string="x", new_string="y")
    log.call("Read", "     1→x", file_path=FILE).call("Edit", file_path=FILE, old_string="x", new_string="y")
    seen = list(calls(log.run()))
    expect = Expect(form="first", tool="Read", same_arg="file_path")
    assert recovery_meets(expect, seen[0], seen[1:])
    assert not recovery_meets(expect, seen[0], seen[2:])


def test_cwd_is_met_by_a_line_that_goes_there() -> None:
    expect = Expect(form="cwd", path="<root>/cmd")
    assert meets(expect, Log().call("Bash", command="cd ~/shop/cmd && go test .").last())
    assert not meets(expect, Log().call("Bash", command="go test .").last())


TOOLS = st.sampled_from(["Read", "Edit", "Write", "Bash", "Grep", "Other"])
TEXT = st.text(max_size=30)
LINES = st.sampled_from(
    ["ls", "cd cmd", "cd ..", "go test ./cmd/x", "gofmt -w .", "./dev run test", "a && b | c", "'", ""]
)


@st.composite
def logs(draw: st.DrawFn) -> Run:
    log = Log()
    for _ in range(draw(st.integers(1, 12))):
        tool = draw(TOOLS)
        args: dict[str, Any] = {"command": draw(LINES)} if tool == "Bash" else {
            "file_path": draw(st.sampled_from([FILE, "a.py", "~/shop/b.py"])), "old_string": draw(TEXT),
            "new_string": draw(TEXT),
        }  # fmt: skip
        message = draw(st.sampled_from(["", "m1", "m2"]))
        log.call(tool, draw(TEXT), draw(st.sampled_from(["ok", "error", "cascade", None])), message, **args)
        if draw(st.integers(0, 5)) == 0:
            log.notice(draw(st.sampled_from(["compact_boundary", "resume", "hook"])))
    return log.run()


def scrambled(steps: Sequence[Step], start: int) -> tuple[Step, ...]:
    return (*steps[:start], *(replace(s, text="scrambled", status="error") for s in reversed(steps[start:])))


@settings(max_examples=150, deadline=None)
@given(logs(), st.integers(0, 30), st.booleans())
def test_what_follows_a_call_never_changes_its_features(run: Run, cut: int, drop: bool) -> None:
    whole = {c.step.call_id: c.features for c in calls(run)}
    pending = [s for s in run.steps if s.kind == "call"]
    step = pending[cut % len(pending)]
    rest = run.steps[: step.seq + 1] if drop else scrambled(run.steps, step.seq + 1)
    part = {c.step.call_id: c.features for c in calls(replace(run, steps=rest))}
    assert part[step.call_id] == whole[step.call_id]
