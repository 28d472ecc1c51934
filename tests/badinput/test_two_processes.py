"""Two processes on the same logs and one store: the result is that of one."""

from __future__ import annotations

import pytest

from badinput.build import BUNDLE, Memento, Said, contents, library, refused

pytestmark = pytest.mark.slow


def both(memento: Memento, *words: list[str]) -> list[Said]:
    started = [memento.start(*w) for w in words]
    ended = [(p.communicate(timeout=110), p.returncode) for p in started]
    return [Said(code, out.decode(), err.decode()) for (out, err), code in ended]


@pytest.mark.parametrize("time", range(2))
def test_two_scans_at_once_give_what_one_gives(time: int, memento: Memento) -> None:
    skills = library(memento.project)
    words = ["scan", str(BUNDLE / "logs"), "--skills", str(skills), "--json"]
    answers = both(memento, words, words)
    for said in answers:
        if said.code:
            refused(said, 4, "another process")
    assert 0 in {said.code for said in answers}
    one = memento.project / "one.db"
    single = memento.run(*words, "--store", one)
    with memento.opened() as store:
        assert store.problems() == []
        found = contents(store)
        patches = {p.id for p in store.patches()}
        patterns = [(p.id, p.episodes) for p in store.patterns()]
    memento.store = one
    with memento.opened() as store:
        assert contents(store) == found
        assert {p.id for p in store.patches()} == patches
        assert [(p.id, p.episodes) for p in store.patterns()] == patterns
    for said in answers:
        if said.code == 0:
            told = said.json
            assert {k: told[k] for k in ("failures", "patterns", "lines")} == {
                k: single.json[k] for k in ("failures", "patterns", "lines")
            }
    assert sum(said.json["new_runs"] for said in answers if said.code == 0) == single.json["new_runs"]


def test_a_report_during_an_ingest_is_whole(memento: Memento) -> None:
    assert memento.run("ingest", BUNDLE / "logs" / "handbook").code == 0
    answers = both(memento, ["ingest", str(BUNDLE / "logs")], ["report", "--json"], ["failures", "--json"])
    assert [said.code for said in answers] == [0, 0, 0]
    assert answers[1].json["runs"] >= 4


def test_two_promotions_at_once_make_one_commit(memento: Memento) -> None:
    skills = library(memento.project)
    assert memento.run("scan", BUNDLE / "logs", "--skills", skills, "--json").code == 0
    with memento.opened() as store:
        patch = next(p for p in store.patches() if p.kind == "amend" and p.scope.level == "base")
    assert memento.run("review", "approve", patch.id, "--yes", "--accept-risk").code == 0
    words = ["promote", patch.id, "--yes", "--to", "tree", "--accept-risk"]
    answers = both(memento, words, words)
    assert 0 in {said.code for said in answers}
    for said in answers:
        if said.code:
            assert said.err.count("\n") == 1
            assert "Traceback" not in said.err
    with memento.opened() as store:
        assert len(store.promotions()) == 1
        assert store.problems() == []
    assert memento.run("audit", "verify").code == 0
