"""Memento-Skills: turns agents' failures into reviewed, tested amendments of their skills."""

__version__ = "0.1.0"
