"""A hand-made store: two skills, four patterns, three proposals in the queue, one finding that no skill can fix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from memento_skills import skilldoc
from memento_skills.records import (
    Cause,
    Check,
    Chip,
    Citation,
    Claim,
    Condition,
    Cost,
    Counts,
    Expect,
    Failure,
    Guard,
    Lane,
    LineCount,
    Part,
    Patch,
    Pattern,
    Reach,
    Reflection,
    Remedy,
    Run,
    Scope,
    Signature,
    SkillRef,
    Slice,
    Step,
    Verdict,
)
from memento_skills.store.records import FileState
from memento_skills.store.store import Store

NOW = 1_790_000_000.0
DAY = 86_400.0
HOSTILE = "\x1b[31mred\x1b[0m \u202egnp.exe\u200b <script>alert(1)</script> [bold]x[/bold]"
SKILL = """\
---
name: {name}
description: How to {words} in this repository.
---

# {name}

Run everything from the root of the repository.
"""


def ticking(start: float = NOW) -> Callable[[], float]:
    """A clock that goes on by one second each time it is read."""
    ticks: Iterator[int] = count()
    return lambda: start + next(ticks)


def library(root: Path) -> Path:
    """A skill library with two skills."""
    for name, words in (("go-testing", "run the tests"), ("releases", "cut a release")):
        folder = root / name
        folder.mkdir(parents=True)
        (folder / "SKILL.md").write_text(SKILL.format(name=name, words=words), "utf-8", newline="\n")
    return root


def run(name: str, user: str, at: float, quote: str) -> Run:
    """One run of four steps: a request, a call, its failing result, a message."""
    steps = (
        Step(seq=0, kind="message", actor="user", text="please run the tests", line=1, at=at),
        Step(seq=1, kind="call", actor="agent", tool="Bash", args={"command": "go test"}, call_id=f"{name}-c1", line=2),
        Step(seq=2, kind="result", actor="tool", tool="Bash", text=quote, call_id=f"{name}-c1", status="error", line=3),
        Step(seq=3, kind="message", actor="agent", text="I will try again.", line=4),
    )
    return Run(
        id=name,
        client="claude-code",
        reader="claude-code@1",
        user=user,
        tenant="",
        project="tool",
        started_at=at,
        task="please run the tests",
        sources=(f"~/logs/{name}.jsonl",),
        steps=steps,
    )


def signature(name: str) -> Signature:
    """A signature that nothing else has."""
    return Signature(
        version="template@2026-11",
        parts=(Part(name="error", text=name), Part(name="cwd", text="~", contributes=False, hint="where")),
    )


def pattern(
    name: str,
    title: str,
    runs: tuple[Run, ...],
    *,
    lane: Lane = "broad",
    severity: int = 3,
    cause: Cause = "wrong_command",
    remedy: Remedy = "skill",
    seconds: float = 900.0,
    usd: float = 1.25,
) -> Pattern:
    """A pattern seen once in each of these runs."""
    times = [r.started_at or NOW for r in runs]
    return Pattern(
        id=signature(name).id,
        signature=signature(name),
        title=title,
        cause=cause,
        remedy=remedy,
        fault="agent",
        severity=severity,
        lane=lane,
        failures=len(runs) + 1,
        episodes=len(runs),
        runs=len(runs),
        lineages=len(runs),
        users=tuple(sorted({r.user for r in runs})),
        projects=("tool",),
        first_seen=min(times),
        last_seen=max(times),
        share=0.25,
        cost=Cost(steps=9, seconds=seconds, tokens=12_000, usd=usd),
        examples=tuple(Citation(run=r.key, step=2, quote=r.steps[2].text[:80]) for r in runs[:3]),
    )


def failure(p: Pattern, r: Run) -> Failure:
    """The failure of a run that the pattern counts."""
    return Failure(
        id=f"{p.id}-{r.id}",
        run=r.key,
        step=2,
        call_step=1,
        call_id=f"{r.id}-c1",
        file=r.sources[0],
        line=2,
        tool="Bash",
        kind="exit_code",
        fault="agent",
        severity=p.severity,
        detector="tool-error@1",
        cause=p.cause,
        signature=p.signature,
        quote=r.steps[2].text[:80],
        at=r.started_at,
        user=r.user,
        project="tool",
        client="claude-code",
    )


def reflection(p: Pattern) -> Reflection:
    """Why, with the pattern's own quotes."""
    said = Claim(text="The tests were started outside of the module.", citations=p.examples[:2])
    return Reflection(
        id=f"reflection-{p.id}",
        pattern=p.id,
        reflector="template@2026-11",
        template="wrong-folder",
        cause=p.cause,
        remedy=p.remedy,
        wrong_decision=said,
        owner="" if p.remedy == "skill" else "the author of the task",
    )


def patch(p: Pattern, root: Path, skill: str, rule: str, **more: object) -> Patch:
    """An amendment of one skill of the library."""
    path = f"{skill}/SKILL.md"
    file = root / path
    before = file.read_text("utf-8") if file.exists() else ""
    after = skilldoc.amend(skilldoc.parse(before), rule) if before else skilldoc.create(skill, "New.", skill, (rule,))
    guard = Guard(
        conditions=(Condition(feature="tool", value="Bash"),),
        expect=Expect(form="cwd", path="<root>"),
        advice=rule,
        learned_from=tuple(c.run for c in p.examples),
        confidence=0.7,
    )
    values: dict[str, object] = {
        "id": f"patch-{p.id}",
        "kind": "amend" if before else "create",
        "pattern": p.id,
        "reflection": f"reflection-{p.id}",
        "skill": SkillRef(
            name=skill, path=path, revision=skilldoc.revision(before) if before else "", library=str(root)
        ),
        "before": before,
        "after": after,
        "diff": skilldoc.diff(before, after, path),
        "rule": rule,
        "rationale": reflection(p).wrong_decision and (reflection(p).wrong_decision,),
        "guard": guard,
        "writer": "template@2026-11",
        "clients": ("claude-code 2",),
    }
    return Patch(**(values | more))  # type: ignore[arg-type]


def verdict(
    p: Patch, *, better: bool = True, lost: tuple[Citation, ...] = (), right: int = 9, failed: str = ""
) -> Verdict:
    """What the backtest says."""
    counts = Counts(episodes=12, caught=right + 1, right=right, wrong=1, false=len(lost), undecidable=2, calls=400)
    return Verdict(
        id=f"verdict-{p.id}",
        patch=p.id,
        value="better" if better else "not_enough_evidence",
        reason="right at most of the held-out fires",
        lost_cases=lost,
        counts=counts,
        held_out_lineages=6,
        p_value=0.01,
        q_value=0.02,
        reach=Reach(runs=12, loaded=3, selected=5, carries="description"),
        at=NOW - DAY,
        slices=(
            Slice(kind="user", name="user-1", counts=counts, judgement="better"),
            Slice(kind="user", name="user-2", counts=Counts(), judgement="unknown"),
        ),
        checks=(
            Check(name="specification", passed=True),
            Check(name="secrets", passed=not failed, detail=failed),
            Check(name="hidden characters", passed=True),
        ),
        examples=(Citation(run="claude-code:run-6", step=2, quote="no Go files"),),
    )


def fill(store: Store, root: Path) -> tuple[Patch, ...]:
    """Put it all into a store; gives the patches of the queue (few users, severe, broad)."""
    users = ("user-1", "user-2", "user-3")
    quotes = ("no Go files in the folder", f"error: {HOSTILE}", "fatal: tag already exists")
    runs = tuple(run(f"run-{n}", users[n % 3], NOW - (70 - n) * DAY, quotes[n % 3]) for n in range(12))
    module = pattern("module", "Tests started outside of the module", runs[0:12:3], seconds=3000, usd=4.2)
    tag = pattern("tag", f"A tag set twice {HOSTILE}", runs[2:12:3], lane="severe", severity=1, seconds=5400, usd=0.4)
    vague = pattern("vague", "A request too vague to act on", runs[1:9:3], cause="ambiguous_goal", remedy="task_author")
    rare = pattern("rare", "A file edited before it was read", runs[1:3], lane="few_users", seconds=120, usd=0.0)
    found = (module, tag, vague, rare)
    patches = (
        patch(
            module,
            root,
            "go-testing",
            "When running the tests, change to the folder with `go.mod` first: there are no Go files outside.",
        ),
        patch(
            tag,
            root,
            "releases",
            "Before tagging, run `git tag --list`: a tag that exists is never moved.",
            chips=(
                Chip(kind="command", text="git tag --list"),
                Chip(kind="destructive", text="git tag -f", dangerous=True),
            ),
        ),
        patch(rare, root, "edit-files", "Read a file before editing it.", scope=Scope(level="user", name="user-2")),
    )
    lost = (Citation(run=runs[4].key, step=2, quote=f"ok {HOSTILE}"),)
    with store.write() as tx:
        for r in runs:
            tx.put_run(r)
        tx.add_failures(
            failure(p, r) for p, mine in zip(found, (runs[0:12:3], runs[2:12:3]), strict=False) for r in mine
        )
        tx.set_patterns(found)
        for p in found:
            tx.add_reflection(reflection(p))
        for item in patches:
            tx.add_patch(item)
        tx.add_verdict(verdict(patches[0]))
        tx.add_verdict(verdict(patches[1], lost=lost))
        tx.add_verdict(verdict(patches[2], better=False, right=1))
        counts = LineCount(seen=50, understood=48, ignored=1, quarantined=1)
        tx.put_file(
            FileState(path="~/logs/run-0.jsonl", size=9, mtime_ns=1, offset=9, format="claude-code", counts=counts)
        )
    return patches


def report(*, patterns: int = 30) -> dict[str, object]:
    """A report as `report --json` prints it, with hostile words in every string of a log."""
    rows = [
        {
            "id": f"{n:012x}",
            "title": f"Pattern {n}: {HOSTILE if n % 4 == 1 else 'an edit before the file was read'}",
            "cause": ("wrong_command", "missing_permission", "ambiguous_goal", "wrong_data_format")[n % 4],
            "remedy": ("skill", "permission", "task_author", "skill")[n % 4],
            "lane": ("severe", "few_users", "broad")[n % 3],
            "severity": 1 + n % 4,
            "failures": 90 // (n + 1) + 3,
            "episodes": 60 // (n + 1) + 1,
            "runs": 50 // (n + 1) + 1,
            "users": 1 + n % 5,
            "tenants": 1,
            "first_seen": NOW - 80 * DAY,
            "last_seen": NOW - n * DAY,
            "share": 0.3 / (n + 1),
            "minutes": 240.5 / (n + 1),
            "tokens": 1_250_000 // (n + 1),
            "usd": 12.4 / (n + 1),
            "examples": [{"run": f"run-{n}", "step": 4, "quote": f"error {n}: {HOSTILE}\nsecond line"}],
        }
        for n in range(patterns)
    ]
    return {
        "runs": 155,
        "lineages": 120,
        "failures": 552,
        "agent_failures": 414,
        "repeated_episodes": 310,
        "concentration": {
            "top": 0.2,
            "in_sample": 0.71,
            "held_out": 0.58,
            "low": 0.49,
            "high": 0.66,
            "patterns": patterns,
        },
        "causes": {"wrong_command": 120, "missing_permission": 60, "unknown": 41, "ambiguous_goal": 12},
        "failures_by_fault": {"agent": 414, "work": 80, "user": 30, "denial": 17, "service": 11},
        "trend": [{"week": f"2026-07-{d:02}", "failures": d * 37 % 61 + 5} for d in (6, 13, 20, 27)],
        "users": [{"user": f"user-{n} {HOSTILE if n == 2 else ''}", "failures": 70 - 20 * n} for n in range(3)],
        "cost": {"minutes": 961.4, "steps": 900, "tokens": 5_000_000, "usd": 49.54},
        "unpriced_models": ["made-up-1"],
        "patterns": rows,
        "formats": {
            "claude-code": {"files": 158, "lines": 90_000, "understood": 88_000, "ignored": 1_990, "quarantined": 10}
        },
    }
