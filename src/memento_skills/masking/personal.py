"""Personal data beside home folders: e-mail addresses, telephone numbers, network addresses.

Each function is called where the scan saw the mark of such a thing and says the span of it, or None where it is none.
"""

from __future__ import annotations

import ipaddress
import re

Span = tuple[int, int]

# Most at signs are decorators, scopes of packages (`"@scope/name"`) and versions; b"" is the begin of the data.
_NO_WORD_END = frozenset([bytes([c]) for c in b" \t\n\r\"'`(<>[{,;/\\=:"] + [b""])
_LOCAL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+'-"
_DOMAIN = re.compile(rb"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9_(-]|\.[A-Za-z0-9])")
_URL_LOGIN = re.compile(
    rb"[A-Za-z][A-Za-z0-9+.-]{1,20}:(?:\\{0,4}/){2}(?P<login>[^\s\"'`<>/@:\\{}$]*:(?P<word>[^\s\"'`<>/@\\]{2,}))$"
)

# Last labels that are file types, parts of code or reserved names, and so no address of a person.
_NO_DOMAIN = frozenset(
    b"png jpg jpeg gif svg webp ico pdf js mjs ts tsx jsx css html json md py rb go rs java sh yml yaml toml lock map"
    b" service socket target example invalid test localhost internal patch diff tgz gz zip whl next beta alpha rc"
    b" canary".split()
)  # fmt: skip
_DOCUMENTATION = (b"example.com", b"example.org", b"example.net", b"test.com")
_MACHINES = frozenset(
    {b"git", b"noreply", b"no-reply", b"donotreply", b"do-not-reply", b"hg", b"svn", b"actions", b"github-actions[bot]"}
)

_IPV4 = re.compile(rb"(?<![0-9A-Za-z_.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z_]|\.[0-9]|-[0-9A-Za-z])")
_IPV6 = re.compile(rb"(?<![0-9A-Za-z:.])[0-9A-Fa-f]{1,4}(?::{1,2}[0-9A-Fa-f]{1,4}){2,7}(?:::)?(?![0-9A-Za-z:.])")
_VERSION = re.compile(rb"(?:v|version|ver|release|build|[A-Za-z]/|==|@|~=|>=|<=|\^)[\"'\\: ]{0,5}$", re.IGNORECASE)
_ADDRESS_BEFORE = re.compile(
    rb"(?:ip|host|addr(?:ess)?|from|peer|client|server|://|to|ping|ssh)[\"'\\:=() ]{0,5}$", re.IGNORECASE
)
_PUBLIC_RESOLVERS = frozenset({"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9"})

_PHONE_PLUS = re.compile(
    rb"\+(?![0-9]{4}-[0-9]{2}-)[1-9][0-9]{0,2}(?:[ .-]?(?:\([0-9]{1,4}\)|[0-9]{1,5})){1,6}(?![0-9A-Za-z_])"
)
_PHONE_DASH = re.compile(
    rb"(?<![0-9A-Za-z_.+/-])(?:(?:001|1)[ .-])?(?:\([0-9]{2,4}\) ?|[0-9]{3}[-. ])[0-9]{3}-[0-9]{4}"
    rb"(?:x[0-9]{1,6})?(?![0-9A-Za-z_-])"
)


def at_sign(data: bytes, at: int) -> tuple[str, Span] | None:
    """The e-mail address or the login of a URL whose `@` stands at `at`."""
    if data[at - 1 : at] in _NO_WORD_END or data[at + 1 : at + 2] in _NO_WORD_END:
        return None
    before = data[max(0, at - 256) : at]
    base = at - len(before)
    login = _URL_LOGIN.search(before) if b":" in before and b"//" in before.replace(b"\\/", b"/") else None
    if login is not None:
        return "login", (base + login.start("login"), base + login.end("login"))
    start = base + len(before.rstrip(_LOCAL))
    domain = _DOMAIN.match(data, at + 1) if 0 < at - start <= 70 else None
    if domain is None:
        return None
    start = _after_escape(data, start)
    name, host = data[start:at].lower(), domain[0].lower()
    last = host.rpartition(b".")[2]
    if not name or name in _MACHINES or last in _NO_DOMAIN or host.endswith(_DOCUMENTATION):
        return None
    if data[domain.end() : domain.end() + 1] == b":" and data[domain.end() + 1 : domain.end() + 2].isalpha():
        return None
    return "email", (start, domain.end())


def _after_escape(data: bytes, start: int) -> int:
    """The word at `start` may begin with the letters of a JSON escape: where it begins without them."""
    back = start
    while back > 0 and data[back - 1] == 0x5C:
        back -= 1
    if start == back:
        return start
    letter = data[start : start + 1]
    if letter == b"u":
        return start + 5 if re.match(rb"u[0-9A-Fa-f]{4}", data[start : start + 5]) else start
    return start + 1 if letter in b"nrtbf" else start


def ipv4(data: bytes, at: int) -> Span | None:
    """The global IPv4 address around the dot at `at`; versions, private and documentation addresses are none."""
    match = _around(_IPV4, data, at, 16)
    if match is None:
        return None
    parts = match[0].split(b".")
    if any(int(p) > 255 or (len(p) > 1 and p[:1] == b"0") for p in parts):
        return None
    before = data[max(0, match.start() - 24) : match.start()]
    if _VERSION.search(before) is not None and not before.endswith(b"://"):
        return None
    small = int(parts[0]) < 32 and all(int(p) < 32 for p in parts[1:])
    if small and _ADDRESS_BEFORE.search(before) is None:
        return None
    address = ipaddress.ip_address(match[0].decode())
    if not address.is_global or address.is_multicast or str(address) in _PUBLIC_RESOLVERS:
        return None
    return match.span()


def ipv6(data: bytes, at: int) -> Span | None:
    """The global IPv6 address around the colon at `at`."""
    match = _around(_IPV6, data, at, 40)
    if match is None:
        return None
    try:
        address = ipaddress.ip_address(match[0].decode())
    except ValueError:  # a time, a list of line numbers: no address, which is the answer
        return None
    return match.span() if address.is_global and not address.is_multicast else None


def phone(data: bytes, at: int) -> Span | None:
    """The telephone number around the plus or the dash at `at`: with a country code, or of North American form."""
    if data[at] == 0x2B:
        if data[at - 1 : at].isalnum() and not _escaped(data, at):
            return None
        match = _PHONE_PLUS.match(data, at)
        if match is None or not 8 <= sum(48 <= c <= 57 for c in match[0].partition(b"x")[0]) <= 15:
            return None
        plain = match[0][1:].isdigit()
        return None if plain and (_escaped(data, at) or len(match[0]) < 11) else match.span()
    match = _around(_PHONE_DASH, data, at, 20)
    if match is None or re.search(rb"555[-. ]01[0-9]{2}", match[0]):
        return None
    return match.span()


def _escaped(data: bytes, at: int) -> bool:
    """Does the letter of a line break's escape stand before `at`? (The plus is then a diff's.)"""
    return data[at - 2 : at] in (b"\\n", b"\\r", b"\\t")


def _around(pattern: re.Pattern[bytes], data: bytes, at: int, reach: int) -> re.Match[bytes] | None:
    begin = max(0, at - reach)
    while (match := pattern.search(data, begin, at + 64)) is not None:
        if match.start() <= at < match.end():
            return match
        if match.start() > at:
            return None
        begin = match.end()
    return None
