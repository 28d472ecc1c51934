"""The terminal screens: what they say, that they fit, and that no log can act on the terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from app import made
from memento_skills.app import charts, first_screen, report_screen, screen
from memento_skills.app.cli.progress import Line, words
from memento_skills.app.cli.session import json_text
from memento_skills.app.first_screen import FirstScreen
from memento_skills.app.options import Ingested, Scanned
from memento_skills.records import Citation, Counts, LineCount, Patch
from memento_skills.store.store import Store


def drawn(*what: RenderableType, width: int = 80) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, markup=False, emoji=False, highlight=False)
    for renderable in what:
        console.print(renderable)
    return out.getvalue()


@pytest.fixture
def scanned() -> Scanned:
    lines = LineCount(seen=90_000, understood=88_000, ignored=1_990, quarantined=10)
    return Scanned(ingested=Ingested(files=158, runs=155, lines=lines, waiting=12), failures=552, patterns=88)


def test_the_first_screen_names_three_dear_failures_one_patch_and_what_to_type(
    store: Store, patches: tuple[Patch, ...], scanned: Scanned
) -> None:
    first = FirstScreen(
        scanned=scanned, patterns=tuple(store.patterns()), patch=patches[0],
        verdict=store.verdicts(patches[0].id)[-1], waiting=3, elsewhere=1,
    )  # fmt: skip
    said = drawn(first_screen.render(first))
    assert "1. Tests started outside of the module\n   4 times, 50 min and $4.20 lost" in said
    assert "3. A request too vague" in said
    assert "+- When running the tests" in said
    assert "better, 9 right, 1 wrong, 0 false" in " ".join(said.split())
    assert "memento review" in said
    assert "12 older files" in said
    assert said.count("\n") <= 30
    assert "\x1b" not in said


def test_without_a_proposal_it_says_so(scanned: Scanned) -> None:
    said = drawn(first_screen.render(FirstScreen(scanned=scanned, patterns=())))
    assert "No failure of the agents repeats" in said
    assert "No patch is proposed" in said


def test_without_any_log_it_says_where_to_look_and_names_the_store_that_was_asked_for() -> None:
    said = drawn(first_screen.render(FirstScreen(scanned=Scanned(ingested=Ingested()), patterns=()), flags="--store s"))
    assert "No agent logs were found" in said
    assert "memento doctor --store s" in said


def test_the_dearest_are_repeated_and_ranked_by_what_they_cost(store: Store) -> None:
    names = [p.title[:6] for p in first_screen.dearest(tuple(store.patterns()))]
    assert names == ["Tests ", "A tag ", "A requ"]


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_report_fits_its_width(width: int) -> None:
    said = drawn(report_screen.render(made.report(), width=width), width=width)
    assert max(len(row) for row in said.splitlines()) <= width
    assert "top 20% of 30 patterns" in said
    assert "90,000 lines read" in " ".join(said.split())


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_reaches_the_terminal_with_a_control_character(one: str, other: str) -> None:
    shown = drawn(
        screen.plain(one),
        screen.quote(Citation(run=other, step=1, quote=one)),
        *screen.diff(f"--- a\n+++ b\n@@ -1 +1 @@\n-{one}\n+{other}\n"),
        *screen.changed(f"--- a\n+++ b\n@@ -1 +1 @@\n-{one}\n+{other}\n"),
    )
    assert all(char == "\n" or char.isprintable() or char == "\u3000" or char.isspace() for char in shown)
    assert "\x1b" not in shown
    assert "\r" not in shown


def test_a_deleted_line_of_dashes_is_no_file_name() -> None:
    kinds = screen.diff_kinds("--- a\n+++ b\n@@ -1,2 +1,2 @@\n --\n---\n+++\n")
    assert [kind for kind, _ in kinds] == ["file", "file", "hunk", "same", "del", "add"]


def test_hidden_characters_are_marked() -> None:
    marked = screen.plain("a\u202eb")
    assert marked.plain == "a‹U+202E›b"
    assert any("red" in str(span.style) for span in marked.spans)


def test_a_backtest_gives_precision_with_its_interval_or_nothing() -> None:
    assert "precision" not in screen.backtest(Counts(undecidable=3), 1)
    assert "precision 0.90 (0.65–0.98)" in screen.backtest(Counts(right=9, wrong=1), 6)


def test_different_quotes_come_before_the_same_again() -> None:
    quotes = [Citation(run=f"r{n}", step=n, quote=text) for n, text in enumerate(["a", "a", "b", "a"])]
    assert [c.run for c in screen.distinct(quotes, 3)] == ["r0", "r2", "r1"]


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=9), st.lists(st.none() | st.integers() | st.text(max_size=30), max_size=4)))
def test_json_means_the_same_and_shows_no_hidden_character(value: object) -> None:
    import json

    text = json_text(value)
    assert json.loads(text) == value
    assert all(" " <= char <= "~" or char.isprintable() for char in text)


def test_json_of_a_name_that_is_no_utf_8_is_escaped() -> None:
    assert json_text({"file": "a\udcff"}) == '{"file": "a\\udcff"}'


@given(st.lists(st.floats(0, 1), max_size=300), st.integers(0, 80))
def test_a_spark_line_has_its_width(values: list[float], width: int) -> None:
    assert len(charts.spark(values, width)) == (width if values else 0)


def test_progress_is_one_line_wiped_before_anything_is_said() -> None:
    out, times = io.StringIO(), iter([1.0, 1.05, 2.0, 2.01])
    progress = Line(out, lambda: next(times))
    for done in (1, 2, 3):
        progress("reading", done, 4)
    progress("testing", 0, 0)
    progress.wipe()
    progress.wipe()
    assert out.getvalue().count("reading") == 2
    assert out.getvalue().endswith("testing …\r\x1b[K")
    assert words("reading", 1, 0) == "reading 1"
    assert words("reading", 3, 4).endswith("75 %")
