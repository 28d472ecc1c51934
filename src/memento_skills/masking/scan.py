"""The scan: where in a piece of bytes stands something to mask. The hot path.

One expression for each anchor byte (see `masking_rules.toml`) reads the data once at memory speed; only where the
context of an anchor fits is a handler called, and only it decides.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

from memento_skills.masking import personal, rules

Handler = Callable[[bytes, int], "Spot | None"]


class Spot(NamedTuple):
    """Bytes `start` up to `end` are a `kind` (email, phone, ip, or the kind of a secret)."""

    start: int
    end: int
    kind: str


PERSONAL = frozenset({"email", "phone", "ip"})

# The sign of an assignment with the last letters before it of a name that some rule knows, perhaps in quotes.
_NAMES = "word|sswd|cret|oken|[iseEra_. -]key|[iseEra_]Key|ials|pass"
_NAMES += "|WORD|SSWD|CRET|OKEN|[ISEA_]KEY|IALS"
_FILLED = r"""(?=[ \\"'`]{0,7}[^\s"'\\=]{2})"""
_EQUALS = (
    rf"""(?:(?<=(?:{_NAMES})=)|(?<=(?:{_NAMES})["'\] :]=)|(?<=(?:{_NAMES}) :=)|(?<=[pP][wW][dD]=)|(?<=PASS=))"""
    rf"""{_FILLED}"""
)
_COLON = rf"""(?:(?<=(?:{_NAMES}):)|(?<=[pP][wW][dD]:)){_FILLED}"""
# After a quote, an expression of its own: JSON's keys end in `":` twenty times a line.
_QUOTED_GATE = r"""(?<=[rewdtnyREWDTNY\\][dtnyDTNY\\]["']:)(?<![dtny][dtny]["']:)"""
_QUOTED = (
    rf"""(?:(?<=(?:{_NAMES})["']:)|(?<=(?:{_NAMES})\\["']:)|(?<=(?:{_NAMES})\\\\\\["']:)"""
    rf"""|(?<=[pP][wW][dD]["']:)|(?<=[pP][wW][dD]\\["']:)){_FILLED}"""
)
_RIGHT = re.compile(
    rb"[=:] {0,2}(?:(?P<quote>\\{0,8}[\"'`])(?P<value>(?:[^\"\\\n]|\\[^\n]){4,256}?)(?<!\\)(?P=quote)"
    rb"|(?P<bare>[^\s\"'`\\,;&)}\]]{6,512}))"
)
_IPV4 = r"(?<=[0-9]\.)(?=[0-9]{1,3}\.[0-9]{1,3}\.[0-9])"
_IPV6 = r"(?<=[23][0-9A-Fa-f]{3}:)(?=[0-9A-Fa-f:]{2})"
_DASHED = r"(?<=[0-9]{3}-)(?=[0-9]{4}(?:x[0-9]{1,6})?(?![0-9A-Za-z_-]))"

# A block of key material: the header alone is documentation. Log views number lines (`12→`) and escape breaks.
_BREAK = rb"(?:\s|\\+[nrt]|\\+u2192|\xe2\x86\x92|>|\|)"
_KEY_BLOCK = re.compile(
    rb"-{3,5}BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-{3,5}"
    rb"(?P<body>(?:[A-Za-z0-9+/=]|%s|[A-Z][A-Za-z-]{2,20}: [^\\\"\n]{0,80}){0,20000})"
    rb"(?:-{3,5}END [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-{3,5})?" % _BREAK
)
_MATERIAL = re.compile(rb"[A-Za-z0-9+/]{24,}")


class Scanner:
    """Finds what to mask in bytes: the rules of the file, personal data, key blocks and the caller's literals."""

    def __init__(self, table: rules.Rules, literals: tuple[bytes, ...] = ()) -> None:
        self._table = table
        self._literals = tuple(sorted((one for one in literals if one), key=len, reverse=True))
        self._anchored = self._compile()
        self._prefixed = [
            (anchor.encode(), tuple(self._of_rule(rule) for rule in found))
            for anchor, found in table.by_anchor.items()
            if len(anchor) > 1
        ]

    def spots(self, data: bytes) -> list[Spot]:
        """Everything to mask in `data`, in order, without overlaps (the earlier, then the longer one stays)."""
        found: list[Spot] = []
        for pattern, handlers in self._anchored:
            for match in pattern.finditer(data):
                spot = handlers[(match.lastindex or 1) - 1](data, match.start())
                if spot is not None:
                    found.append(spot)
        for prefix, handlers in self._prefixed:
            self._each(data, prefix, handlers[0], found)
        self._each(data, b"@", _at_sign, found)
        self._each(data, b"PRIVATE KEY", _key_block, found)
        for literal in self._literals:
            size = len(literal)
            self._each(data, literal, lambda _, at, size=size: Spot(at, at + size, "literal"), found)  # type: ignore[misc]
        return _disjoint(found) if found else found

    @staticmethod
    def _each(data: bytes, mark: bytes, handler: Handler, found: list[Spot]) -> None:
        at = data.find(mark)
        while at >= 0:
            spot = handler(data, at)
            if spot is not None:
                found.append(spot)
            at = data.find(mark, max(at + 1, spot.end if spot is not None else 0))

    def _compile(self) -> list[tuple[rules.Pattern, tuple[Handler, ...]]]:
        gates = self._table.gates
        parts: dict[tuple[str, str], list[tuple[str, Handler]]] = {
            (anchor, gates.get(anchor, "")): [(rule.context, self._of_rule(rule)) for rule in found]
            for anchor, found in self._table.by_anchor.items()
            if len(anchor) == 1
        }
        for anchor, gate, context, handler in (
            ("=", gates["="], _EQUALS, self._assignment),
            (":", gates[":"], _COLON, self._assignment),
            (":", _QUOTED_GATE, _QUOTED, self._assignment),
            (":", gates[":"], _IPV6, _personal("ip", personal.ipv6)),
            (".", gates["."], _IPV4, _personal("ip", personal.ipv4)),
            ("-", gates["-"], _DASHED, _personal("phone", personal.phone)),
            ("+", "", "(?=[1-9])", _personal("phone", personal.phone)),
        ):
            parts.setdefault((anchor, gate), []).append((context, handler))
        return [
            (
                re.compile(f"{re.escape(anchor)}{gate}(?={'|'.join(f'{context}()' for context, _ in found)})".encode()),
                tuple(handler for _, handler in found),
            )
            for (anchor, gate), found in parts.items()
        ]

    def _of_rule(self, rule: rules.Rule) -> Handler:
        def handle(data: bytes, at: int) -> Spot | None:
            span = rule.find(data, at, self._table.harmless)
            return Spot(*span, rule.kind) if span is not None else None

        return handle

    def _assignment(self, data: bytes, at: int) -> Spot | None:
        """A secret by the name before the sign at `at`."""
        before = data[max(0, at - 64) : at]
        named = [rule for rule in self._table.assignments if rule.left.search(before)]
        match = _RIGHT.match(data, at) if named else None
        if match is None:
            return None
        quoted = match["value"] is not None
        key_of_line = before.endswith(b'"') and not before.endswith(b'\\"')
        if key_of_line and match["quote"] != b'"':
            return None
        group = "value" if quoted else "bare"
        start, end = match.span(group)
        value = match[group]
        if self._table.harmless.filler(value):
            return None
        kind = next((rule.kind for rule in named if rule.accepts(value, quoted=quoted)), "")
        return Spot(start, end, kind) if kind else None


def _personal(kind: str, find: Callable[[bytes, int], personal.Span | None]) -> Handler:
    def handle(data: bytes, at: int) -> Spot | None:
        span = find(data, at)
        return Spot(*span, kind) if span is not None else None

    return handle


def _at_sign(data: bytes, at: int) -> Spot | None:
    found = personal.at_sign(data, at)
    if found is None:
        return None
    kind, (start, end) = found
    if kind == "login":
        word = data[start:end].partition(b":")[2]
        return None if rules.load().harmless.filler(word) else Spot(start, end, "basic-auth")
    return Spot(start, end, kind)


def _key_block(data: bytes, at: int) -> Spot | None:
    begin = data.rfind(b"BEGIN ", max(0, at - 31), at)
    dashes = data[max(0, begin - 5) : max(0, begin)].rpartition(b" ")[2]
    match = _KEY_BLOCK.match(data, begin - len(dashes) + len(dashes.rstrip(b"-"))) if begin >= 0 else None
    if match is None or _MATERIAL.search(match["body"]) is None:
        return None
    return Spot(match.start(), match.end(), "private-key")


def _disjoint(found: list[Spot]) -> list[Spot]:
    """In order; of spots that overlap one remains, over the bytes of all of them."""
    found.sort(key=lambda s: (s.start, -s.end))
    out = [found[0]]
    for spot in found[1:]:
        last = out[-1]
        if spot.start >= last.end:
            out.append(spot)
        elif spot.end > last.end:
            secret = last if last.kind not in PERSONAL else spot
            out[-1] = Spot(last.start, spot.end, secret.kind)
    return out


@functools.cache
def default() -> Scanner:
    """A scanner with the rules of this version and no literals."""
    return Scanner(rules.load())
