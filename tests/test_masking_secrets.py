"""Generated secrets of every kind are masked in every writing, and fillers and code are not."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import msgspec
import pytest

from masking_samples import KINDS, SALT, key_block, sentence
from memento_skills.masking import Masker, find_secrets
from memento_skills.masking.rules import load

VALUES = 20


def plain(text: str, masker: Masker) -> str:
    return masker.mask_text(text)


def in_json(text: str, masker: Masker) -> str:
    line = json.dumps({"type": "user", "message": {"content": [{"type": "text", "text": text}]}}).encode()
    first, second = masker.mask_block(line + b"\n" + line).split(b"\n")
    assert first == second
    masked = msgspec.json.decode(first)
    return str(masked["message"]["content"][0]["text"])


def in_json_in_json(text: str, masker: Masker) -> str:
    line = json.dumps({"content": json.dumps({"inner": text})}).encode()
    masked = msgspec.json.decode(masker.mask_json_line(line))
    return str(json.loads(masked["content"])["inner"])


def spelled(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" if c.isalnum() else json.dumps(c)[1:-1] for c in text)


def in_escapes(text: str, masker: Masker) -> str:
    return str(msgspec.json.decode(masker.mask_json_line(f'{{"t":"{spelled(text)}"}}'.encode()))["t"])


WRITINGS = {"text": plain, "json": in_json, "nested": in_json_in_json, "escapes": in_escapes}


def leaks(secret: str, masked: str) -> bool:
    """Does any stretch of twelve characters of the secret remain?"""
    material = [line for line in secret.split("\n") if "PRIVATE KEY" not in line]
    tail = material[0].split("/services/")[-1]
    pieces = [tail, *material[1:]]
    return any(p[i : i + 12] in masked for p in pieces for i in range(max(1, len(p) - 11)))


@pytest.mark.parametrize("writing", WRITINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_recall_of_a_kind_is_at_least_95_percent(kind: str, writing: str, record_property: Callable[..., None]) -> None:
    rng = random.Random(f"{kind}-7")
    masker = Masker(salt=SALT)
    missed = []
    for _ in range(VALUES):
        secret, text = sentence(kind, rng)
        if leaks(secret, WRITINGS[writing](text, masker)):
            missed.append(text)
    record_property("recall", 1 - len(missed) / VALUES)
    assert len(missed) <= VALUES * 0.05, missed[:3]


def test_there_are_at_least_25_kinds() -> None:
    assert len(load().kinds) >= 25


@pytest.mark.parametrize("kind", KINDS)
def test_find_secrets_says_where_and_never_what(kind: str) -> None:
    secret, text = sentence(kind, random.Random(f"{kind}-11"))
    findings = find_secrets("é€😀 " + text)
    assert findings
    assert not any(leaks(secret, repr(one)) for one in findings)
    first = findings[0]
    covered = ("é€😀 " + text)[first.start : first.end]
    if kind != "gcp-service-account":
        assert covered in text
        assert len(covered) >= 8


@pytest.mark.parametrize(
    "text",
    [
        "sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "ANTHROPIC_API_KEY=[SCRUBBED:anthropic]",
        "password: REDACTED",
        "password = os.environ['DB_PASSWORD']",
        "const token = process.env.GITHUB_TOKEN",
        "api_key=<your-api-key-goes-here>",
        'curl -H "Authorization: Bearer $TOKEN"',
        "Authorization: Bearer YOUR_TOKEN",
        "token := os.Getenv(name)",
        "password: string",
        "func (s *Store) Token() string { return s.token }",
        '{"input_tokens": 12345678901, "token_type": "bearer"}',
        "AKIAIOSFODNN7EXAMPLE",
        "-----BEGIN PRIVATE KEY-----",
        'strings.HasPrefix(s, "-----BEGIN RSA PRIVATE KEY-----")',
        "task-runner disk-usage risk-assessment-for-everybody",
        "sk-learn and sk-",
        "git clone https://github.com/owner/name.git",
        "https://user:$PASSWORD@host/x",
        "--- PASS: TestEverything12345 (0.01s)",
        "secret: ${{ secrets.DEPLOY_KEY_2 }}",
        'the keyword "token" = one of the words',
        "hf_transfer npm_config_cache ghp_token_name",
        "toolu_01BvXEuiHXh78Tywu6qMe1zU msg_01BvXEuiHXh78Tywu6qMe1zU req_011CXXdiBJBLqKuegd5ZDoQr",
        "commit 1f0c5e0b6a0ad3c5a2b1f00d6c2a9f3e4d5b6a7c",
        "783f57a4-b930-4e52-937c-0da86f2ae263",
        "password=",
        'password=""',
    ],
)  # fmt: skip
def test_fillers_names_and_code_stay(text: str) -> None:
    assert Masker(salt=SALT).mask_text(text) == text


def test_a_literal_given_by_the_caller_is_masked_in_every_writing() -> None:
    masker = Masker(salt=SALT, extra_literals=('Zür"ich 7',))
    line = json.dumps({"t": 'in Zür"ich 7 am'}, ensure_ascii=False).encode()
    assert msgspec.json.decode(masker.mask_json_line(line)) == {"t": "in [SECRET:literal] am"}
    assert masker.mask_text('in Zür"ich 7 am') == "in [SECRET:literal] am"


def test_a_key_cut_off_before_its_end_is_masked() -> None:
    text = key_block(random.Random(1), "RSA PRIVATE KEY").rpartition("\n")[0]
    assert Masker(salt=SALT).mask_text("x " + text) == "x [SECRET:private-key]"


def test_a_key_shown_with_line_numbers_is_masked_whole() -> None:
    lines = key_block(random.Random(2), "PRIVATE KEY").split("\n")
    text = "\n".join(f"{i:6d}→{line}" for i, line in enumerate(lines, 1))
    line = json.dumps({"t": text}).encode()
    assert not leaks(lines[1], Masker(salt=SALT).mask_json_line(line).decode())


def test_a_password_with_a_quote_in_it_is_masked_whole() -> None:
    line = json.dumps({"cmd": json.dumps({"password": 'ab"cd9\\efgh'})}).encode()
    masked = msgspec.json.decode(Masker(salt=SALT).mask_json_line(line))
    assert json.loads(masked["cmd"]) == {"password": "[SECRET:password]"}
