"""``backproof exercise``: list, start, check, and grade a class."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .comparisons.exercises import Exercise
    from .comparisons.exercises.grading import Work
    from .comparisons.exercises.progress import Progress, Record
    from .comparisons.exercises.running import Checked

PLACE = "BACKPROOF_PROGRESS"  # a file of progress, where it is not to be the user's own

_own = click.option(
    "--exercises", "files", metavar="FILE", multiple=True, envvar="BACKPROOF_EXERCISES",
    type=click.Path(),
    help="Exercises of your own: a Python file, or a folder of them. Repeat for several.",
)  # fmt: skip
_limit = click.option(
    "--seconds", type=click.FloatRange(min=0.1), default=10.0, show_default=True,
    help="How long one call of a function may take.",
)  # fmt: skip


@click.group()
def exercise() -> None:
    """Write the steps of backpropagation yourself, and hear what is wrong.

    First `backproof exercise start sigmoid`, then `backproof exercise check`.
    """


@contextmanager
def _errors() -> Iterator[None]:
    """Foreseen exceptions as messages."""
    from .cli import _plain_errors
    from .comparisons.exercises import ExerciseError

    with _plain_errors():
        try:
            yield
        except ExerciseError as error:
            raise click.UsageError(str(error)) from error


class _Kept:
    """The user's progress: read with a warning if need be, and written back."""

    def __init__(self) -> None:
        from .comparisons.exercises.progress import recovered

        own = Path(click.get_app_dir("backproof")) / "exercises.json"
        self.path = Path(os.environ.get(PLACE) or own)
        self.progress: Progress
        self.progress, warning = recovered(self.path)
        if warning:
            click.echo(f"Warning: {warning}", err=True)

    def sources(self, files: Sequence[str]) -> list[str]:
        """The teacher's files named now, or else those named before that are still there."""
        return [*files] or [s for s in self.progress.sources if Path(s).exists()]

    def save(self) -> None:
        """Write it; a warning where that cannot be done, for the check itself has its worth."""
        from .comparisons.exercises.progress import ProgressError, save

        try:
            save(self.progress, self.path)
        except ProgressError as error:
            click.echo(f"Warning: progress is not kept: {error}", err=True)


@exercise.command("list")
@_own
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def list_(files: Sequence[str], as_json: bool) -> None:
    """List the exercises in the order of the lesson, and what is done."""
    from .comparisons.exercises import exercises
    from .exercise_report import print_list
    from .rendering import console

    with _errors():
        kept = _Kept()
        known = exercises(kept.sources(files))
        records = kept.progress.records
        if as_json:
            click.echo(json.dumps([_as_data(e, records.get(e.name)) for e in known.values()]))
        else:
            print_list(console(), list(known.values()), kept.progress)


def _as_data(e: Exercise, record: Record | None) -> dict[str, Any]:
    from .comparisons.exercises.progress import Record as New

    told = {"name": e.name, "chapter": e.chapter, "title": e.title, "function": e.function}
    return told | dataclasses.asdict(record or New(""))


@exercise.command()
@click.argument("name", required=False)
@click.option("--folder", metavar="FOLDER", default=".", help="Where to; by default, here.")
@click.option("--force", is_flag=True, help="Begin anew: replace the file that is there.")
@_own
def start(name: str | None, folder: str, force: bool, files: Sequence[str]) -> None:
    """Write the file of an exercise, by default of the next one: the equation, and holes."""
    from .comparisons.exercises import starting
    from .exercise_report import print_started
    from .rendering import console

    with _errors():
        kept = _Kept()
        chosen = _chosen(name, kept.progress, kept.sources(files))
        path = starting.start(chosen, Path(folder), force)
        record = kept.progress.of(chosen.name, path)
        record.hints = 0
        if files:
            kept.progress.sources = [str(Path(f).resolve()) for f in files]
        kept.save()
        print_started(console(), chosen, path)


def _chosen(name: str | None, progress: Progress, sources: Sequence[str]) -> Exercise:
    """The exercise of that name, or the first that has not been started."""
    from .comparisons.exercises import exercises
    from .comparisons.exercises.registry import named

    if name is not None:
        return named(name, sources)
    left = [e for e in exercises(sources).values() if e.name not in progress.records]
    if not left:
        raise click.UsageError("every exercise has been started: backproof exercise list")
    return left[0]


@exercise.command()
@click.argument("targets", metavar="[NAME|FILE]", nargs=-1)
@click.option("--hint", is_flag=True, help="Do not check: give the next hint, plainer each time.")
@click.option("--all", "whole", is_flag=True, help="Check every file of these folders, or of here.")
@click.option("--no-frameworks", is_flag=True,
              help="Do not tell, after success, what PyTorch and JAX compute it with.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@_limit
@_own
def check(
    targets: Sequence[str], hint: bool, whole: bool, no_frameworks: bool, as_json: bool,
    seconds: float, files: Sequence[str],
) -> None:  # fmt: skip
    """Check your file of an exercise: by default, of the one that was last started or checked.

    Exit codes: 0 right, 1 not yet, 2 wrong usage.
    """
    with _errors():
        if whole:
            if hint or as_json:
                raise click.UsageError("--hint and --json are for a single exercise, without --all")
            folders = [Path(t) for t in targets or ["."]]
            _check_all(folders, seconds, _Kept().sources(files))
            return
        if len(targets) > 1:
            raise click.UsageError("one exercise at a time: --all checks whole folders")
        kept = _Kept()
        sources = kept.sources(files)
        chosen, path = _target(targets[0] if targets else "", kept.progress, sources)
        record = kept.progress.of(chosen.name, path)
        if hint:
            record.hints = min(record.hints + 1, len(chosen.hints))
            kept.save()
            _give_hint(chosen, record)
            return
        checked = _run(chosen, path, sources, seconds, more=not no_frameworks)
        _count(record, chosen, checked)
        kept.save()
        _show(chosen, record, checked, kept.progress, sources, as_json)
    sys.exit(0 if checked.outcome.done else 1)


def _target(text: str, progress: Progress, sources: Sequence[str]) -> tuple[Exercise, Path]:
    """The exercise and its file, from a name, from a file, or the last one; UsageError if none."""
    from .comparisons.exercises.attempt import named_in
    from .comparisons.exercises.registry import named

    if text.endswith(".py") or Path(text).is_file():
        if not Path(text).is_file():
            raise click.UsageError(f"there is no file {text}")
        return named(named_in(Path(text)), sources), Path(text)
    if not text and not progress.last:
        raise click.UsageError("no exercise was started yet: backproof exercise start sigmoid")
    chosen = named(text or progress.last, sources)
    record = progress.records.get(chosen.name)
    places = [Path(chosen.file), *([Path(record.file)] if record else [])]
    if not text:
        places.reverse()
    for path in places:
        if path.is_file():
            return chosen, path
    raise click.UsageError(
        f"there is no {places[-1]}: backproof exercise start {chosen.name} writes it"
    )


def _run(
    chosen: Exercise, path: Path, sources: Sequence[str], seconds: float, more: bool
) -> Checked:
    from .comparisons.exercises.running import Task, run
    from .rendering import console

    with console(stderr=True).status("checking"):  # seen on a terminal alone
        (checked,) = run([Task(chosen.name, path, more)], sources, seconds)
    return checked


def _count(record: Record, chosen: Exercise, checked: Checked) -> None:
    """One more try; a wrong answer earns the next hint, a hole or an exception does not."""
    if checked.outcome.kind == "hole":
        return
    record.tries += 1
    if checked.outcome.done:
        record.done, record.hints = True, 0
    elif checked.outcome.answered:
        record.hints = min(record.hints + 1, len(chosen.hints))


def _give_hint(chosen: Exercise, record: Record) -> None:
    from .exercise_report import print_hint
    from .rendering import console

    if not chosen.hints:
        raise click.UsageError(f"{chosen.name} has no hints")
    print_hint(console(), chosen, record.hints)


def _show(
    chosen: Exercise, record: Record, checked: Checked, progress: Progress,
    sources: Sequence[str], as_json: bool,
) -> None:  # fmt: skip
    from .comparisons.exercises import exercises
    from .exercise_report import print_outcome
    from .rendering import console

    if as_json:
        told = dataclasses.asdict(checked.outcome) | {"elsewhere": checked.elsewhere}
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    order = list(exercises(sources).values())
    here = [e.name for e in order].index(chosen.name)
    later = order[here + 1 :] + order[:here]
    left = (e for e in later if e.name not in progress.records or not progress.records[e.name].done)
    print_outcome(console(), chosen, record, checked, next(left, None))


def _check_all(folders: list[Path], seconds: float, sources: list[str]) -> None:
    from .comparisons.exercises import exercises, grading

    known = exercises(sources)
    works = [grading.work(folder, known) for folder in folders]
    names = [name for name in known if any(name in w.files for w in works)]
    if not names:
        listed = ", ".join(map(str, folders))
        raise click.UsageError(f"no exercise's file in {listed}: backproof exercise start sigmoid")
    table = _graded(works, names, sources, seconds, jobs=None)
    sys.exit(0 if (table["passed"] | (table["outcome"] == "missing")).all() else 1)


@exercise.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True)
@click.option("--exercise", "chosen", metavar="NAME", multiple=True,
              help="Grade this exercise; by default, all that any student has a file of. Repeat "
              "for several.")  # fmt: skip
@click.option("--output", metavar="FILE", help="Save a row for each student and exercise: .csv "
              "or .json.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), help="Students at once; by default, the cores.")
@_limit
@_own
def grade(
    folders: Sequence[str], chosen: Sequence[str], output: str | None, jobs: int | None,
    seconds: float, files: Sequence[str],
) -> None:  # fmt: skip
    """Check a whole class: FOLDER holds a folder for each student.

    A file answers the exercise that its line EXERCISE = "..." names. Each student's code runs in
    a process of its own, which is no protection against code that means harm. Exit code 0,
    whatever the students did; 2 wrong usage.
    """
    from .cli import _known
    from .comparisons.exercises import exercises, grading

    with _errors():
        if output is not None:
            grading.check_output(output)
        known = exercises(files)
        works = grading.students([Path(f) for f in folders], known)
        names = _known("exercise", chosen, list(known)) or [
            name for name in known if any(name in w.files for w in works)
        ]
        table = _graded(works, names, files, seconds, jobs)
        if output is not None:
            grading.save(table, output)
            click.echo(f"Saved to {output}", err=True)


def _graded(
    works: list[Work], names: list[str], files: Sequence[str], seconds: float, jobs: int | None
) -> Any:
    """The table, with a bar while it is made, and printed."""
    from .cli import _progress
    from .comparisons import environment
    from .comparisons.exercises.grading import grade
    from .exercise_report import print_grades
    from .rendering import console

    parts = sum(name in w.files for w in works for name in names)
    jobs = jobs or environment.usable_cores()
    with _progress(parts, quiet=False) as (report, finished):
        table = grade(works, names, files=files, seconds=seconds, jobs=jobs, report=report,
                      finished=finished)  # fmt: skip
    print_grades(console(), table)
    return table
