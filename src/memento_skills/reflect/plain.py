"""What of a log may be said to an agent: short plain words, one at a time; never a sentence.

Commands, options and their values come from logs, and who writes a log may write anything into them. So whatever a
rule, an advice or an `expect` names passes here: a command's words, an option, a value of one word, a tool, a folder.
"""

from __future__ import annotations

import re

from memento_skills.records import Expect

_PLAIN = re.compile(r"[\w./:=@+,~-]+( [\w./:=@+,~-]+){0,5}")
_SEPARATOR = re.compile(r"[;,|:.~^]|\\t")
"""Values of one character that a format option may take."""
_OPTION = re.compile(r"--?[A-Za-z0-9][\w.]*(-[\w.]+){0,3}|[A-Za-z_]\w*")
"""A command's option of four words at most (`--no-verify-ssl-certificates`), or the name of a tool's argument."""
_LONGEST = 40
"""Characters of one word. Sentences joined by hyphens are longer, and so are addresses and keys."""


def plain(text: str) -> bool:
    """Short plain words, fit for a rule: no quotes, no shell or Markdown syntax, no URL, at most 80 characters."""
    return len(text) <= 80 and bool(_PLAIN.fullmatch(text)) and "://" not in text and not text.startswith("-" * 3)


def value_of(text: str) -> str:
    """An option's value where it is one plain word or a separator (quoted), else ""."""
    if _SEPARATOR.fullmatch(text):
        return f"'{text}'"
    return text if _word(text) else ""


def sayable(expect: Expect) -> bool:
    """Whether each thing that the alternative names is a plain word."""
    named = (*expect.argv_prefix, expect.path.removeprefix("<root>"))
    return (
        all(_word(word) for word in named if word)
        and (not expect.flag or (len(expect.flag) <= _LONGEST and bool(_OPTION.fullmatch(expect.flag))))
        and (not expect.value or bool(value_of(expect.value)))
        # names of tools of a server are long: mcp__server__tool
        and (not expect.tool or (len(expect.tool) <= 80 and bool(re.fullmatch(r"[\w.:-]+", expect.tool))))
    )


def _word(text: str) -> bool:
    longest = 2 * _LONGEST if "/" in text else _LONGEST  # a path has words of its own
    return plain(text) and " " not in text and len(text) <= longest
