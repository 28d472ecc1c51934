"""Secrets, personal data and hidden characters: found and made harmless. Pure functions over text and bytes.

A log is hostile and private at once. `Masker` runs over every block before anything is stored; `find_secrets` and
`hidden_characters` check what would leave the store again; `visible` is for every surface that shows log text.
"""

from memento_skills.masking.finding import Finding
from memento_skills.masking.hidden import hidden_characters, visible
from memento_skills.masking.homes import HomePrefix, HomePrefixes, home_prefixes, user_of
from memento_skills.masking.masker import Masker, find_secrets

__all__ = [
    "Finding",
    "HomePrefix",
    "HomePrefixes",
    "Masker",
    "find_secrets",
    "hidden_characters",
    "home_prefixes",
    "user_of",
    "visible",
]
