"""The runs of a store as a mapping that holds headers only: whole runs are loaded one at a time, when asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping

from memento_skills.guards import in_time
from memento_skills.records import Run
from memento_skills.store.store import Store

KEPT = 4
"""Whole runs kept after use: citations of one reflection come from a few."""


class Stored(Mapping[str, Run]):
    """Run key -> whole run, in order of time. `headers` has the same without steps, at no cost."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.headers: dict[str, Run] = {run.key: run for run in in_time(store.headers())}
        self._kept: OrderedDict[str, Run] = OrderedDict()

    def __getitem__(self, key: str) -> Run:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        run = self._store.run(key)
        if run is None:
            raise KeyError(key)
        self._kept[key] = run
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return run

    def __contains__(self, key: object) -> bool:
        return key in self.headers

    def __iter__(self) -> Iterator[str]:
        return iter(self.headers)

    def __len__(self) -> int:
        return len(self.headers)
