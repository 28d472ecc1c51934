"""Write: reflection + skill -> patch, the smallest amendment of one SKILL.md that says the lesson, with its guard."""

from memento_skills.write.patch import Manner, Target, rebased, scope_of, skill_name, write, write_edited
from memento_skills.write.retire import retired

__all__ = ["Manner", "Target", "rebased", "retired", "scope_of", "skill_name", "write", "write_edited"]
