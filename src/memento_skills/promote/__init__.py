"""Decision -> commit in the skill library; overlays; rollback; recovery after a kill."""

from memento_skills.promote.change import Settled, recover
from memento_skills.promote.plan import FolderJournal, Intent, Job, Journal, Overlay, Undo
from memento_skills.promote.promote import promote, promotion_id
from memento_skills.promote.rollback import rollback, rollback_id

__all__ = [
    "FolderJournal",
    "Intent",
    "Job",
    "Journal",
    "Overlay",
    "Settled",
    "Undo",
    "promote",
    "promotion_id",
    "recover",
    "rollback",
    "rollback_id",
]
