"""Row *cost*: processor time of `memento scan` now, beside that of the spine on the same logs."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bench.child import Spent, memento
from bench.data import ROOT, Settings, decompressed, scratch, size

SPINE = "2d6bcd8"
"""The commit at which the whole loop stood, before the evidence engine."""
AIM = 2.0


def row(settings: Settings) -> dict[str, Any]:
    """Processor seconds of a first scan, now and then, interleaved; `{"skipped": reason}` without the history."""
    with scratch() as folder:
        try:
            then = _unpacked(folder / "spine")
        except subprocess.CalledProcessError:
            return {"commit": SPINE, "skipped": f"commit {SPINE} is not in this copy of the repository"}
        files = decompressed(settings, folder / "logs")
        rounds = []
        for number in range(settings.rounds):
            spent = {
                name: _scan(folder / f"{name}{number}", folder / "logs", source)
                for name, source in (("now", ROOT / "src"), ("spine", then))
            }
            rounds.append(spent)
        return {
            "commit": SPINE,
            "mb": size(files) / 1e6,
            "now": median(r["now"].cpu for r in rounds),
            "spine": median(r["spine"].cpu for r in rounds),
            "now_rss": median(r["now"].rss for r in rounds),
            "spine_rss": median(r["spine"].rss for r in rounds),
            "ratios": sorted(r["now"].cpu / r["spine"].cpu for r in rounds),
            "ratio": median(r["now"].cpu / r["spine"].cpu for r in rounds),
        }


def _unpacked(target: Path) -> Path:
    """The package as it was. Raises CalledProcessError where git does not have the commit."""
    command = ["git", "archive", SPINE, "src", "pyproject.toml"]
    packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(target, filter="data")
    _registered(tomllib.loads((target / "pyproject.toml").read_text("utf-8"))["project"], target / "src")
    return target / "src"


def _registered(project: Mapping[str, Any], source: Path) -> None:
    """The metadata of that time before today's: else it would be given today's readers, which it does not have."""
    name = project["name"].replace("-", "_")
    info = source / f"{name}-{project['version']}.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {project['version']}\n", "utf-8"
    )
    parts = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in found.items())
        for group, found in project["entry-points"].items()
    ]
    info.joinpath("entry_points.txt").write_text("\n".join(parts), "utf-8")


def _scan(home: Path, logs: Path, source: Path) -> Spent:
    home.mkdir()
    start = f"import sys; sys.path.insert(0, {str(source)!r}); from memento_skills.app.cli.main import main; main()"
    return memento(["scan", str(logs), "--store", str(home / "s.db"), "--json"], home, (sys.executable, "-c", start))


def entries(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str, bool | None]]:
    """The aim of issue 3."""
    if "skipped" in found:
        yield "first scan now / at the spine", found["skipped"], f"<= {AIM:.0f} x", None
        return
    yield (
        f"first scan now / at the spine ({found['commit']})",
        f"{found['ratio']:.2f} x",
        f"<= {AIM:.0f} x",
        (found["ratio"] <= AIM),
    )


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The section of the page."""
    yield "## Cost"
    yield ""
    if "skipped" in found:
        yield f"Not measured: {found['skipped']}."
        return
    low, high = found["ratios"][0], found["ratios"][-1]
    yield f"First `memento scan` of {found['mb']:.0f} MB of Claude Code logs, an empty store, processor time (medians"
    yield f"of {len(found['ratios'])} interleaved rounds): {found['now']:.1f} s now, {found['spine']:.1f} s at commit"
    yield f"{found['commit']}; ratio {found['ratio']:.2f} (rounds: {low:.2f} to {high:.2f}); peak memory"
    yield f"{found['now_rss']:.0f} MB against {found['spine_rss']:.0f} MB."
