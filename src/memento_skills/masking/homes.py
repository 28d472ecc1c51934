"""Home folders: whose log it is, and `~` in place of the folder."""

from __future__ import annotations

import functools
import re

from memento_skills.records import Record

# Folders beside people's homes that belong to nobody.
_NOBODY = frozenset({"shared", "public", "default", "default user", "all users", "linuxbrew", "runner"})

_CWD_FIELD = b'"cwd":'
_CWD = re.compile(rb'"cwd": ?"((?:[^"\\]|\\.){1,1024})"')
# Separators are / or backslashes, doubled once for each level of JSON; a drive, /c or WSL's /mnt/c may come first.
_DRIVE = rb"(?:[A-Za-z]:(?=[\\/])|(?:/mnt)?/[a-z](?=/Users/))"
_NAME = rb"[^\s\"'`\\/:*?<>|(){}\[\],;$&=~%#!.\x00-\x1f][^\"'`\\/:*?<>|(){}\[\],;$&=~%#!\s\x00-\x1f]{0,63}"
_HOME = re.compile(
    rb"(?:%s?(?P<s>\\{0,8}/|\\{1,8})Users(?P=s)|(?P<u>\\{0,8}/)(?:var(?P=u))?home(?P=u))(?P<name>%s)" % (_DRIVE, _NAME)
)
_HOME_OF = re.compile(rb"(?:%s?[\\/]+Users[\\/]+|/home/)(?P<name>%s)" % (_DRIVE, _NAME))
_ROOT = re.compile(rb"/(?<![\w.~/-]/)root(?=[/\"'\\ ])")
_MARK = re.compile(rb"/(?:Users|home)[/\\]")
_WINDOWS = b"\\Users\\"


class HomePrefix(Record, frozen=True, kw_only=True):
    """One home folder, as the bytes in which a JSON log may write it, longest first."""

    user: str
    forms: tuple[bytes, ...]
    """Path forms without a separator at the end: plain, with doubled and with fourfold backslashes."""
    encoded: bytes = b""
    """The form in which Claude Code names a project's log folder: `-Users-NAME`."""


HomePrefixes = tuple[HomePrefix, ...]


def user_of(cwd: str) -> str:
    """Name of the home folder that the path lies in ("" outside of every home; "root" under /root)."""
    data = cwd.encode("utf-8", "surrogatepass")
    match = _HOME_OF.match(data)
    if match is not None:
        name = match["name"].decode("utf-8", "replace")
        return "" if name.lower() in _NOBODY else name
    return "root" if cwd == "/root" or cwd.startswith("/root/") else ""


def home_prefixes(block: bytes) -> HomePrefixes:
    """The home folders of the `cwd` fields of a block of JSON lines, each once.

    Looks at sixteen places of the block only: a block is of one log file, and its lines nearly always name one home.
    """
    found: dict[bytes, HomePrefix] = {}
    for place in range(0, len(block), max(1, len(block) // 16)):
        at = block.find(_CWD_FIELD, place)
        match = _CWD.match(block, at) if at >= 0 else None
        prefix = _prefix(match[1]) if match is not None else None
        if prefix is not None:
            found.setdefault(prefix.forms[-1], prefix)
    return tuple(found.values())


@functools.lru_cache(maxsize=1024)
def _prefix(raw: bytes) -> HomePrefix | None:
    """The home of one JSON-escaped working directory."""
    path = raw.replace(b"\\\\", b"\\").replace(b"\\/", b"/")
    user = user_of(path.decode("utf-8", "replace"))
    if not user:
        return None
    match = _HOME_OF.match(path)
    home = match[0] if match is not None else b"/root"
    if b"\\" in home:
        forms: tuple[bytes, ...] = tuple(home.replace(b"\\", b"\\" * n) for n in (4, 2, 1))
    else:
        forms = (home,)
    return HomePrefix(user=user, forms=forms, encoded=re.sub(rb"[^A-Za-z0-9]", b"-", home))


def replace_known(block: bytes, homes: HomePrefixes) -> bytes:
    """The run's own homes become `~`, the fast way; what stands at an odd boundary is left for `spans`."""
    for home in homes:
        if home.forms == (b"/root",):
            block = _ROOT.sub(b"~", block)
            continue
        for form in home.forms:
            separator = b"/" if b"/" in form else form[2 : 2 + _run(form)]
            block = block.replace(form + separator, b"~" + separator)
    return block


def spans(data: bytes, homes: HomePrefixes = ()) -> list[tuple[int, int]]:
    """Every home folder of anybody that is still written out, and the encoded form of the known ones."""
    marks = [m.start() for m in _MARK.finditer(data)]
    at = data.find(_WINDOWS)
    while at >= 0:
        marks.append(at)
        at = data.find(_WINDOWS, at + 1)
    found = []
    for mark in marks:
        match = _HOME.search(data, max(0, mark - 10), mark + 80)
        while match is not None and match.end() <= mark:
            match = _HOME.search(data, match.end(), mark + 80)
        if match is not None and match.start() <= mark and match["name"].lower().decode("latin-1") not in _NOBODY:
            found.append(match.span())
    for home in homes:
        if len(home.encoded) > 6 and home.encoded in data:
            found += [m.span() for m in re.finditer(re.escape(home.encoded) + rb"(?![A-Za-z0-9])", data)]
    return disjoint(found)


def disjoint(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The spans in order, without those that overlap an earlier one."""
    out: list[tuple[int, int]] = []
    for span in sorted(found):
        if not out or span[0] >= out[-1][1]:
            out.append(span)
    return out


def _run(form: bytes) -> int:
    """Number of backslashes in one separator of a Windows form."""
    return len(form) - 2 - len(form[2:].lstrip(b"\\"))
