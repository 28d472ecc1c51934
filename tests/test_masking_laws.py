"""Laws of masking: idempotent, JSON stays JSON of the same structure, untouched lines stay as they are."""

from __future__ import annotations

import itertools
import json
import random
import time
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from masking_samples import KINDS, SALT, sentence
from memento_skills.masking import HomePrefix, Masker, find_secrets, home_prefixes, user_of

MASKER = Masker(salt=SALT)

# Pieces that are secrets, nearly secrets, marks of rules and characters that JSON escapes, glued in any order.
PIECES = st.sampled_from(
    [
        "password", "token", "api_key", "secret", "pwd", '"', "'", "\\", "\n", "\t", "=", ": ", ":=", " ", "sk-", "@",
        "ghp_" + "a1B2" * 9, "AKIA" + "Q3EGRTY7UIOPA2DF", "hunter2!x9Q", "Bearer ", "ann@firma.de", "https://",
        "bob:geheim77@", "/Users/ann/x", "/home/bo", "C:\\Users\\cy\\y", "\\\\Users\\\\d", "-Users-ann-",
        "+49 151 23456789",
        "203.4.5.6", "93.184.216.34", "555-867-5309", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_9",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj", "[SECRET:github]",
        "[EMAIL:beef]", "~",
        "\\u0073", "\u202e", "é", "😀", "key-", "0123456789abcdef" * 2, "2a02:2e0:3fe:1001:302::", "1.2.3.4",
        "\x00", "%", "&",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=14).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
HOMES = (HomePrefix(user="ann", forms=(b"/Users/ann",), encoded=b"-Users-ann"),)


def shape(value: Any) -> Any:
    """Structure and everything that is no text; keys may be masked, their number may not change."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return [shape(one) for one in value]
    if isinstance(value, dict):
        return [shape(one) for one in value.values()]
    return value


def line_of(value: Any, *, ascii_only: bool) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def spelled(line: bytes, rng: random.Random) -> bytes:
    """The same JSON with some letters written as escapes."""
    out = bytearray()
    inside = False
    skip = 0
    for byte in line:
        char = chr(byte)
        plain = inside and not skip and (char.isalnum() or char in "-_@:=/") and byte < 128 and rng.random() < 0.4
        out += f"\\u{byte:04x}".encode() if plain else bytes([byte])
        if skip:
            skip += 3 if skip == 1 and char == "u" and out[-2:] == b"\\u" else -1
        elif char == "\\":
            skip = 1
        elif char == '"':
            inside = not inside
    return bytes(out)


@settings(max_examples=120, deadline=None)
@given(VALUES, st.booleans())
def test_a_masked_line_decodes_to_the_same_structure(value: Any, ascii_only: bool) -> None:
    line = line_of(value, ascii_only=ascii_only)
    assert shape(json.loads(MASKER.mask_block(line, HOMES))) == shape(json.loads(line))


@settings(max_examples=120, deadline=None)
@given(VALUES, st.booleans())
@example(value='password: "ann@firma.de"', ascii_only=True)
@example(value={"/home/boC:\\Users\\cy\\y": None}, ascii_only=False)
def test_masking_a_line_twice_is_masking_it_once(value: Any, ascii_only: bool) -> None:
    once = MASKER.mask_block(line_of(value, ascii_only=ascii_only), HOMES)
    assert MASKER.mask_block(once, HOMES) == once


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_masking_a_text_twice_is_masking_it_once(text: str) -> None:
    once = MASKER.mask_text(text)
    assert MASKER.mask_text(once) == once


@settings(max_examples=60, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_a_block_is_masked_as_its_lines_are(values: list[Any], rng: random.Random) -> None:
    lines = [spelled(line_of(value, ascii_only=True), rng) for value in values]
    masked = MASKER.mask_block(b"\n".join(lines) + b"\n", HOMES)
    assert masked == b"\n".join(MASKER.mask_json_line(line, HOMES[0]) for line in lines) + b"\n"


@settings(max_examples=60, deadline=None)
@given(VALUES, st.randoms(use_true_random=False))
def test_escapes_change_neither_structure_nor_what_is_found(value: Any, rng: random.Random) -> None:
    line = line_of(value, ascii_only=True)
    written = spelled(line, rng)
    assert json.loads(written) == json.loads(line)
    assert shape(json.loads(MASKER.mask_json_line(written))) == shape(json.loads(line))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_hostile_bytes_keep_their_line_breaks(data: bytes) -> None:
    assert MASKER.mask_block(data).count(b"\n") == data.count(b"\n")


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_findings_are_in_order_within_the_text(text: str) -> None:
    findings = find_secrets(text)
    assert all(0 <= f.start < f.end <= len(text) for f in findings)
    assert all(a.end <= b.start for a, b in itertools.pairwise(findings))


def test_lines_without_anything_to_mask_keep_every_byte() -> None:
    line = b'{"a": "\\u0041\\u003cb\\u003e caf\\u00e9 \\/x", "n": 1.50E+2,  "list":[ 1 ,2]}'
    assert MASKER.mask_block(line) == line


def test_a_secret_beside_a_clean_line_changes_only_its_own_line() -> None:
    secret, _ = sentence("github", random.Random(5))
    clean = b'{"b":"\\u003cx\\u003e"}'
    masked = MASKER.mask_block(clean + b"\n" + json.dumps({"a": secret}).encode() + b"\n" + clean)
    assert masked == clean + b'\n{"a": "[SECRET:github]"}\n' + clean


def test_a_key_over_several_lines_keeps_the_number_of_lines() -> None:
    _, text = sentence("private-key", random.Random(3))
    data = text.encode()
    assert MASKER.mask_block(data).count(b"\n") == data.count(b"\n")


def test_placeholders_are_stable_in_a_store_and_differ_between_stores() -> None:
    text = "mail ann@firma.de"
    assert MASKER.mask_text(text) == Masker(salt=SALT).mask_text(text.upper().replace("MAIL", "mail"))
    others = {Masker(salt=bytes([i] * 16)).mask_text(text) for i in range(8)}
    assert len(others) > 1


def test_all_kinds_in_one_line_are_masked() -> None:
    rng = random.Random(9)
    pairs = [sentence(kind, rng) for kind in KINDS]
    masked = MASKER.mask_json_line(json.dumps({"t": "\n".join(text for _, text in pairs)}).encode()).decode()
    assert not [secret for secret, _ in pairs if secret in masked]


def test_numbers_under_a_secret_name_stay_numbers() -> None:
    line = b'{"password":123456789012,"token":1234567890123,"secret":null,"api_key":["ab12cd34ef56gh78"]}'
    assert msgspec.json.decode(MASKER.mask_json_line(line))["password"] == 123456789012


def test_user_of_names_the_home_folder() -> None:
    cases = {
        "/Users/ann/work": "ann", "/home/bo": "bo", "C:\\Users\\cy\\x": "cy", "C:/Users/cy": "cy",
        "/c/Users/cy/x": "cy", "/mnt/c/Users/cy": "cy", "/root/x": "root", "/opt/x": "", "": "",
        "/Users/Shared/x": "", "/rooted": "",
    }  # fmt: skip
    assert {cwd: user_of(cwd) for cwd in cases} == cases


def homes_masked(text: str, cwd: str) -> str:
    line = json.dumps({"cwd": cwd, "t": text}).encode()
    return str(msgspec.json.decode(MASKER.mask_block(line, home_prefixes(line)))["t"])


def test_home_folders_of_all_writings_become_a_tilde() -> None:
    windows = "C:\\Users\\cy"
    assert homes_masked(f"open {windows}\\a.txt", windows) == "open ~\\a.txt"
    assert homes_masked(json.dumps({"p": f"{windows}\\a"}), windows) == '{"p": "~\\\\a"}'
    assert homes_masked("cd C:/Users/cy/a /c/Users/cy/a /mnt/c/Users/cy/a", windows) == "cd ~/a ~/a ~/a"
    assert homes_masked("ls /Users/ann", "/Users/ann/w") == "ls ~"
    assert homes_masked('"/Users/ann"', "/Users/ann/w") == '"~"'
    assert homes_masked("/Users/anna/x and /home/bo/x", "/Users/ann/w") == "~/x and ~/x"
    assert homes_masked("~/.claude/projects/-Users-ann-w-x/a", "/Users/ann/w") == "~/.claude/projects/~-w-x/a"
    assert homes_masked("/Users/Shared/x /home/linuxbrew/bin", "/Users/ann/w") == "/Users/Shared/x /home/linuxbrew/bin"


def test_root_is_a_home_only_where_the_run_lives_there() -> None:
    assert homes_masked("cat /root/x /srv/root/y", "/root/w") == "cat ~/x /srv/root/y"
    assert homes_masked("cat /root/x", "/srv/w") == "cat /root/x"


def test_versions_private_and_documentation_addresses_stay() -> None:
    text = (
        "v1.2.3.4 version 93.184.216.34 Chrome/120.0.6099.71 127.0.0.1 10.1.2.3 192.168.1.7 192.0.2.9 0.0.0.0 "
        "::1 2001:db8::1 12:30:45 git@github.com:a/b.git user@example.com @scope/pkg@1.2.3 img@2x.png 8.8.8.8 "
        "2026-07-22 10.4.0.1-rc1 555-0100 1.3.6.1.4.1.311 main.go:12:34"
    )
    assert MASKER.mask_text(text) == text


def test_personal_data_of_each_kind_is_masked() -> None:
    text = "ann@firma.de, +49 151 23456789, (212) 555-7788, from 93.184.216.34 and 2a02:2e0:3fe:1001:302:0:0:1"
    kinds = [finding.kind for finding in find_secrets(text)]
    assert kinds == ["email", "phone", "phone", "ip", "ip"]


def test_an_address_after_an_escape_keeps_the_escape() -> None:
    masked = msgspec.json.decode(MASKER.mask_json_line(b'{"t":"a\\nann@firma.de\\u003cbo@firma.de"}'))["t"]
    assert masked.startswith("a\n[EMAIL:")
    assert "<[EMAIL:" in masked


HOSTILE = [
    b"@", b"a@", b"\\", b"\\u0041", b".eyJ", b"eyJ", b"PRIVATE KEY", b"-----BEGIN PRIVATE KEY-----", b"-",
    b"--password", b'token="', b"://a:b@", b"/Users/", b"\\Users\\", b"+1", b"1.", b"2001:", b"sk-", b"key-0",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_repeated_pieces_of_rules_do_not_stall_the_scan(piece: bytes) -> None:
    sizes = (20_000, 80_000)
    took = []
    for size in sizes:
        data = piece * (size // len(piece))
        start = time.process_time()
        MASKER.mask_block(data)
        took.append(time.process_time() - start)
    assert took[1] < 1.0 or took[1] < took[0] * 8


def test_a_token_after_an_escaped_bracket_is_masked() -> None:
    secret, _ = sentence("github", random.Random(6))
    line = f'{{"t":"\\u003c{secret}\\u003e"}}'.encode()
    assert MASKER.mask_json_line(line) == b'{"t":"\\u003c[SECRET:github]\\u003e"}'
