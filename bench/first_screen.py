"""Row *first screen*: `memento scan` on a terminal over many logs; how long a person waits for the screen."""

from __future__ import annotations

import re
from typing import Any

from bench.child import seen
from bench.copies import grown
from bench.data import Settings, decompressed, scratch, size

LAST_WORDS = b"Next:"
"""With these the screen ends."""


def row(settings: Settings) -> dict[str, Any]:
    """Seconds to the first screen, and what was left for the next call."""
    with scratch() as folder:
        originals = decompressed(settings, folder / "originals")
        made = grown(originals, folder / "originals", folder / "logs", settings.bytes)
        total, files = size(made), len(made)
        home = folder / "home"
        (home / "skills").mkdir(parents=True)
        arguments = ["scan", str(folder / "logs"), "--skills", str(home / "skills"), "--store", str(home / "s.db")]
        seconds, spent = seen(arguments, home, LAST_WORDS)
    left = re.search(rb"with the ([\d,]+) older files", spent.output)
    return {
        "mb": total / 1e6,
        "files": files,
        "seconds": seconds,
        "wall": spent.wall,
        "cpu": spent.cpu,
        "rss": spent.rss,
        "files_left": int(left[1].replace(b",", b"")) if left else 0,
    }
