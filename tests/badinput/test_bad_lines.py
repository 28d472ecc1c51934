"""JSON test cases, naughty strings and broken bytes as lines among good ones, through the program."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from badinput.build import (
    SHARED,
    Memento,
    calls,
    conserved,
    gets,
    inert,
    lines,
    needs_data,
    refused,
    says,
    texts,
)  # fmt: skip
from badinput.conftest import Call


def cases() -> list[tuple[str, bytes]]:
    with tarfile.open(SHARED / "security" / "json-test-suite" / "json-test-suite.tar.gz") as archive:
        return [
            (member.name.rsplit("/", 1)[-1], archive.extractfile(member).read())  # type: ignore[union-attr]
            for member in archive
            if member.isfile() and "test_parsing" in member.name
        ]


def naughty() -> list[str]:
    found: list[str] = json.loads((SHARED / "security" / "naughty-strings" / "blns.json").read_text("utf-8"))
    return found


def good(number: int) -> dict[str, object]:
    return says(f"g{number}", f"good {number}")


@pytest.mark.data
@needs_data
def test_the_318_json_cases_leave_every_good_line_and_each_refused_line_is_named(call: Call, memento: Memento) -> None:
    found = cases()
    assert len(found) == 318
    data, places = b"", {}
    for number, (name, case) in enumerate(found):
        data += lines([good(number)])
        if b"\n" not in case:
            places[data.count(b"\n") + 1] = (name, len(data), case)
        data += case + b"\n"
    log = memento.project / "log.jsonl"
    log.write_bytes(data)
    said = call("ingest", log, "--json").json
    assert said["lines"]["seen"] == data.count(b"\n")
    assert conserved(said["lines"])
    with memento.opened() as store:
        assert texts(store) == [f"good {n}" for n in range(318)]
        entries = store.quarantined()
        assert len(entries) == said["quarantined"] == said["lines"]["quarantined"]
        for entry in entries:
            assert entry.reason
            assert entry.file.endswith("log.jsonl")
            if entry.line in places:
                _, offset, case = places[entry.line]
                assert (entry.offset, entry.size) == (offset, len(case))
                assert entry.sha256 == hashlib.sha256(case).hexdigest()
        kept_out = {places[e.line][0] for e in entries if e.line in places}
    blank = {name for name, case in found if not case.strip()}
    assert {n for n, c in found if n.startswith("n_") and b"\n" not in c} <= kept_out | blank
    assert not [name for name in kept_out if name.startswith("y_")]


class Words(HTMLParser):
    """The words and tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.handlers: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.handlers |= {name for name, _ in attrs if name.startswith("on")}


@pytest.mark.data
@needs_data
def test_naughty_strings_are_stored_unchanged_and_shown_inert(call: Call, memento: Memento) -> None:
    """Addresses and home folders among them may be masked: those few are told apart by the masker alone."""
    strings = naughty()
    assert len(strings) > 500
    rows = []
    for n, string in enumerate(strings):
        rows += [
            says(f"u{n}", f"|{string}|"),
            calls(f"c{n}", f"toolu_{n}", "Bash", {"command": string or "true"}),
            gets(f"r{n}", f"toolu_{n}", f"Exit code 2\nerror: {string}"),
        ]
    log = memento.project / "log.jsonl"
    log.write_bytes(lines(rows))
    said = call("scan", log, "--json")
    assert conserved(said.json["lines"])
    assert said.json["quarantined"] == 0
    with memento.opened() as store:
        stored = [t for t in texts(store) if t.startswith("|")]
        changed = [s for s, t in zip(strings, stored, strict=True) if t != f"|{s}|"]
    assert len(changed) <= 12
    assert all(re.search(r"[@\d./]", s) for s in changed)
    shown = [call("failures"), call("failures", log), call("failures", "--json"), call("report"), call("patterns")]
    for answer in shown:
        assert answer.code == 0
        inert(answer.out + answer.err)
    assert len(shown[0].out.splitlines()) == len(shown[2].rows)
    assert sum(row["kind"] == "exit_code" for row in shown[2].rows) == len(strings), [
        row["kind"] for row in shown[2].rows if row["kind"] != "exit_code"
    ]
    assert len(shown[2].rows) - len(strings) <= 2
    page = memento.project / "report.html"
    assert call("report", "--html", page).code == 0
    text = page.read_text("utf-8")
    inert(text)
    read = Words()
    read.feed(text)
    assert not read.handlers
    assert not read.tags & {"img", "iframe", "object", "embed", "link", "video", "audio", "base", "form", "marquee"}


BAD = {
    "nan": (b'{"type":"user","uuid":"x","sessionId":"s1","message":NaN}', "not JSON"),
    "infinity": (b'{"type":"user","uuid":"x","sessionId":"s1","message":-Infinity}', "not JSON"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "deep inside": (b'{"message":' + b'{"a":' * 60_000 + b"1" + b"}" * 60_001, "nested too deeply"),
    "not utf-8": (b'{"type":"user","uuid":"x","message":{"role":"user","content":"\xff\xfe\xc0\xaf"}}', "UTF-8"),
    "NUL": (b"\0" * 64, "not JSON"),
    "half": (b'{"type":"user","uuid":"x","mess', "not JSON"),
    "glued": (b'{"type":"user","uui' + lines([says("z", "glued")]).rstrip(), "not JSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_broken_line_is_kept_out_with_its_place_and_reason(name: str, call: Call, memento: Memento) -> None:
    line, reason = BAD[name]
    log = memento.project / "log.jsonl"
    before = lines([good(1)])
    log.write_bytes(before + line + b"\n" + lines([good(2)]))
    said = call("ingest", log, "--json").json
    assert said["lines"] == {"seen": 3, "understood": 2, "ignored": 0, "quarantined": 1}
    with memento.opened() as store:
        assert texts(store) == ["good 1", "good 2"]
        (entry,) = store.quarantined()
    assert (entry.line, entry.offset, entry.size) == (2, len(before), len(line))
    assert entry.sha256 == hashlib.sha256(line).hexdigest()
    assert reason in entry.reason


def test_odd_characters_of_a_good_line_stay_and_are_shown_escaped(call: Call, memento: Memento) -> None:
    """A half of a surrogate pair cannot be stored as UTF-8: it becomes U+FFFD; NUL and others stay."""
    log = memento.project / "log.jsonl"
    odd = "a\0b\x1b[2Jc\u202ed\ue000e"
    rows = lines([good(1), says("u1", odd), calls("c1", "t1", "Bash", {"command": odd}), gets("r1", "t1", odd)])
    half = json.dumps(says("u2", "cut HERE")).encode().replace(b"HERE", rb"\ud83d") + b"\n"
    log.write_bytes(b"\xef\xbb\xbf" + rows + half)
    said = call("ingest", log, "--json").json
    assert (said["quarantined"], said["lines"]["understood"]) == (0, 5)
    with memento.opened() as store:
        assert texts(store) == ["good 1", odd, "cut \ufffd"]
    told = call("failures")
    inert(told.out)
    assert "␛[2J" in told.out
    assert call("failures", "--json").rows[0]["quote"].startswith("a\0b\x1b[2Jc")


def test_the_account_says_how_many_lines_were_kept_out(call: Call, memento: Memento) -> None:
    log = memento.project / "log.jsonl"
    log.write_bytes(lines([good(1)]) + b"{nope}\n")
    assert "2 lines = 1 understood + 0 ignored + 1 quarantined" in call("ingest", log).out


def test_a_file_of_which_no_line_is_a_log_is_said_in_one_line(call: Call, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"a": 1}\n' * 20)
    refused(call("scan", log), 3, "log.jsonl", "not a log format")
    refused(call("failures", log), 3, "log.jsonl")


def test_same_session_and_row_ids_with_other_words_lose_nothing(call: Call, memento: Memento) -> None:
    """The first words of a row stay; new rows of the session come to it."""
    one, two = memento.project / "one.jsonl", memento.project / "two.jsonl"
    one.write_bytes(lines([good(1), good(2)]))
    two.write_bytes(lines([says("g1", "other words"), good(3)]))
    assert call("ingest", one, "--json").json["new_runs"] == 1
    assert call("ingest", two, "--json").json["new_runs"] == 0
    with memento.opened() as store:
        assert texts(store) == ["good 1", "good 2", "good 3"]
        assert len(store.headers()) == 1


def test_a_checkpoint_that_repeats_a_transcript_adds_nothing(call: Call, memento: Memento) -> None:
    first, later = memento.project / "a.jsonl", memento.project / "b.jsonl"
    rows = [good(n) for n in range(5)]
    first.write_bytes(lines(rows))
    later.write_bytes(lines([*rows, *rows]))
    call("ingest", first)
    said = call("ingest", later, "--json").json
    assert (said["new_runs"], said["duplicates"]) == (0, 1)
    assert conserved(said["lines"])
    with memento.opened() as store:
        assert texts(store) == [f"good {n}" for n in range(5)]


def test_json_of_every_reading_command_stays_valid_among_broken_lines(call: Call, memento: Memento) -> None:
    log = memento.project / "log.jsonl"
    rows = lines([good(1), calls("c1", "t1", "Bash", {"command": "x"}), gets("r1", "t1", "Exit code 1\nno")])
    log.write_bytes(rows + b"".join(line + b"\n" for line, _ in BAD.values()))
    assert call("scan", log, "--json").json["quarantined"] == len(BAD)
    assert call("report", "--json").json["formats"]["claude-code@1"]["quarantined"] == len(BAD)
    assert len(call("failures", log, "--json").rows) == 1
    assert call("reflect", "--run", log, "--json").code == 0
    assert call("backtest", log, "--json").code == 0
