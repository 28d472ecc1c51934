"""Evidence -> verdict of three values; what was lost and whom it hurts come first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from memento_skills.guards import Row, fires, judge
from memento_skills.records import (
    Check,
    Citation,
    Counts,
    Patch,
    Reach,
    Slice,
    Verdict,
    VerdictValue,
    digest,
)
from memento_skills.stats import benjamini_hochberg, binomial_tail

ALPHA = 0.05
MIN_LINEAGES = 2
SLICE_FIRES = 2
"""Wrong and false fires from which a slice can be called worse; below that it is unknown."""
MAX_CASES = 8


def evidence_of(patch: Patch, rows: Sequence[Row], *, checks: tuple[Check, ...], reach: Reach, at: float) -> Verdict:
    """One patch over held-out rows, not yet judged: `judge_all` sets value, reason and q."""
    guard = patch.guard
    hits = [(row, judge(guard.expect, row)) for row in rows if guard is not None and fires(guard, row.call)]
    hits = [(row, j) for row, j in hits if j != "neutral"]
    counts = _counts(hits, rows)
    decided = counts.right + counts.wrong + counts.false
    return Verdict(
        id=digest("verdict", patch.id, counts, at),
        patch=patch.id,
        value="not_enough_evidence",
        reason="",
        lost_cases=tuple(_cite(row) for row, j in hits if j == "false")[:MAX_CASES],
        slices=tuple(_slices(hits)),
        counts=counts,
        held_out_lineages=len({row.lineage for row, j in hits if j in ("right", "wrong", "false")}),
        p_value=binomial_tail(counts.right, decided) if decided else None,
        checks=checks,
        reach=reach,
        examples=tuple(_cite(row) for row, j in hits if j == "right")[:MAX_CASES],
        at=at,
    )


def _counts(hits: Iterable[tuple[Row, str]], rows: Sequence[Row]) -> Counts:
    c = dict.fromkeys(("right", "wrong", "undecidable", "false"), 0)
    for _, judgement in hits:
        c[judgement] += 1
    return Counts(
        **c,
        caught=c["right"] + c["wrong"] + c["undecidable"],
        calls=len(rows),
        episodes=sum(r.label == "episode" for r in rows),
    )


def _cite(row: Row) -> Citation:
    step = row.call.step
    quote = row.failure.quote if row.failure is not None else ""
    if quote and row.failure is not None:
        return Citation(run=row.run, step=row.failure.step, quote=quote)
    words = next((v for v in step.args.values() if isinstance(v, str) and v), step.tool)
    return Citation(run=row.run, step=step.seq, quote=words[:200])


def _slices(hits: Sequence[tuple[Row, str]]) -> Iterable[Slice]:
    kinds: tuple[tuple[Literal["user", "tenant", "severity"], str], ...] = (
        ("user", "user"),
        ("tenant", "tenant"),
        ("severity", ""),
    )
    for kind, attribute in kinds:
        groups: dict[str, list[tuple[Row, str]]] = defaultdict(list)
        for row, judgement in hits:
            severity = row.failure.severity if row.failure is not None else None
            name = getattr(row, attribute) if attribute else (str(severity) if severity else "")
            if name:
                groups[name].append((row, judgement))
        for name, found in sorted(groups.items()):
            counts = _counts(found, [])
            yield Slice(kind=kind, name=name, counts=counts, judgement=_slice_judgement(counts))


def _slice_judgement(counts: Counts) -> Literal["better", "worse", "unknown"]:
    lost = counts.wrong + counts.false
    if lost > counts.right and lost >= SLICE_FIRES:
        return "worse"
    return "better" if counts.right > lost and counts.right >= SLICE_FIRES else "unknown"


class ExactBinomial:
    """The default gate: `judge_all`."""

    name = "exact-binomial@1"

    def judge(self, evidence: Sequence[Verdict]) -> list[Verdict]:
        """The same verdicts with value, reason and q set."""
        return judge_all(evidence)


def judge_all(evidence: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts of one scan's patches: exact one-sided binomial test of precision > 0.5, Benjamini-Hochberg over all."""
    from msgspec.structs import replace

    tested = [v for v in evidence if v.p_value is not None]
    adjusted = dict(
        zip(
            (v.id for v in tested),
            benjamini_hochberg([v.p_value or 0.0 for v in tested]) if tested else [],
            strict=True,
        )
    )
    judged = []
    for verdict in evidence:
        q = adjusted.get(verdict.id)
        value, reason = _value(verdict, q)
        judged.append(replace(verdict, q_value=q, value=value, reason=reason))
    return judged


def _value(verdict: Verdict, q: float | None) -> tuple[VerdictValue, str]:
    c = verdict.counts
    lost = c.wrong + c.false
    failed = [k for k in verdict.checks if not k.passed]
    worse = [s for s in verdict.slices if s.judgement == "worse"]
    said = f"held-out fires: {c.right} right, {c.wrong} wrong, {c.false} false, {c.undecidable} undecidable"
    if failed:
        return "not_better", f"a check failed: {failed[0].name}: {failed[0].detail}"
    if worse:
        named = ", ".join(f"{s.kind} {s.name}" for s in worse)
        return "not_better", f"worse for {named}; {said}"
    if lost > c.right:
        return "not_better", f"wrong and needless fires outnumber right ones; {said}"
    if verdict.held_out_lineages < MIN_LINEAGES or q is None:
        return "not_enough_evidence", f"fewer than {MIN_LINEAGES} later lineages decide it; {said}"
    if q <= ALPHA:
        return "better", f"{said}; p = {verdict.p_value:.4f}, corrected {q:.4f}"
    return "not_enough_evidence", f"{said}; corrected p = {q:.3f} is above {ALPHA}"
