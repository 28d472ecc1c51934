"""The product's own judgement of the same fires, beside the one from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.evidence import evidence
from memento_skills.guards import Row, judge
from memento_skills.records import Expect, Guard
from memento_skills.verify import backtest as measure


def beside(
    folder: Path, fires: Mapping[str, Mapping[str, Any]], judged: Mapping[str, str], kinds: Mapping[str, str]
) -> dict[str, Any]:
    """Counts of the product over the same fires, every fire that it judges otherwise, and how labels of calls differ.

    A case is told without the log: the words of both judgements, the failure's kind and fault, the shape of advice.
    """
    known = evidence(folder.parents[1], (folder,))
    ((name, part),) = known.parts.items()
    by_id = {row.call.step.call_id: row for row in part.after}
    own = {i: judge(_expect(fires[i]["expect"]), by_id[i]) if i in by_id else "absent" for i in judged}
    repeated = measure.repeated_signatures(part.before)
    episodes = [r for r in part.after if r.label == "episode" and r.failure is not None]
    counts = Counter(own.values())
    labels = Counter(
        f"{kind}/{by_id[i].label if i in by_id else 'absent'}"
        for i, kind in kinds.items()
        if not _same(kind, by_id.get(i))
    )
    return {
        **{name: counts[name] for name in ("right", "wrong", "false", "undecidable", "neutral")},
        "fires": len(judged),
        "episodes": len(episodes),
        "repeated_episodes": sum(r.failure is not None and r.failure.signature.id in repeated for r in episodes),
        "different": sum(own[i] != judged[i] for i in judged),
        "cases": [_case(judged[i], own[i], by_id.get(i), fires[i]) for i in sorted(judged) if own[i] != judged[i]],
        "labels": dict(labels),
        "backtest_only": _missing(part.after, measure.adviser(known.learned[name]), fires),
        "absent": sum(i not in kinds for i in by_id),
    }


def _missing(
    rows: Sequence[Row], advise: Callable[[Row], Guard | None], fires: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, str]]:
    """Fires that the backtest counts and that the replay of the scan's patches does not have."""
    found = []
    for row in rows:
        guard = advise(row) if row.label in ("episode", "good") else None
        if guard is not None and row.call.step.call_id not in fires:
            shown = _case(
                "", judge(guard.expect, row), row, {"tool": row.call.step.tool, "expect": guard.expect.public()}
            )
            found.append(shown | {"rule": row.failure.rule if row.failure is not None else ""})
    return found


def _same(kind: str, row: Row | None) -> bool:
    """Of calls that did not fail the product keeps no ids (unless they recovered something)."""
    return row.label == kind if row is not None else kind in ("good", "other")


def _case(outside: str, product: str, row: Row | None, fire: Mapping[str, Any]) -> dict[str, str]:
    failure = row.failure if row is not None else None
    return {
        "outside": outside,
        "product": product,
        "tool": str(fire["tool"]),
        "expect": next(iter(fire["expect"])),
        "label": row.label if row is not None else "absent",
        "fault": failure.fault if failure is not None else "",
    }


def _expect(public: Mapping[str, Any]) -> Expect:
    ((form, given),) = public.items()
    listed = {"argv_prefix": tuple(given.get("argv_prefix", ())), "args": tuple(given.get("args", {}).items())}
    return msgspec.convert({"form": form} | dict(given) | listed, Expect)
