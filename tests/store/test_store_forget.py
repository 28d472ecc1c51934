"""Forgetting: no byte of it is left in any file, the chain still verifies, and it does not come back."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_build import (
    NOON,
    SALT,
    citation,
    everything,
    failure,
    fill,
    opened,
    pattern,
    reflection,
    run,
    signature,
    steps,
)

from memento_skills.errors import UsageError
from memento_skills.records import Condition, Counts, Expect, Guard, Quarantined, Scope, Slice, Step
from memento_skills.store import FileState, Store, scrub

PLANTED = 'Xk9-planted/Wert ü"quoted"'


def files_of(tx_run: str, path: str) -> FileState:
    return FileState(path=path, size=1, mtime_ns=1, offset=1, runs=(tx_run,), resume=f"carries {tx_run}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memento.db"


def assert_sound(store: Store) -> None:
    assert store.problems() == []
    assert store.audit_problems() == []
    assert not store.erasing


def test_a_forgotten_run_leaves_no_byte(path: Path) -> None:
    gone = run("gone", user="user77", text=PLANTED)
    keeps = run("keeps", links=("session-gone",))
    with opened(path) as store:
        with store.write() as tx:
            fill(tx, gone, keeps)
            tx.put_file(files_of(gone.key, "/home/x/session-gone.jsonl"))
            tx.add_quarantined(
                Quarantined(file="~/logs/gone.jsonl", line=1, offset=0, size=1, sha256="0", reason="session-gone")
            )
        assert b"session-gone" in everything(path)
        with store.write() as tx:
            report = tx.forget_run(gone.key)
        assert (report.runs, report.failures, report.files, report.related) == (1, 1, 2, (keeps.key,))
        left = everything(path)
        for planted in ("session-gone", "Xk9", "logs/gone", "do gone", "run gone", "failed: gone", "call-gone"):
            assert planted.encode() not in left, planted
        assert [one.id for one in store.runs()] == ["session-keeps"]
        assert store.failures() == [failure(keeps)]
        assert_sound(store)
        with store.write() as tx:
            assert tx.put_run(keeps) == "unchanged"


def test_a_forgotten_run_is_not_stored_again(path: Path) -> None:
    gone = run("gone")
    with opened(path) as store, store.write() as tx:
        fill(tx, gone)
        tx.forget_run(gone.key)
        assert tx.put_run(gone) == "forgotten"
    with opened(path) as store:
        assert store.forgotten(gone.key)
        assert not store.forgotten("made:session-other")
        with store.write() as tx:
            assert tx.put_run(gone) == "forgotten"
            assert tx.append_steps(gone.key, steps(2, "gone", 3), gone) == "forgotten"
            tx.add_calls("project", [("c", gone.key, NOON)])
            assert tx.add_failures([failure(gone)]) == 0
            tx.replace_failures(gone.key, [failure(gone)])
            tx.put_file(files_of(gone.key, "/logs/session-gone.jsonl"))
            tx.add_quarantined(
                Quarantined(
                    file="/logs/session-gone.jsonl", line=1, offset=0, size=1, sha256="0", reason="session-gone"
                )
            )
        state = store.file("/logs/session-gone.jsonl")
        assert state is not None
        assert (state.runs, state.offset) == ((), 1)
        assert store.files() == {}
        assert (store.headers(), store.failures()) == ([], [])
    assert b"session-gone" not in everything(path)


def test_a_run_that_is_not_stored_yet_can_be_forgotten(path: Path) -> None:
    with opened(path) as store, store.write() as tx:
        assert tx.forget_run("made:session-a").runs == 0
        assert tx.put_run(run("a")) == "forgotten"


def test_a_forgotten_user_leaves_no_byte_and_does_not_come_back(path: Path) -> None:
    mine = [run(name, user="user77", started_at=NOON + i) for i, name in enumerate(("gone1", "gone2"))]
    other = run("keeps", user="user01")
    with opened(path) as store:
        with store.write() as tx:
            made = fill(tx, *mine, other)
            judged = Slice(kind="user", name="user77", counts=Counts(), judgement="worse")
            v = store.verdicts()[0]
            tx.add_verdict(msgspec.structs.replace(v, id="v2", slices=(judged,)))
            tx.add_patch(msgspec.structs.replace(made, id="p2", scope=Scope(level="user", name="user77")))
            d = store.decisions()[0]
            tx.add_decision(msgspec.structs.replace(d, id="d2", curator="user77"))
        assert b"user77" in everything(path)
        with store.write() as tx:
            assert tx.forget_user("user77").runs == 2
        left = everything(path)
        for planted in ("user77", "session-gone", "gone1", "gone2"):
            assert planted.encode() not in left, planted
        assert [one.id for one in store.runs()] == ["session-keeps"]
        assert_sound(store)
        with store.write() as tx:
            assert tx.put_run(run("later", user="user77")) == "forgotten"
            assert tx.put_run(run("later", user="user01")) == "new"


def test_what_only_forgotten_runs_showed_goes_with_them(path: Path) -> None:
    with opened(path) as store:
        with store.write() as tx:
            fill(tx, run("gone", text=PLANTED), decided=False)
        with store.write() as tx:
            tx.forget_run("made:session-gone")
        found = (store.patterns(), store.reflections(), store.patches(), store.verdicts())
        assert found == ([], [], [], [])
        assert_sound(store)


def test_what_a_person_decided_stays_as_a_shell(path: Path) -> None:
    with opened(path) as store:
        with store.write() as tx:
            made = fill(tx, run("gone", text=PLANTED))
        with store.write() as tx:
            tx.forget_run("made:session-gone")
        shell = store.patch(made.id)
        assert (shell.after, shell.rule, shell.rationale) == (scrub.FORGOTTEN, scrub.FORGOTTEN, ())
        assert [p.commit for p in store.promotions()] == ["c" * 40]
        assert_sound(store)
        with store.write() as tx:
            assert tx.add_patch(made) is False
        assert store.patch(made.id) == shell


def test_runs_that_shared_a_forgotten_origin_keep_their_own_links(path: Path) -> None:
    with opened(path) as store:
        with store.write() as tx:
            for one in (run("a"), run("b", links=("session-a",)), run("c", links=("session-b",))):
                tx.put_run(one)
        assert set(store.lineages().values()) == {"made:session-a"}
        with store.write() as tx:
            assert tx.forget_run("made:session-a").related == ("made:session-b",)
        assert store.lineages() == {"made:session-b": "made:session-b", "made:session-c": "made:session-b"}


def test_runs_with_different_forgotten_origins_are_not_connected_by_it(path: Path) -> None:
    with opened(path) as store, store.write() as tx:
        tx.forget_run("made:x")
        tx.forget_run("made:y")
        tx.put_run(run("a", links=("x",)))
        tx.put_run(run("b", links=("y",)))
        assert set(store.lineages().values()) == {"made:session-a", "made:session-b"}
        assert store.headers()[0].links == (scrub.FORGOTTEN,)


def test_a_forgotten_secret_leaves_no_byte(path: Path) -> None:
    holder, other = run("a", text=PLANTED), run("b")
    guard = Guard(
        conditions=(Condition(feature="line", op="has", value=PLANTED),), expect=Expect(form="with"), advice=""
    )
    with opened(path) as store:
        with store.write() as tx:
            made = fill(tx, holder, other, sign=f"cannot open {PLANTED}")
            tx.add_patch(msgspec.structs.replace(made, id="p2", guard=guard, before=PLANTED))
            tx.put_file(files_of(holder.key, f"/logs/{PLANTED}.jsonl"))
            tx.add_quarantined(Quarantined(file="f", line=1, offset=0, size=1, sha256="0", reason=PLANTED))
            tx.put_note("seen", f"it was {PLANTED}")
        assert PLANTED.encode() in everything(path)
        with store.write() as tx:
            report = tx.forget_secret(PLANTED)
        assert (report.runs, report.failures, report.files) == (1, 2, 2)
        left = everything(path)
        for variant in scrub.variants(PLANTED):
            assert variant.encode() not in left
        assert scrub.FORGOTTEN in store.run(holder.key).steps[0].text  # type: ignore[union-attr]
        assert store.note("seen") == f"it was {scrub.FORGOTTEN}"
        assert store.run(other.key) == other
        assert_sound(store)


def test_records_follow_a_pattern_whose_signature_held_the_secret(path: Path) -> None:
    with opened(path) as store, store.write() as tx:
        fill(tx, run("a"), sign=PLANTED)
        tx.forget_secret(PLANTED)
        new = signature(scrub.FORGOTTEN).id
        assert [p.id for p in store.patterns()] == [new]
        assert [f.signature.id for f in store.failures(signature=new)] == [new]
        assert [r.pattern for r in store.reflections(new)] == [new]
        assert [p.pattern for p in store.patches(new)] == [new]


def test_a_forgotten_secret_is_replaced_when_it_comes_again(path: Path) -> None:
    holder, longer = run("a", text=PLANTED), run("a", count=5, text=PLANTED)
    with opened(path) as store:
        with store.write() as tx:
            tx.put_run(holder)
            tx.forget_secret(PLANTED)
            assert tx.put_run(holder) == "unchanged"
        with store.write() as tx:
            assert tx.append_steps(longer.key, longer.steps[3:], longer) == "updated"
            tx.put_run(run("b", text=f"in a sentence, {PLANTED}, as it were"))
            tx.add_failures([failure(longer)])
            tx.set_patterns([pattern(PLANTED)])
            tx.add_reflection(reflection(citation(longer)))
        assert b"Xk9" not in everything(path)


@settings(max_examples=15)
@given(st.text(min_size=4, max_size=12), st.text(max_size=6), st.booleans())
def test_no_byte_of_any_secret_is_left_wherever_it_stands(secret: str, around: str, deep: bool) -> None:
    literal = "Q\u00e9" + secret
    text = around + literal + around
    args = {"a": [{text: [text]}], "_raw": json.dumps({"b": text}), "n": 10**30 if deep else 1}
    held = Step(seq=0, kind="call", actor="agent", args=args, call_id=text, cwd=text)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "memento.db"
        with opened(path) as store:
            with store.write() as tx:
                tx.put_run(run("a", id=text, user=text, links=(text,), steps=(held,)))
            with store.write() as tx:
                assert tx.forget_secret(literal).runs == 1
            assert store.problems() == []
            assert len(store.headers()) == 1
        left = everything(path)
        assert [v for v in scrub.variants(literal) if v.encode() in left] == []


def test_a_secret_too_short_to_be_told_is_refused() -> None:
    with opened() as store, store.write() as tx:
        for literal in ("", "   ", "abc", "  a  "):
            with pytest.raises(UsageError):
                tx.forget_secret(literal)
        with pytest.raises(UsageError):
            tx.forget_user("")


def test_words_of_closed_sets_survive_a_secret_that_is_one_of_them() -> None:
    with opened() as store, store.write() as tx:
        fill(tx, run("a"))
        tx.forget_secret("tool_error")
        tx.forget_secret("approve")
        assert store.failures()[0].kind == "tool_error"
        assert store.decisions()[0].action == "approve"


def test_a_kill_between_the_commit_of_a_forget_and_its_last_step_is_made_good_by_the_next_opening(path: Path) -> None:
    with opened(path) as store:
        with store.write() as tx:
            tx.put_run(run("gone"))
        with store.write() as tx:
            tx.forget_run("made:session-gone")
            tx.erases = False  # as if the process ended here
        assert store.erasing
    with opened(path) as store:
        assert not store.erasing
    assert b"session-gone" not in everything(path)


def test_a_secret_is_told_by_its_shape_wherever_it_stands() -> None:
    watch = scrub.Watch(SALT, {scrub.fingerprint(SALT, "secret", "ab12"): scrub.shape("ab12")})
    assert watch.find(b"zzab12zz ab13 aab12") == {"ab12"}
    assert watch.find(b"zzab13zz AB12") == frozenset()


@given(st.text(min_size=1, max_size=12), st.text(max_size=8), st.text(max_size=8))
def test_every_literal_is_told_between_any_texts(literal: str, before: str, after: str) -> None:
    watch = scrub.Watch(SALT, {scrub.fingerprint(SALT, "secret", literal): scrub.shape(literal)})
    assert literal in watch.find((before + literal + after).encode())


@given(st.text(min_size=4, max_size=12), st.text(max_size=8))
def test_a_cleaned_record_does_not_hold_the_literal_and_cleaning_again_changes_nothing(literal: str, text: str) -> None:
    what = scrub.Scrub(literals=scrub.variants(literal))
    made = run("a", text=text + literal + text)
    cleaned = scrub.clean(made, what)
    if literal not in scrub.FORGOTTEN:
        assert all(literal not in step.text.replace(scrub.FORGOTTEN, "\0") for step in cleaned.steps)
        assert scrub.clean(cleaned, what) == cleaned
    assert scrub.clean(made, scrub.Scrub()) is made
