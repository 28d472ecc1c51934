"""Log files -> runs: one module a format, told by content."""
