"""A SKILL.md's description made longer, every byte outside it untouched.

The description decides for which tasks a client loads the skill, so it is only ever added to, by one sentence.
"""

from __future__ import annotations

import json
import re

from memento_skills.errors import BadInput
from memento_skills.skilldoc.check import MAX_DESCRIPTION
from memento_skills.skilldoc.document import BOM, SkillDoc, parse
from memento_skills.skilldoc.frontmatter import split_lines

_KEY = re.compile(r"description:[ \t]*")
_BLOCK = re.compile(r"[|>][+-]?[0-9]?[ \t]*(?:#.*)?$")


def describe(doc: SkillDoc, sentence: str) -> str:
    """The document's text with `sentence` at the end of its description; the text itself where it stands there already.

    Raises BadInput where the document cannot be rewritten safely, or the description would exceed 1,024 characters.
    """
    addition = " ".join(sentence.split())
    if not addition:
        raise BadInput("an empty sentence for the description", hint="give its text")
    if doc.unreadable is not None or doc.front is None:
        raise BadInput("this SKILL.md has no front matter that can be amended")
    old = doc.description
    if addition in " ".join(old.split()):
        return doc.text
    if len(_joined(old, addition)) > MAX_DESCRIPTION:
        hint = f"{MAX_DESCRIPTION - len(old)} of {MAX_DESCRIPTION} characters are left"
        raise BadInput("the description would be too long", hint=hint)
    after = _rewritten(doc, old, addition)
    if after is None or not described(doc.text, after):
        raise BadInput("the description cannot be added to where it stands", hint="write it on one line")
    return after


def described(before: str, after: str) -> bool:
    """Whether `after` is `before` with words added at the end of its description and no other byte changed.

    The lines of the description itself may be written otherwise (another kind of quotes).
    """
    rest = undescribed(before)
    return rest is not None and rest == undescribed(after) and extended(before, after)


def undescribed(text: str) -> str | None:
    """The text without the lines of its description; None where these cannot be told."""
    doc = parse(text)
    span = _span(doc) if doc.front is not None else None
    if span is None:
        return None
    lines = split_lines(text)
    return "".join([*lines[: span[0]], *lines[span[1] :]])


def extended(before: str, after: str) -> bool:
    """Whether the description of `after` is that of `before` with words added at its end."""
    one, two = parse(before), parse(after)
    old, new = " ".join(one.description.split()), " ".join(two.description.split())
    return bool(old) and len(new) > len(old) and new.startswith(old) and len(two.description) <= MAX_DESCRIPTION


def _span(doc: SkillDoc) -> tuple[int, int] | None:
    """First and end line index of the description with its continuation lines."""
    lines = split_lines(doc.text)
    end = doc.body_line - 1
    starts = [i for i, line in enumerate(lines[:end]) if _KEY.match(line.removeprefix(BOM))]
    if len(starts) != 1:
        return None
    last = starts[0] + 1
    while last < end and (lines[last].startswith((" ", "\t")) or not lines[last].strip()):
        last += 1
    while last > starts[0] + 1 and not lines[last - 1].strip():
        last -= 1
    return starts[0], last


def _rewritten(doc: SkillDoc, old: str, addition: str) -> str | None:
    span = _span(doc)
    if span is None:
        return None
    lines = split_lines(doc.text)
    first = lines[span[0]]
    ending = first[len(first.rstrip("\r\n")) :] or doc.newline
    value = first[len("description:") :].strip()
    if _BLOCK.fullmatch(value):
        if span[1] == span[0] + 1:
            return None
        above = lines[span[1] - 1]
        indent = above[: len(above) - len(above.lstrip(" "))]
        added = [above.rstrip("\r\n") + ending, indent + addition + ending]
        new = [first, *lines[span[0] + 1 : span[1] - 1], *added]
    else:
        words = _joined(old, addition)
        new = [f"description: {json.dumps(words, ensure_ascii=False)}{ending}"]
    return "".join([*lines[: span[0]], *new, *lines[span[1] :]])


def _joined(old: str, addition: str) -> str:
    """Both as sentences."""
    bare = old.rstrip()
    return f"{bare} {addition}" if bare.endswith((".", "!", "?", "。", "！", "？")) else f"{bare}. {addition}"
