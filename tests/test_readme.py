"""Every command that README and docs name exists, and those that can run here do."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DEMO = ROOT / "src" / "memento_skills" / "app" / "demo"
MEMENTO = [sys.executable, "-m", "memento_skills.app.cli.main"]


def commands() -> list[tuple[str, str]]:
    """(page, command line) of every `memento …` in backticks or shell blocks."""
    found: list[tuple[str, str]] = []
    for page in PAGES:
        text = page.read_text("utf-8")
        lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
        lines += re.findall(r"`(memento [^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        found += [(page.name, line.strip()) for line in lines if line.strip().startswith("memento ")]
    return sorted(set(found))


@pytest.mark.slow
@pytest.mark.parametrize(("page", "line"), commands())
def test_every_documented_command_and_option_is_known(page: str, line: str) -> None:
    words = [w for w in shlex.split(re.sub(r"[\[\]…]", " ", line))[1:] if w]
    names = []
    for word in words:
        if word.startswith("-") or word.isupper() or "|" in word:
            break
        names.append(word)
    help_page = ""
    while names:
        done = subprocess.run([*MEMENTO, *names, "--help"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            help_page = done.stdout
            break
        names.pop()
    assert help_page or words[0].startswith("-"), f"{page}: {line}"
    for option in (w for w in words if w.startswith("--") and help_page):
        assert option in help_page, f"{page}: {line}: {option}"


class Sandbox:
    """A home with logs, a project with skills, a store after a scan, and a promotion: what the pages presuppose."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        logs = folder / ".claude" / "projects" / "shop"
        shutil.copytree(DEMO / "logs" / "shop", logs)
        shutil.copytree(DEMO / "library", folder / "shop" / ".claude" / "skills")
        self.env = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG")} | {
            "HOME": str(folder), "MEMENTO_SKILLS": str(folder / "shop" / ".claude" / "skills"),
            "MEMENTO_CURATOR": "tester", "XDG_STATE_HOME": str(folder / "state"),
        }  # fmt: skip

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(line)[1:]
        return subprocess.run(
            [*MEMENTO, *words], cwd=self.home / "shop", env=self.env, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def json(self, line: str) -> Any:
        done = self.run(line + " --json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def prepared(folder: Path) -> tuple[Sandbox, dict[str, str]]:
    """A sandbox with an approved patch, and values for the pages' placeholders."""
    box = Sandbox(folder)
    scanned = box.run("memento scan --since 2026-08-01 --yes")
    assert scanned.returncode == 0, scanned.stderr
    best = next(item for item in box.json("memento review list") if item["verdict"] == "better")
    approved = box.run(f"memento review approve {best['patch']} --yes")
    assert approved.returncode == 0, approved.stderr
    log = next((box.home / ".claude" / "projects" / "shop").glob("*.jsonl"))
    return box, {
        "PATCH": best["patch"], "PATTERN": best["pattern"], "PATH": str(log.parent), "FILE": str(log), "TEXT": "words",
        "ID": log.stem, "NAME": "dev1",
    }  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sandbox, dict[str, str]]:
    """One sandbox for the commands that change no skill."""
    return prepared(tmp_path_factory.mktemp("home") / "home")


def filled(line: str, values: dict[str, str], folder: Path) -> str:
    """The line with optional parts left out and placeholders filled."""
    line = re.sub(r"\[[^\]]*\]", "", line).replace("…", "")
    if "--html" in line:
        line = line.replace("FILE", str(folder / "page.html"))
    return re.sub(r"\b[A-Z]{2,}\b", lambda m: values.get(m[0], m[0]), line)


def whole() -> list[tuple[str, str]]:
    """Documented commands, without the mentions of a name that stands with its arguments elsewhere."""
    lines = {line for _, line in commands()}
    return [
        c for c in commands() if c[0] != "cli.md" and not any(o.startswith(c[1] + " ") for o in lines if "[" not in o)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "line"), whole())
def test_every_documented_command_does_what_it_says_without_an_error(
    page: str, line: str, shared: tuple[Sandbox, dict[str, str]], tmp_path: Path
) -> None:
    changes = any(word in line for word in ("promote", "rollback", "forget"))
    box, values = prepared(tmp_path / "home") if changes else shared
    if "rollback" in line:
        assert box.run(f"memento promote {values['PATCH']} --yes").returncode == 0
    answered = filled(line, values, tmp_path)
    if answered.split()[1] in ("scan", "promote", "forget"):
        answered += " --yes"
    if answered == "memento review":
        answered = "memento review list"  # the walk needs a terminal: tests/app/test_walk.py has one
    done = box.run(answered)
    assert done.returncode == 0, done.stderr
    assert done.stdout or "guard" in line


def test_the_make_targets_that_the_readme_names_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text("utf-8")))
    assert named <= targets


def test_relative_links_of_the_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
