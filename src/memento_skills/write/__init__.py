"""Write: reflection + skill -> patch, the smallest amendment of one SKILL.md that says the lesson, with its guard."""

from memento_skills.write.patch import Target, rebased, scope_of, skill_name, write, write_edited

__all__ = ["Target", "rebased", "scope_of", "skill_name", "write", "write_edited"]
