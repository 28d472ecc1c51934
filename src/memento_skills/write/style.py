"""The manner of a skill, so that what is added reads as its own: bold leads or none, how headings are written."""

from __future__ import annotations

import re

from memento_skills.skilldoc import SkillDoc
from memento_skills.skilldoc.amend import HEADING

LEAST_ITEMS = 4
"""Fewer list items than this show no manner."""
PLAIN_SHARE = 0.9
_ITEM = re.compile(r"^[ \t]{0,6}(?:[-*+]|\d{1,9}[.)])[ \t]+(\S.*)$")
_HEADINGS = {"zh": "注意事项"}
"""The section's heading where it is to be made, by language; `skilldoc` knows them all as alike."""
_SMALL = frozenset(
    ("a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "vs")
)


def styled(doc: SkillDoc, rule: str) -> str:
    """The rule without its bold lead where the skill's list items have none."""
    items = [m.group(1) for line in doc.body.splitlines() if (m := _ITEM.match(line))]
    bold = sum("**" in item or "__" in item for item in items)
    if len(items) >= LEAST_ITEMS and bold <= (1 - PLAIN_SHARE) * len(items):
        return rule.replace("**", "")
    return rule


def heading_for(doc: SkillDoc, language: str) -> str:
    """The heading under which rules go, in the skill's language and written as its other headings are."""
    heading = _HEADINGS.get(language, HEADING)
    words = [[w for w in re.findall(r"[A-Za-z]+", s.heading) if len(w) > 1] for s in doc.sections if s.level > 1]
    several = [w for w in words if len(w) > 1]
    if len(several) < 2:
        return heading
    if all(w.isupper() for ws in several for w in ws):
        return heading.upper()
    titled = sum(all(w[0].isupper() or w in _SMALL for w in ws) for ws in several)
    return heading.title() if 2 * titled > len(several) else heading
