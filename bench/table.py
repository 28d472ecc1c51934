"""`results.json` as a table for people: every figure beside its aim, and how it was got."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench import backtesting, causes, concentration, cost, decisive, detection, grouping, outside, study

Results = Mapping[str, Any]
LATER: dict[str, Any] = {"outside": outside, "study": study, "cost": cost}
"""Rows that bring their lines and entries with them."""


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
    sections: dict[str, Callable[[Any], Iterator[str]]] = {
        "ingest": _ingest,
        "growth": _growth,
        "first_screen": _screen,
        "backtest": backtesting.lines,
    }
    sections |= {"decisive": decisive.lines, "causes": causes.lines, "grouping": grouping.lines}
    sections |= {"concentration": concentration.lines, "detection": detection.lines}
    sections |= {name: part.lines for name, part in LATER.items()}
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
    own = {
        "backtest": backtesting,
        "decisive": decisive,
        "detection": detection,
        "causes": causes,
        "grouping": grouping,
    }
    for name, part in (own | {"concentration": concentration, **LATER}).items():
        if found := results.get(name):
            yield from part.entries(found)


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
