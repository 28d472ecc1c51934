"""Files replaced whole or not at all, and the lock that lets one process at a time change a library."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from memento_skills.errors import MementoError

LOCK_WAIT = 20.0
"""Seconds to wait for another process that is promoting into the same library."""


def replace(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees the old bytes or the new ones; flushed to disk on return.

    The file's permissions stay. Raises MementoError where the folder cannot be written or the disk is full.
    """
    temp = path.with_name(f".{path.name}.memento-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temp.open("xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if path.exists():
            temp.chmod(path.stat().st_mode & 0o777)
        temp.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temp.unlink(missing_ok=True)
        raise MementoError(f"could not write the file: {error.strerror}", where=str(path)) from error


def remove(path: Path, stop: Path) -> None:
    """Delete `path`, and its folder (and no other) where that became empty and is not `stop`."""
    try:
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise MementoError(f"could not delete the file: {error.strerror}", where=str(path)) from error
    if path.parent != stop:
        with suppress(OSError):  # not empty: it holds files that are not ours
            path.parent.rmdir()


def read(path: Path) -> bytes | None:
    """The bytes of a file, None where there is none; MementoError where it cannot be read."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise MementoError(f"could not read the file: {error.strerror}", where=str(path)) from error


def sweep(path: Path) -> None:
    """Remove temporary files that a killed `replace(path, …)` left."""
    with suppress(OSError):
        for left in path.parent.glob(f".{path.name}.memento-*"):
            left.unlink()


@contextmanager
def locked(path: Path, wait: float = LOCK_WAIT) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` (made where it is missing); the system frees it when a process dies.

    Raises MementoError after `wait` seconds.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise MementoError(f"no lock file can be made: {error.strerror}", where=str(path)) from error
    try:
        _wait(handle, path, time.monotonic() + wait)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, path: Path, until: float) -> None:
    while not _try(handle):
        if time.monotonic() > until:
            raise MementoError("another process is changing this library", where=str(path), hint="try again later")
        time.sleep(0.02)


def _try(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":  # a folder cannot be opened there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
