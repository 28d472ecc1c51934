"""The ledger and the archive of runs: one SQLite file by default, behind an interface."""

from memento_skills.store.records import FileState, ForgetReport, KnownRun, Stored
from memento_skills.store.store import Store, open_store
from memento_skills.store.tx import Tx

__all__ = ["FileState", "ForgetReport", "KnownRun", "Store", "Stored", "Tx", "open_store"]
