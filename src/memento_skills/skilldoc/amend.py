"""Adding to a SKILL.md and taking out again: whole lines go in, every other byte stays.

After each insertion the result is read again: unless the rule then stands as one list item of its own and the rest
of the document reads as before, the insertion is refused (`BadInput`) rather than made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memento_skills.errors import BadInput
from memento_skills.skilldoc.document import BOM, SkillDoc, blocks, parse
from memento_skills.skilldoc.frontmatter import split_lines
from memento_skills.skilldoc.place import Place, find, new_section

HEADING = "Known pitfalls"
_BREAKS = re.compile(r"[ \t]*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+[ \t]*")
_BOX = re.compile(r"^\[[ xX]\][ \t]+")


def amend(doc: SkillDoc, rule: str, *, heading: str = HEADING) -> str:
    """The document's text with the rule added as one list item under that heading.

    The section of that heading is used, else one alike (Pitfalls, Gotchas, Troubleshooting, …), else one is made at
    the end. List mark, blank lines and line ending follow what is in use there. A rule that already stands in the
    document is not added again. Line breaks in the rule become spaces: it is one paragraph.

    Raises BadInput where the document cannot be rewritten safely or the rule cannot stand as one list item.
    """
    item = _one_line(rule)
    _require_writable(doc)
    if has_rule(doc, item):
        return doc.text
    place = find(doc, _one_line(heading))
    after = _insert(doc, place, place.prefix + item)
    _require_same_reading(doc, after, place, item)
    return after


def append_section(doc: SkillDoc, heading: str, content: str) -> str:
    """The document's text with a section added at its end: that heading, a blank line, the content.

    Raises BadInput where the document cannot be rewritten safely (unclosed code fence at its end, unreadable).
    """
    _require_writable(doc)
    place = new_section(doc, doc.lines, _one_line(heading))
    body = re.sub(r"\r\n|\r|\n", doc.newline, content.strip("\r\n"))
    if not body.strip():
        raise BadInput("a section without content", hint="give its text")
    after = _insert(doc, place, body)
    _require_same_reading(doc, after, place, None)
    return after


def remove_rule(text: str, rule: str, *, heading: str = HEADING) -> str:
    """The text without that rule: the reverse of `amend`, with the section of that heading where it held nothing else.

    Where it can be told, the result is the text that `amend` had started from, byte for byte.
    Raises BadInput where the rule is not in the document.
    """
    item = _one_line(rule)
    doc = parse(text)
    found = next((span for span, content in _items(doc) if content == item), None)
    if found is None:
        raise BadInput("the rule is not a list item of this document", hint="look for it in the text")
    lines = split_lines(text)
    candidates = list(_cuts(doc, lines, found, heading))
    for candidate in candidates:
        base = parse(candidate)
        if base.unreadable is None and not has_rule(base, item) and _amended(base, item, heading) == text:
            return candidate
    return candidates[-1]


def has_rule(doc: SkillDoc, rule: str) -> bool:
    """Whether the rule already stands in the document as a list item or a paragraph; spacing does not count."""
    item = " ".join(rule.split())
    tokens = blocks(doc.lines, doc.body_line - 1)
    return any(t.type == "inline" and _BOX.sub("", " ".join(t.content.split())) == item for t in tokens)


def inserted(before: str, after: str) -> tuple[str, ...] | None:
    """The lines that `after` has more than `before`, without line endings; None where it is not `before` with whole
    lines added: something was changed, moved, taken out, or the file's end has or lost its line ending."""
    old, new = split_lines(before), split_lines(after)
    if bool(old) and bool(new) and _ends_open(old) != _ends_open(new):
        return None
    added: list[str] = []
    position = 0
    for line in new:
        if position < len(old) and _same(old, position, line):
            position += 1
        else:
            added.append(line.rstrip("\r\n"))
    return tuple(added) if position == len(old) else None


def _same(old: list[str], position: int, line: str) -> bool:
    """The last line of a file that ends without a line break gets one when something follows it."""
    if position == len(old) - 1 and _ends_open(old):
        return line.rstrip("\r\n") == old[position]
    return line == old[position]


def _ends_open(lines: list[str]) -> bool:
    return not lines[-1].endswith(("\r", "\n"))


def _one_line(text: str) -> str:
    line = _BREAKS.sub(" ", text).strip()
    if not line:
        raise BadInput("an empty rule or heading", hint="give one paragraph of text")
    return line


def _require_writable(doc: SkillDoc) -> None:
    problem = doc.unreadable
    if problem is not None:
        raise BadInput(f"this SKILL.md cannot be amended: {problem.message}", where=f"line {problem.line}")


def _insert(doc: SkillDoc, place: Place, content: str) -> str:
    lines = doc.lines
    newline = _newline_at(doc, lines, place.line)
    parts = [""] if place.blank_before else []
    parts += [place.heading, ""] if place.heading else []
    parts.append(content)
    parts += [""] if place.blank_after else []
    head, tail = "".join(lines[: place.line]), "".join(lines[place.line :])
    block = newline.join(parts)
    # A file that ends without a line break goes on doing so.
    open_end = bool(head) and not head.endswith(("\r", "\n"))
    block = newline + block if open_end else block + newline
    return (BOM if doc.bom else "") + head + block + tail


def _newline_at(doc: SkillDoc, lines: list[str], line: int) -> str:
    """The ending of the line above: in a file of mixed endings the neighbours decide."""
    if line > 0:
        above = lines[line - 1]
        return above[len(above.rstrip("\r\n")) :] or doc.newline
    return doc.newline


def _require_same_reading(doc: SkillDoc, after: str, place: Place, item: str | None) -> None:
    """The law of this module, checked on each result: as many sections as expected, the old ones as they were."""
    result = parse(after)
    old = [(s.level, s.heading) for s in doc.sections]
    new = [(s.level, s.heading) for s in result.sections]
    kept = new[: len(old)] == old and len(new) > len(old) if place.heading else new == old
    stands = item is None or any(content == item for _, content in _items(result))
    if not (kept and stands and inserted(doc.text, after) is not None):
        hint = "look for an unclosed code fence or comment in it, or reword the rule"
        raise BadInput("the addition would not stand by itself in this document", where=f"line {place.line}", hint=hint)


def _items(doc: SkillDoc) -> Iterator[tuple[tuple[int, int], str]]:
    """Line span (from 0, end excluded) and text of each list item that is one paragraph, outside other lists."""
    tokens = blocks(doc.lines, doc.body_line - 1)
    for i, token in enumerate(tokens):
        if token.type == "list_item_open" and token.level == 1 and token.map is not None:
            paragraph = tokens[i + 1 : i + 5]
            kinds = [t.type for t in paragraph]
            if kinds == ["paragraph_open", "inline", "paragraph_close", "list_item_close"]:
                start, end = (doc.body_line - 1 + n for n in paragraph[0].map or (0, 0))
                yield (start, end), _BOX.sub("", paragraph[1].content)


def _cuts(doc: SkillDoc, lines: list[str], span: tuple[int, int], heading: str) -> Iterator[str]:
    """Texts without those lines: first with the heading above where nothing else is under it, then with the blank
    lines around that `amend` may have put there, last the lines alone."""
    start, end = span
    section = next((s for s in reversed(doc.sections) if s.start <= start), None)
    above = _blank_above(lines, start)
    below = end + 1 if end < len(lines) and not lines[end].strip() else end
    alone = section is not None and section.start - 1 == above - 1 and section.heading == heading
    if section is not None and alone and section.end - 1 >= _blank_below(lines, end):
        first = _blank_above(lines, section.start - 1)
        for top in (first, *range(first + 1, section.start)):
            yield _without(lines, top, end)
    for bottom in (end, below):
        for top in (start - 1, start):
            if above <= top:
                yield _without(lines, top, bottom)
    yield _without(lines, start, end)


def _without(lines: list[str], start: int, end: int) -> str:
    head, tail = "".join(lines[:start]), "".join(lines[end:])
    if not tail and head and lines and _ends_open(lines):
        head = re.sub(r"(?:\r\n|\r|\n)\Z", "", head)
    return head + tail


def _blank_above(lines: list[str], index: int) -> int:
    while index > 0 and not lines[index - 1].strip():
        index -= 1
    return index


def _blank_below(lines: list[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index


def _amended(doc: SkillDoc, item: str, heading: str) -> str | None:
    try:
        return amend(doc, item, heading=heading)
    except BadInput:
        return None
