"""Patches on the bundled logs: worth, where they go, why some are not written, and the way out again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import memento_skills.app
from memento_skills.app import pipeline, retiring, showcase
from memento_skills.app.current import current, queue_of
from memento_skills.app.desk import Desk
from memento_skills.app.hook import ARMED, FIRES
from memento_skills.app.options import Options
from memento_skills.promote.git import Git
from memento_skills.records import Patch
from memento_skills.store.store import Store, open_store

BUNDLE = Path(memento_skills.app.__file__).parent / "demo"
WHO = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
NOW = 1_793_500_000.0


class Shop:
    """A scanned store of the bundled logs with their skills in a git repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.library = folder / "shop" / "skills"
        shutil.copytree(BUNDLE / "library", self.library)
        git = Git(folder / "shop")
        git.run("init", "--quiet", "--initial-branch=main")
        git.run("add", "--", "skills")
        git.run("commit", "--quiet", "--no-gpg-sign", "--message", "skills", env=WHO)
        self.store: Store = open_store(folder / "store.db", clock=lambda: NOW)
        self.scan(NOW)

    def options(self, now: float) -> Options:
        return Options(now=now, home=str(self.folder), skills=(str(self.library),))

    def scan(self, now: float) -> None:
        pipeline.scan(self.store, [str(BUNDLE / "logs")], self.options(now))

    def promote(self, patch: Patch, now: float) -> None:
        desk = Desk(self.store, curator="tester", clock=lambda: now, limit=20)
        desk.approve(desk.card(patch.id))
        pipeline.promote(self.store, patch.id, curator="tester", to="tree", accept_risk=False, now=now)

    def patch(self, skill: str, kind: str) -> Patch:
        return next(h.patch for h in current(self.store) if h.patch.skill.name == skill and h.patch.kind == kind)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("merging"))
    with made.store:
        yield made


def test_each_patch_says_what_it_is_worth_and_where_it_goes(shop: Shop) -> None:
    held = {h.patch.skill.name: h for h in current(shop.store)}
    dev = held["shop-dev"]
    assert dev.verdict.worth.held_out
    assert dev.verdict.worth.failures == dev.verdict.counts.right > 0
    assert dev.verdict.worth.lines == 2
    assert dev.patch.placement.tier == "body"
    assert dev.verdict.without is not None
    assert dev.verdict.without.right == dev.verdict.counts.right
    assert held["file-edits"].patch.placement.tier == "new"


def test_the_queue_puts_more_harm_for_each_line_first_within_a_lane(shop: Shop) -> None:
    items = sorted(queue_of(shop.store, shop.options(NOW)), key=lambda i: -i.score)
    broad = [i.worth.per_line for i in items if i.lane == "broad"]
    assert len(broad) > 1
    assert broad == sorted(broad, reverse=True)


def test_a_new_skill_is_described_by_the_words_of_its_tasks_and_found_by_them(shop: Shop) -> None:
    held = next(h for h in current(shop.store) if h.patch.skill.name == "shop-data-formats")
    assert "Fits tasks about" in held.patch.after
    assert (held.verdict.reach.share or 0.0) > 0.0


def test_every_repeated_pattern_has_a_patch_or_a_reason(shop: Shop) -> None:
    why = pipeline.refusals(shop.store, None)
    held = {p for h in current(shop.store) for p in (h.patch.pattern, *h.patch.patterns)}
    assert {p.id for p in shop.store.patterns() if p.repeated} == held | set(why)
    assert all(why.values())


def test_the_showcase_shows_the_patches_and_the_refusals(shop: Shop) -> None:
    page = showcase.page(shop.store, now=NOW, said=["87 files"])
    assert page.count("<article") == len(current(shop.store)) + showcase.REFUSALS
    assert "Why no patch:" in page
    assert "<script" not in page


def test_a_promoted_rule_is_not_proposed_again_and_goes_when_agents_override_it(tmp_path: Path) -> None:
    """The rule's whole life: written, promoted, said already, overridden, taken out, silent."""
    shop = Shop(tmp_path)
    with shop.store:
        _whole_life(shop)


def _whole_life(shop: Shop) -> None:
    before = (shop.library / "shop-dev" / "SKILL.md").read_bytes()
    written = shop.patch("shop-dev", "amend")
    shop.promote(written, NOW + 1)
    events = [{"patch": written.id, "event": event} for event in ["stopped"] * 9 + ["overridden"] * 8]
    (shop.folder / FIRES).write_bytes(b"\n".join([*map(msgspec.json.encode, events), b'{"half']))
    assert [s.patch.id for s in retiring.standing(shop.store)] == [written.id]
    shop.scan(NOW + 2)
    assert "says this already in line" in pipeline.refusals(shop.store, written.pattern)[written.pattern]
    gone = shop.patch("shop-dev", "retire")
    assert (gone.retires, gone.after.encode()) == (written.id, before)
    assert "agents made the call again as it was in 8 of the 9 times" in gone.notes[0]
    shop.promote(gone, NOW + 3)
    assert (shop.library / "shop-dev" / "SKILL.md").read_bytes() == before
    assert msgspec.json.decode((shop.folder / ARMED).read_bytes()) == []
    assert retiring.standing(shop.store) == []
