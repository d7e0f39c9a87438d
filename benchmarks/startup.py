"""How long it takes until Backproof is there: imports and the command line, in new processes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from timing import Timed, commands

BARE = "bare Python"
NUMPY = "import numpy"
IMPORT = "import backproof"
USE = "import backproof; backproof.compare_vjp"
PROGRAMS = {
    BARE: "pass",
    NUMPY: NUMPY,
    IMPORT: IMPORT,
    USE: USE,
}


def measure(rounds: int) -> dict[str, Timed]:
    """Wall times by what was run; the command line's only where it is installed."""
    given = {name: [sys.executable, "-P", "-c", program] for name, program in PROGRAMS.items()}
    script = Path(sys.executable).with_name("backproof")
    if importlib.util.find_spec("backproof.cli") and script.exists():
        given |= {f"backproof {word}": [str(script), word] for word in ("--help", "list")}
    return commands(given, rounds)
