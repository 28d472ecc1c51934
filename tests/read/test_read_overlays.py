"""Overlays resolve the same way every time, leave the base as it is, and never widen it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memento_skills.errors import BadInput, CheckFailed
from memento_skills.read.overlays import amended, file_name, overlay_path, resolve
from memento_skills.records import Scope
from memento_skills.skilldoc import parse, revision

BASE = "---\nname: x\ndescription: X.\nallowed-tools: Read Bash(git:*)\n---\n\n# X\n\n## Use\n\nText.\n"
ACME = Scope(level="tenant", name="acme")
ANN = Scope(level="user", name="ann")
RULES = st.text("abc déf 中文 #-*`", min_size=1, max_size=60).map(lambda t: f"When {t.strip() or 'x'} then z.")


def test_base_tenant_and_user_stand_in_that_order() -> None:
    tenant, user = amended("", "For acme.", skill="x", scope=ACME), amended("", "For ann.", skill="x", scope=ANN)
    found = resolve(BASE, tenant, user)
    assert found.text.startswith(BASE)
    assert found.text.index("For acme.") < found.text.index("For ann.")
    assert (found.base, found.tenant, found.user) == (revision(BASE), revision(tenant), revision(user))
    assert found.tools == {"Read", "Bash(git:*)"}


def test_without_overlays_the_base_is_what_it_was() -> None:
    for text in (BASE, BASE.replace("\n", "\r\n"), BASE.rstrip("\n"), "\ufeff" + BASE, ""):
        assert resolve(text).text == text


@settings(max_examples=40, deadline=None)
@given(RULES, RULES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_base_comes_through_and_its_sections_stay(one: str, other: str, newline: str, ended: bool) -> None:
    base = (BASE if ended else BASE.rstrip("\n")).replace("\n", newline)
    found = resolve(base, amended("", one, skill="x", scope=ACME), amended("", other, skill="x", scope=ANN))
    assert found.text.startswith(base)
    assert found == resolve(base, amended("", one, skill="x", scope=ACME), amended("", other, skill="x", scope=ANN))
    assert newline == "\n" or "\n" not in found.text.replace("\r\n", "")
    before, after = parse(base), parse(found.text)
    assert [s.heading for s in after.sections[:2]] == [s.heading for s in before.sections]
    assert (after.front, after.problems) == (before.front, before.problems)


def test_an_overlay_may_narrow_the_tools_and_never_widen_them() -> None:
    front = "---\nallowed-tools: {}\n---\n\n## More\n\nText.\n"
    assert resolve(BASE, front.format("Bash(git:*)")).tools == {"Bash(git:*)"}
    for wide in ("Bash", "Write", "Bash(*)", "Read Edit"):
        with pytest.raises(CheckFailed, match="widens allowed-tools"):
            resolve(BASE, front.format(wide))
    with pytest.raises(CheckFailed, match="widens"):
        resolve(BASE, front.format("Read"), front.format("Bash(git:*)"))
    with pytest.raises(CheckFailed, match="widens"):
        resolve("---\nname: x\ndescription: X.\n---\n", front.format("Read"))


def test_an_overlay_states_nothing_else() -> None:
    with pytest.raises(CheckFailed, match="'description'"):
        resolve(BASE, "---\ndescription: Another.\n---\n\n## More\n")


def test_an_overlay_that_cannot_be_read_is_said() -> None:
    with pytest.raises(BadInput, match="overlay cannot be read"):
        resolve(BASE, "---\n[\n---\n")


def test_an_open_code_block_does_not_swallow_an_overlay() -> None:
    with pytest.raises(BadInput, match="open code block"):
        resolve(BASE + "\n```\nopen\n", amended("", "Rule.", skill="x", scope=ACME))


def test_a_second_rule_goes_to_the_same_file() -> None:
    text = amended(amended("", "One.", skill="x", scope=ACME), "Two.", skill="x", scope=ACME)
    assert text.count("## ") == 1
    assert text.index("One.") < text.index("Two.")


def test_the_file_of_an_overlay_is_named_by_level_and_slug() -> None:
    assert overlay_path("table-tool", ACME) == ".overlays/tenants/acme/table-tool.md"
    assert overlay_path("table-tool", ANN) == ".overlays/users/ann/table-tool.md"
    for scope in (Scope(), Scope(level="user")):
        with pytest.raises(BadInput):
            overlay_path("x", scope)


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_names_never_share_a_file(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)
    assert set(file_name(one)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_names_that_look_alike_have_files_of_their_own() -> None:
    names = ["Acme Corp", "acme corp", "acme-corp", "../acme", "..", "ACME", "acme", "中文", "a" * 300, "a" * 301]
    assert len({file_name(name) for name in names}) == len(names)
