"""Benchmarks of the whole program: `python -m bench` (see `bench/__main__.py`); single scripts stay callable."""
