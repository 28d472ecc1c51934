"""Every command that README and docs name exists, and those that can run here do."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
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


def test_the_make_targets_that_the_readme_names_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text("utf-8")))
    assert named <= targets


def test_relative_links_of_the_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
