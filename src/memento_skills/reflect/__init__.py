"""Reflect: pattern -> reflection. Which decision was wrong, what was missing, what would have prevented it.

The embedded default needs no model: `contrast` learns when it fails, `alternatives` what worked instead,
`template` says both in a sentence or refuses.
"""

from memento_skills.reflect.template import TOPICS, Evidence, TemplateReflector, evidence

__all__ = ["TOPICS", "Evidence", "TemplateReflector", "evidence"]
