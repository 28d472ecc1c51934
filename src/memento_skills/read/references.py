"""The text files beside a SKILL.md: what its body may send an agent to read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from memento_skills.masking import visible
from memento_skills.records import SkillRef

ENDINGS = frozenset((".md", ".markdown", ".mdx", ".txt", ".rst"))
MAX_FILES = 40
MAX_FOLDERS = 20
MAX_BYTES = 1 << 18
"""A longer file is no reference that an agent reads in one call."""
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def references(ref: SkillRef) -> dict[str, str]:
    """Texts of the files below the skill's folder, by path relative to it, `/` as separator.

    Links are not followed, and what is no UTF-8, hidden, nested in another skill or beyond the bounds is left out:
    references only ever make a proposal better placed.
    """
    folder = Path(ref.library).expanduser() / PurePosixPath(ref.path).parent
    if not ref.revision or folder == Path(ref.library).expanduser():
        return {}
    found: dict[str, str] = {}
    for file in _files(folder):
        text = _text(file)
        if text is not None:
            found[file.relative_to(folder).as_posix()] = text
        if len(found) >= MAX_FILES:
            break
    return found


def _files(folder: Path) -> Iterator[Path]:
    waiting, seen = [folder], 0
    for place in waiting:
        seen += 1
        if seen > MAX_FOLDERS:
            return
        try:
            children = sorted(place.iterdir())
        except OSError:  # a folder that cannot be looked into holds no reference for us
            continue
        if place != folder and any(child.name == "SKILL.md" for child in children):
            continue
        for child in children:
            if child.is_symlink() or child.name.startswith(".") or visible(child.name) != child.name:
                continue
            if child.is_dir():
                waiting.append(child)
            elif child.suffix.lower() in ENDINGS and child.name != "SKILL.md":
                yield child


def _text(file: Path) -> str | None:
    try:
        with os.fdopen(os.open(file, _READ), "rb") as handle:
            if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                return None
            data = handle.read(MAX_BYTES + 1)
        return data.decode("utf-8") if len(data) <= MAX_BYTES else None
    except (OSError, UnicodeDecodeError):
        return None
