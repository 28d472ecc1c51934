"""The page: self-contained, nothing of a log alive in it, and every number from the report."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app import made
from memento_skills.app import charts, html
from memento_skills.app.html import Proposal
from memento_skills.records import Patch
from memento_skills.store.store import Store

TAGS = frozenset(
    [
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "section",
        "article",
        "header",
        "footer",
        "figure",
        "figcaption",
        "div",
        "span",
    ]
)
TAGS |= frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "b",
        "i",
        "em",
        "strong",
        "code",
        "br",
        "blockquote",
        "details",
        "summary",
        "dl",
        "dt",
        "dd",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ]
)
TAGS |= frozenset(["svg", "line", "rect", "circle", "path", "text"])


class Reader(HTMLParser):
    """Tags, attributes and words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.words += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def hostile(texts: list[str]) -> dict[str, object]:
    """A report with these texts in every place that a log can reach."""
    report = made.report(patterns=8)
    rows = report["patterns"]
    assert isinstance(rows, list)
    for row, text in zip(rows, texts, strict=False):
        row |= {"title": text, "id": text, "examples": [{"run": text, "step": 1, "quote": text}]}
    report["users"] = [{"user": text, "failures": 1} for text in texts]
    report["causes"] = dict.fromkeys(texts, 2)
    report["unpriced_models"] = texts
    report["trend"] = [{"week": text, "failures": 1} for text in texts]
    report["formats"] = {
        text: {"files": 1, "lines": 1, "understood": 1, "ignored": 0, "quarantined": 0} for text in texts
    }
    return report


def is_inert(page: str) -> None:
    """No tag, event or address that the template did not write; no hidden character."""
    reader = read(page)
    assert reader.tags <= TAGS
    names = {name for name, _ in reader.attributes}
    assert not {name for name in names if name.startswith("on")}
    assert not names & {"href", "src", "action", "srcdoc", "formaction", "xlink:href"}
    for name, value in reader.attributes:
        if name == "style":
            assert re.fullmatch(r"width:[\d.]+%|background:var\(--\w+\)|margin:0", value)
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]", page)


def test_a_page_has_the_policy_no_script_and_loads_nothing() -> None:
    page = html.page(made.report(), (), now=made.NOW)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert "<script" not in page.replace("&lt;script", "")
    assert "http" not in re.sub(r"http-equiv", "", page)
    is_inert(page)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=8, unique=True))
def test_no_text_of_a_log_is_alive(texts: list[str]) -> None:
    is_inert(html.page(hostile(texts), (), now=made.NOW))


def test_naughty_strings_are_inert(naughty: list[str]) -> None:
    for start in range(0, len(naughty), 8):
        is_inert(html.page(hostile(naughty[start : start + 8]), (), now=made.NOW))


def test_proposals_show_lost_cases_chips_scope_and_diff(store: Store, patches: tuple[Patch, ...]) -> None:
    proposals = [Proposal(patch=p, verdict=store.verdicts(p.id)[-1], title=p.pattern) for p in patches]
    page = html.page(made.report(), proposals, now=made.NOW)
    is_inert(page)
    words = " ".join(read(page).words.split())
    for wanted in (
        "1 lost",
        "new destructive: git tag -f",
        "only for the user user-2",
        "+- Read a file before editing it.",
    ):
        assert wanted in words
    assert "9 right, 1 wrong, 1 false, 2 undecidable, in 6 held-out lineages" in words


def test_an_empty_report_is_a_page_too() -> None:
    report = made.report(patterns=0)
    none = {"top": 0.2, "in_sample": None, "held_out": None, "low": None, "high": None, "patterns": 0}
    page = html.page(report | {"concentration": none, "causes": {}, "formats": {}}, (), now=made.NOW)
    assert "nothing to draw" in page
    is_inert(page)


def test_lines_that_do_not_add_up_are_said() -> None:
    report = made.report()
    report["formats"] = {"generic": {"files": 1, "lines": 5, "understood": 1, "ignored": 1, "quarantined": 1}}
    assert "does not add up" in html.page(report, (), now=made.NOW)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.55, 0.8, "Few patterns cause most"), (0.2, 0.4, "spread over"), (0.4, 0.6, "cannot tell")],
)
def test_the_statement_follows_the_interval(low: float, high: float, words: str) -> None:
    assert words in html.statement({"held_out": 0.5, "low": low, "high": high})["said"]


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 10_000)), max_size=90))
def test_a_pareto_chart_keeps_its_bounds_and_its_order(counts: list[tuple[str, int]]) -> None:
    drawn = charts.pareto(counts)
    if drawn is None:
        assert not any(value for _, value in counts)
        return
    assert [bar.value for bar in drawn.bars] == sorted((bar.value for bar in drawn.bars), reverse=True)
    assert all(0 <= bar.y <= drawn.height and abs(bar.y + bar.height - drawn.height) < 0.02 for bar in drawn.bars)
    assert 0 < drawn.covered <= 1


@given(st.floats(0.001, 1e9))
def test_an_axis_ends_at_or_above_its_largest_value(value: float) -> None:
    assert charts.nice(value) >= value
    assert charts.nice(value) <= max(1, 2 * value + 1)


@pytest.fixture(scope="session")
def naughty() -> list[str]:
    """The shared list of naughty strings, where it is."""
    data = Path(os.environ.get("MEMENTO_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
    files = sorted((data / "security" / "naughty-strings").glob("*.json"))
    if not files:
        pytest.skip("the shared naughty strings are not here (MEMENTO_TEST_DATA)")
    found = msgspec.json.decode(files[0].read_bytes())
    return [text for text in found if isinstance(text, str) and text]


@pytest.mark.browser
def test_in_a_browser_nothing_runs_and_nothing_is_fetched(naughty: list[str], tmp_path: Path, store: Store) -> None:
    import shutil

    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    proposals = [Proposal(patch=p, verdict=store.verdicts(p.id)[-1], title=made.HOSTILE) for p in store.patches()]
    quiet = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*quiet.split(), "--no-first-run"])
        page = browser.new_page(viewport={"width": 390, "height": 900})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
        page.on("pageerror", lambda error: asked.append(f"error {error}"))
        page.on("console", lambda message: asked.append(f"console {message.text}"))
        for start in range(0, len(naughty), 64):
            file = tmp_path / f"{start}.html"
            file.write_text(html.page(hostile(naughty[start : start + 64]), proposals, now=made.NOW), "utf-8")
            page.goto(file.as_uri())
            assert asked == [file.as_uri()]
            assert page.evaluate("document.scripts.length") == 0
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            asked.clear()
        browser.close()
