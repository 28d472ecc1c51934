"""What the run had shown before a failing edit: had the file been read, had the text to replace been displayed?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memento_skills.detect.evidence import file_of
from memento_skills.detect.rules import Rules
from memento_skills.detect.view import View
from memento_skills.records import Step

_OLD = ("old_string", "oldString", "old_str", "old_text")
_NUMBER = re.compile(r"^ {0,8}\d{1,7}[→\t|:] ?", re.MULTILINE)
"""Line numbers that a client puts before the lines of a file."""
LINES = 400
"""Lines of the text to replace that are compared."""


def context(view: View, call: Step | None, rules: Rules) -> tuple[str, ...]:
    """Names of what holds: `read-earlier` | `not-read`; of the text to replace `shown` | `spaced` | `not-shown`.

    `spaced`: shown with other white space. Only for edits of a file; nothing for other calls. Read results, and texts
    that the agent itself wrote to the file, count as shown.
    """
    if call is None or call.tool not in rules.tools.edits or not file_of(call.args):
        return ()
    old = next((call.args[key] for key in _OLD if isinstance(call.args.get(key), str)), "")
    texts = list(_shown(view, call, rules))
    return ("read-earlier" if texts else "not-read", *(_comparison(old, texts) if old else ()))


def _shown(view: View, call: Step, rules: Rules) -> Iterator[str]:
    """Texts of the file that worked calls before showed or wrote."""
    file = file_of(call.args)
    at = view.positions[call.seq]
    for step in view.run.steps[:at]:
        if step.kind != "call" or file_of(step.args) != file:
            continue
        result = view.results.get(step.call_id)
        if result is None or result.status != "ok" or result.seq > call.seq:
            continue
        yield result.text
        if step.tool in rules.tools.edits:
            yield "\n".join(value for value in step.args.values() if isinstance(value, str))


def _comparison(old: str, texts: Sequence[str]) -> tuple[str, ...]:
    wanted = [line.rstrip() for line in old.split("\n")[:LINES] if line.strip()]
    if not wanted:
        return ()
    lines = {line.rstrip() for text in texts for line in _NUMBER.sub("", text).split("\n")}
    if all(line in lines for line in wanted):
        return ("shown",)
    bare = {"".join(line.split()) for line in lines}
    return ("spaced",) if all("".join(line.split()) in bare for line in wanted) else ("not-shown",)
