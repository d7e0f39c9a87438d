"""Writing a file as a whole: beside its place, then moved there, so nobody reads half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def writable(path: Path, error: type[ValueError]) -> Path:
    """Where to write, symbolic links followed; raises ``error`` where that cannot be."""
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise error(f"{path} cannot be written: there is no directory {target.parent}")
    if target.exists() and not os.access(target, os.W_OK):
        raise error(f"{path} exists and may not be written to")
    return target


@contextmanager
def beside(target: Path, error: type[ValueError]) -> Iterator[Path]:
    """A new file in the target's directory, gone at the end unless it was moved."""
    draft = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        draft.open("xb").close()
        yield draft
    except OSError as problem:
        why = problem.strerror or str(problem)
        raise error(f"{target} cannot be written: {why}") from problem
    finally:
        draft.unlink(missing_ok=True)
