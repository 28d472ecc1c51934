"""The shared logs of Codex, Copilot CLI and Gemini CLI: the README's table, every line and token, labelled calls."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from functools import cache
from typing import Any

import pytest
from ingest_build import SHARED, Unmasked, conserved, needs_data

from memento_skills.ingest.discover import users_from
from memento_skills.ingest.ingest import read_tree
from memento_skills.ingest.result import FileResult, Options
from memento_skills.records import Run, Step

pytestmark = [pytest.mark.data, needs_data]
SETS = (
    "codex/entire-skills", "codex/session-bridge", "copilot/gatomia-vscode", "copilot/starcar", "gemini/entire-cli",
    "gemini/session-bridge",
)  # fmt: skip
EXIT_CODES = {"copilot/starcar": 31}
"""Calls of which `success` is true and whose program ended with another exit code than 0: the README's table counts
`success` alone."""
DENIED = {"gemini/session-bridge": 2, "copilot/starcar": 4}
"""Calls that were not allowed. The README tells one of Gemini's two cancelled calls by its text ("User denied"), and
counts the four that a hook denied as errors of the agent."""


@cache
def found_in(name: str) -> tuple[FileResult, ...]:
    users = users_from((SHARED / "users.json").read_bytes())
    return tuple(f for f in read_tree([SHARED / name], masker=Unmasked(), options=Options(users=users)) if f.format)


def runs_of(name: str) -> list[Run]:
    return [run for found in found_in(name) for run in found.runs]


def steps_of(name: str, kind: str) -> dict[str, Step]:
    found: dict[str, Step] = {}
    for run in runs_of(name):
        for step in run.steps:
            if step.kind == kind:
                found.setdefault(step.call_id, step)
    return found


def told(name: str) -> dict[str, Any]:
    return dict(json.loads((SHARED / "manifest.json").read_text("utf-8"))["sets"][name])


@pytest.mark.parametrize("name", SETS)
def test_the_table_of_the_readme_is_reproduced_but_for_what_is_known(name: str) -> None:
    calls, results = steps_of(name, "call"), steps_of(name, "result")
    ends = Counter(results[call].status for call in calls if call in results)
    errors = ends.total() - ends["ok"]
    assert ends.total() == told(name)["calls"]
    assert errors == told(name)["errors"] + EXIT_CODES.get(name, 0)
    assert ends["denied_user"] + ends["denied_hook"] == DENIED.get(name, 0)
    assert (
        sum(1 for run in runs_of(name) if any(s.kind == "result" for s in run.steps))
        == told(name)["sessions_with_calls"]
    )
    assert set(results) <= set(calls)


@pytest.mark.parametrize("name", SETS)
def test_every_line_is_accounted_for_and_none_kept_out(name: str) -> None:
    for found in found_in(name):
        assert conserved(found)
        assert found.quarantined == ()


@pytest.mark.parametrize("name", SETS)
def test_a_collected_folder_is_one_project_and_its_runs_have_users(name: str) -> None:
    assert {run.project for run in runs_of(name)} == {name.split("/")[1]}
    assert {run.client for run in runs_of(name)} == {name.split("/", maxsplit=1)[0]}
    assert len({run.user for run in runs_of(name)} - {""}) == told(name)["users"]


@pytest.mark.parametrize("name", SETS[:2])
def test_tokens_add_up_to_what_the_client_counted(name: str) -> None:
    for found in found_in(name):
        (run,) = found.runs
        spent = [s.usage for s in run.steps if s.usage]
        assert sum(u.input + u.output + u.cache_read for u in spent) == last_total(found.path)


def last_total(path: str) -> int:
    total = 0
    with gzip.open(path) as rows:
        for line in rows:
            payload = json.loads(line).get("payload") or {}
            if payload.get("type") == "token_count" and payload.get("info"):
                total = payload["info"]["total_token_usage"]["total_tokens"]
    return total


@pytest.mark.parametrize("name", SETS[:2])
def test_what_is_ignored_is_a_repetition_or_bookkeeping(name: str) -> None:
    kinds = {kind for found in found_in(name) for kind in found.ignored}
    assert kinds <= {
        "response_item/reasoning (encrypted)", "response_item/message (told before)",
        "event_msg/user_message (told before)", "event_msg/task_started", "event_msg/task_complete",
        "event_msg/exec_command_end", "event_msg/token_count (limits)", "event_msg/web_search_end",
        "event_msg/context_compacted (told before)", "event_msg/item_completed", "event_msg/thread_name_updated",
    }  # fmt: skip


def test_calls_of_one_answer_are_as_many_as_between_two_counts_of_tokens() -> None:
    """The client counts tokens once for each answer, after its calls and before their results."""
    for found in found_in(SETS[1]):
        (run,) = found.runs
        at = {s.call_id: s.message for s in run.steps if s.kind == "call"}
        groups: list[list[str]] = [[]]
        with gzip.open(found.path) as rows:
            for line in rows:
                payload = json.loads(line).get("payload") or {}
                if payload.get("type") in ("function_call", "custom_tool_call"):
                    groups[-1].append(at[payload["call_id"]])
                elif payload.get("type") in ("function_call_output", "custom_tool_call_output") and groups[-1]:
                    groups.append([])
        made = [set(group) for group in groups if group]
        assert all(len(group) == 1 for group in made)
        assert len({message for group in made for message in group}) == len(made)


def test_labelled_calls_stand_where_the_labels_say() -> None:
    rows = [json.loads(line) for line in (SHARED / "labels" / "failures.jsonl").read_text("utf-8").splitlines()]
    asked = [r for r in rows if r["file"].split("/")[0] in ("codex", "copilot", "gemini")]
    calls = {call_id: step for name in SETS for call_id, step in steps_of(name, "call").items()}
    assert len(asked) >= 15
    assert [r["call_id"] for r in asked if calls[r["call_id"]].line != r["line"]] == []
    assert [r["call_id"] for r in asked if calls[r["call_id"]].tool != r["tool"]] == []
