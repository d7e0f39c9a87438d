"""All exercises: those of the chapters, of other packages, and of a teacher's files."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ...adapters.loading import UnknownName
from ..cases import CaseError
from ..users_network import from_file
from .exercise import Exercise, ExerciseError

GROUP = "backproof.exercises"  # an entry point: a module or a list, for a package of exercises
LIST = "EXERCISES"  # what a file of exercises calls its own


@cache
def built_in() -> tuple[Exercise, ...]:
    """The exercises of the chapters, in the order of the lesson."""
    package = importlib.import_module(f"{__package__}.chapters")
    files = sorted(file.name for file in pkgutil.iter_modules(package.__path__))
    modules = (importlib.import_module(f"{package.__name__}.{name}") for name in files)
    found: list[Exercise] = [e for module in modules for e in getattr(module, LIST)]
    return tuple(sorted(found, key=lambda e: e.chapter))  # stable: in a chapter, as it has them


def exercises(files: Iterable[str] = ()) -> dict[str, Exercise]:
    """Every exercise by name; those of these files and folders after the others.

    Raises ExerciseError for a file that holds none, and for two exercises of one name.
    """
    found: dict[str, Exercise] = {}
    for exercise in (*built_in(), *_of_packages(), *_of_files(files)):
        if exercise.name in found and found[exercise.name] is not exercise:
            raise ExerciseError(f"two exercises are called {exercise.name}")
        found[exercise.name] = exercise
    return found


def named(name: str, files: Iterable[str] = ()) -> Exercise:
    """The exercise of that name; raises UnknownName with the nearest."""
    known = exercises(files)
    key = name.lower().replace("_", "-")
    if key not in known:
        raise UnknownName("exercise", name, list(known))
    return known[key]


def _of_packages() -> Iterator[Exercise]:
    for entry in metadata.entry_points(group=GROUP):
        try:
            given = entry.load()
        except Exception as error:
            text = f"the entry point {entry.name} of {GROUP} raises {type(error).__name__}: {error}"
            raise ExerciseError(text) from error
        yield from _listed(getattr(given, LIST, given), f"the entry point {entry.name}")


def _of_files(files: Iterable[str]) -> Iterator[Exercise]:
    for name in files:
        path = Path(name)
        if not path.exists():
            raise ExerciseError(f"there is no file {name}")
        own = sorted(path.glob("*.py")) if path.is_dir() else [path]
        if not own:
            raise ExerciseError(f"{name} holds no Python file")
        for file in own:
            try:
                given = from_file(f"{file}:{LIST}")
            except CaseError as error:
                raise ExerciseError(str(error)) from error
            yield from _listed(given, str(file))


def _listed(given: Any, where: str) -> Iterator[Exercise]:
    if not isinstance(given, list | tuple) or not all(isinstance(e, Exercise) for e in given):
        raise ExerciseError(f"{where}: {LIST} is a list of Exercise objects")
    yield from given
