"""`results.json` as a table for people: every figure beside its aim, and how it was got."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench import causes, concentration, decisive, detection, grouping

Results = Mapping[str, Any]


def page(results: Results) -> str:
    """The whole of `results.md`."""
    made = results["made"]
    lines = [
        "# Benchmarks",
        "",
        f"Made by `{made['command']}` on {made['day']}: {made['machine']}; Python {made['python']},",
        f"msgspec {made['msgspec']}, agentpile {made['agentpile']}, zstandard {made['zstandard']}.",
        "Throughput is of processor time on one core, MB = 10^6 bytes; ratios are taken within one round of",
        f"interleaved runs (medians of {made['rounds']} rounds). The machine was shared: wall times are upper bounds.",
        "",
        "| what | figure | aim | met |",
        "|---|---|---|---|",
        *(_line(*entry) for entry in _entries(results)),
        "",
    ]
    sections = {"ingest": _ingest, "growth": _growth, "first_screen": _screen, "backtest": _backtest}
    sections |= {"decisive": decisive.lines, "causes": causes.lines, "grouping": grouping.lines}
    sections |= {"concentration": concentration.lines, "detection": detection.lines}
    for name, section in sections.items():
        if name in results:
            lines += [*section(results[name]), ""]
    return "\n".join(lines)


def _line(what: str, figure: str, aim: str, met: bool | None) -> str:
    return f"| {what} | {figure} | {aim} | {'' if met is None else 'yes' if met else '**no**'} |"


def _entries(results: Results) -> Iterator[tuple[str, str, str, bool | None]]:
    if found := results.get("ingest"):
        ratio, peer = found["ratio_decode"], found["ratio_agentpile"]
        yield "ingest, durable, masked / `msgspec.json.decode`", f"{ratio:.3f}", ">= 0.10 (stretch 0.20)", ratio >= 0.1
        yield "ingest / agentpile, which only parses", f"{peer:.2f}", ">= 0.5", peer >= 0.5
    if found := results.get("growth"):
        yield from _growth_entries(found)
    if found := results.get("first_screen"):
        what = f"first screen of `memento scan` on {found['mb']:,.0f} MB"
        yield what, f"{found['seconds']:.1f} s", "<= 30 s", found["seconds"] <= 30
    if found := results.get("start"):
        yield "`memento --help`, wall", f"{found['wall']:.3f} s", "<= 0.25 s", found["wall"] <= 0.25
        yield "`memento --help`, peak memory", f"{found['rss']:.0f} MB", "<= 60 MB", found["rss"] <= 60
    own = {"decisive": decisive, "detection": detection, "causes": causes, "grouping": grouping}
    for name, part in (own | {"concentration": concentration}).items():
        if found := results.get(name):
            yield from part.entries(found)
    for name, found in results.get("backtest", {}).items():
        yield f"backtest of {name}, learned, macro", _rates(found["macro"]["learned"]), "as it is", None


def _growth_entries(found: Results) -> Iterator[tuple[str, str, str, bool | None]]:
    n = found["copies"]
    for verb in ("ingest", "scan"):
        time, memory, peak = found[f"{verb}_time"], found[f"{verb}_memory"], found[f"{verb}_nx"]["rss"]
        yield f"`{verb}` of {n} x the logs, time", f"{time:.1f} x", f"<= {1.1 * n:.0f} x", time <= 1.1 * n
        yield f"`{verb}` of {n} x the logs, peak memory", f"{memory:.2f} x", "<= 1.2 x", memory <= 1.2
        yield f"`{verb}` of {n} x the logs, peak memory", f"{peak:.0f} MB", "<= 400 MB", peak <= 400
    for scale, said in (("1x", "the logs"), ("nx", f"{n} x the logs")):
        share = found[f"again_share_{scale}"]
        yield f"second `scan` of {said}, nothing new, wall", f"{100 * share:.1f} %", "<= 5 %", share <= 0.05


def _rates(found: Mapping[str, float | None]) -> str:
    names = {"precision": "precision", "recall": "recall", "repeated_recall": "repeated recall"}
    parts = [f"{said} {_share(found[name])}" for name, said in names.items()]
    return ", ".join([*parts, f"{_number(found['false_per_1000'])} false per 1,000 calls"])


def _share(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1f}"


def _ingest(found: Results) -> Iterator[str]:
    speed, spent = found["mb_per_s"], found["seconds"]
    low, high = found["ratio_decode_range"]
    yield "## Ingest"
    yield ""
    yield (
        f"{found['mb']:.0f} MB of real Claude Code logs in {found['files']} files, decompressed beforehand; the path of"
        " `memento ingest` (read, mask, detect, store, commit)."
    )
    yield ""
    yield "| | MB/s of one core |"
    yield "|---|---|"
    for name, said in (
        ("decode", "`msgspec.json.decode`, objects dropped at once"),
        ("agentpile", "agentpile: parses only"),
        ("ingest", "ingest"),
        ("ingest_wall", "ingest, by wall time"),
        ("ingest_gz", "ingest of the .gz files as they are"),
    ):
        yield f"| {said} | {speed[name]:.1f} |"
    yield ""
    yield f"Ratio to decoding: {found['ratio_decode']:.3f} (rounds: {low:.3f} to {high:.3f}). Where the seconds go:"
    yield (
        f"framing, masking and decoding {spent['read_mask_decode']:.2f}, detection {spent['detect']:.2f},"
        f" encoding, compression and SQLite {spent['store']:.2f}, together {spent['ingest']:.2f}."
    )


def _growth(found: Results) -> Iterator[str]:
    n = found["copies"]
    yield "## Growth"
    yield ""
    yield (
        f"{found['mb']:.0f} MB and {n} times as much, copies re-identified by `bench/copies.py`; child processes of"
        f" their own, {found['rounds']} rounds. `again` is a second scan with nothing new."
    )
    yield ""
    yield "| | cpu s | wall s | peak MB |"
    yield "|---|---|---|---|"
    for scale, said in (("1x", "1 x"), ("nx", f"{n} x")):
        for verb in ("ingest", "scan", "again"):
            spent = found[f"{verb}_{scale}"]
            yield f"| {verb} {said} | {spent['cpu']:.2f} | {spent['wall']:.2f} | {spent['rss']:.0f} |"


def _screen(found: Results) -> Iterator[str]:
    yield "## First screen"
    yield ""
    yield (
        f"`memento scan` on a terminal of its own, {found['mb']:,.0f} MB in {found['files']:,} files, an empty store:"
        f" {found['seconds']:.1f} s to the screen ({found['cpu']:.1f} s of processor time, {found['rss']:.0f} MB),"
        f" {found['files_left']:,} older files left for the next call, as the screen says."
    )


def _backtest(found: Results) -> Iterator[str]:
    yield "## Backtest"
    yield ""
    yield "Learnt before the 60th percentile of a project's call times, tested on lineages after it; 90 % intervals by"
    yield "bootstrap over lineages. Only projects with enough held-out episodes enter the macro means; n/a = no fire."
    for name, answer in found.items():
        yield ""
        yield f"### {name}"
        yield ""
        yield (
            "| project | episodes: training, held out | guards | right, wrong, false, undecidable | precision"
            " | recall | repeated recall | false per 1,000 |"
        )
        yield "|---|---|---|---|---|---|---|---|"
        for project in answer["projects"]:
            yield from _project(project)
        for origin, rates in answer["macro"].items():
            yield f"| macro, {origin} | | | | {_cells(rates)} |"


def _project(project: Results) -> Iterator[str]:
    sizes = f"{project['training']['episodes']}, {project['held_out']['episodes']}"
    for origin in ("learned", "builtin", "shuffled", "foreign"):
        found = project[origin]
        counts = ", ".join(str(found[name]) for name in ("right", "wrong", "false", "undecidable"))
        patches = project["patches"] if origin == "learned" else ""
        spans = found.get("intervals", {})
        yield f"| {project['project']}, {origin} | {sizes} | {patches} | {counts} | {_cells(found, spans)} |"


def _cells(found: Results, spans: Mapping[str, Any] | None = None) -> str:
    cells = []
    for name in ("precision", "recall", "repeated_recall"):
        low, high = (spans or {}).get(name, (None, None))
        cells.append(_share(found[name]) + (f" ({low:.2f} to {high:.2f})" if low is not None else ""))
    return " | ".join([*cells, _number(found["false_per_1000"])])
