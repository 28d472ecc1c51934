"""Where a run first leaves the ways of runs that succeeded at the like task.

Only calls are compared: a call is known where a run that succeeded made it too, by tool and arguments; for calls that
only look, the tool is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from memento_skills.detect.attribution.moments import Story
from memento_skills.detect.attribution.signs import LOOKS, Signs
from memento_skills.records import Run, to_json

ALIKE = 0.5
"""Share of the values in the arguments of the run with fewer of them, from which on two runs are of one task."""
SHARED = 2
"""Values that two runs of one task share at least."""
VALUES = 400
"""Different argument values of one run that are compared."""


def same_task(run: Run, others: Iterable[Run]) -> list[Run]:
    """Those of `others` that did not fail and worked on the same things: ids, files, names in the calls' arguments."""
    mine = _values(run)
    found = []
    for other in others:
        theirs = _values(other)
        shared, small = len(mine & theirs), min(len(mine), len(theirs))
        if other.key != run.key and other.outcome.label != "failure" and shared >= max(SHARED, ALIKE * small):
            found.append(other)
    return found


def deviations(run: Run, story: Story, like: Sequence[Run]) -> Mapping[int, Signs]:
    """`strange`: a moment with a call that no like run made; `deviates`: the first of them that changes something.

    Where none changes anything, the first of all. Empty without like runs.
    """
    known = {_action(step.tool, step.args) for other in like for step in other.steps if step.kind == "call"}
    if not known:
        return {}
    by_seq = {step.seq: step for step in run.steps if step.kind == "call"}
    found: dict[int, bool] = {}
    for at, moment in enumerate(story.moments):
        made = [by_seq[seq] for seq in moment.steps if seq in by_seq]
        odd = [step for step in made if _action(step.tool, step.args) not in known]
        if odd:
            found[at] = any(not LOOKS.match(step.tool) for step in odd)
    first = next((at for at, changes in found.items() if changes), next(iter(found), None))
    return {at: {"strange": 1.0, "deviates": float(at == first)} for at in found}


def _action(tool: str, args: Mapping[str, object]) -> bytes:
    return to_json([tool] if LOOKS.match(tool) else [tool, dict(args)])


def _values(run: Run) -> set[str]:
    found: set[str] = set()
    for step in run.steps:
        if step.kind == "call":
            found.update(v for v in step.args.values() if isinstance(v, str) and _telling(v))
        if len(found) >= VALUES:
            break
    return found


def _telling(value: str) -> bool:
    """Whether a value names one thing rather than a kind of thing: it holds a digit or a path."""
    return 4 <= len(value) <= 200 and ("/" in value or any(c.isdigit() for c in value))
