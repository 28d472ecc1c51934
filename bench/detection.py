"""Row *detection*: failures that no status tells, on rewarded runs with the reward hidden, on made sessions; speed.

Rewarded runs: `failed` is predicted where the score of `rules/risk.toml` reaches its threshold. The table is learnt on
the training part (half of the tasks, by hash); figures are of the other part, intervals by bootstrap over tasks.
Made sessions: `bench/injected.py`, half of the phrasings held out. Speed: reading, masking and detecting against the
harvest of `skillopt`, in processor time, in one round; `MEMENTO_BENCH_SKILLOPT` names a Python that has that package.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, get_args

from bench import injected
from bench.data import Settings, decompressed, scratch, size
from bench.risk_training import SETS, Case, cases, fit, training
from memento_skills.detect import failures
from memento_skills.detect.risk import Risk, table
from memento_skills.ingest.ingest import read_tree
from memento_skills.masking import Masker
from memento_skills.records import Failure, FailureKind, Run

SEEN_BY_STATUS = ("tool_error", "exit_code", "permission_denied", "refusal", "interruption", "api_error", "cascade",
                  "hook_block", "outcome")  # fmt: skip
"""Kinds that a status or a label tells; all others are what this row is about."""
SILENT_KINDS = tuple(kind for kind in get_args(FailureKind) if kind not in SEEN_BY_STATUS)
RESAMPLES = 1000
SPLITS = 16
SEED = 11
PER_KIND = 40
PEER = (
    "import sys,time\nfrom skillopt_sleep.harvest import harvest\nt=time.process_time()\nn=len(harvest(sys.argv[1]))\n"
    "print(time.process_time()-t,n)"
)
Rule = Callable[[Case], bool]


def row(settings: Settings) -> dict[str, Any]:
    """All three parts; what has no data is left out or says why."""
    found: dict[str, Any] = {}
    if all((settings.data / name).is_dir() for name in SETS):
        found["rewarded"] = _rewarded(cases(settings.data))
    count = 10 if settings.files else PER_KIND
    found["injected"] = {words: _injected(words, count) for words in ("seen", "held_out")}
    found["speed"] = _speed(settings)
    return found


# ------------------------------------------------------------------------------------------------ rewarded runs


def _rewarded(all_cases: Sequence[Case]) -> dict[str, Any]:
    learn = [case for case in all_cases if training(case.task)]
    test = [case for case in all_cases if not training(case.task)]
    rules = _rules(learn)
    found: dict[str, Any] = {}
    for name in (*SETS, "both"):
        part = [case for case in test if name in (case.set, "both")]
        found[name] = {"runs": len(part), "failed": sum(case.failed for case in part)} | {
            rule: {"value": _balanced(part, predict), "interval": _interval(part, predict)}
            for rule, predict in rules.items()
        }
    found["refit"] = _refit(all_cases)
    found["other_set"] = {name: _other(all_cases, name) for name in SETS}
    return found


def _rules(learn: Sequence[Case]) -> dict[str, Rule]:
    """The score and the trivial rules, whatever they need chosen on the training part."""
    longest = max(
        {len(case.run.steps) for case in learn},
        key=lambda steps: _balanced(learn, lambda case: len(case.run.steps) >= steps) or 0.0,
    )
    return {
        "score": _by(table()),
        "any tool error": lambda case: any(step.status == "error" for step in case.run.steps),
        f"{longest} steps or more": lambda case: len(case.run.steps) >= longest,
        "ends with a transfer": lambda case: any(
            step.kind == "call" and "transfer" in step.tool for step in case.run.steps[-8:]
        ),
    }


def _by(risk: Risk) -> Rule:
    return lambda case: risk.probability(case.values) >= risk.threshold


def _balanced(part: Sequence[Case], predict: Rule) -> float | None:
    """Mean of the shares of failed and of good runs that are told rightly; None where one of the two is absent."""
    bad = [predict(case) for case in part if case.failed]
    good = [predict(case) for case in part if not case.failed]
    return 0.5 * (sum(bad) / len(bad) + 1 - sum(good) / len(good)) if bad and good else None


def _interval(part: Sequence[Case], predict: Rule) -> list[float]:
    """90 %, by resampling tasks."""
    chance = random.Random(SEED)
    told = {id(case): predict(case) for case in part}
    by_task: dict[str, list[Case]] = {}
    for case in part:
        by_task.setdefault(case.task, []).append(case)
    tasks = sorted(by_task)
    values = []
    for _ in range(RESAMPLES):
        drawn = [case for task in chance.choices(tasks, k=len(tasks)) for case in by_task[task]]
        value = _balanced(drawn, lambda case: told[id(case)])
        if value is not None:
            values.append(value)
    values.sort()
    return [values[int(0.05 * len(values))], values[int(0.95 * len(values)) - 1]]


def _refit(all_cases: Sequence[Case]) -> dict[str, float]:
    """Mean over further splits of the tasks, the weights learnt anew for each."""
    sums: dict[str, list[float]] = {name: [] for name in SETS}
    for n in range(SPLITS):
        learnt = fit([case for case in all_cases if training(case.task, str(n))])
        for name in SETS:
            part = [case for case in all_cases if case.set == name and not training(case.task, str(n))]
            sums[name].append(_balanced(part, _by(learnt)) or 0.0)
    return {name: sum(values) / len(values) for name, values in sums.items()}


def _other(all_cases: Sequence[Case], name: str) -> float | None:
    """Learnt on the other set alone."""
    learnt = fit([case for case in all_cases if case.set != name])
    return _balanced([case for case in all_cases if case.set == name], _by(learnt))


# ------------------------------------------------------------------------------------------------ made sessions


def _injected(words: str, count: int) -> dict[str, Any]:
    made = injected.sessions(count, words, SEED)
    with scratch() as folder:
        injected.write(made, folder)
        runs = {run.id: run for run in _read(folder)}
    found = {one.name: failures(runs[one.name]) for one in made}
    listed = [call in {f.call_id for f in found[one.name]} for one in made for call in one.errors]
    told = {kind: [_silent(found[one.name]) for one in made if one.kind == kind] for kind in injected.KINDS}
    shares = {kind: sum(values) / len(values) for kind, values in told.items()}
    good = told["clean"] + told["recovered"]
    return {
        "sessions": len(made),
        "tool_errors": sum(listed) / len(listed),
        "silent": sum(shares[kind] for kind in injected.SILENT) / len(injected.SILENT),
        "complained": shares["complained"],
        "false_alarms": sum(good) / len(good),
        "kinds": {kind: shares[kind] for kind in injected.SILENT},
    }


def _silent(found: Sequence[Failure]) -> bool:
    return any(failure.kind in SILENT_KINDS for failure in found)


def _read(folder: Path) -> Iterator[Run]:
    for result in read_tree([folder], masker=Masker(salt=b"bench")):
        yield from result.runs


# -------------------------------------------------------------------------------------------------------- speed


def _speed(settings: Settings) -> dict[str, Any]:
    python = os.environ.get("MEMENTO_BENCH_SKILLOPT", "")
    if not python:
        return {"skipped": "MEMENTO_BENCH_SKILLOPT names no Python with the package skillopt"}
    if not settings.claude.is_dir():
        return {"skipped": "the Claude Code logs are absent"}
    ours, peer = [], []
    with scratch() as folder:
        files = decompressed(settings, folder)
        for _ in range(settings.rounds):
            start = time.process_time()
            for run in _read(folder):
                failures(run)
            ours.append(time.process_time() - start)
            done = subprocess.run([python, "-c", PEER, str(folder)], capture_output=True, text=True, check=False)
            if done.returncode:
                return {"skipped": f"skillopt did not run: {done.stderr.strip().splitlines()[-1][:120]}"}
            peer.append(float(done.stdout.split()[0]))
        mb = size(files) / 1e6
    ratios = [theirs / mine for mine, theirs in zip(ours, peer, strict=True)]
    return {"mb": mb, "ours": median(ours), "peer": median(peer), "ratio": median(ratios)}


# -------------------------------------------------------------------------------------------------------- table


def entries(found: dict[str, Any]) -> list[tuple[str, str, str, bool | None]]:
    """The row's lines of the table: what, figure, aim, met."""
    rows: list[tuple[str, str, str, bool | None]] = []
    for name in (*SETS, "both"):
        if part := found.get("rewarded", {}).get(name):
            low, high = part["score"]["interval"]
            value = part["score"]["value"]
            said = f"{value:.2f} ({low:.2f} to {high:.2f})"
            rows.append((f"detection, rewards hidden, {name}: balanced accuracy", said, ">= 0.70", value >= 0.7))
    for words, part in found["injected"].items():
        what = f"detection, made sessions, phrasings {words.replace('_', ' ')}"
        rows.append((f"{what}: tool errors", f"{part['tool_errors']:.3f}", ">= 0.99", part["tool_errors"] >= 0.99))
        rows.append((f"{what}: silent", f"{part['silent']:.2f}", ">= 0.90", part["silent"] >= 0.9))
        rows.append((f"{what}: complaints", f"{part['complained']:.2f}", "as it is", None))
        rows.append((f"{what}: false alarms", f"{part['false_alarms']:.3f}", "<= 0.02", part["false_alarms"] <= 0.02))
    speed = found["speed"]
    if "ratio" in speed:
        rows.append(("detection / `skillopt` harvest, speed", f"{speed['ratio']:.2f}", ">= 0.5", speed["ratio"] >= 0.5))
    return rows


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The row's own section: baselines, kinds, speed."""
    yield "## Detection"
    yield ""
    if rewarded := found.get("rewarded"):
        yield "Balanced accuracy on the held-out tasks, rewards hidden; 90 % intervals by bootstrap over tasks."
        yield ""
        names = [name for name in rewarded["both"] if name not in ("runs", "failed")]
        yield "| set | runs, failed | " + " | ".join(names) + " |"
        yield "|---|---|" + "---|" * len(names)
        for name in (*SETS, "both"):
            part = rewarded[name]
            cells = [
                f"{part[n]['value']:.2f} ({part[n]['interval'][0]:.2f} to {part[n]['interval'][1]:.2f})" for n in names
            ]
            yield f"| {name} | {part['runs']}, {part['failed']} | " + " | ".join(cells) + " |"
        yield ""
        refit = ", ".join(f"{name} {value:.2f}" for name, value in rewarded["refit"].items())
        other = ", ".join(f"{name} {value:.2f}" for name, value in rewarded["other_set"].items())
        yield f"Weights learnt anew on {SPLITS} further splits, mean: {refit}. Learnt on the other set alone: {other}."
        yield "The features were chosen while looking at both parts, so that these figures flatter them."
        yield ""
    yield "Made sessions (`bench/injected.py`), share of sessions told, by what was put in:"
    yield ""
    yield "| phrasings | " + " | ".join(kind.replace("_", " ") for kind in injected.SILENT) + " |"
    yield "|---|" + "---|" * len(injected.SILENT)
    for words, part in found["injected"].items():
        cells = [f"{part['kinds'][kind]:.2f}" for kind in injected.SILENT]
        yield f"| {words.replace('_', ' ')} | " + " | ".join(cells) + " |"
    yield ""
    speed = found["speed"]
    if "ratio" not in speed:
        yield f"Speed beside `skillopt` was not measured: {speed['skipped']}."
    else:
        yield (
            f"{speed['mb']:.0f} MB of Claude Code logs: reading, masking and detecting {speed['ours']:.2f} s,"
            f" `skillopt` harvest {speed['peer']:.2f} s of processor time."
        )
