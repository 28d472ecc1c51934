"""The bundled demo logs are what their README says: real, neutral, complete and spread over weeks."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import memento_skills

BUNDLE = Path(memento_skills.__file__).parent / "app" / "demo"
LOGS = BUNDLE / "logs"
USERS = {"data1", "dev1", "dev2", "ops1", "qa1"}
FIRST, END = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
CJK = re.compile(r"[\u4e00-\u9fff]")


@dataclass
class Call:
    """A call and what came back."""

    id: str
    tool: str
    args: dict[str, Any]
    at: datetime
    failed: bool = False
    result: str | None = None

    @property
    def command(self) -> str:
        return str(self.args.get("command", ""))


@dataclass
class Log:
    """One transcript file."""

    path: Path
    rows: list[dict[str, Any]]
    calls: list[Call] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    @property
    def user(self) -> str:
        return next(str(row["cwd"]).split("/")[2] for row in self.rows if "cwd" in row)

    @property
    def project(self) -> str:
        return self.path.relative_to(LOGS).parts[0]

    def failing(self, text: str) -> list[Call]:
        return [call for call in self.calls if call.failed and text in (call.result or "")]


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def blocks(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    content = row.get("message", {}).get("content", [])
    if isinstance(content, list):
        yield from content


def load(path: Path) -> Log:
    log = Log(path, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    calls: dict[str, Call] = {}
    for row in log.rows:
        if row["type"] == "user" and isinstance(row["message"]["content"], str):
            log.prompts.append(row["message"]["content"])
        for block in blocks(row):
            if block["type"] == "tool_use":
                calls[block["id"]] = Call(block["id"], block["name"], block["input"], when(row["timestamp"]))
            elif block["type"] == "tool_result":
                call = calls[block["tool_use_id"]]
                call.failed, call.result = block.get("is_error", False), json.dumps(block["content"])
    log.calls = list(calls.values())
    return log


@pytest.fixture(scope="module")
def logs() -> list[Log]:
    return [load(path) for path in sorted(LOGS.rglob("*.jsonl"))]


def split_time(logs: list[Log]) -> datetime:
    """The 60th percentile of the call times of the project `shop`."""
    times = sorted(call.at for log in logs if log.project == "shop" for call in log.calls)
    return times[int(len(times) * 0.6)]


def test_the_bundle_is_small() -> None:
    """All files together stay below 2.5 MB, and no log is large."""
    sizes = {path: path.stat().st_size for path in BUNDLE.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 2_500_000
    assert max(sizes.values()) < 200_000


def test_readme_tells_the_origin(logs: list[Log]) -> None:
    """The README names the client's version, the number of sessions, the spread times and the licence."""
    text = (BUNDLE / "README.md").read_text(encoding="utf-8")
    sessions = sum("subagents" not in log.path.parts for log in logs)
    assert f"{sessions} sessions of the real Claude Code client" in text
    assert "2.1.197" in text
    assert "spreads them over eight weeks" in text
    assert "Apache-2.0" in text


def test_no_path_of_the_recording_machine_is_left() -> None:
    """Every absolute path is neutral, and no address, client prompt or private key came along."""
    forbidden = re.compile(
        r"/tmp\b|/work\b|/root\b|-tmp-|/Users/|system-reminder|SendMessage|FleetView|127\.0\.0\.1|localhost|@[\w-]+\.\w"
        r"|sk-ant|PRIVATE KEY"
    )
    for path in BUNDLE.rglob("*"):
        if path.is_file() and path.name != "README.md":
            text = path.read_text(encoding="utf-8")
            assert forbidden.findall(text) == [], path
            assert set(re.findall(r"/home/(\w+)", text)) <= USERS, path


def test_rows_name_the_folder_they_lie_in(logs: list[Log]) -> None:
    """`cwd`, session id and version of each row agree with the file's place and the pinned client."""
    for log in logs:
        rows = [row for row in log.rows if "cwd" in row]
        session = log.path.stem if "subagents" not in log.path.parts else log.path.parts[-3]
        assert {row["cwd"] for row in rows} == {f"/home/{log.user}/projects/{log.project}"}
        assert {row["sessionId"] for row in log.rows} == {session}
        assert {row["version"] for row in rows} == {"2.1.197"}
    assert {log.user for log in logs} == USERS
    assert {log.project for log in logs} == {"shop", "handbook"}


def test_every_call_has_a_result(logs: list[Log]) -> None:
    """Each call has its result in the same file."""
    assert [call.id for log in logs for call in log.calls if call.result is None] == []


def test_sessions_share_no_ids(logs: list[Log]) -> None:
    """Row, message and call ids occur in one file only."""
    places: defaultdict[str, set[Path]] = defaultdict(set)
    for log in logs:
        for row in log.rows:
            ids = [row.get("uuid"), row.get("message", {}).get("id"), row.get("promptId")]
            for value in ids + [call.id for call in log.calls]:
                # A sub-agent's rows carry the prompt id of the session that asked it.
                if value and not (value == row.get("promptId") and "subagents" in log.path.parts):
                    places[value].add(log.path)
    assert {value: found for value, found in places.items() if len(found) > 1} == {}


def test_every_row_hangs_on_a_row_that_is_there(logs: list[Log]) -> None:
    """Cutting out the client's own rows left no row without its parent."""
    for log in logs:
        known = {row["uuid"] for row in log.rows if "uuid" in row}
        parents = [row["parentUuid"] for row in log.rows if "parentUuid" in row]
        assert set(parents) - {None} <= known
        assert parents.count(None) == 1


def test_times_are_spread_over_eight_weeks(logs: list[Log]) -> None:
    """All calls lie between September 1st and the end of October 2026, over at least 50 days, in order in each file."""
    for log in logs:
        times = [call.at for call in log.calls]
        assert times == sorted(times)
    times = [when(row["timestamp"]) for log in logs for row in log.rows if "timestamp" in row]
    assert min(times) >= FIRST
    assert max(times) < END
    assert max(times) - min(times) > timedelta(days=50)


def test_listings_name_the_library_only(logs: list[Log]) -> None:
    """The client's own skills are cut out of `skill_listing`, and no other attachment holds a listing."""
    library = {path.name for path in (BUNDLE / "library").iterdir()}
    assert library == {"shop-dev", "changelog"}
    kinds: Counter[str] = Counter()
    for log in logs:
        for row in log.rows:
            attachment = row.get("attachment", {})
            kinds[attachment.get("type", "")] += 1
            if attachment.get("type") == "skill_listing":
                assert set(attachment["names"]) == library
                assert len(attachment["content"].splitlines()) == len(library)
    assert set(kinds) - {""} == {"skill_listing", "command_permissions"}


def test_loaded_skill_is_the_one_in_the_library(logs: list[Log]) -> None:
    """What the client loaded is the body of the bundled SKILL.md."""
    loaded = [
        block["text"]
        for log in logs
        for row in log.rows
        if row.get("isMeta")
        for block in blocks(row)
        if block["type"] == "text"
    ]
    assert len(loaded) >= 16
    for text in loaded:
        head, _, body = text.partition("\n\n")
        skill = (BUNDLE / "library" / Path(head.split(": ")[1]).name / "SKILL.md").read_text(encoding="utf-8")
        assert skill.partition("\n---\n")[2].strip() == body.strip()


def test_usage_can_be_priced(logs: list[Log]) -> None:
    """Every answer names a model with a known price and plausible token counts."""
    answers = [row["message"] for log in logs for row in log.rows if row["type"] == "assistant"]
    assert {answer["model"] for answer in answers} == {"claude-sonnet-4-5"}
    assert all(10 < answer["usage"]["output_tokens"] < 5_000 for answer in answers)


@pytest.mark.parametrize(
    ("error", "before", "after"),
    [
        ("unknown command 'test'", 5, 8),
        ("KeyError: ", 5, 8),
        ("File has not been read yet. Read it first before writing to it.", 3, 5),
        ("requires approval", 3, 3),
    ],
)
def test_main_families_fail_before_and_after_the_split(logs: list[Log], error: str, before: int, after: int) -> None:
    """A split at the 60th percentile of the call times leaves enough failing sessions on both sides."""
    split = split_time(logs)
    firsts = [failing[0].at for log in logs if log.project == "shop" and (failing := log.failing(error))]
    assert sum(at < split for at in firsts) >= before
    assert sum(at >= split for at in firsts) >= after


def test_the_split_crosses_no_session_of_a_main_family(logs: list[Log]) -> None:
    """The session that lies across the split is a healthy one."""
    split = split_time(logs)
    across = [log for log in logs if log.calls and log.calls[0].at < split <= log.calls[-1].at]
    assert [log.path for log in across if log.failing("unknown command") or log.failing("KeyError: ")] == []


def recovered(log: Log, error: str, command: str) -> bool:
    """Whether a call that contains `command` works after the first failure with `error`."""
    failing = log.failing(error)
    return any(not call.failed and command in call.command and call.at > failing[0].at for call in log.calls)


def test_most_wrapper_failures_recover_and_some_do_not(logs: list[Log]) -> None:
    """After `./dev run test` failed, `./dev run check` works in most sessions; the skill was loaded in all of them."""
    failing = [log for log in logs if log.failing("unknown command 'test'")]
    good = [log for log in failing if recovered(log, "unknown command 'test'", "./dev run check")]
    assert len(failing) == 16
    assert len(good) == 14
    assert len({log.user for log in failing}) == 5
    assert all(log.calls[0].args == {"skill": "shop-dev"} for log in failing)


def test_most_export_failures_recover_and_some_do_not(logs: list[Log]) -> None:
    """After report.py met semicolons, `--delimiter ';'` works in most sessions; no skill was loaded in any of them."""
    failing = [log for log in logs if log.failing("KeyError: ")]
    good = [log for log in failing if recovered(log, "KeyError: ", "--delimiter ';'")]
    assert len(failing) == 18
    assert len(good) == 16
    assert len({log.user for log in failing}) == 5
    assert not any(call.tool == "Skill" for log in failing for call in log.calls)


def test_unread_edits_recover_by_reading(logs: list[Log]) -> None:
    """After the refused edit, the file is read and the same edit works, in all sessions but one."""
    failing = [log for log in logs if log.failing("has not been read yet")]
    tools = Counter(tuple((call.tool, call.failed) for call in log.calls) for log in failing)
    assert tools == {
        (("Edit", True), ("Read", False), ("Edit", False)): 9,
        (("Write", True), ("Read", False), ("Write", False)): 1,
        (("Edit", True),): 1,
    }


def test_permissions_are_denied_to_several_users(logs: list[Log]) -> None:
    """Eight sessions of four users end at a permission that nobody grants."""
    denied = [log for log in logs if log.failing("approval") or log.failing("haven't granted it yet")]
    assert len(denied) == 8
    assert {log.user for log in denied} == {"dev1", "dev2", "ops1", "qa1"}


def test_corrections_in_two_languages(logs: list[Log]) -> None:
    """Six vague requests are corrected in a second turn, two of them in Chinese, three undone with git."""
    second = [log for log in logs if len(log.prompts) > 1]
    undone = [log for log in second if any("git checkout --" in call.command for call in log.calls)]
    assert len([log for log in second if not log.failing("No such file")]) == 6
    assert len([log for log in second if CJK.search(log.prompts[1])]) == 2
    assert len(undone) == 3


def test_one_user_pushes_by_force(logs: list[Log]) -> None:
    """The refused pushes and the lost work belong to one user."""
    forced = [log for log in logs if log.failing("non-fast-forward")]
    lost = [log for log in logs if any(call.command == "git clean -fdx" for call in log.calls)]
    assert len(forced) == 3
    assert len(lost) == 1
    assert {log.user for log in forced + lost} == {"ops1"}


def test_failing_tests_are_work(logs: list[Log]) -> None:
    """In two sessions tests fail because the code is broken, and pass after an edit."""
    failing = [log for log in logs if log.failing("AssertionError")]
    assert len(failing) == 2
    for log in failing:
        first = log.failing("AssertionError")[0]
        assert any(call.command == first.command and not call.failed for call in log.calls)


def test_a_sub_agent_has_its_own_file(logs: list[Log]) -> None:
    """One session hands work to a sub-agent, whose rows are side-chain rows with the id that the result names."""
    (agent,) = [log for log in logs if "subagents" in log.path.parts]
    (caller,) = [call for log in logs for call in log.calls if call.tool == "Agent"]
    assert {(row["isSidechain"], f"agent-{row['agentId']}") for row in agent.rows} == {(True, agent.path.stem)}
    assert agent.rows[0]["agentId"] in (caller.result or "")


def test_good_calls_to_learn_from(logs: list[Log]) -> None:
    """The same commands work elsewhere: checks at once, and reports on exports with commas without the option."""
    healthy = [log for log in logs if not any(call.failed for call in log.calls)]
    good = [call.command for log in healthy for call in log.calls]
    assert len(healthy) >= 15
    assert sum(command.startswith("./dev run check") for command in good) >= 8
    assert sum("report.py" in command and "data/web" in command for command in good) >= 4
    assert [command for log in logs for command in log.calls if "data/web" in command.command and command.failed] == []
