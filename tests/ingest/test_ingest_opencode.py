"""OpenCode: exported sessions and the client's databases, with the traps of the format."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from ingest_build import SHARED, Unmasked, conserved, mutated, needs_data, read

from memento_skills.ingest.discover import discover
from memento_skills.ingest.framing import Line
from memento_skills.ingest.ingest import read_file, read_tree
from memento_skills.ingest.opencode import OpenCodeReader
from memento_skills.ingest.result import FileResult
from memento_skills.records import Run, Step, to_json

START = 1_770_000_000_000


def user(number: int, *parts: dict[str, Any]) -> dict[str, Any]:
    return message(number, "user", *parts, model={"providerID": "p", "modelID": "model-a"})


def agent(number: int, *parts: dict[str, Any], **info: Any) -> dict[str, Any]:
    return message(number, "assistant", *parts, modelID="model-a", path={"cwd": "/srv/app", "root": "/srv/app"}, **info)


def message(number: int, role: str, *parts: dict[str, Any], **info: Any) -> dict[str, Any]:
    base = {"id": f"msg_{number}", "sessionID": "ses_1", "role": role, "time": {"created": START + number * 1000}}
    named = [{"id": f"prt_{number}_{i}", "messageID": f"msg_{number}", **part} for i, part in enumerate(parts)]
    return {"info": base | info, "parts": named}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def tool(name: str, status: str, *, call: str = "toolu_a", **state: Any) -> dict[str, Any]:
    base = {"status": status, "input": {}, "time": {"start": START, "end": START + 500}}
    return {"type": "tool", "callID": call, "tool": name, "state": base | state}


def finish(tokens: int) -> dict[str, Any]:
    return {
        "type": "step-finish",
        "reason": "tool-calls",
        "cost": 0.5,
        "tokens": {"input": tokens, "output": 2, "reasoning": 3, "cache": {"read": 7, "write": 1}},
    }


def session(*messages: dict[str, Any], **info: Any) -> dict[str, Any]:
    base = {"id": "ses_1", "projectID": "p", "directory": "/srv/app", "version": "1.14.30", "title": "t"}
    return {"info": {**base, "time": {"created": START, "updated": START + 9000}, **info}, "messages": list(messages)}


def found_in(path: Path, *messages: dict[str, Any], **info: Any) -> FileResult:
    found = read(path, json.dumps(session(*messages, **info), indent=2).encode(), "ses_1.json")
    assert found.format == "opencode@1", found.reason
    assert conserved(found)
    return found


def run_of(path: Path, *messages: dict[str, Any], **info: Any) -> Run:
    (run,) = found_in(path, *messages, **info).runs
    return run


def ends(path: Path, *parts: dict[str, Any]) -> list[tuple[str | None, int | None]]:
    return [(s.status, s.exit_code) for s in run_of(path, agent(0, *parts)).steps if s.kind == "result"]


def test_a_session_is_a_run(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        user(0, text("fix it")),
        agent(
            1,
            {"type": "step-start"},
            {"type": "reasoning", "text": "hm"},
            tool("read", "completed", input={"filePath": "a.py"}, output="1: x"),
            finish(11),
        ),
    )
    assert [(s.kind, s.actor, s.tool, s.text, s.status) for s in run.steps] == [
        ("message", "user", "", "fix it", None),
        ("reasoning", "agent", "", "hm", None),
        ("call", "agent", "read", "", None),
        ("result", "tool", "read", "1: x", "ok"),
    ]
    assert (run.key, run.client_version, run.model, run.task, run.cwd) == (
        "opencode:ses_1", "1.14.30", "model-a", "fix it", "/srv/app",
    )  # fmt: skip
    assert (run.started_at, run.ended_at) == (START / 1000, START / 1000 + 9)
    assert [s.at for s in run.steps[2:]] == [START / 1000, START / 1000 + 0.5]


def test_the_place_of_a_step_is_the_index_of_its_message(tmp_path: Path) -> None:
    run = run_of(tmp_path, user(0, text("a")), user(1, text("b")), agent(2, text("c")))
    assert [(s.line, s.entry) for s in run.steps] == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize(
    ("state", "ended"),
    [
        ({"output": "fine", "metadata": {"exit": 0}}, ("ok", 0)),
        ({"output": "fine", "metadata": {}}, ("ok", None)),
        ({"output": "no such file", "metadata": {"exit": 2}}, ("error", 2)),
        ({"output": "Error: in a file that was shown", "metadata": {"exit": 0}}, ("ok", 0)),
        ({"output": "x", "metadata": {"exit": None}}, ("unknown", None)),
        ({"output": "x", "metadata": {"exit": 10**30}}, ("unknown", None)),
        ({"output": "x", "metadata": {"exit": True}}, ("unknown", None)),
        ({"output": "x", "metadata": "cut"}, ("ok", None)),
        (
            {
                "output": "...\n<bash_metadata>\nbash tool terminated command after exceeding timeout 30000 ms.",
                "metadata": {"exit": None},
            },
            ("timeout", None),
        ),
        (
            {"output": "...\n<bash_metadata>\nUser aborted the command\n</bash_metadata>", "metadata": {"exit": None}},
            ("interrupted", None),
        ),
        ({"output": "a log with <bash_metadata> after exceeding timeout", "metadata": {"exit": 0}}, ("ok", 0)),
    ],
)
def test_completed_needs_the_exit_code_as_well(tmp_path: Path, state: dict[str, Any], ended: Any) -> None:
    assert ends(tmp_path, tool("bash", "completed", **state)) == [ended]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("File not found: /x", "error"),
        ("The user rejected permission to use this specific tool call.", "denied_user"),
        ("The user dismissed this question", "denied_user"),
        ("The user has specified a rule which prevents you from using this specific tool call.", "denied_policy"),
        ("Tool execution aborted", "interrupted"),
    ],
)
def test_how_a_failed_call_ended(tmp_path: Path, error: str, status: str) -> None:
    assert ends(tmp_path, tool("bash", "error", error=error)) == [(status, None)]


def test_a_rejection_with_feedback_is_the_persons_answer(tmp_path: Path) -> None:
    said = "The user rejected permission to use this specific tool call with the following feedback: use rg"
    run = run_of(tmp_path, agent(0, tool("bash", "error", error=said)))
    assert [(s.kind, s.actor, s.text) for s in run.steps[2:]] == [("permission", "user", "use rg")]


def test_a_call_that_was_none_is_an_error_though_completed(tmp_path: Path) -> None:
    part = tool("invalid", "completed", input={"tool": "grap"}, output="The arguments provided to the tool are invalid")
    assert ends(tmp_path, part) == [("error", None)]


@pytest.mark.parametrize("status", ["pending", "running", "", "new"])
def test_a_call_that_never_ended_has_no_result(tmp_path: Path, status: str) -> None:
    run = run_of(tmp_path, agent(0, tool("bash", status, raw='{"command": "ls"}')))
    assert [(s.kind, s.args) for s in run.steps] == [("call", {"_raw": '{"command": "ls"}'})]


def test_calls_of_one_answer_stand_before_their_results(tmp_path: Path) -> None:
    answers = [tool("read", "completed", call=f"toolu_{c}", output=c) for c in "abc"]
    run = run_of(tmp_path, agent(0, answers[0], answers[1], finish(1), answers[2], finish(2)))
    assert [(s.kind[0], s.call_id[-1], s.message) for s in run.steps] == [
        ("c", "a", "msg_0"), ("c", "b", "msg_0"), ("r", "a", "msg_0"), ("r", "b", "msg_0"),
        ("c", "c", "msg_0#2"), ("r", "c", "msg_0#2"),
    ]  # fmt: skip


def test_tokens_are_counted_once_for_each_answer(tmp_path: Path) -> None:
    parts = (text("a"), text("b"), finish(11), text("c"), finish(13))
    run = run_of(tmp_path, agent(0, *parts, tokens={"input": 99, "output": 9}, cost=9))
    told = [(s.text, s.usage.input, s.usage.output, s.usage.cache_read, s.usage.usd) for s in run.steps if s.usage]
    assert told == [("a", 11, 5, 7, 0.5), ("c", 13, 5, 7, 0.5)]


def test_the_messages_own_tokens_count_where_no_answer_states_them(tmp_path: Path) -> None:
    run = run_of(tmp_path, agent(0, text("a"), text("b"), tokens={"input": 99, "output": 9}, cost=9))
    assert [s.usage.input for s in run.steps if s.usage] == [99]


def test_a_sub_agent_is_linked_to_the_session_above_and_asked_by_no_person(tmp_path: Path) -> None:
    run = run_of(tmp_path, user(0, text("explore")), parentID="ses_0")
    assert (run.links, run.task, [s.meta for s in run.steps]) == (("ses_0",), "explore", [True])


def test_what_the_client_puts_in_is_no_task(tmp_path: Path) -> None:
    run = run_of(tmp_path, user(0, text("Called the Read tool", synthetic=True), text("fix it")))
    assert (run.task, [s.meta for s in run.steps]) == ("fix it", [True, False])


def test_compaction_retries_aborts_and_reverts_are_notices(tmp_path: Path) -> None:
    overloaded = {"name": "APIError", "data": {"message": "Overloaded"}}
    run = run_of(
        tmp_path,
        user(0, {"type": "compaction", "auto": True}),
        agent(1, {"type": "retry", "attempt": 1, "error": overloaded}, text("so")),
        agent(2, error=overloaded),
        agent(3, text("half"), error={"name": "MessageAbortedError", "data": {"message": "aborted"}}),
        revert={"messageID": "msg_1"},
    )
    assert [(s.text, s.status) for s in run.steps if s.kind == "notice"] == [
        ("compact_boundary", None),
        ("APIError: Overloaded", "api_error"),
        ("APIError: Overloaded", "api_error"),
        ("MessageAbortedError: aborted", "interrupted"),
        ("reverted from msg_1", None),
    ]


def test_an_abort_is_told_once(tmp_path: Path) -> None:
    stopped = tool("bash", "error", error="Tool execution aborted")
    run = run_of(tmp_path, agent(0, stopped, error={"name": "MessageAbortedError"}))
    assert [s.kind for s in run.steps if s.status == "interrupted"] == ["result"]


def test_a_loaded_skill_is_a_step(tmp_path: Path) -> None:
    run = run_of(tmp_path, agent(0, tool("skill", "completed", input={"name": "deploy"}, output="…")))
    assert run.skills_loaded == ("deploy",)
    assert [(s.kind, s.tool) for s in run.steps] == [("call", "skill"), ("result", "skill"), ("skill", "deploy")]


def test_the_folder_of_each_command_is_stated_where_it_changes(tmp_path: Path) -> None:
    folders: list[dict[str, str]] = [{}, {"workdir": "/srv/app/web"}, {}, {"workdir": "api"}, {"workdir": "C:\\x"}]
    calls = [tool("bash", "completed", call=f"toolu_{i}x", input=given) for i, given in enumerate(folders)]
    run = run_of(tmp_path, agent(0, *calls))
    assert [s.cwd for s in run.steps if s.kind == "call"] == ["", "/srv/app/web", "/srv/app", "/srv/app/api", "C:\\x"]


@pytest.mark.parametrize(
    "ids", [("call_1", "call_2"), ("functions.bash:0", "functions.bash:1"), ("toolu_x", "toolu_x")]
)
def test_ids_that_count_within_a_session_join_no_runs(tmp_path: Path, ids: tuple[str, str]) -> None:
    run = run_of(tmp_path, agent(0, *(tool("bash", "completed", call=i, output=i) for i in ids)))
    assert not run.shared_ids
    assert len({s.call_id for s in run.steps}) == 2


def test_ids_of_a_provider_connect_forks(tmp_path: Path) -> None:
    assert run_of(tmp_path, agent(0, tool("bash", "completed", call="toolu_01AbCdEfGh"))).shared_ids


def test_unknown_parts_are_counted_with_the_version(tmp_path: Path) -> None:
    found = found_in(tmp_path, agent(0, text("a"), {"type": "dance"}, {"type": "step-start"}), user(1))
    assert found.ignored == {
        "part 'dance' of version 1.14.30": 1, "step-start": 1, "(message without parts)": 1,
    }  # fmt: skip
    assert (found.counts.seen, found.counts.understood) == (4, 1)


def test_what_is_no_object_is_quarantined(tmp_path: Path) -> None:
    broken: list[Any] = [7, {"info": {}, "parts": [None, text("good")]}]
    found = found_in(tmp_path, *broken)
    assert [q.reason for q in found.quarantined] == ["message 0 is no object", "part 0 of message 1 is no object"]


def test_sessions_one_a_line(tmp_path: Path) -> None:
    lines = [session(user(0, text("a"))), session(user(0, text("b")), id="ses_2")]
    found = read(tmp_path, b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    assert [run.key for run in found.runs] == ["opencode:ses_1", "opencode:ses_2"]


RICH = session(
    user(0, text("fix it")),
    agent(
        1,
        tool("bash", "completed", input={"command": "ls", "workdir": "/x"}, output="a", metadata={"exit": 1}),
        tool("edit", "error", call="toolu_b", input={"filePath": "a"}, error="no"),
        {"type": "retry", "error": {"name": "APIError", "data": {"message": "m"}}},
        finish(3),
        error={"name": "UnknownError", "data": {"message": "m"}},
    ),
    parentID="ses_0",
    revert={"messageID": "msg_0"},
)


@given(mutated(RICH))
@settings(max_examples=150, deadline=None)
def test_no_value_anywhere_breaks_the_reader(document: Any) -> None:
    reader = OpenCodeReader("logs/a.json")
    reader.feed([Line(1, 0, json.dumps(document).encode())])
    counts = reader.counts()
    assert counts.seen == counts.understood + counts.ignored + counts.quarantined
    for run in reader.runs():
        to_json(run)
        assert len({s.uid for s in run.steps}) == len(run.steps)


# ------------------------------------------------------------------------------------------- databases


@contextmanager
def database(path: Path, *, journal: str = "delete") -> Iterator[sqlite3.Connection]:
    """A database with the client's tables, as its migrations make them."""
    with closing(sqlite3.connect(path)) as made:
        made.execute(f"PRAGMA journal_mode={journal}")
        made.executescript(
            """
            CREATE TABLE session (id text PRIMARY KEY, project_id text, parent_id text, slug text, directory text,
                title text, version text, revert text, time_created integer, time_updated integer);
            CREATE TABLE message (id text PRIMARY KEY, session_id text, time_created integer, data text);
            CREATE TABLE part (id text PRIMARY KEY, message_id text, session_id text, time_created integer, data text);
            CREATE TABLE session_message (id text PRIMARY KEY, session_id text, type text, seq integer,
                time_created integer, data text);
            """
        )
        yield made


def insert(made: sqlite3.Connection, table: str, **values: Any) -> None:
    names = ", ".join(values)
    made.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(values))})", tuple(values.values()))


def store(made: sqlite3.Connection, exported: dict[str, Any]) -> None:
    """An exported session as the client's first form stores it."""
    info = exported["info"]
    insert(
        made, "session", id=info["id"], directory=info["directory"], version=info["version"],
        parent_id=info.get("parentID"), time_created=START, time_updated=START + 9000,
    )  # fmt: skip
    for entry in exported["messages"]:
        head = {k: v for k, v in entry["info"].items() if k not in ("id", "sessionID")}
        at = head["time"]["created"]
        insert(made, "message", id=entry["info"]["id"], session_id=info["id"], time_created=at, data=json.dumps(head))
        for part in entry["parts"]:
            body = {k: v for k, v in part.items() if k not in ("id", "messageID")}
            insert(
                made, "part", id=part["id"], message_id=entry["info"]["id"], session_id=info["id"], time_created=at,
                data=json.dumps(body),
            )  # fmt: skip
    made.commit()


def opened(file: Path) -> FileResult:
    found = read_file(file, masker=Unmasked())
    assert found.format == "opencode@1", found.reason
    assert conserved(found)
    return found


def test_a_database_gives_the_runs_of_its_exports(tmp_path: Path) -> None:
    exported = session(user(0, text("fix it")), agent(1, tool("bash", "completed", output="a", metadata={"exit": 1})))
    with database(tmp_path / "opencode.db") as made:
        store(made, exported)
        store(made, session(id="ses_2"))
    (run, empty) = opened(tmp_path / "opencode.db").runs
    (told,) = read(tmp_path, json.dumps(exported).encode()).runs
    assert (run.steps, run.key, run.task, run.started_at) == (told.steps, told.key, told.task, told.started_at)
    assert (empty.key, empty.steps) == ("opencode:ses_2", ())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.jsonl", "opencode.db"]


def test_what_stands_in_the_write_ahead_log_is_read(tmp_path: Path) -> None:
    with database(tmp_path / "opencode.db", journal="wal") as made:
        store(made, session(user(0, text("not yet checkpointed"))))
        (run,) = opened(tmp_path / "opencode.db").runs
        assert run.task == "not yet checkpointed"
        store(made, session(id="ses_2"))  # the client goes on writing


def test_the_second_form_of_a_database(tmp_path: Path) -> None:
    bash = {
        "type": "tool", "id": "toolu_a", "name": "shell", "time": {"created": START, "ran": START, "completed": START},
        "state": {
            "status": "completed", "input": {"command": "make"}, "metadata": {"exit": 2},
            "content": [{"type": "text", "text": "no rule"}],
        },
    }  # fmt: skip
    stopped = {**bash, "id": "toolu_b", "state": {**bash["state"], "metadata": {"timeout": True}}}  # type: ignore[dict-item]
    failed = {**bash, "id": "toolu_c", "state": {"status": "error", "input": {}, "error": {"message": "no such file"}}}
    streaming = {**bash, "id": "toolu_d", "state": {"status": "streaming", "input": '{"comm'}}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("model-switched", {"model": {"id": "model-a"}}),
        ("user", {"text": "build it"}),
        ("skill", {"name": "deploy", "text": "body"}),
        ("assistant", {
            "model": {"id": "model-a"}, "tokens": {"input": 5, "output": 1},
            "content": [{"type": "text", "text": "so"}, bash, stopped, failed, streaming],
            "error": {"type": "provider.rate-limit", "message": "slow down"},
        }),
        ("compaction", {"status": "completed", "summary": "…"}),
        ("shell", {"command": "git status", "exit": 0}),
        ("idle", {"outcome": "interrupted"}),
    ]  # fmt: skip
    with database(tmp_path / "opencode.db") as made:
        insert(made, "session", id="ses_1", directory="/srv/app", version="2.0.0", time_created=START)
        for seq, (kind, data) in enumerate(rows):
            body = json.dumps({"time": {"created": START + seq}, **data})
            insert(made, "session_message", id=f"msg_{9 - seq}", session_id="ses_1", type=kind, seq=seq, data=body)
        made.commit()
    found = opened(tmp_path / "opencode.db")
    (run,) = found.runs
    assert [(s.kind, s.tool or s.text, s.status, s.exit_code) for s in run.steps if s.kind != "call"] == [
        ("message", "build it", None, None),
        ("skill", "deploy", None, None),
        ("message", "so", None, None),
        ("result", "shell", "error", 2),
        ("result", "shell", "timeout", None),
        ("result", "shell", "error", None),
        ("notice", "provider.rate-limit: slow down", "api_error", None),
        ("notice", "compact_boundary", None, None),
        ("message", "! git status", None, None),
        ("notice", "MessageAbortedError", "interrupted", None),
    ]
    assert (run.task, run.skills_loaded, run.steps[2].line) == ("build it", ("deploy",), 3)
    assert [s.usage.input for s in run.steps if s.usage] == [5]
    assert found.ignored == {"model-switched": 1}


def test_a_value_that_is_no_json_costs_only_itself(tmp_path: Path) -> None:
    with database(tmp_path / "opencode.db") as made:
        store(made, session(user(0, text("a"), text("b"))))
        made.execute("UPDATE part SET data = '{' WHERE id = 'prt_0_0'")
        made.commit()
    found = opened(tmp_path / "opencode.db")
    assert [s.text for s in found.runs[0].steps] == ["b"]
    assert [q.reason for q in found.quarantined] == ["part 0 of message 0 is no object"]


def test_a_damaged_database_is_quarantined(tmp_path: Path) -> None:
    file = tmp_path / "opencode.db"
    with database(file) as made:
        store(made, session(*(user(i, text("word " * 900)) for i in range(40))))
    data = bytearray(file.read_bytes())
    data[4096 * 12 :] = b"\xff" * (len(data) - 4096 * 12)
    file.write_bytes(bytes(data))
    assert opened(file).quarantined


def test_views_and_computed_columns_of_a_database_are_not_evaluated(tmp_path: Path) -> None:
    file = tmp_path / "opencode.db"
    with database(file) as made:
        store(made, session(user(0, text("a"))))
        made.execute("DROP TABLE part")
        made.execute("CREATE VIEW part AS SELECT 'p' AS id, 'msg_0' AS message_id, 'ses_1' AS session_id, '{}' AS data")
        made.execute("ALTER TABLE session ADD COLUMN fork_session_id text AS (id || 'x')")
        made.commit()
    (run,) = opened(file).runs
    assert (run.steps, run.links) == ((), ())


@pytest.mark.parametrize("data", [b"SQLite format 3\0", b"SQLite format 3\0" + b"\xff" * 4096])
def test_what_only_begins_like_a_database_is_no_log(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(data)
    assert read_file(file, masker=Unmasked()).format is None


def test_a_database_of_another_program_is_no_log(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x.db")) as made:
        made.execute("CREATE TABLE cookies (id)")
    assert read_file(tmp_path / "x.db", masker=Unmasked()).format is None


def test_databases_are_found_where_the_client_keeps_them(tmp_path: Path) -> None:
    home = tmp_path / ".local" / "share" / "opencode"
    (home / "snapshot").mkdir(parents=True)
    for name in ("opencode.db", "opencode-dev.db", "opencode.db-wal", "auth.json", "snapshot/x.db"):
        (home / name).write_bytes(b"")
    wanted = {str(home / "opencode.db"), str(home / "opencode-dev.db")}
    assert {log.path for log in discover(tmp_path, environ={})} == wanted
    assert {log.path for log in discover(tmp_path / "x", environ={"XDG_DATA_HOME": str(home.parent)})} == wanted


# ------------------------------------------------------------------------------------------- real sessions


@cache
def found_under(name: str) -> tuple[FileResult, ...]:
    return tuple(f for f in read_tree([SHARED / "opencode" / name], masker=Unmasked()) if f.format)


def steps_of(name: str, kind: str) -> dict[str, Step]:
    return {s.call_id: s for f in found_under(name) for run in f.runs for s in run.steps if s.kind == kind}


@pytest.mark.data
@needs_data
@pytest.mark.parametrize(
    ("name", "ended"),
    [
        # the README's 121 are the error states and the exit codes other than 0; one of these was stopped ("Tool
        # execution aborted"), and one command that was killed after its time has no exit code and is not among them
        ("gatomia-vscode", {"ok": 1161, "error": 120, "interrupted": 1, "timeout": 1}),
        ("session-bridge", {"ok": 138, "error": 6}),
    ],
)
def test_the_table_of_the_readme(name: str, ended: dict[str, int]) -> None:
    told = json.loads((SHARED / "manifest.json").read_text("utf-8"))["sets"][f"opencode/{name}"]
    calls, results = steps_of(name, "call"), steps_of(name, "result")
    assert len(calls) == len(results) == told["calls"]
    assert Counter(s.status for s in results.values()) == ended
    assert told["errors"] == ended["error"] + ended.get("interrupted", 0)


@pytest.mark.data
@needs_data
def test_real_sessions_are_accounted_for() -> None:
    found = [*found_under("gatomia-vscode"), *found_under("session-bridge")]
    assert all(conserved(f) and not f.quarantined for f in found)
    lost = Counter[str]()
    for one in found:
        lost.update(one.ignored)
    assert set(lost) == {"step-start", "patch", "file", "(empty reasoning)", "(message without parts)"}
    assert {run.client_version for f in found for run in f.runs} == {"1.3.7", "1.4.3", "1.14.30"}


@pytest.mark.data
@needs_data
def test_labelled_calls_stand_where_the_labels_say() -> None:
    rows = [json.loads(line) for line in (SHARED / "labels" / "failures.jsonl").read_text("utf-8").splitlines()]
    asked = [row for row in rows if row["file"].startswith("opencode/")]
    calls = steps_of("gatomia-vscode", "call") | steps_of("session-bridge", "call")
    assert len(asked) == 15
    assert [(r["line"], r["tool"]) for r in asked] == [
        (calls[r["call_id"]].line, calls[r["call_id"]].tool) for r in asked
    ]
