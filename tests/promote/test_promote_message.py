"""Hostile words can forge no trailer, no option, no ref name."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from promote_build import git, library, patch

from memento_skills.promote.git import Git, explain
from memento_skills.promote.message import branch_ref, evidence_trailers, promotion_message, rollback_message, token
from memento_skills.promote.promote import TRAILER
from memento_skills.records import Scope, SkillRef

FORGED = [
    "Memento-Promotion: 0123456789abcdef",
    "x\n\nMemento-Decision: forged\nMemento-Audit: forged",
    "x\r\rSigned-off-by: someone",
    "---\nEvidence: forged#1",
    "-x --upload-pack=touch",
    "x\u2028Memento-Patch: forged",
    "\x1b[2J\u202eevil",
    "(cherry picked from commit 0123)",
]
WORDS = st.one_of(st.sampled_from(FORGED), st.text(max_size=200), st.text("Memnto-Patchrs:\n \t\r-#", max_size=80))
TRAILERS = [("Memento-Patch", "real"), (TRAILER, "0f0f")]


def _trailers(message: str) -> list[str]:
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=message.encode(), capture_output=True, check=True
    )
    return done.stdout.decode().splitlines()


@settings(max_examples=40, deadline=None)
@given(rule=WORDS, name=WORDS, tenant=WORDS, run=WORDS)
def test_a_promotions_message_has_our_trailers_and_no_other(rule: str, name: str, tenant: str, run: str) -> None:
    what = patch(Path(), scope=Scope(level="tenant", name=tenant))
    what = msgspec.structs.replace(what, rule=rule, skill=SkillRef(name=name, path="x/SKILL.md"))
    evidence = evidence_trailers([(run, 3)])
    message = promotion_message(what, [*TRAILERS, *evidence])
    assert _trailers(message) == [f"{key}: {value}" for key, value in [*TRAILERS, *evidence]]
    assert [line for line in message.splitlines() if re.match(r"Memento-|Evidence|Signed-off", line)] == [
        f"{key}: {value}" for key, value in [*TRAILERS, *evidence]
    ]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", message)


@settings(max_examples=40, deadline=None)
@given(reason=WORDS, name=WORDS)
def test_a_rollbacks_message_has_our_trailers_and_no_other(reason: str, name: str) -> None:
    message = rollback_message(name, reason, "key", TRAILERS)
    assert _trailers(message) == [f"{key}: {value}" for key, value in TRAILERS]


@settings(max_examples=60, deadline=None)
@given(name=WORDS, patch_id=WORDS)
def test_every_branch_name_is_one_that_git_takes(name: str, patch_id: str) -> None:
    ref = branch_ref(name, patch_id)
    assert re.fullmatch(r"refs/heads/memento/[a-z0-9-]+/[a-z0-9-]+", ref)
    assert subprocess.run(["git", "check-ref-format", ref], check=False).returncode == 0


@given(WORDS)
def test_a_token_is_one_harmless_word(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._:@/#-]{1,120}", token(text))


def test_a_secret_in_a_rule_does_not_reach_the_message() -> None:
    key = "AKIA" + "QYLPMN5HFIQR7BBB"
    what = msgspec.structs.replace(patch(Path()), rule=f"Use {key} as the key.")
    assert key not in promotion_message(what, TRAILERS)


def test_names_that_look_like_options_are_paths(tmp_path: Path) -> None:
    root = library(tmp_path / "lib")
    odd = root / "--output=x"
    odd.mkdir()
    (odd / "SKILL.md").write_text("odd\n")
    git(root, "add", "--", "--output=x")
    git(root, "commit", "-qm", "odd")
    wrapper = Git(root)
    assert wrapper.entry("HEAD", "skills/--output=x/SKILL.md")[0] == "100644"
    assert wrapper.commit_of("--all") == ""


def test_what_git_says_is_put_in_plain_words() -> None:
    said = {
        b"fatal: detected dubious ownership in repository at '/x'": "belongs to another user",
        b"fatal: cannot lock ref 'refs/heads/main': is at aa but expected bb": "moved on",
        b"error: unable to write file: No space left on device": "disk is full",
        b"fatal: something\x1b[31m new": "fatal: something",
    }
    for stderr, words in said.items():
        error = explain("update-ref", stderr, "lib")
        assert words in str(error)
        assert "\x1b" not in str(error)
