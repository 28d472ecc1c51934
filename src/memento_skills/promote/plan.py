"""What a promotion or a rollback needs to know, and what is noted before it begins so that it can be finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from memento_skills.errors import MementoError, StoreError
from memento_skills.promote import disk
from memento_skills.records import Decision, Patch, Promotion, Record, Rollback, Verdict, to_json

To = Literal["branch", "tree"]
"""`branch`: a new branch holds the commit, HEAD, index and work tree stay. `tree`: the current branch and its file."""


class Overlay(Record, frozen=True, kw_only=True):
    """The file that a patch for one tenant or user goes to, instead of the base skill's SKILL.md."""

    path: str
    """Relative to the library's root, below `.overlays/`."""
    before: str | None
    """Whole text it was made against; None = the file does not exist yet."""
    after: str


class Job(Record, frozen=True, kw_only=True):
    """One promotion that a person decided."""

    patch: Patch
    verdict: Verdict
    decision: Decision
    seen: str
    """`curate.seen_hash` of patch, verdict and the library's present revision, computed now."""
    root: str
    """The library's folder."""
    state: str
    """Memento's folder for its own git directories, locks and intents."""
    to: To = "branch"
    overlay: Overlay | None = None
    """Given exactly where the patch's scope is a tenant or a user."""
    audit_head: str = ""
    """Head of the audit chain, anchored in the commit."""
    at: float
    """Seconds since the epoch."""


class Undo(Record, frozen=True, kw_only=True):
    """One rollback that a person asked for."""

    promotion: Promotion
    reason: str
    curator: str
    root: str
    state: str
    to: To | None = None
    """None = where the promotion went."""
    audit_head: str = ""
    at: float


class Intent(Record, frozen=True, kw_only=True):
    """Everything that is needed to finish, or to find undone, a change that was cut short."""

    id: str
    """Id of the promotion or rollback; also in the commit's trailer."""
    root: str
    path: str
    """Relative to the library's root."""
    git_dir: str = ""
    """Memento's own git directory; "" = the repository that the file is in."""
    git_path: str
    """Path of the file in the repository."""
    ref: str
    old: str
    """Where the ref stood; "" = it did not exist."""
    new: str
    """The commit that the ref is moved to."""
    writes: bool
    """Whether the file in the work tree is replaced too."""
    before: str | None
    after: str | None
    """Whole text of the file in the work tree before and after; None = no file."""
    old_blob: str = ""
    new_blob: str = ""
    mode: str = "100644"
    promotion: Promotion | None = None
    rollback: Rollback | None = None
    """Exactly one of the two: what is recorded when it is done."""


class Journal(Protocol):
    """Where intents are kept from before the first visible change until the result is recorded."""

    def begin(self, intent: Intent) -> None:
        """Keep the intent durably."""

    def finish(self, intent: Intent) -> None:
        """Record the intent's promotion or rollback, then drop the intent. The same id again changes nothing."""

    def cancel(self, intent: Intent) -> None:
        """Drop the intent: nothing of it happened."""

    def pending(self) -> Sequence[Intent]:
        """Intents that were begun and neither finished nor cancelled, oldest first."""


class FolderJournal:
    """Intents as files of one folder, next to whatever records the results.

    `record` is called before the intent is dropped, so after a kill it may be called again with the same intent:
    it must ignore an id that it knows.
    """

    def __init__(self, folder: Path, record: Callable[[Intent], None]) -> None:
        self._folder = folder
        self._record = record

    def begin(self, intent: Intent) -> None:
        """Keep the intent; on disk when this returns."""
        disk.replace(self._file(intent), to_json(intent))

    def finish(self, intent: Intent) -> None:
        """Record the result, then drop the intent."""
        self._record(intent)
        self.cancel(intent)

    def cancel(self, intent: Intent) -> None:
        """Drop the intent."""
        disk.remove(self._file(intent), self._folder)

    def pending(self) -> tuple[Intent, ...]:
        """What was begun and not ended. Raises StoreError for a file that is no intent."""
        found = sorted(self._folder.glob("*.intent.json"), key=lambda p: (p.stat().st_mtime_ns, p.name))
        return tuple(self._load(path) for path in found)

    def _file(self, intent: Intent) -> Path:
        return self._folder / f"{intent.id}.intent.json"

    @staticmethod
    def _load(path: Path) -> Intent:
        data = disk.read(path)
        if data is None:
            raise MementoError("an intent vanished while it was read", where=str(path), hint="try again")
        try:
            return msgspec.json.decode(data, type=Intent)
        except msgspec.DecodeError as error:
            raise StoreError("a promotion's intent cannot be read", where=str(path), hint=str(error)) from error
