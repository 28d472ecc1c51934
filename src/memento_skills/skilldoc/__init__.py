"""SKILL.md as a document: parse, check, edit without touching what is not edited. Text in, text out, no files.

`parse` never raises: what is wrong with a document is in its `problems`. The functions that write raise `BadInput`
where a document is too broken to be changed safely: such a file is listed and reported, never rewritten.
"""

from memento_skills.skilldoc.amend import amend, append_section, has_rule, inserted, remove_rule
from memento_skills.skilldoc.check import Mode, check, new_problems
from memento_skills.skilldoc.create import create, diff, slug
from memento_skills.skilldoc.describe import describe, described, extended, undescribed
from memento_skills.skilldoc.document import Section, SkillDoc, parse, revision
from memento_skills.skilldoc.frontmatter import Problem, split_lines
from memento_skills.skilldoc.tools import allowed_tools, widened

__all__ = [
    "Mode",
    "Problem",
    "Section",
    "SkillDoc",
    "allowed_tools",
    "amend",
    "append_section",
    "check",
    "create",
    "describe",
    "described",
    "diff",
    "extended",
    "has_rule",
    "inserted",
    "new_problems",
    "parse",
    "remove_rule",
    "revision",
    "slug",
    "split_lines",
    "undescribed",
    "widened",
]
