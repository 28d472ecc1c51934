"""Masking on the shared logs and security fixtures: recall, false alarms, nothing broken."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import random
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from masking_samples import KINDS, SALT, sentence
from memento_skills.masking import Masker, find_secrets, hidden_characters, home_prefixes, visible

ROOT = Path(os.environ.get("MEMENTO_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
MASKER = Masker(salt=SALT)
pytestmark = pytest.mark.data
PERSONAL = {"EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IP_ADDRESS": "ip"}


def need(path: str) -> Path:
    found = ROOT / path
    if not found.exists():
        pytest.skip(f"no {path} in the shared data (MEMENTO_TEST_DATA)")
    return found


def presidio() -> list[dict[str, Any]]:
    file = need("security/presidio-synth-pii/synth_dataset_v2.json.gz")
    return list(json.loads(gzip.decompress(file.read_bytes())))


def test_recall_of_personal_data(record_property: Any) -> None:
    hit: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for case in presidio():
        findings = find_secrets(case["full_text"])
        for span in case["spans"]:
            kind = PERSONAL.get(span["entity_type"])
            if kind is None:
                continue
            total[kind] += 1
            hit[kind] += any(f.start <= span["start_position"] and f.end >= span["end_position"] for f in findings)
    recall = {kind: hit[kind] / total[kind] for kind in total}
    record_property("recall", recall)
    # National telephone numbers without a country code are not looked for: they look like any other digits.
    assert recall["email"] >= 0.98
    assert recall["ip"] >= 0.9
    assert recall["phone"] >= 0.25


def test_no_false_alarm_on_texts_about_people() -> None:
    alarms = [
        (f.kind, case["full_text"][f.start : f.end])
        for case in presidio()
        for f in find_secrets(case["full_text"])
        if not any(s["start_position"] < f.end and f.start < s["end_position"] for s in case["spans"])
    ]
    assert len(alarms) <= 3, alarms


def logs() -> list[Path]:
    return sorted(need("claude-code/entire-skills").glob("*.jsonl.gz")) + sorted(
        need("claude-code/starcar").glob("*.gz")
    )


def test_real_lines_decode_to_the_same_structure_and_hardly_change() -> None:
    marks = 0
    for file in logs():
        block = gzip.decompress(file.read_bytes())
        masked = MASKER.mask_block(block, home_prefixes(block))
        assert MASKER.mask_block(masked, home_prefixes(block)) == masked
        before, after = block.split(b"\n"), masked.split(b"\n")
        assert len(before) == len(after)
        assert all(type(decoded(a)) is type(decoded(b)) for a, b in zip(before, after, strict=True))
        marks += masked.count(b"[SECRET:") - block.count(b"[SECRET:")
    assert marks <= 3


def decoded(line: bytes) -> Any:
    return msgspec.json.decode(line) if line.strip() else None


def test_no_home_folder_is_left_in_real_logs() -> None:
    for file in logs():
        block = gzip.decompress(file.read_bytes())
        names = {home.user.encode() for home in home_prefixes(block)}
        masked = MASKER.mask_block(block, home_prefixes(block))
        for name in names - {b"root"}:
            assert b"/Users/" + name + b"/" not in masked
            assert b"\\Users\\\\" + name not in masked


def test_naughty_strings_come_back_unchanged_but_for_addresses() -> None:
    strings = json.loads(need("security/naughty-strings/blns.json").read_text("utf-8"))
    encoded = json.loads(need("security/naughty-strings/blns.base64.json").read_text("utf-8"))
    strings += [base64.b64decode(one).decode("utf-8", "replace") for one in encoded]
    changed = []
    for string in strings:
        masked = msgspec.json.decode(MASKER.mask_json_line(json.dumps({"t": string}).encode()))["t"]
        if masked != string:
            changed.append(string)
        assert hidden_characters(visible(string)) == []
    assert changed == [], changed


def test_every_trojan_source_sample_is_flagged() -> None:
    # The .html pages beside them only picture the attack: plain text without any such character.
    archive = need("security/trojan-source/trojan-source.tar.gz")
    clean = []
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes())) as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member)
            if file is None or member.name.endswith((".md", ".html", "LICENSE")):
                continue
            if not hidden_characters(file.read().decode("utf-8", "replace")):
                clean.append(member.name)
    assert clean == []


def test_recall_beside_detect_secrets(record_property: Any) -> None:
    from detect_secrets.core.scan import scan_line
    from detect_secrets.settings import default_settings

    rng = random.Random(23)
    ours = theirs = 0
    with default_settings():
        for kind in KINDS:
            _, text = sentence(kind, rng)
            ours += bool(find_secrets(text))
            theirs += any(True for line in text.split("\n") for _ in scan_line(line))
    record_property("kinds", {"ours": ours, "detect-secrets": theirs, "of": len(KINDS)})
    assert ours >= theirs
