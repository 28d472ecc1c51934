"""Conditions over a pending call and the run so far, and the expected alternative (pure, light to import).

`calls(run)` views a run; `fires(guard, call)` decides from what precedes the call alone; `meets(expect, call, …)`
says whether a call already does what a guard advises.
"""

from memento_skills.guards.calls import Call, Features, calls, root_of
from memento_skills.guards.evidence import Judgement, Row, fired, in_time, judge, rows
from memento_skills.guards.match import FEATURES, fires, holds, meets, recovery_meets

__all__ = [
    "FEATURES",
    "Call",
    "Features",
    "Judgement",
    "Row",
    "calls",
    "fired",
    "fires",
    "holds",
    "in_time",
    "judge",
    "meets",
    "recovery_meets",
    "root_of",
    "rows",
]
