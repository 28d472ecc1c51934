"""Calls with what became of them: the rows that learning contrasts and that the backtest counts (section 5).

Built once from runs and their failures; learning and testing then use it through masks over row numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from memento_skills.guards import tools
from memento_skills.guards.calls import Call, calls
from memento_skills.guards.keep import Keeper
from memento_skills.guards.match import fires, recovery_meets, same_intent
from memento_skills.records import Expect, Failure, Guard, Run

Label = Literal["good", "episode", "again", "other"]
"""good = succeeded or only reported on the work; episode = the first failing call of an agent failure's episode;
again = a later failure of the same episode; other = refused, cascaded, denied, service, unknown: counts nowhere."""

RECOVERY_WINDOW = 10
"""Calls in which a recovery is looked for (design.md, section 5)."""

_NEUTRAL = frozenset(("user", "cascade", "service", "denial"))


class Row(NamedTuple):
    """One call of one lineage with its label and, for failing calls, what came after."""

    run: str
    project: str
    lineage: str
    user: str
    tenant: str
    client: str
    at: float
    call: Call
    """As `keep.Keeper` left it: its features, and of its words what may be asked for."""
    label: Label
    failure: Failure | None
    after: tuple[Call, ...]
    """Calls after the failing one up to and with its recovery; () where nothing recovered."""
    broad_after: tuple[Call, ...]
    """The same with a wider idea of recovery (same program): for learning what to advise, never for measuring."""
    skill: str


Judgement = Literal["right", "wrong", "undecidable", "false", "neutral"]


def rows(runs: Iterable[Run], failures: Mapping[str, Failure], lineages: Mapping[str, str]) -> list[Row]:
    """All calls of `runs`, in the order of `runs` (`in_time`), then order in each; each call id of a project once.

    `failures` maps `run key + "\\0" + call id` to the failure of that call; `lineages` run keys to lineages. Calls
    of failures are labelled by episode: the first of a (lineage, signature) is the episode, in order of time. A run
    is let go when its rows are made: of its texts only what learning and citing need stays.
    """
    found: list[Row] = []
    taken: set[tuple[str, str]] = set()
    episodes: set[tuple[str, str]] = set()
    keep = Keeper()
    for run in runs:
        sequence = list(calls(run))
        failed = [failures.get(f"{run.key}\0{call.step.call_id}") for call in sequence]
        windows = {i: recovery(sequence, i) for i, failure in enumerate(failed) if failure is not None}
        kept = keep.calls(sequence, windows)
        lineage = lineages.get(run.key, run.key)
        client = f"{run.client} {run.client_version}".strip()
        for i, (call, failure) in enumerate(zip(sequence, failed, strict=True)):
            name = (run.project if run.shared_ids else run.key, call.step.call_id)
            if name in taken:
                continue
            taken.add(name)
            label = _label(call, failure, lineage, episodes)
            strict, broad = windows.get(i, (0, 0))
            found.append(
                Row(
                    run.key, run.project, lineage, run.user, run.tenant, client,
                    call.step.at or run.started_at or 0.0, kept[i], label, failure,
                    tuple(kept[i + 1 : i + 1 + strict]), tuple(kept[i + 1 : i + 1 + broad]),
                    failure.skill if failure else "",
                )
            )  # fmt: skip
    return found


def in_time(runs: Iterable[Run]) -> list[Run]:
    """Runs (or headers of runs) in the order that `rows` wants: by start, then by key."""
    return sorted(runs, key=lambda run: (run.started_at or 0.0, run.key))


def _label(call: Call, failure: Failure | None, lineage: str, episodes: set[tuple[str, str]]) -> Label:
    if failure is None:
        return "good" if call.result is not None and call.result.status == "ok" else "other"
    if failure.fault == "work":
        return "good"
    if failure.fault in _NEUTRAL:
        return "other"
    key = (lineage, failure.signature.id)
    if key in episodes:
        return "again"
    episodes.add(key)
    return "episode"


def recovery(sequence: Sequence[Call], i: int) -> tuple[int, int]:
    """How many calls follow call `i` up to and with its recovery, by the design's definition and by the broad one."""
    failing = sequence[i]
    programs = {h.split(" ", 1)[0] for h in failing.heads} - {"cd", "echo", "export"}
    strict = broad = 0
    for n, later in enumerate(sequence[i + 1 : i + 1 + RECOVERY_WINDOW], 1):
        if later.result is None or later.result.status != "ok":
            continue
        if not strict and same_intent(failing, later):
            strict = n
        if not broad and (
            strict or programs & {h.split(" ", 1)[0] for h in later.heads} or _names(later, failing.path)
        ):
            broad = n
    return strict, broad


def _names(later: Call, path: str) -> bool:
    """A command line that names the path (or its last two parts) that failed."""
    return bool(path) and "/".join(path.split("/")[-2:]) in tools.argument(later.step.args, "command")


def judge(expect: Expect, row: Row) -> Judgement:
    """What one fire on this row is worth (design.md, section 5)."""
    if row.label == "good":
        return "false"
    if row.label != "episode":
        return "neutral"
    if not row.after:
        return "undecidable"
    return "right" if recovery_meets(expect, row.call, row.after) else "wrong"


def fired(guard: Guard, table: Iterable[Row]) -> list[Row]:
    """The rows on which a guard fires."""
    return [row for row in table if fires(guard, row.call)]
