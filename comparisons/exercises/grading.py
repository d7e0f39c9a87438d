"""A whole class: every student's files checked, and one table out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import beside, writable
from .attempt import named_in
from .checking import Outcome
from .exercise import ExerciseError
from .running import SECONDS, Task, run

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".json")
SKIPPED = ("__pycache__", "site-packages", "node_modules")


@dataclass(frozen=True)
class Work:
    """One student's files, by the exercise that each answers."""

    student: str
    files: dict[str, Path]


def students(folders: Sequence[Path], known: Collection[str]) -> list[Work]:
    """A student for every folder in these folders; raises ExerciseError where there is none."""
    found = []
    for folder in folders:
        own = sorted(p for p in _folder(folder).iterdir() if p.is_dir() and _shown(p, folder))
        found += [work(path, known) for path in own]
    if not any(w.files for w in found):
        listed = ", ".join(map(str, folders))
        raise ExerciseError(f"{listed}: no folder in it holds an exercise's file")
    return found


def work(folder: Path, known: Collection[str]) -> Work:
    """The exercises' files in a folder and below it; of several for one, the newest."""
    files: dict[str, Path] = {}
    for path in sorted(_folder(folder).rglob("*.py"), key=_modified):
        if path.is_file() and _shown(path, folder) and (name := named_in(path)) in known:
            files[name] = path
    return Work(folder.resolve().name, files)


def _folder(folder: Path) -> Path:
    if not folder.is_dir():
        raise ExerciseError(f"there is no folder {folder}")
    return folder


def _shown(path: Path, below: Path) -> bool:
    parts = path.relative_to(below).parts
    return not any(part.startswith(".") or part in SKIPPED for part in parts)


def _modified(path: Path) -> tuple[float, str]:
    try:
        return path.stat().st_mtime, str(path)
    except OSError:
        return 0.0, str(path)


def grade(
    works: Sequence[Work], names: Sequence[str], *, files: Sequence[str] = (),
    seconds: float = SECONDS, jobs: int = 1, report: Callable[[str], None] = lambda _: None,
    finished: Callable[[str], None] = lambda _: None,
) -> pd.DataFrame:  # fmt: skip
    """A row for each student and exercise.

    Columns: student, exercise, passed, outcome (as ``Outcome.kind``, or "missing"), cause, told,
    wrong, case, file, seconds. ``report`` hears of each file that was checked, ``finished`` of
    each student.
    """
    import pandas as pd

    def one(this: Work) -> list[dict[str, object]]:
        rows = [*_rows(this, names, files, seconds, report)]
        finished(f"{this.student}: {sum(bool(row['passed']) for row in rows)} right")
        return rows

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        rows = [row for found in pool.map(one, works) for row in found]
    return pd.DataFrame(rows)


def _rows(
    this: Work, names: Sequence[str], files: Sequence[str], seconds: float,
    report: Callable[[str], None],
) -> Iterator[dict[str, object]]:  # fmt: skip
    tasks = [Task(name, this.files[name]) for name in names if name in this.files]
    began, outcomes, took = time.monotonic(), dict[str, Outcome](), dict[str, float]()
    for checked in run(tasks, files, seconds):
        name, now = checked.task.exercise, time.monotonic()
        outcomes[name], took[name], began = checked.outcome, now - began, now
        report(f"{this.student}: {name}")
    for name in names:
        outcome = outcomes.get(name, Outcome(name, "missing"))
        yield {
            "student": this.student, "exercise": name, "passed": outcome.done,
            "outcome": outcome.kind, "cause": outcome.cause, "told": outcome.text,
            "wrong": ", ".join(outcome.wrong), "case": outcome.case,
            "file": str(this.files.get(name, "")), "seconds": round(took.get(name, 0.0), 2),
        }  # fmt: skip


def check_output(path: str) -> Path:
    """Where a table is to be written; raises ExerciseError where it cannot be."""
    if Path(path).suffix not in SUFFIXES:
        raise ExerciseError(f"{path}: the name of a table ends in {' or '.join(SUFFIXES)}")
    return writable(Path(path), ExerciseError)


def save(table: pd.DataFrame, path: str) -> None:
    """Write the table, for a spreadsheet (.csv) or a program (.json)."""
    target = check_output(path)
    with beside(target, ExerciseError) as draft:
        if target.suffix == ".csv":
            table.to_csv(draft, index=False, encoding="utf-8-sig")  # Excel knows it is UTF-8
        else:
            table.to_json(draft, orient="records", indent=1, force_ascii=False)
        os.replace(draft, target)
