"""Language models behind one Protocol. The embedded default needs none."""
