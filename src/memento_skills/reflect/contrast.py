"""What differs between calls that failed and like calls that succeeded: conditions learnt from contrast.

In: the table of calls (guards.rows) of the training lineages and the rows of one pattern. Out: a guard's
conditions with the counts they reach on the same table. The search is a small beam over conjunctions of readable
conditions; row sets are kept as bits of one integer, so that a conjunction is one `&`.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from memento_skills.guards import Call, Row, judge
from memento_skills.records import Condition, Expect
from memento_skills.stats import wilson

MAX_CONDITIONS = 4
BEAM = 12
THRESHOLDS = (1, 2, 3, 5, 10, 20)
_SETS = frozenset(("command", "flag", "argument", "failed_before", "extension", "changed_by", "begins", "under"))
_INCIDENTAL = frozenset(("run_age", "old_size", "client", "shape", "where", "path_written", "newer_files"))
"""Features that often tell apart by chance what a cause would tell apart better."""
_NOT_LEARNT = frozenset(("begins", "folder"))
"""Features that only tell whether a call already does what is expected; as conditions they would be literals."""
_NUMBERS = frozenset(("newer_files", "old_text_matches", "old_size"))


class Masks:
    """Condition -> rows that fulfil it, as bits, made when first asked for.

    Only conditions of failing calls and of what worked after them are indexed: nothing else is ever asked for, and as
    bits the words of all good calls together would outweigh the rows.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        wanted = {condition for row in rows if row.label == "episode" for condition in _of_episode(row)}
        self._members: dict[Condition, array[int]] = {condition: array("I") for condition in wanted}
        # most values of features occur many times: their conditions are made once
        known: dict[tuple[str, object], list[array[int]]] = {}
        for number, row in enumerate(rows):
            for item in row.call.features.items():
                if item not in known:
                    known[item] = [self._members[c] for c in _conditions(*item) if c in self._members]
                for found in known[item]:
                    found.append(number)
        self._made: dict[Condition, int] = {}

    def get(self, condition: Condition) -> int:
        """The rows; none for a condition of no failing call and no recovery."""
        mask = self._made.get(condition)
        if mask is None:
            mask = self._made[condition] = bits(self._members.get(condition, ()))
        return mask


def _of_episode(row: Row) -> Iterable[Condition]:
    return (c for call in (row.call, *row.after[-1:], *row.broad_after[-1:]) for c in conditions_of(call))


class Table(NamedTuple):
    """The training rows and, for each condition that some row fulfils, the rows that do (as bits)."""

    rows: Sequence[Row]
    masks: Masks
    everything: int
    good: int
    """Calls that succeeded or only reported on the work: a fire there is false."""
    episodes: tuple[int, ...]
    """Numbers of the rows that are an episode's first failing call."""


class Judged(NamedTuple):
    """What a fire on each row is worth for one alternative, as bits; rows that it already does are `blocked`."""

    right: int
    wrong: int
    undecidable: int
    blocked: int
    lineages: dict[str, int]
    """Rows of each of the pattern's lineages."""


class Score(NamedTuple):
    """How conditions with an alternative do on the table."""

    right: int = 0
    wrong: int = 0
    undecidable: int = 0
    false: int = 0
    lineages: int = 0
    """Lineages of the pattern that are caught."""
    of: int = 0
    """Lineages of the pattern."""
    lower: float = 0.0
    """Lower bound (Wilson, one-sided 90 %) of right / (right + wrong + false)."""


def table(rows: Sequence[Row]) -> Table:
    """Index the rows by condition, once for all patterns."""
    return Table(
        rows,
        Masks(rows),
        (1 << len(rows)) - 1,
        bits(i for i, row in enumerate(rows) if row.label == "good"),
        tuple(i for i, row in enumerate(rows) if row.label == "episode"),
    )


def judged(table: Table, positives: Sequence[int], expect: Expect) -> Judged:
    """Judge every episode of the table once for an alternative; `positives` are those of the pattern."""
    found: dict[str, list[int]] = {"right": [], "wrong": [], "undecidable": []}
    for i in table.episodes:
        found[judge(expect, table.rows[i])].append(i)
    lineages: dict[str, list[int]] = defaultdict(list)
    for i in positives:
        lineages[table.rows[i].lineage].append(i)
    return Judged(
        bits(found["right"]),
        bits(found["wrong"]),
        bits(found["undecidable"]),
        _already(table, expect),
        {lineage: bits(numbers) for lineage, numbers in lineages.items()},
    )


def conditions_of(call: Call) -> Iterable[Condition]:
    """Every positive condition that a call fulfils."""
    return (condition for name, value in call.features.items() for condition in _conditions(name, value))


def _conditions(name: str, value: Any) -> Iterator[Condition]:  # noqa: ANN401  (a feature's value)
    if name in _SETS:
        for word in value:
            if word:
                yield Condition(feature=name, op="has", value=word)
    elif name in _NUMBERS:
        for threshold in THRESHOLDS:
            if value >= threshold:
                yield Condition(feature=name, op="at_least", value=threshold)
    elif value not in (False, "unknown", ""):
        yield Condition(feature=name, value=value)


def learn(
    table: Table, positives: Sequence[int], expect: Expect, worth: Judged
) -> tuple[tuple[Condition, ...], Score] | None:
    """The best conjunction for rows `positives` (episodes of one pattern), or None where none separates them.

    A condition enters only where rows of two lineages fulfil it (a literal learnt once is an anecdote). Best =
    lower bound of precision times the root of the share of lineages caught; of equals the shorter one.
    """
    atoms = _atoms(table, positives)
    # an alternative that names one folder is right only where the situation names it too
    particular = expect.form == "cwd" and expect.path != "<root>"
    base = [c for c in atoms if c.feature == "tool"]
    if not base:
        return None
    best: tuple[float, tuple[Condition, ...], Score] | None = None
    beam: list[tuple[Condition, ...]] = [(c,) for c in base[:3]]
    for _ in range(MAX_CONDITIONS):
        scored = []
        for conditions in beam:
            score = measure(table, _conjunction(table, conditions), worth)
            scored.append((value(score) - _price(conditions), conditions, score))
        scored.sort(key=lambda s: (-s[0], 0 if particular else _literal(s[1]), len(s[1]), str(s[1])))
        scored = scored[:BEAM]
        if scored and (best is None or scored[0][0] > best[0] + 0.01):
            best = scored[0]
        beam = _extended([s[1] for s in scored], atoms)
        if not beam:
            break
    return (best[1], best[2]) if best is not None and best[2].lineages >= 2 else None


MAX_SITUATIONS = 3


def learn_rules(
    table: Table, positives: Sequence[int], expect: Expect
) -> tuple[tuple[tuple[Condition, ...], ...], Score] | None:
    """Up to three situations, each learnt on the lineages that the earlier ones leave: one cause, several forms.

    A further situation is kept only where it is as precise as the lessons that are worth testing at all and the
    whole does not lose by it.
    """
    situations: list[tuple[Condition, ...]] = []
    best: Score | None = None
    rest = list(positives)
    whole = judged(table, positives, expect)
    mask = 0
    while len(situations) < MAX_SITUATIONS and rest:
        learned = learn(table, rest, expect, judged(table, rest, expect))
        if learned is None:
            break
        mask |= _conjunction(table, learned[0])
        score = measure(table, mask, whole)
        if best is not None and (value(score) < value(best) or learned[1].lower < GOOD or learned[1].right < 2):
            break
        situations.append(learned[0])
        best = score
        caught = {lineage for lineage, rows in whole.lineages.items() if rows & mask & ~whole.blocked}
        rest = [i for i in rest if table.rows[i].lineage not in caught]
    return (tuple(situations), best) if best is not None else None


GOOD = 0.4
"""Lower bound of precision that a further situation needs."""
PRICE = 0.02
"""Of one condition more, in the units of `value`."""


def situations_mask(table: Table, situations: Iterable[tuple[Condition, ...]]) -> int:
    """The rows that fulfil all conditions of one of the situations, as bits."""
    mask = 0
    for conditions in situations:
        mask |= _conjunction(table, conditions)
    return mask


def _atoms(table: Table, positives: Sequence[int]) -> list[Condition]:
    lineages: dict[Condition, set[str]] = defaultdict(set)
    for i in positives:
        for condition in conditions_of(table.rows[i].call):
            if condition.feature in _NOT_LEARNT:
                continue
            lineages[condition].add(table.rows[i].lineage)
    total = len({table.rows[i].lineage for i in positives})
    enough = max(2, round(0.2 * total))
    return sorted((c for c, seen in lineages.items() if len(seen) >= enough), key=lambda c: (-len(lineages[c]), str(c)))


def _price(conditions: tuple[Condition, ...]) -> float:
    """What conditions must gain to be worth having: more for those that often fit by chance."""
    return sum(PRICE * (3 if c.feature in _INCIDENTAL else 1) for c in conditions[1:])


def _literal(conditions: tuple[Condition, ...]) -> int:
    """Words of a project's own that conditions use: of equals, the more general reading is the likelier one."""
    return sum(len(str(c.value).split()) for c in conditions if c.feature in _SETS)


def _already(table: Table, expect: Expect) -> int:
    """Rows that already do what is expected; the same as `guards.meets`, by masks."""
    if expect.form == "instead":
        words = Condition(feature="begins", op="has", value=" ".join(expect.argv_prefix))
        tool = Condition(feature="tool", value=expect.tool)
        return (table.masks.get(words) if expect.argv_prefix else table.everything) & table.masks.get(tool)
    if expect.form == "cwd":
        return table.masks.get(Condition(feature="folder", value=expect.path))
    flag = Condition(feature="flag" if expect.flag.startswith("-") else "argument", op="has", value=expect.flag)
    if expect.form == "with":
        return table.masks.get(flag)
    return table.everything & ~table.masks.get(flag) if expect.form == "without" else 0


def _extended(beam: list[tuple[Condition, ...]], atoms: list[Condition]) -> list[tuple[Condition, ...]]:
    seen: set[frozenset[Condition]] = set()
    longer: list[tuple[Condition, ...]] = []
    for conditions in beam:
        used = {c.feature for c in conditions if c.op == "is"}
        for atom in atoms:
            if atom in conditions or atom.feature in used:
                continue
            key = frozenset((*conditions, atom))
            if key not in seen:
                seen.add(key)
                longer.append((*conditions, atom))
    return longer


def measure(table: Table, mask: int, worth: Judged) -> Score:
    """Counts of the rows in `mask` on which a guard would fire, every fire on a good call counted as false."""
    fires = mask & ~worth.blocked
    right, wrong = (fires & worth.right).bit_count(), (fires & worth.wrong).bit_count()
    false = (fires & table.good).bit_count()
    decided = right + wrong + false
    return Score(
        right,
        wrong,
        (fires & worth.undecidable).bit_count(),
        false,
        sum(bool(fires & rows) for rows in worth.lineages.values()),
        len(worth.lineages),
        wilson(right, decided, 0.8)[0] if decided else 0.0,
    )


def value(score: Score) -> float:
    """Expected precision (prior: one in three) times the root of the share of lineages caught."""
    decided = score.right + score.wrong + score.false
    share = float((score.lineages / max(1, score.of)) ** 0.5)
    if not decided:
        return 0.1 * share if score.undecidable else 0.0
    return (score.right + 0.5) / (decided + 1.5) * share


def _conjunction(table: Table, conditions: tuple[Condition, ...]) -> int:
    mask = table.everything
    for condition in conditions:
        mask &= table.masks.get(condition)
    return mask


def bits(numbers: Iterable[int]) -> int:
    """Row numbers as bits of one integer."""
    found = list(numbers)
    buffer = bytearray((max(found) >> 3) + 1) if found else bytearray()
    for n in found:
        buffer[n >> 3] |= 1 << (n & 7)
    return int.from_bytes(buffer, "little")
