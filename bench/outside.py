"""Row *outside*: section 5 of the design counted anew from raw rows and `memento guard --replay`, and nothing else.

The only things taken from the product are its commands. `outside_beside` then lays its own count beside this one.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.child import memento
from bench.data import Settings, scratch
from bench.outside_beside import beside
from bench.outside_rows import Use, fault, opened, read, recovered, right, signature

PROJECT = "claude-code/entire-cli"
SMALL = "claude-code/entire-skills"
"""Of the smoke run."""
SPLIT = 0.6
CUTS = 12
"""Fires at which the log is cut and scrambled."""


class Logs(NamedTuple):
    """The project's files, their calls, and which files belong together."""

    lines: dict[Path, list[str]]
    calls: dict[Path, list[Use]]
    lineage: dict[Path, Path]


class Counted(NamedTuple):
    """What each fire of a replay was worth, by call id, and the sizes."""

    judged: dict[str, str]
    kinds: dict[str, str]
    """Of every held-out call: good, episode, again, other."""


def row(settings: Settings) -> dict[str, Any]:
    """Counts and rates from outside, for every patch and for those that passed; the cut and scrambled logs."""
    project = SMALL if settings.files else PROJECT
    with scratch() as folder:
        logs = _logs(settings.data / project)
        at = _percentile(logs)
        early = {logs.lineage[f] for f, calls in logs.calls.items() if any(c.at < at for c in calls)}
        held_out = [f for f in _in_time(logs) if logs.lineage[f] not in early and logs.calls[f]]
        crossing = [f for f in logs.calls if logs.lineage[f] in early and any(c.at >= at for c in logs.calls[f])]
        home = folder / "home"
        home.mkdir()
        store = str(home / "outside.db")
        _train(logs, at, folder / "train")
        scan = json.loads(memento(["scan", str(folder / "train"), "--store", store, "--json"], home).output)
        answer: dict[str, Any] = {"project": project, "files": len(held_out), "crossing": len(crossing), "scan": scan}
        fires = {status: _replayed(held_out, store, home, status) for status in ("all", "passed")}
        known = _seen_before(logs, at)
        counts = {status: _count(logs, held_out, found) for status, found in fires.items()}
        answer |= {s: _rates(logs, held_out, c, known) for s, c in counts.items()}
        answer["beside"] = beside(settings.data / project, fires["all"], counts["all"].judged, counts["all"].kinds)
        answer["crossing_fires"] = len(_replayed(crossing, store, home, "all"))
        answer["cut"] = _cut(logs, fires["all"], store, folder)
        return answer


def _logs(folder: Path) -> Logs:
    files = [f for f in sorted(folder.glob("*.jsonl*")) if not f.name.startswith("checkpoints")]
    lines = {f: opened(f) for f in files}
    return Logs(lines, {f: read(found, f) for f, found in lines.items()}, _lineages(lines))


def _lineages(lines: Mapping[Path, Sequence[str]]) -> dict[Path, Path]:
    """Files connected by a shared session, row or call id."""
    parent = {f: f for f in lines}

    def top(f: Path) -> Path:
        while parent[f] != f:
            f = parent[f]
        return f

    owner: dict[str, Path] = {}
    for file, found in lines.items():
        for text in found:
            r = json.loads(text)
            content = (r.get("message") or {}).get("content")
            blocks = content if isinstance(content, list) else []
            ids = [b["id"] for b in blocks if b.get("type") == "tool_use"]
            for mark in (*ids, *(v for k in ("uuid", "parentUuid", "sessionId") if (v := r.get(k)))):
                parent[top(file)] = top(owner.setdefault(mark, file))
    return {f: top(f) for f in parent}


def _in_time(logs: Logs) -> list[Path]:
    return sorted(logs.calls, key=lambda f: min((c.at for c in logs.calls[f]), default=""))


def _percentile(logs: Logs) -> str:
    first: dict[str, str] = {}
    for file in _in_time(logs):
        for call in logs.calls[file]:
            first.setdefault(call.id, call.at)
    times = sorted(first.values())
    return times[int(len(times) * SPLIT)]


def _train(logs: Logs, at: str, target: Path) -> None:
    """The rows before T of every file; a row without a time goes with the one before it."""
    target.mkdir()
    for file, lines in logs.lines.items():
        kept = []
        for line in lines:
            if (json.loads(line).get("timestamp") or "") >= at:
                break
            kept.append(line)
        if kept:
            (target / file.name.removesuffix(".gz")).write_text("\n".join(kept) + "\n", "utf-8")


def _replayed(files: Iterable[Path], store: str, home: Path, status: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        said = memento(["guard", "--replay", str(file), "--store", store, "--status", status, "--json"], home).output
        for fire in map(json.loads, said.splitlines()):
            found.setdefault(fire["call_id"], fire)
    return found


def _seen_before(logs: Logs, at: str) -> set[tuple[str, str]]:
    """Signatures of agent failures in two or more lineages before T."""
    where: dict[tuple[str, str], set[Path]] = defaultdict(set)
    for file, calls in logs.calls.items():
        for call in calls:
            if call.at < at and fault(call) == "agent":
                where[signature(call)].add(logs.lineage[file])
    return {s for s, lineages in where.items() if len(lineages) >= 2}


def _count(logs: Logs, files: Iterable[Path], fires: Mapping[str, Mapping[str, Any]]) -> Counted:
    counted, episodes = Counted({}, {}), set()
    for file in files:
        for i, call in enumerate(logs.calls[file]):
            if call.id in counted.kinds:
                continue
            whose, key = fault(call), (logs.lineage[file], *signature(call))
            kind = "good" if whose == "work" or (whose == "" and call.result is not None) else "other"
            if whose == "agent":
                kind = "again" if key in episodes else "episode"
                episodes.add(key)
            counted.kinds[call.id] = kind
            if call.id in fires:
                counted.judged[call.id] = _judged(kind, fires[call.id]["expect"], logs.calls[file], i)
    return counted


def _judged(kind: str, expect: dict[str, Any], calls: list[Use], i: int) -> str:
    if kind != "episode":
        return "false" if kind == "good" else "neutral"
    after = recovered(calls, i)
    if not after:
        return "undecidable"
    return "right" if right(expect, calls[i], after) else "wrong"


def _rates(logs: Logs, files: Iterable[Path], counted: Counted, known: set[tuple[str, str]]) -> dict[str, Any]:
    by_id = {c.id: c for f in files for c in logs.calls[f]}
    sizes, judged = Counter(counted.kinds.values()), Counter(counted.judged.values())
    again = [i for i, kind in counted.kinds.items() if kind == "episode" and signature(by_id[i]) in known]
    decided = judged["right"] + judged["wrong"] + judged["false"]
    good = sum(counted.judged.get(i) == "right" for i in again)
    return {
        **{name: judged[name] for name in ("right", "wrong", "false", "undecidable", "neutral")},
        "calls": len(counted.kinds),
        "episodes": sizes["episode"],
        "repeated_episodes": len(again),
        "precision": judged["right"] / decided if decided else None,
        "recall": judged["right"] / sizes["episode"] if sizes["episode"] else None,
        "repeated_recall": good / len(again) if again else None,
        "false_per_1000": 1000 * judged["false"] / len(counted.kinds) if counted.kinds else None,
    }


def _cut(logs: Logs, fires: Mapping[str, Mapping[str, Any]], store: str, folder: Path) -> dict[str, int]:
    """Logs cut after the row of a call that was fired on, and scrambled there: how often the fire stayed as it was."""
    ids = sorted(fires)
    chosen = [ids[i * len(ids) // CUTS] for i in range(CUTS)] if len(ids) > CUTS else ids
    names, same = {f.name: f for f in logs.lines}, Counter[str]()
    rng = random.Random(0)
    for number, call_id in enumerate(chosen):
        fire = fires[call_id]
        lines = logs.lines[names[Path(fire["file"]).name]]
        head, tail = lines[: fire["line"]], lines[fire["line"] :]
        for how, rest in (("cut", []), ("scrambled", [_scrambled(line, rng) for line in tail])):
            target = folder / f"{how}{number}.jsonl"
            target.write_text("\n".join([*head, *rest]) + "\n", "utf-8")
            again = _replayed([target], store, folder / "home", "all").get(call_id)
            same[how] += again is not None and all(again[k] == fire[k] for k in ("patch", "advice", "expect"))
    return {"fires": len(chosen), "cut_same": same["cut"], "scrambled_same": same["scrambled"]}


def _scrambled(line: str, rng: random.Random) -> str:
    """A row whose results are turned upside down and whose calls ask for something else."""
    r = json.loads(line)
    content = (r.get("message") or {}).get("content")
    for block in content if isinstance(content, list) else ():
        if block.get("type") == "tool_result":
            block["content"], block["is_error"] = "".join(rng.choices("abc /\n", k=200)), not block.get("is_error")
        if block.get("type") == "tool_use":
            block["input"] = {k: v[::-1] if isinstance(v, str) else v for k, v in block["input"].items()}
    return json.dumps(r)


def entries(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str, bool | None]]:
    """The figures beside the same aims; the cut logs."""
    for status, said in (("all", "every patch"), ("passed", "patches that passed")):
        one = found[status]
        yield (
            f"counted from outside, {said}",
            _said(one),
            "precision >= 0.70, recall >= 0.10",
            ((one["precision"] or 0) >= 0.7 and (one["recall"] or 0) >= 0.1),
        )
    cut = found["cut"]
    kept, all_of = cut["cut_same"] + cut["scrambled_same"], 2 * cut["fires"]
    yield "fires unchanged in logs cut or scrambled after the call", f"{kept} of {all_of}", "all", kept == all_of > 0


def _said(one: Mapping[str, Any]) -> str:
    names = ("precision", "recall", "repeated_recall")
    parts = [f"{n.replace('_', ' ')} {'n/a' if one[n] is None else format(one[n], '.3f')}" for n in names]
    return ", ".join([*parts, f"{one['false_per_1000']:.1f} false per 1,000 calls"])


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The section of the page."""
    own, scan = found["beside"], found["scan"]
    yield "## Counted from outside"
    yield ""
    yield f"{found['project']}: the rows before T were given to `memento scan` ({scan['patches']} patches, of which"
    yield f"{scan['passed']} passed), {found['files']} later files to `memento guard --replay`, and the fires judged by"
    yield "a reader of its own (`bench/outside_rows.py`), which shares no code with the product. *Product* is the"
    yield "judgement of the same fires by the product's own count."
    yield ""
    yield "| | right | wrong | false | undecidable | in no count | episodes | seen before |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, one in (("every patch", found["all"]), ("passed", found["passed"]), ("every patch, product", own)):
        cells = ("right", "wrong", "false", "undecidable", "neutral", "episodes", "repeated_episodes")
        yield f"| {name} | {' | '.join(str(one[c]) for c in cells)} |"
    yield ""
    yield f"Fires judged differently: {own['different']} of {own['fires']}. Labels of held-out calls that differ,"
    yield f"outside/product: {', '.join(f'{k} {n}' for k, n in sorted(own['labels'].items()))}."
    yield f"Fires on files of lineages that cross T, counted nowhere: {found['crossing_fires']}."
