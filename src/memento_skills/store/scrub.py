"""Replacing in records what is to be forgotten, and telling a forgotten secret when it comes again (pure).

A forgotten secret is not kept. What stays is a salted hash and its shape (classes of characters and their
numbers): text of that shape is hashed and compared, at a cost that only stores with such a tombstone pay.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec

from memento_skills.records import Citation, Record, Scope, Slice

FORGOTTEN = "[FORGOTTEN]"

_QUOTE_LENGTH = 12
"""A shorter quote is too common to be replaced wherever else it stands in a record."""

_PEOPLE = frozenset({"user", "users", "curator"})

_T = TypeVar("_T")


class Scrub(Record, frozen=True, kw_only=True):
    """What is to be replaced by FORGOTTEN (or, `exact`, by something else)."""

    literals: tuple[str, ...] = ()
    """Anywhere in a text."""
    exact: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Whole texts only: keys and ids, which may be short."""
    people: frozenset[str] = frozenset()
    """Names of users, in the fields that hold users."""
    runs: frozenset[str] = frozenset()
    """Keys of runs: what is quoted from them."""


def variants(literal: str) -> tuple[str, ...]:
    """A literal as it stands in text, and as it stands in JSON within text (once and twice), longest first."""
    found = {literal}
    for _ in range(2):
        found |= {json.dumps(text, ensure_ascii=ascii_)[1:-1] for text in found for ascii_ in (True, False)}
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


def clean(value: _T, scrub: Scrub) -> _T:
    """The value without what is to be forgotten; the same object where nothing was in it."""
    if scrub.runs and isinstance(value, Record):
        quotes = {c.quote for c in citations(value) if c.run in scrub.runs and len(c.quote) >= _QUOTE_LENGTH}
        longest = sorted(quotes - {FORGOTTEN}, key=lambda quote: (-len(quote), quote))
        scrub = msgspec.structs.replace(scrub, literals=(*scrub.literals, *longest))
    return cast("_T", _clean(value, scrub, ""))


def citations(value: object) -> Iterator[Citation]:
    """Every citation in a record."""
    if isinstance(value, Citation):
        yield value
    elif isinstance(value, Record):
        for name in value.__struct_fields__:
            yield from citations(getattr(value, name))
    elif isinstance(value, tuple):
        for part in value:
            yield from citations(part)


def _clean(value: object, scrub: Scrub, field: str) -> object:
    if isinstance(value, str):
        return _clean_text(value, scrub, field)
    if isinstance(value, Record):
        return _clean_record(value, scrub)
    if isinstance(value, tuple | list):
        parts = [_clean(part, scrub, field) for part in value]
        return value if all(new is old for new, old in zip(parts, value, strict=True)) else type(value)(parts)
    if isinstance(value, dict):
        pairs = {_clean(name, scrub, ""): _clean(part, scrub, "") for name, part in value.items()}
        same = len(pairs) == len(value) and all(name in value and pairs[name] is value[name] for name in pairs)
        return value if same else pairs
    return value


def _clean_text(text: str, scrub: Scrub, field: str) -> str:
    if field in _PEOPLE and text in scrub.people:
        return FORGOTTEN
    if text in scrub.exact:
        return scrub.exact[text]
    for literal in scrub.literals:
        if literal in text:
            text = text.replace(literal, FORGOTTEN)
    return text


def _clean_record(value: Record, scrub: Scrub) -> Record:
    if isinstance(value, Citation) and value.run in scrub.runs:
        return Citation(run=FORGOTTEN, step=value.step, quote=FORGOTTEN)
    changes: dict[str, Any] = {}
    closed = closed_fields(type(value))
    for name in value.__struct_fields__:
        if name in closed:
            continue
        old = getattr(value, name)
        new = _clean(old, scrub, _role(value, name))
        if new is not old:
            changes[name] = new
    return msgspec.structs.replace(value, **changes) if changes else value


def _role(value: Record, field: str) -> str:
    """A slice's or scope's name is a user where its kind says so."""
    kind = value.kind if isinstance(value, Slice) else value.level if isinstance(value, Scope) else ""
    return "user" if kind == "user" and field == "name" else field


@cache
def closed_fields(form: type[Record]) -> frozenset[str]:
    """Fields that hold a word of a closed set, which no literal may touch."""
    return frozenset(name for name, hint in get_type_hints(form).items() if _closed(hint))


def _closed(hint: object) -> bool:
    return get_origin(hint) is Literal or any(_closed(part) for part in get_args(hint))


# ------------------------------------------------------------------------------------------- coming again

_CLASSES = (
    (b"0123456789", rb"[0-9]"),
    (b"abcdefghijklmnopqrstuvwxyz", rb"[a-z]"),
    (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", rb"[A-Z]"),
    (bytes(range(0x80, 0x100)), rb"[\x80-\xff]"),
)
_OTHER = rb"[\x00-/:-@\[-`{-\x7f]"


def _class(byte: int) -> bytes:
    return next((form for members, form in _CLASSES if byte in members), _OTHER)


def shape(literal: str) -> str:
    """A pattern for text that has the literal's classes of characters in its order."""
    runs = ((form, len(list(group))) for form, group in groupby(literal.encode(), _class))
    return b"".join(form + b"{%d}" % length for form, length in runs).decode("ascii")


def fingerprint(salt: bytes, kind: str, text: str) -> str:
    """A salted hash: what a tombstone and the audit keep of a key, a user or a secret."""
    return _fingerprint(salt, kind, text.encode("utf-8", "surrogatepass"))


def _fingerprint(salt: bytes, kind: str, text: bytes) -> str:
    return hmac.new(salt, kind.encode() + b"\0" + text, hashlib.sha256).hexdigest()[:32]


class Watch:
    """Finds forgotten secrets in bytes: `shapes` maps a secret's fingerprint to its shape."""

    def __init__(self, salt: bytes, shapes: Mapping[str, str]) -> None:
        self._salt = salt
        self._hashes = frozenset(shapes)
        # looking ahead finds matches that overlap
        self._patterns = [re.compile(b"(?=(" + form.encode() + b"))") for form in sorted(set(shapes.values()))]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def find(self, data: bytes) -> frozenset[str]:
        """The forgotten secrets that stand in `data`."""
        found = {match[1] for pattern in self._patterns for match in pattern.finditer(data)}
        return frozenset(
            text.decode("utf-8", "replace")
            for text in found
            if _fingerprint(self._salt, "secret", text) in self._hashes
        )
