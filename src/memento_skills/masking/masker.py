"""Masks secrets and personal data in logs, before anything is stored."""

from __future__ import annotations

import bisect
import hashlib
import re

from memento_skills.masking import homes as home_folders
from memento_skills.masking import rules, scan
from memento_skills.masking.finding import Finding
from memento_skills.masking.homes import HomePrefix, HomePrefixes

# JSON may write any ASCII character as an escape. Backslashes before it tell on which level of nesting.
_ESCAPED_ASCII = re.compile(rb"(?<!\\)(\\+)u00([2-7][0-9a-fA-F])")
_ESCAPE_HEAD = b"\\u00"
_PRINTABLE_ROWS = (b"2", b"3", b"4", b"5", b"6", b"7")
# Go and others always escape < and >, which are part of no secret; the rules know these two escapes as edges.
_BRACKETS = (b"3c", b"3e")
_ROUNDS = 4

Edit = tuple[int, int, bytes]


class Masker:
    """Makes secrets and personal data harmless; the same input gives the same output within a store.

    `salt` is the store's: the four hexadecimal digits of `[EMAIL:3f2a]` are a keyed hash of the address, so the same
    person can be followed within a store and not across stores. `extra_literals` are secrets that the rules missed
    (`forget --secret`), masked verbatim.

    Masked: the kinds of `masking_rules.toml`, private keys, logins in URLs, e-mail addresses, telephone numbers with
    a country code or of North American form, global IP addresses; home folders become `~`.
    Not masked: names of people, a login name outside of a path (owner columns of `ls -l`, branch names such as
    `name/topic`), addresses of machines such as `git@host`, documentation and private IP addresses, values that a
    person or tool has already replaced by a filler.
    """

    def __init__(self, *, salt: bytes, extra_literals: tuple[str, ...] = ()) -> None:
        self._key = hashlib.blake2b(salt, digest_size=32).digest()
        literals = {one.encode("utf-8", "surrogatepass") for one in extra_literals}
        literals |= {_json_form(one) for one in extra_literals}
        self._scanner = scan.Scanner(rules.load(), tuple(literals)) if literals else scan.default()

    def mask_block(self, block: bytes, homes: HomePrefixes = ()) -> bytes:
        """Mask a block of whole JSON lines (any number, about 1 MiB is quickest).

        Every line that was JSON is JSON of the same structure afterwards, line breaks stay where they are, and the
        bytes of a line with nothing to mask are unchanged. `homes` (from `home_prefixes`) only makes it faster, except
        for /root and for the folder names of Claude Code, which are masked only where they are the run's own.
        """
        block = home_folders.replace_known(block, homes)
        hidden = [(start, end, self._unescaped(block[start:end])) for start, end in _lines_with_escapes(block)]
        if hidden:
            block = _applied(block, 0, len(block), hidden)
        return self._masked(block, homes)

    def mask_json_line(self, line: bytes, home: HomePrefix | None = None) -> bytes:
        """Mask one JSON line: `mask_block` of that line."""
        return self.mask_block(line, (home,) if home is not None else ())

    def mask_text(self, text: str) -> str:
        """Mask plain text; a private key is masked as one, over its line breaks."""
        data = text.encode("utf-8", "surrogatepass")
        return self._masked(data, (), across_lines=True).decode("utf-8", "surrogatepass")

    def _masked(self, data: bytes, homes: HomePrefixes, *, across_lines: bool = False) -> bytes:
        """One pass over the data, then the lines that it changed until they rest.

        A placeholder can bring a word and a value together, so one pass alone would not be idempotent.
        """
        for _ in range(_ROUNDS):
            folders = [(start, end, b"~") for start, end in home_folders.spans(data, homes)]
            if not folders:
                break
            data = _applied(data, 0, len(data), folders)
        edits = self._edits(data, across_lines=across_lines)
        if not edits:
            return data
        out: list[bytes] = []
        last = 0
        for start, end in [(0, len(data))] if across_lines else _lines(data, edits):
            line = self._rest(_applied(data, start, end, edits), homes, across_lines=across_lines)
            out += (data[last:start], line)
            last = end
        out.append(data[last:])
        return b"".join(out)

    def _rest(self, line: bytes, homes: HomePrefixes, *, across_lines: bool) -> bytes:
        """The line, masked again until nothing is found in it."""
        for _ in range(_ROUNDS):
            folders = [(start, end, b"~") for start, end in home_folders.spans(line, homes)]
            edits = folders or self._edits(line, across_lines=across_lines)
            if not edits:
                break
            line = _applied(line, 0, len(line), edits)
        return line

    def _edits(self, data: bytes, *, across_lines: bool) -> list[Edit]:
        """The secrets and personal data to replace, in order, without overlaps."""
        return [
            (s.start, s.end, self._placeholder(s, data[s.start : s.end], across_lines))
            for s in self._scanner.spots(data)
        ]

    def _placeholder(self, spot: scan.Spot, value: bytes, across_lines: bool) -> bytes:
        if spot.kind in scan.PERSONAL:
            tag = hashlib.blake2b(spot.kind.encode() + b"\0" + value.lower(), key=self._key, digest_size=2).hexdigest()
            return f"[{spot.kind.upper()}:{tag}]".encode()
        mark = f"[SECRET:{spot.kind}]".encode()
        if across_lines or b"\n" not in value:
            return mark
        return b"\n".join(mark if piece.strip() else piece for piece in value.split(b"\n"))

    def _unescaped(self, line: bytes) -> bytes:
        """The line itself, or, where something to mask hides behind escapes of ASCII characters, without them."""
        plain = line
        for _ in range(_ROUNDS):
            changed = _ESCAPED_ASCII.sub(_plain_character, plain)
            if changed == plain:
                break
            plain = changed
        if plain == line:
            return line
        return plain if home_folders.spans(plain) or self._edits(plain, across_lines=False) else line


def _lines(data: bytes, edits: list[Edit]) -> list[tuple[int, int]]:
    """The lines that hold the edits, each once, in order; an edit over a line break joins its lines."""
    out: list[tuple[int, int]] = []
    for start, end, _ in edits:
        if out and start < out[-1][1]:
            if end <= out[-1][1]:
                continue
            begin = out.pop()[0]
        else:
            begin = data.rfind(b"\n", 0, start) + 1
        stop = data.find(b"\n", end)
        out.append((begin, len(data) if stop < 0 else stop))
    return out


def _applied(data: bytes, start: int, end: int, edits: list[Edit]) -> bytes:
    """`data[start:end]` with the edits in it made."""
    out: list[bytes] = []
    for begin, stop, new in edits[bisect.bisect_left(edits, (start,)) :]:
        if begin >= end:
            break
        out += (data[start:begin], new)
        start = stop
    out.append(data[start:end])
    return b"".join(out)


def _lines_with_escapes(block: bytes) -> list[tuple[int, int]]:
    """Lines that write a printable ASCII character as an escape."""
    found: list[tuple[int, int]] = []
    at = block.find(_ESCAPE_HEAD)
    while at >= 0:
        if block[at + 4 : at + 5] in _PRINTABLE_ROWS and block[at + 4 : at + 6].lower() not in _BRACKETS:
            stop = block.find(b"\n", at)
            end = len(block) if stop < 0 else stop
            found.append((block.rfind(b"\n", 0, at) + 1, end))
            at = end
        at = block.find(_ESCAPE_HEAD, at + 1)
    return found


def _plain_character(match: re.Match[bytes]) -> bytes:
    """The character instead of its escape, on whatever level; quotes and backslashes keep theirs."""
    char = bytes([int(match[2], 16)])
    if char in (b'"', b"\\", b"\x7f"):
        return match[0]
    slashes = len(match[1])
    return match[1][: slashes - (slashes & -slashes)] + char


def _json_form(literal: str) -> bytes:
    import msgspec

    return msgspec.json.encode(literal.encode("utf-8", "replace").decode("utf-8"))[1:-1]


def find_secrets(text: str) -> list[Finding]:
    """Where secrets and personal data stand in a text: kind and place in characters, never the value."""
    data = text.encode("utf-8", "surrogatepass")
    spots = scan.default().spots(data)
    if len(data) == len(text):
        return [Finding(kind=s.kind, start=s.start, end=s.end) for s in spots]
    places = [len(data[:at].decode("utf-8", "surrogatepass")) for s in spots for at in (s.start, s.end)]
    return [Finding(kind=s.kind, start=places[2 * i], end=places[2 * i + 1]) for i, s in enumerate(spots)]
