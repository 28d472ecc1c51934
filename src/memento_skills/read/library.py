"""A folder of skills as found on disk: every SKILL.md, within bounds, links resolved; nothing is ever written here.

The folder may be hostile: links that lead out, devices, huge files, names with control characters. What is odd is
listed with its problems; what leads outside is refused and said.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from memento_skills.errors import BadInput
from memento_skills.masking import visible
from memento_skills.records import Record, SkillRef
from memento_skills.skilldoc import Problem, check, parse, revision

FILE_NAME = "SKILL.md"
MAX_DEPTH = 6
MAX_FOLDERS = 2_000
MAX_BYTES = 1 << 20
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Flags for opening: a named pipe must not make us wait for a writer."""
_SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", ".overlays", "__pycache__", ".venv"})


class Entry(Record, frozen=True, kw_only=True):
    """One SKILL.md with what is wrong with it (specification and lenient reading are told apart by severity)."""

    ref: SkillRef
    description: str = ""
    problems: tuple[Problem, ...] = ()


class Listing(Record, frozen=True, kw_only=True):
    """What a library holds, and what of it could not be looked at."""

    entries: tuple[Entry, ...] = ()
    """Sorted by path."""
    refused: tuple[str, ...] = ()
    """One line each: what was left out, and why."""


class Library:
    """The skills below `root`. Implements the `Library` protocol; `listing()` tells more."""

    def __init__(self, root: Path, *, max_depth: int = MAX_DEPTH, max_folders: int = MAX_FOLDERS) -> None:
        self.root = root.resolve()
        self._max_depth = max_depth
        self._max_folders = max_folders

    def skills(self) -> tuple[SkillRef, ...]:
        """Every SKILL.md that could be read, sorted by path. Raises BadInput where the root is no folder."""
        return tuple(entry.ref for entry in self.listing().entries)

    def listing(self) -> Listing:
        """Skills with their problems, and what was refused. Raises BadInput where the root is no folder."""
        if not self.root.is_dir():
            raise BadInput("no such skill library", where=str(self.root), hint="name an existing folder")
        refused: list[str] = []
        files = sorted(set(self._files(refused)))
        entries = [entry for file in files if (entry := self._entry(file, refused)) is not None]
        return Listing(entries=tuple(entries), refused=tuple(refused))

    def text(self, ref: SkillRef) -> str:
        """SKILL.md as text, every byte of it kept (byte order mark, line endings).

        Raises BadInput where it is not UTF-8, not a plain file, too big, or outside the library.
        """
        data = self._bytes(self._inside(ref.path))
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(
                "SKILL.md is not UTF-8", where=f"{visible(ref.path)}, byte {error.start}", hint="save it as UTF-8"
            ) from error

    def find(self, name: str) -> SkillRef | None:
        """The skill of that name; where several bear it, the one nearest to the root."""
        named = [ref for ref in self.skills() if ref.name == name]
        return min(named, key=lambda ref: (ref.path.count("/"), ref.path), default=None)

    def _files(self, refused: list[str]) -> Iterator[Path]:
        seen: set[Path] = set()
        deeper = 0
        waiting = [(self.root, 0)]
        for folder, depth in waiting:  # breadth first: the bound cuts off the deepest folders, not the last names
            real = folder.resolve()
            if real in seen:
                continue
            if not real.is_relative_to(self.root):
                refused.append(f"{self._shown(folder)}: a link that leads out of the library")
                continue
            if len(seen) >= self._max_folders:
                refused.append(f"more than {self._max_folders} folders: the rest was not looked at")
                return
            seen.add(real)
            for child in _children(real, refused):
                if child.name == FILE_NAME:
                    yield from self._real_file(child, refused)
                elif child.name not in _SKIPPED and child.is_dir():
                    waiting.extend([(child, depth + 1)] if depth < self._max_depth else [])
                    deeper += depth >= self._max_depth
        if deeper:
            refused.append(f"{deeper} folders more than {self._max_depth} levels down: not looked at")

    def _real_file(self, file: Path, refused: list[str]) -> Iterator[Path]:
        real = file.resolve()
        if real.is_relative_to(self.root):
            yield real
        else:
            refused.append(f"{self._shown(file)}: a link that leads out of the library")

    def _entry(self, file: Path, refused: list[str]) -> Entry | None:
        try:
            data = self._bytes(file)
        except BadInput as error:
            refused.append(str(error))
            return None
        doc = parse(data)
        folder = file.parent.name
        name = doc.name if doc.name and visible(doc.name) == doc.name and len(doc.name) <= 200 else folder
        path = file.relative_to(self.root).as_posix()
        ref = SkillRef(name=name, path=path, revision=revision(data), library=str(self.root))
        return Entry(ref=ref, description=doc.description, problems=check(doc, folder=folder))

    def _bytes(self, file: Path) -> bytes:
        where = self._shown(file)
        try:
            with os.fdopen(os.open(file, _READ), "rb") as handle:
                if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
                    raise BadInput("SKILL.md is not a plain file", where=where)
                data = handle.read(MAX_BYTES + 1)
        except OSError as error:
            raise BadInput(f"SKILL.md cannot be read: {error.strerror}", where=where) from error
        if len(data) > MAX_BYTES:
            raise BadInput(f"SKILL.md is bigger than {MAX_BYTES >> 20} MiB", where=where)
        return data

    def _inside(self, path: str) -> Path:
        file = (self.root / PurePosixPath(path)).resolve()
        if not file.is_relative_to(self.root):
            raise BadInput("a path that leads out of the library", where=visible(path))
        return file

    def _shown(self, file: Path) -> str:
        shown = file.relative_to(self.root).as_posix() if file.is_relative_to(self.root) else str(file)
        return visible(shown)


def _children(folder: Path, refused: list[str]) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        refused.append(f"{visible(folder.name)}: cannot be listed: {error.strerror}")
        return []
