"""Where a rule goes in a document, and how it is written there: the section, the list, the marks in use."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from markdown_it.token import Token

from memento_skills.skilldoc.document import Section, SkillDoc, blocks

_ITEM = re.compile(r"(?P<indent>[ \t]*)(?P<mark>[-*+]|\d{1,9}[.)])(?P<gap>[ \t]*)(?P<box>\[[ xX]\][ \t]+)?")
_NUMBERING = re.compile(r"^(?:\d+[.)]?)+\s+")
_LISTS = ("bullet_list_open", "ordered_list_open")


class Place(NamedTuple):
    """An insertion: the text goes in before line index `line`, after what stands there."""

    line: int
    heading: str
    """Line of the heading to be made, "" where the section exists."""
    prefix: str
    """What begins the item: indent, mark, gap, box."""
    blank_before: bool
    blank_after: bool


class _List(NamedTuple):
    lines: list[tuple[int, int]]
    """First line and end of each item, trailing blank lines cut."""
    lead: str
    """The paragraph right above, "" where there is none."""


def find(doc: SkillDoc, heading: str) -> Place:
    """The place of a rule under that heading: in the section of that name, else in one alike, else in a new one."""
    lines = doc.lines
    tokens = [t for t in blocks(lines, doc.body_line - 1) if t.map is not None]
    wanted = _plain(heading)
    own = [s for s in doc.sections if _plain(s.heading) == wanted]
    if own:
        section = min(own, key=lambda s: s.level)
        return _in_section(doc, lines, tokens, section)
    for section in _alike(doc):
        lists = _lists(lines, _own_blocks(doc, tokens, section), doc.body_line - 1)
        if lists and not _is_about_something(lists):
            return _after_item(lines, lists[-1])
    return new_section(doc, lines, heading)


def new_section(doc: SkillDoc, lines: list[str], heading: str) -> Place:
    """A section of its own at the end of the document, at the level of the document's others."""
    end = _content_end(lines, len(lines))
    return Place(end, f"{'#' * _level(doc)} {heading}", _commonest_prefix(lines, doc), True, False)


def _alike(doc: SkillDoc) -> list[Section]:
    """Sections of a fitting heading, best fit first; those deep inside another topic belong to that topic."""
    ranks = {heading: rank for rank, heading in enumerate(_headings()[0])}
    top = max(2, _level(doc))
    fitting = [s for s in doc.sections if s.level <= top and _plain(s.heading) in ranks]
    return sorted(fitting, key=lambda s: (ranks[_plain(s.heading)], s.start))


@lru_cache(maxsize=1)
def _headings() -> tuple[tuple[str, ...], tuple[str, ...]]:
    table = tomllib.loads(files(__package__).joinpath("headings.toml").read_text(encoding="utf-8"))
    return tuple(table["alike"]), tuple(table["endings"])


def _plain(heading: str) -> str:
    """A heading as it is compared: lower case, letters and spaces only at both ends, no numbering."""
    text = unicodedata.normalize("NFKC", heading).casefold().strip(" \t#*_`")
    text = "".join(c for c in text if unicodedata.category(c) not in {"So", "Sk", "Mn", "Cf"}).strip()
    text = _NUMBERING.sub("", text).strip(" *_:：.!")
    for ending in _headings()[1]:
        text = text.removesuffix(ending)
    return text


def _level(doc: SkillDoc) -> int:
    """Level of the document's main sections: 1 where several headings have it (no title), else the next in use."""
    levels = Counter(s.level for s in doc.sections)
    if levels[1] > 1:
        return 1
    return min((level for level in levels if level > 1), default=2)


def _own_blocks(doc: SkillDoc, tokens: list[Token], section: Section) -> list[Token]:
    """The blocks of a section before its first subsection, its heading included."""
    first = section.start - doc.body_line
    end = next((s.start for s in doc.sections if s.start > section.start), section.end) - doc.body_line
    return [t for t in tokens if t.map is not None and first <= t.map[0] < end]


def _lists(lines: list[str], tokens: list[Token], offset: int) -> list[_List]:
    """The lists that stand directly in the section (not in a quotation, not in another list)."""
    found: list[_List] = []
    lead = ""
    for i, token in enumerate(tokens):
        if token.level == 0 and token.type in _LISTS:
            found.append(_List([], lead))
        elif token.level == 1 and token.type == "list_item_open" and found and token.map is not None:
            start, end = (offset + n for n in token.map)
            found[-1].lines.append((start, _content_end(lines, end)))
        elif token.level == 0:
            lead = tokens[i + 1].content if token.type == "paragraph_open" else ""
    return found


def _is_about_something(lists: list[_List]) -> bool:
    """Whether the last of several lists belongs to a sentence above it: a rule added there would be taken for that."""
    lead = lists[-1].lead.rstrip()
    return len(lists) > 1 and lead.endswith((":", "：", "**", "__"))


def _in_section(doc: SkillDoc, lines: list[str], tokens: list[Token], section: Section) -> Place:
    own = _own_blocks(doc, tokens, section)
    offset = doc.body_line - 1
    lists = _lists(lines, own, offset)
    if lists:
        return _after_item(lines, lists[-1])
    # A closing rule (`---`) divides sections: what is added stands before it.
    while own and own[-1].type == "hr":
        own.pop()
    end = _content_end(lines, max(offset + t.map[1] for t in own if t.map is not None))
    return Place(end, "", _commonest_prefix(lines, doc), True, end < len(lines) and bool(lines[end].strip()))


def _after_item(lines: list[str], found: _List) -> Place:
    """After the last item, as the items before it are written."""
    start, end = found.lines[-1]
    match = _ITEM.match(lines[start])
    assert match is not None, "Markdown begins an item with its mark"
    loose = len(found.lines) > 1 and found.lines[-2][1] < start
    prefix = (
        match["indent"]
        + _next_mark(match["mark"], lines, found)
        + (match["gap"] or " ")
        + ("[ ] " if match["box"] else "")
    )
    next_line = lines[end] if end < len(lines) else ""
    paragraph_follows = bool(next_line.strip()) and _could_continue(next_line)
    return Place(end, "", prefix, loose, paragraph_follows)


def _next_mark(mark: str, lines: list[str], found: _List) -> str:
    if not mark[:-1]:
        return mark
    if len(found.lines) > 1:
        before = _ITEM.match(lines[found.lines[-2][0]])
        if before is not None and before["mark"] == mark:
            return mark
    return f"{int(mark[:-1]) + 1}{mark[-1]}"


def _could_continue(line: str) -> bool:
    """Whether a line right below an item would be taken for the item's own text."""
    return not re.match(
        r"[ \t]{0,3}(?:#{1,6}(?:[ \t]|$)|```|~~~|>|[-*+][ \t]|\d+[.)][ \t]|[-*_][ \t]*[-*_][ \t]*[-*_])", line
    )


def _content_end(lines: list[str], end: int) -> int:
    """Index after the last line that is not blank, before `end`."""
    while end > 0 and not lines[end - 1].strip():
        end -= 1
    return end


def _commonest_prefix(lines: list[str], doc: SkillDoc) -> str:
    """The list mark that the document uses most at the margin; `- ` where it has no list."""
    marks = Counter(line[:2] for line in lines[doc.body_line - 1 :] if line[:2] in {"- ", "* ", "+ "})
    return max(("- ", "* ", "+ "), key=lambda mark: marks[mark])
