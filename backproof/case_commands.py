"""What ``backproof compare`` does with cases: save those that fail, and run them again."""

from __future__ import annotations

import importlib
import importlib.util
import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

    from .comparisons.case import Case
    from .comparisons.job import AnyTask

FOLDER = "backproof-cases"  # where --shrink saves, unless --save-case says
WITH_CASE = ("files", "modules", "adapters", "output", "quiet", "no_diagnosis")

imports_option = click.option(
    "--import", "modules", metavar="MODULE", multiple=True,
    help="Import this module, or file.py, for the layers of your own that a case uses.",
)  # fmt: skip


def case_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of ``compare`` that are about cases."""
    options = (
        click.option("--case", "files", metavar="FILE", multiple=True,
                     help="Run this saved case again, and nothing else. Repeat for several."),
        imports_option,
        click.option("--save-case", "folder", metavar="DIR",
                     help=f"Save every case on which somebody disagrees; {FOLDER} with --shrink."),
        click.option("--shrink", "shrinks", is_flag=True,
                     help="Find, save and print the smallest case on which each disagrees."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@dataclass
class Saved:
    """The cases that fail, and where they are saved; nothing is asked for by default."""

    folder: str | None = None
    shrinks: bool = False
    diagnose: bool = True
    quiet: bool = False
    failing: list[tuple[Case, Path]] = field(default_factory=list)
    unsaved: Exception | None = None
    wrong: bool = False

    def prepare(self) -> None:
        """Make the folder; raises CaseFileError, before any work, where that cannot be done."""
        from .comparisons.case_files import CaseFileError

        if self.folder is None and self.shrinks:
            self.folder = FOLDER
        if self.folder is not None:
            try:
                Path(self.folder).mkdir(exist_ok=True)
            except OSError as error:
                raise CaseFileError(f"{self.folder}: {error.strerror or error}") from error

    def save(self, tasks: Sequence[AnyTask], results: pd.DataFrame) -> None:
        """Save every case of the tasks with a bad row, and tell the results where they are."""
        from .comparisons.case_files import CaseFileError
        from .comparisons.job import SampleTask, Task
        from .comparisons.records import BAD

        self.wrong = bool(results["verdict"].isin(BAD).any())
        if self.folder is None or not self.wrong:
            return
        try:
            for task in tasks:
                for case in task.cases() if isinstance(task, Task | SampleTask) else ():
                    self._save(case, case.rows_in(results), results)
        except CaseFileError as error:  # the disk is full, say: the report is still due
            self.unsaved = error

    def _save(self, case: Case, rows: pd.DataFrame, results: pd.DataFrame) -> None:
        from .comparisons.records import BAD
        from .comparisons.summary import case_key

        bad = rows[rows["verdict"].isin(BAD)]
        if len(bad):
            case = case.replace(adapters=tuple(dict.fromkeys(bad["candidate"])))
            path = self._path(case)
            case.save(path, rows)
            self.failing.append((case, path))
            told = dict.fromkeys(map(case_key, bad.to_dict("records")), str(path))
            results.attrs["cases"] = results.attrs.get("cases", {}) | told

    def _path(self, case: Case) -> Path:
        rule = type(case.specs["optimizer"]).__name__ if case.kind == "training" else ""
        parts = (case.label, rule, case.dtype)
        stem = re.sub(r"[^A-Za-z0-9]+", "-", " ".join(p for p in parts if p)).strip("-")[:80]
        taken = {path.name for _, path in self.failing}
        names = (f"{stem}{f'-{i}' if i else ''}.json" for i in range(len(taken) + 1))
        return Path(self.folder or ".") / next(name for name in names if name not in taken)

    def shrink(self) -> None:
        """Print and save, for everybody that disagrees, the smallest case that shows it."""
        from .comparisons.shrinking import SECONDS, size
        from .shrink_command import shrink_and_tell

        if self.unsaved is not None:
            raise self.unsaved
        if not self.shrinks:
            if self.wrong and not self.quiet:
                click.echo("Add --shrink to find the smallest case that shows it.", err=True)
            return
        for name in dict.fromkeys(name for case, _ in self.failing for name in case.adapters):
            own = [(case, path) for case, path in self.failing if name in case.adapters]
            case, path = min(own, key=lambda pair: size(pair[0]))
            small = path.with_name(f"{path.stem}-{_slug(name)}-shrunk.json")
            shrink_and_tell(case, name, small, SECONDS, self.diagnose, self.quiet)


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", name)


def replay(
    files: Sequence[str], adapters: Sequence[str], modules: Sequence[str], diagnose: bool
) -> tuple[pd.DataFrame, list[str]] | None:
    """The rows of saved cases run again, and in words how they differ from when they were saved.

    None where no case is asked for.
    """
    if not files:
        if modules:
            raise click.UsageError("--import is for the layers of a saved case: add --case FILE")
        return None
    import pandas as pd

    from . import __version__
    from .comparisons import environment
    from .comparisons.case_files import found, read
    from .comparisons.summary import case_key

    _nothing_else()
    classes, began = imported(modules), time.monotonic()
    tables, told, meta = [], [], dict[str, Any]()
    names: dict[str, None] = {}
    for file in files:
        case = read(file, classes)
        chosen = chosen_adapters(case, adapters, file)
        rows = case.compare(chosen, diagnose=diagnose)
        tables.append(rows)
        told += [f"{file}: {line}" for line in since_saved(found(file), rows)]
        names |= dict.fromkeys(chosen or dict.fromkeys(rows["candidate"]))
        meta |= dict.fromkeys(map(case_key, rows.to_dict("records")), file)
    results = pd.concat(tables, ignore_index=True)
    results.attrs = {
        "backproof": __version__, "cases": meta, "seconds": time.monotonic() - began,
        "versions": environment.versions(tuple(n for n in names if not environment.lacking(n))),
        "machine": environment.machine(),
    }  # fmt: skip
    return results, told


def _nothing_else() -> None:
    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in WITH_CASE
        and context.get_parameter_source(str(parameter.name))
        == click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(
            f"--case says all there is to compare: leave out {', '.join(given)}, or change the file"
        )


def chosen_adapters(case: Case, asked: Sequence[str], file: str) -> list[str]:
    """Those asked for, or those of the file that are here; UsageError where there are none."""
    from .adapters import loading
    from .adapters.loading import UnknownName

    known = loading.names()
    for name in asked:
        if name not in known:
            raise UnknownName("adapter", name, known)
    chosen = list(asked or (name for name in case.adapters if name in known))
    if case.adapters and not chosen:
        raise click.UsageError(
            f"{file} is a case of {', '.join(case.adapters)}, which no package registers as an "
            "adapter: name one with --adapter, or give yours to backproof.read_case"
            f"({file!r}).compare([...]) in Python"
        )
    return chosen


def since_saved(saved: Sequence[dict[str, Any]], rows: pd.DataFrame) -> Iterator[str]:
    """A line for each failure that was saved with a case, of those that were compared again."""
    from .comparisons.case_files import FOUND
    from .comparisons.summary import first_divergence

    first = first_divergence(rows)
    for old in saved:
        if old["candidate"] not in set(rows["candidate"]):
            continue
        who, what = old["candidate"], f"{old['quantity']} {old['leaf']}".strip() or old["reason"]
        same = first[(first["candidate"] == who) & (first["mode"] == old["mode"])]
        if same.empty:
            yield f"{who} was wrong in {what} when the case was saved, and is not now"
            continue
        new = same.iloc[0]
        if all(_equal(new[column], old[column]) for column in FOUND):
            yield f"{who} is wrong in {what}, as when the case was saved, to the last bit"
        elif all(new[column] == old[column] for column in ("step", "quantity", "leaf", "verdict")):
            ratios = f"noise ratio {old['noise_ratio']:.3g} then, {new['noise_ratio']:.3g} now"
            yield f"{who} is wrong in {what}, as when the case was saved; {ratios}"
        else:
            now = f"{new['quantity']} {new['leaf']}".strip() or new["reason"]
            yield f"{who} was wrong in {what} when the case was saved, and now is in {now}"


def _equal(a: Any, b: Any) -> bool:
    both = isinstance(a, float) and isinstance(b, float)
    return bool(a == b) or (both and math.isnan(a) and math.isnan(b))


def imported(names: Sequence[str]) -> list[ModuleType]:
    """The modules, by name or by file; UsageError for one that cannot be imported."""
    modules = []
    for name in names:
        try:
            modules.append(_from_file(Path(name)) if name.endswith(".py") else _named(name))
        except Exception as error:
            raise click.UsageError(f"--import {name}: {type(error).__name__}: {error}") from error
    return modules


def _named(name: str) -> ModuleType:
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module
