"""Skill library -> the skill and the context for a task: discovery, client folders, overlays, router."""
