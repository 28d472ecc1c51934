"""The reference of the command line is what the commands say of themselves."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_is_current() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "cli_docs.py", "--check"], timeout=60)
    assert done.returncode == 0, "run scripts/cli_docs.py"
