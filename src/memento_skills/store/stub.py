"""An archive in memory: for tests, and for trying out a reader with no file."""

from __future__ import annotations

from collections.abc import Sequence


class MemoryArchive:
    """The `Archive` protocol over a dictionary."""

    def __init__(self) -> None:
        self._chunks: dict[str, dict[int, bytes]] = {}

    def put(self, key: str, chunk: int, payload: bytes) -> None:
        """Store one compressed chunk of a run; the same (key, chunk) again replaces it."""
        self._chunks.setdefault(key, {})[chunk] = payload

    def get(self, key: str) -> Sequence[bytes]:
        """All chunks of a run in order; empty where there is none."""
        return [payload for _, payload in sorted(self._chunks.get(key, {}).items())]

    def delete(self, key: str) -> None:
        """Remove a run for good; removing what is not there is no error."""
        self._chunks.pop(key, None)
