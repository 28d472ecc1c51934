"""Row *growth*: the same logs once and many times over, in processes of their own, and again with nothing new."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.child import Spent, memento
from bench.copies import grown
from bench.data import Settings, decompressed, scratch, size


def row(settings: Settings) -> dict[str, Any]:
    """Processor seconds and peak MB of `ingest` and `scan` at 1x and at `copies`x, and of a second scan."""
    with scratch() as folder:
        originals = decompressed(settings, folder / "originals")
        one = size(originals)
        logs = {"1x": folder / "one", "nx": folder / "many"}
        grown(originals, folder / "originals", logs["1x"], one)
        grown(originals, folder / "originals", logs["nx"], one * settings.copies)
        home = folder / "home"
        (home / "skills").mkdir(parents=True)
        rounds = [_round(logs, home, number) for number in range(max(1, settings.rounds - 1))]
    return {"copies": settings.copies, "mb": one / 1e6, "rounds": len(rounds)} | _summary(rounds)


def _round(logs: Mapping[str, Path], home: Path, number: int) -> dict[str, Spent]:
    found: dict[str, Spent] = {}
    for name, folder in logs.items():
        for command in ("ingest", "scan", "again"):
            # ingest and scan each begin with an empty store; the second scan finds the scan's
            store = home / f"{number}-{name}-{'scan' if command == 'again' else command}.db"
            found[f"{command} {name}"] = memento(_arguments(command, folder, store, home), home)
        for file in home.glob("*.db*"):
            file.unlink()
    return found


def _arguments(command: str, folder: Path, store: Path, home: Path) -> Sequence[str]:
    verb = "ingest" if command == "ingest" else "scan"
    library = () if verb == "ingest" else ("--skills", str(home / "skills"))
    return [verb, str(folder), *library, "--store", str(store), "--json"]


def _summary(rounds: Sequence[Mapping[str, Spent]]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for name in rounds[0]:
        key = name.replace(" ", "_")
        answer[key] = {
            "cpu": statistics.median(r[name].cpu for r in rounds),
            "wall": statistics.median(r[name].wall for r in rounds),
            "rss": statistics.median(r[name].rss for r in rounds),
        }
    for verb in ("ingest", "scan"):
        pairs = [(r[f"{verb} nx"], r[f"{verb} 1x"]) for r in rounds]
        answer[f"{verb}_time"] = statistics.median(many.cpu / one.cpu for many, one in pairs)
        answer[f"{verb}_memory"] = statistics.median(many.rss / one.rss for many, one in pairs)
    for scale in ("1x", "nx"):
        shares = [r[f"again {scale}"].wall / r[f"scan {scale}"].wall for r in rounds]
        answer[f"again_share_{scale}"] = statistics.median(shares)
    return answer
