"""A learner's files in a process of their own, which may loop for ever, or die."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checking import Outcome
from .exercise import ExerciseError

SECONDS = 10.0  # that one call of a learner's function may take
FRAME = re.compile(r'File "(.*)", line (\d+)')


@dataclass(frozen=True)
class Task:
    """One file to be checked. ``more``: who else computes it, once it is right."""

    exercise: str
    path: Path
    more: bool = False


@dataclass(frozen=True)
class Checked:
    """A task, what became of it, and who else computes the same."""

    task: Task
    outcome: Outcome
    elsewhere: tuple[str, ...] = ()


def run(
    tasks: Sequence[Task], files: Sequence[str] = (), seconds: float = SECONDS
) -> Iterator[Checked]:
    """Check each file, one after another; after one that kills its process, in another process.

    ``files`` are those of a teacher's exercises. Raises ExerciseError for an exercise that cannot
    be asked.
    """
    left = list(tasks)
    while left:
        done = 0
        with tempfile.TemporaryDirectory(prefix="backproof-") as folder:
            dump = Path(folder) / "where"
            with _started(left, files, seconds, dump) as process:
                for event in _events(process):
                    if "problem" in event:
                        raise ExerciseError(event["problem"])
                    yield _checked(left[done], event)
                    done += 1
                code = process.wait()
            if done < len(left):
                yield Checked(left[done], _ended(left[done], dump, code, seconds))
                done += 1
        left = left[done:]


def _started(
    tasks: list[Task], files: Sequence[str], seconds: float, dump: Path
) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "backproof.comparisons.exercises.worker"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )  # fmt: skip
    listed = [{"exercise": t.exercise, "path": str(t.path), "more": t.more} for t in tasks]
    asked = {"tasks": listed, "files": [*files], "seconds": seconds, "dump": str(dump)}
    assert process.stdin
    try:
        process.stdin.write(json.dumps(asked))
        process.stdin.close()
    except OSError:  # it died before it read: its exit code says so
        pass
    return process


def _events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout
    try:
        for line in process.stdout:
            yield json.loads(line)
    finally:
        if process.poll() is None and sys.exc_info()[0] is not None:
            process.kill()


def _checked(task: Task, event: dict[str, Any]) -> Checked:
    told: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in event["outcome"].items()
    }
    return Checked(task, Outcome(**told), tuple(event["elsewhere"]))


def _ended(task: Task, dump: Path, code: int, seconds: float) -> Outcome:
    """Why the process has ended before its answer."""
    text = dump.read_text(encoding="utf-8", errors="replace") if dump.exists() else ""
    if not text.strip():
        why = f"the code ended the whole process (exit code {code})"
        return Outcome(task.exercise, "died", why)
    own = [int(line) for file, line in FRAME.findall(text) if Path(file).name == task.path.name]
    where = ""
    if own:
        source = task.path.read_text(encoding="utf-8", errors="replace").splitlines()
        where = f", and was in line {own[0]}: {source[own[0] - 1].strip()}"
    told = f"it was still running after {seconds:g} s{where}. Is there a loop without end?"
    return Outcome(task.exercise, "too long", told)
