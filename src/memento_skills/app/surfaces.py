"""Records in the JSON form that other programs rely on (design, section 4): plain dicts, every field written."""

from __future__ import annotations

from typing import Any

from memento_skills.app.when import day
from memento_skills.records import (
    AuditEntry,
    Citation,
    Claim,
    Counts,
    Failure,
    Guard,
    Patch,
    Promotion,
    QueueItem,
    Reflection,
    Rollback,
    Verdict,
    Worth,
)


def native(run_key: str) -> str:
    """The log's own session id of a run key `client:id`."""
    return run_key.partition(":")[2] or run_key


def failure(item: Failure) -> dict[str, Any]:
    """One line of `failures --json`."""
    return {
        "run": native(item.run),
        "call_id": item.call_id,
        "file": item.file,
        "line": item.line,
        "tool": item.tool,
        "kind": item.kind,
        "fault": item.fault,
        "cause": item.cause,
        "signature": item.signature.id,
        "severity": item.severity,
        "confidence": item.confidence,
        "quote": item.quote,
        "step": item.step,
        "rule": item.rule,
        "user": item.user,
        "project": item.project,
        "at": item.at,
    }


def queue_item(item: QueueItem) -> dict[str, Any]:
    """One entry of `review list --json`."""
    return {
        "patch": item.patch,
        "skill": item.skill,
        "pattern": item.pattern,
        "lane": item.lane,
        "severity": item.severity,
        "failures": item.failures,
        "users": item.users,
        "verdict": item.verdict,
        "reach": item.reach,
        "review_by": item.review_by,
        "title": item.title,
        "scope": {"level": item.scope.level, "name": item.scope.name},
        "new_skill": item.new_skill,
        "worth": worth(item.worth),
    }


def worth(item: Worth) -> dict[str, Any]:
    """What a patch is worth: the failures that its guard is right on, what they cost, and the lines it adds."""
    return {
        "failures": item.failures,
        "held_out": item.held_out,
        "lines": item.lines,
        "minutes": item.minutes,
        "steps": item.steps,
        "tokens": item.tokens,
        "harm": item.harm,
        "minutes_per_line": round(item.minutes_per_line, 4),
        "harm_per_line": round(item.per_line, 4),
    }


def citation(item: Citation) -> dict[str, Any]:
    """Run by native id, step and quote."""
    return {"run": native(item.run), "step": item.step, "quote": item.quote}


def claim(item: Claim | None) -> dict[str, Any] | None:
    """A sentence with its citations; None stays None."""
    return None if item is None else {"text": item.text, "citations": [citation(c) for c in item.citations]}


def guard(item: Guard | None) -> dict[str, Any] | None:
    """A guard's conditions and alternative in readable form; None stays None."""
    if item is None:
        return None
    return {
        "id": item.id,
        "conditions": [{"feature": c.feature, "op": c.op, "value": c.value} for c in item.conditions],
        "expect": item.expect.public(),
        "advice": item.advice,
        "origin": item.origin,
        "learned_from": [native(run) for run in item.learned_from],
        "confidence": item.confidence,
    }


def reflection(item: Reflection) -> dict[str, Any]:
    """One entry of `reflect --json`."""
    return {
        "id": item.id,
        "pattern": item.pattern,
        "reflector": item.reflector,
        "template": item.template,
        "cause": item.cause,
        "remedy": item.remedy,
        "owner": item.owner,
        "permission": item.facts.get("allow"),
        "refused": item.refused,
        "wrong_decision": claim(item.wrong_decision),
        "missing_information": claim(item.missing_information),
        "failed_assumption": claim(item.failed_assumption),
    }


def patch(item: Patch) -> dict[str, Any]:
    """One entry of `propose --json` and the body of `review show --json`."""
    return {
        "id": item.id,
        "kind": item.kind,
        "pattern": item.pattern,
        "skill": {"name": item.skill.name, "path": item.skill.path, "library": item.skill.library},
        "base": item.skill.revision,
        "diff": item.diff,
        "rule": item.rule,
        "rationale": [claim(c) for c in item.rationale],
        "guard": guard(item.guard),
        "chips": [{"kind": c.kind, "text": c.text, "dangerous": c.dangerous} for c in item.chips],
        "scope": {"level": item.scope.level, "name": item.scope.name},
        "writer": item.writer,
        "clients": list(item.clients),
        "models": list(item.models),
        "patterns": [item.pattern, *item.patterns],
        "placement": {"tier": item.placement.tier, "why": item.placement.why, "file": item.placement.file},
        "notes": list(item.notes),
        "retires": item.retires,
    }


def verdict(item: Verdict) -> dict[str, Any]:
    """A verdict: lost cases and slices first."""
    counts = {name: getattr(item.counts, name) for name in item.counts.__struct_fields__}
    slices = [
        {
            "kind": s.kind,
            "name": s.name,
            "judgement": s.judgement,
            "right": s.counts.right,
            "wrong": s.counts.wrong,
            "false": s.counts.false,
            "undecidable": s.counts.undecidable,
        }
        for s in item.slices
    ]
    return {
        "id": item.id,
        "patch": item.patch,
        "verdict": item.value,
        "reason": item.reason,
        "lost_cases": [citation(c) for c in item.lost_cases],
        "slices": slices,
        "counts": counts,
        "held_out_lineages": item.held_out_lineages,
        "p_value": item.p_value,
        "q_value": item.q_value,
        "checks": [{"name": c.name, "passed": c.passed, "detail": c.detail} for c in item.checks],
        "reach": {"runs": item.reach.runs, "share": item.reach.share, "carries": item.reach.carries},
        "examples": [citation(c) for c in item.examples],
        "worth": worth(item.worth),
        "without": None if item.without is None else _lost(item.without),
    }


def _lost(item: Counts) -> dict[str, int]:
    return {name: getattr(item, name) for name in ("right", "wrong", "false", "undecidable")}


def promotion(item: Promotion) -> dict[str, Any]:
    """What `promote --json` says."""
    return {
        "promotion": item.id,
        "patch": item.patch,
        "skill": item.skill.name,
        "path": item.skill.path,
        "library": item.skill.library,
        "commit": item.commit,
        "parent": item.parent,
        "branch": item.branch,
        "day": day(item.at),
    }


def rollback(item: Rollback) -> dict[str, Any]:
    """What `rollback --json` says."""
    return {"rollback": item.id, "promotion": item.promotion, "commit": item.commit, "reason": item.reason}


def audit_entry(item: AuditEntry) -> dict[str, Any]:
    """One line of `audit list --json`."""
    return {"seq": item.seq, "at": item.at, "kind": item.kind, "body": item.body, "prev": item.prev, "hash": item.hash}
