"""The generated corpus: many forms of one cause are few patterns, and a rare cause of one tenant keeps its own."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pytest
from bench import agreement, corpus

from memento_skills.detect import failures, patterns
from memento_skills.records import Failure, Run, Step

NOW = 2e9


@cache
def drawn() -> tuple[tuple[corpus.Form, Failure], ...]:
    return tuple((case.form, failures(case.run)[0]) for case in corpus.draw(500, 11))


def test_the_corpus_is_the_same_for_a_seed() -> None:
    assert corpus.draw(300, 3) == corpus.draw(300, 3)


def test_half_of_the_forms_of_each_cause_are_held_out() -> None:
    held = [form for form in corpus.forms() if form.held]
    assert 0.4 < len(held) / len(corpus.forms()) <= 0.5


@pytest.mark.parametrize("held", [False, True], ids=["seen", "held-out"])
def test_forms_of_one_cause_are_grouped_as_measured(held: bool) -> None:
    known = [(form.cause, failure.signature.id) for form, failure in drawn() if form.held == held]
    scores = agreement.b_cubed([cause for cause, _ in known], [group for _, group in known])
    assert scores.precision >= 0.95
    assert scores.f1 >= 0.85  # measured: 0.94 seen, 0.92 held out (2,000 drawn)


RARE = [
    ("Bash", "./export.sh", "Error: retention policy of this workspace forbids exports older than 30 days"),
    ("Bash", "aws s3 cp a s3://b", "An error occurred (AccessDenied) when calling the PutObject operation: legal hold"),
    ("mcp__erp__post_invoice", "", "Request failed with status code 403: cost center is closed"),
    ("Bash", "python3 load.py", "Traceback (most recent call last):\nKeyError: 'gstin'"),
]


@pytest.mark.parametrize(("tool", "command", "text"), RARE, ids=[text[-24:] for _, _, text in RARE])
def test_a_rare_cause_of_one_tenant_among_ten_thousand_is_not_swallowed(tool: str, command: str, text: str) -> None:
    common = [
        msgspec.structs.replace(f, tenant="big", user=f"u{n % 40}") for n, (_, f) in enumerate(drawn()) if _far(f)
    ]
    crowd = [
        msgspec.structs.replace(f, id=f"{f.id}{n}", call_id=f"c{n}-{number}", run=f"{f.run}-{n}")
        for number in range(10_000 // len(common) + 1)
        for n, f in enumerate(common)
    ]
    rare = [_rare(tool, command, text, name) for name in ("a", "b")]
    found = patterns([*crowd, *rare], {}, now=NOW)
    own = [pattern for pattern in found if "small" in pattern.tenants]
    assert [(pattern.tenants, pattern.lineages) for pattern in own] == [(("small",), 2)]
    assert own[0].lane == "few_users"


def _far(failure: Failure) -> bool:
    """Failures of the crowd are about other things than AWS: the rare cause is the only one there."""
    return not any(part.name == "where" and part.text == "aws" for part in failure.signature.parts)


def _rare(tool: str, command: str, text: str, name: str) -> Failure:
    ends: dict[str, Any] = {"call_id": f"rare-{name}", "tool": tool}
    steps = (
        Step(seq=0, kind="call", actor="agent", args={"command": command} if command else {"id": "7"}, **ends),
        Step(seq=1, kind="result", actor="tool", text=text, status="error", exit_code=1 if command else None, **ends),
    )
    run = Run(
        id=f"rare-{name}", client="made", reader="made@1", user="zoe", tenant="small", project="generated", steps=steps
    )
    return failures(run)[0]
