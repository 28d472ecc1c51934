"""The whole loop on the bundled logs: real store, real git, no fakes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import memento_skills.app
from memento_skills.app import pipeline
from memento_skills.app.current import current, queue_of
from memento_skills.app.desk import Desk
from memento_skills.app.options import Options
from memento_skills.errors import CheckFailed, StaleBase, UsageError
from memento_skills.promote.git import Git
from memento_skills.records import Patch
from memento_skills.store.store import Store, open_store

BUNDLE = Path(memento_skills.app.__file__).parent / "demo"
WHO = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
NOW = 1_793_500_000.0


class Project:
    """A store, a skill library in a git repository, and the options of a scan."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "shop"
        self.library = self.root / ".claude" / "skills"
        shutil.copytree(BUNDLE / "library", self.library)
        self.git = Git(self.root)
        self.git.run("init", "--quiet", "--initial-branch=main")
        self.git.run("add", "--", ".claude")
        self.git.run("commit", "--quiet", "--no-gpg-sign", "--message", "skills", env=WHO)
        self.store: Store = open_store(folder / "store.db", clock=lambda: NOW)

    def options(self, now: float = NOW) -> Options:
        return Options(now=now, home=str(self.folder), skills=(str(self.library),))

    def scan(self, logs: Path = BUNDLE / "logs", now: float = NOW) -> dict[str, object]:
        return pipeline.scan(self.store, [str(logs)], self.options(now)).public()

    def desk(self, now: float = NOW) -> Desk:
        return Desk(self.store, curator="tester", clock=lambda: now, limit=5)

    def patch(self, skill: str) -> Patch:
        return next(h.patch for h in current(self.store) if h.patch.skill.name == skill)

    def approve(self, skill: str, now: float = NOW) -> str:
        desk = self.desk(now)
        patch = self.patch(skill).id
        desk.approve(desk.card(patch))
        return patch


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path)
    with made.store:
        yield made


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    made = Project(tmp_path_factory.mktemp("scanned"))
    made.scan()
    with made.store:
        yield made


def test_the_demo_closes_the_loop(tmp_path: Path) -> None:
    said: list[str] = []
    done = pipeline.demo(str(tmp_path / "demo"), say=said.append, now=NOW)
    assert done["audit_problems"] == []
    assert set(done["patches"]) == {"amend", "create"}
    skill = tmp_path / "demo" / "shop" / ".claude" / "skills" / "shop-dev" / "SKILL.md"
    assert skill.read_bytes() == (BUNDLE / "library" / "shop-dev" / "SKILL.md").read_bytes()
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000
    fsck = subprocess.run(["git", "fsck", "--strict"], cwd=tmp_path / "demo" / "shop", capture_output=True, check=False)
    assert fsck.returncode == 0


def test_the_demo_refuses_a_folder_that_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        pipeline.demo(str(tmp_path), say=lambda _: None, now=NOW)
    assert (tmp_path / "mine").read_text() == "x"


def test_lines_are_conserved_and_nothing_is_new_the_second_time(project: Project) -> None:
    first, second = project.scan(), project.scan()
    lines = first["lines"]
    assert isinstance(lines, dict)
    assert lines["seen"] == lines["understood"] + lines["ignored"] + lines["quarantined"] > 1000
    assert (second["runs"], second["new_runs"], second["lines"]) == (0, 0, lines)
    assert {k: first[k] for k in ("failures", "patterns", "patches", "passed")} == {
        k: second[k] for k in ("failures", "patterns", "patches", "passed")
    }


def test_logs_that_grow_between_scans_give_what_they_give_at_once(
    project: Project, scanned: Project, tmp_path: Path
) -> None:
    growing = tmp_path / "logs"
    for part in (0.3, 0.7, 1.0):
        for file in (BUNDLE / "logs").rglob("*.jsonl"):
            target = growing / file.relative_to(BUNDLE / "logs")
            target.parent.mkdir(parents=True, exist_ok=True)
            data = file.read_bytes()
            target.write_bytes(data[: int(len(data) * part)])
        project.scan(growing)
    assert {f.id for f in project.store.failures()} == {f.id for f in scanned.store.failures()}
    assert {(p.id, p.episodes) for p in project.store.patterns()} == {
        (p.id, p.episodes) for p in scanned.store.patterns()
    }
    for header in scanned.store.headers():
        whole, grown = scanned.store.run(header.key), project.store.run(header.key)
        assert whole is not None
        assert grown is not None
        for agent in {s.agent for s in whole.steps}:  # a sub-agent's own file may be read before or after
            assert [s.uid for s in grown.steps if s.agent == agent] == [s.uid for s in whole.steps if s.agent == agent]


def test_the_three_causes_end_where_they_belong(scanned: Project) -> None:
    remedies = {r.cause: r for r in pipeline.reflect(scanned.store, None)}
    assert remedies["ambiguous_goal"].remedy == "task_author"
    assert remedies["missing_permission"].remedy == "permission"
    assert remedies["wrong_data_format"].guard is not None
    assert remedies["wrong_data_format"].guard.expect.flag == "--delimiter"
    kinds = {h.patch.pattern for h in current(scanned.store)}
    assert remedies["ambiguous_goal"].pattern not in kinds
    assert remedies["missing_permission"].pattern not in kinds


def test_every_claim_is_quoted_literally(scanned: Project) -> None:
    for reflection in pipeline.reflect(scanned.store, None):
        for claim in (reflection.wrong_decision, reflection.missing_information, reflection.failed_assumption):
            assert claim is None or claim.citations
            for citation in claim.citations if claim else ():
                run = scanned.store.run(citation.run)
                assert run is not None
                assert citation.quote in run.steps[citation.step].words


def test_a_promotion_is_one_commit_and_its_rollback_restores_every_byte(project: Project) -> None:
    project.scan()
    before = (project.library / "shop-dev" / "SKILL.md").read_bytes()
    patch = project.approve("shop-dev")
    done = pipeline.promote(project.store, patch, curator="tester", to="tree", accept_risk=False, now=NOW)
    assert (project.library / "shop-dev" / "SKILL.md").read_text() == project.patch("shop-dev").after
    assert project.git.text("rev-parse", "HEAD").strip() == done.commit
    assert "Memento-Audit: " in project.git.text("show", "-s", "--format=%B", done.commit)
    pipeline.rollback(project.store, done.id, "not good", curator="tester", now=NOW + 1)
    assert (project.library / "shop-dev" / "SKILL.md").read_bytes() == before
    assert project.git.text("status", "--porcelain").strip() == ""
    assert pipeline.audit_problems(project.store) == []


def test_a_store_that_was_replaced_by_an_older_copy_is_found_out(project: Project, tmp_path: Path) -> None:
    project.scan()
    project.store.close()
    older = (tmp_path / "store.db").read_bytes()
    project.store = open_store(tmp_path / "store.db", clock=lambda: NOW)
    patch = project.approve("shop-dev")
    pipeline.promote(project.store, patch, curator="tester", to="branch", accept_risk=False, now=NOW)
    assert pipeline.audit_problems(project.store) == []
    project.store.close()
    (tmp_path / "store.db").write_bytes(older)
    project.store = open_store(tmp_path / "store.db", clock=lambda: NOW)
    assert pipeline.audit_problems(project.store)


def test_a_branch_promotion_moves_neither_head_nor_files(project: Project) -> None:
    project.scan()
    head = project.git.text("rev-parse", "HEAD")
    patch = project.approve("shop-dev")
    done = pipeline.promote(project.store, patch, curator="tester", to="branch", accept_risk=False, now=NOW)
    assert project.git.text("rev-parse", "HEAD") == head
    assert project.git.text("status", "--porcelain") == ""
    assert done.branch


def test_nothing_is_promoted_without_an_approval(project: Project) -> None:
    project.scan()
    with pytest.raises(CheckFailed, match="not approved"):
        pipeline.promote(
            project.store, project.patch("shop-dev").id, curator="x", to="tree", accept_risk=False, now=NOW
        )


def test_a_skill_that_moved_on_is_rebased_verified_and_approved_again(project: Project) -> None:
    project.scan()
    patch = project.approve("shop-dev")
    file = project.library / "shop-dev" / "SKILL.md"
    file.write_text(file.read_text() + "\nOne more line.\n")
    project.git.run("commit", "--quiet", "--no-gpg-sign", "--all", "--message", "more", env=WHO)
    with pytest.raises(StaleBase):
        pipeline.promote(project.store, patch, curator="tester", to="tree", accept_risk=False, now=NOW)
    project.scan(now=NOW + 10)
    fresh = project.patch("shop-dev") if project.patch("shop-dev").id != patch else None
    newest = [h.patch for h in current(project.store) if h.patch.skill.name == "shop-dev"][-1]
    assert newest.id != patch
    assert "One more line." in newest.after
    desk = project.desk(NOW + 11)
    desk.approve(desk.card(newest.id))
    pipeline.promote(project.store, newest.id, curator="tester", to="tree", accept_risk=False, now=NOW + 12)
    assert file.read_text() == newest.after
    assert fresh is None or fresh.id == newest.id


def test_a_patch_tested_alone_is_corrected_for_all_that_the_scan_tried(project: Project) -> None:
    project.scan()
    first = [h.verdict for h in current(project.store) if h.verdict.p_value is not None]
    again = [pipeline.verify(project.store, v.patch, project.options(NOW + 1)) for v in first]
    assert [(v.value, v.p_value, v.q_value) for v in again] == [(v.value, v.p_value, v.q_value) for v in first]
    assert any((v.q_value or 0) > (v.p_value or 0) for v in again)


def test_a_lesson_learnt_from_the_later_logs_too_is_not_tested_on_them(project: Project) -> None:
    project.scan()
    late = [h for h in current(project.store) if h.verdict.counts.calls == 0]
    for held in late:
        again = pipeline.verify(project.store, held.patch.id, project.options(NOW + 1))
        assert (again.value, again.counts.calls) == ("not_enough_evidence", 0)
    assert late


def test_a_rejected_patch_does_not_come_back_while_its_evidence_stays(project: Project) -> None:
    project.scan()
    options = project.options()
    before = [i.patch for i in queue_of(project.store, options)]
    desk = project.desk()
    desk.reject(desk.card(before[0]), "not_useful")
    project.scan(now=NOW + 86_400)
    assert before[0] not in [i.patch for i in queue_of(project.store, project.options(NOW + 86_400))]


def test_promoted_guards_speak_before_the_failure_and_only_from_what_precedes_it(
    project: Project, tmp_path: Path
) -> None:
    project.scan()
    patch = project.approve("shop-dev")
    assert list(pipeline.guard_replay(project.store, str(BUNDLE / "logs"), "promoted", project.options())) == []
    pipeline.promote(project.store, patch, curator="tester", to="tree", accept_risk=False, now=NOW)
    fires = list(pipeline.guard_replay(project.store, str(BUNDLE / "logs"), "promoted", project.options()))
    assert {f["patch"] for f in fires} == {patch}
    assert len(fires) >= 14
    log = Path(str(fires[0]["file"]))
    log = next(p for p in (BUNDLE / "logs").rglob(f"{fires[0]['run']}.jsonl"))
    cut = tmp_path / log.name
    lines = log.read_text("utf-8").splitlines(keepends=True)
    cut.write_text("".join(lines[: fires[0]["line"]]))
    again = list(pipeline.guard_replay(project.store, str(cut), "promoted", project.options()))
    assert [f["call_id"] for f in again] == [fires[0]["call_id"]]


def test_the_report_holds_the_surface_that_others_rely_on(scanned: Project) -> None:
    report = pipeline.report(scanned.store, scanned.options())
    json.dumps(report)
    assert set(report) >= {
        "runs", "lineages", "failures", "agent_failures", "repeated_episodes", "concentration", "causes", "patterns",
        "formats",
    }  # fmt: skip
    assert set(report["concentration"]) >= {"top", "in_sample", "held_out", "low", "high", "patterns"}
    assert set(report["patterns"][0]) >= {
        "id", "title", "cause", "remedy", "lane", "severity", "failures", "episodes", "runs", "users", "tenants",
        "first_seen", "last_seen", "share", "minutes", "tokens", "usd", "examples",
    }  # fmt: skip
    logs = sum(1 for _ in (BUNDLE / "logs").rglob("*.jsonl"))
    assert report["formats"]["claude-code@1"]["files"] == logs


def test_a_run_that_is_forgotten_is_gone_and_stays_away(project: Project) -> None:
    project.scan()
    key = project.store.headers()[0].key
    with project.store.write() as tx:
        tx.forget_run(key)
    project.scan(now=NOW + 1)
    assert project.store.run(key) is None
    assert pipeline.audit_problems(project.store) == []


def test_the_backtest_finds_what_was_learnt_before_t_right_on_later_lineages() -> None:
    options = Options(now=NOW, home="/nowhere")
    answer = pipeline.backtest([str(BUNDLE / "logs")], options, pipeline.quiet)
    shop = next(p for p in answer["projects"] if p["project"] == "shop")
    assert shop["learned"]["right"] >= 10
    assert shop["learned"]["false"] == 0
    assert shop["shuffled"]["right"] < shop["learned"]["right"]
    assert shop["training"]["lineages"] > 10 < shop["held_out"]["lineages"]


def test_a_failed_run_names_the_step_that_decided_it() -> None:
    logs = sorted((BUNDLE / "logs").rglob("*.jsonl"))
    answers = [pipeline.reflect_run(str(log), Options(now=NOW, home="/nowhere")) for log in logs[:10]]
    for answer in answers:
        assert set(answer) >= {"run", "failed", "decisive", "candidates", "cause", "citations"}
        assert answer["decisive"] is None or answer["decisive"]["step"] == answer["candidates"][0]["step"]
