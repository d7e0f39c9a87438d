"""``backproof audit``: would these comparisons have shown a mistake?"""

from __future__ import annotations

import importlib.util
import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd

    from .comparisons.auditing import Finding

SHOWN = 10  # findings of a kind that are told one by one
MEANING = {
    "vacuous": "could not have shown a mistake",
    "weak": "would have passed with a large error",
    "unresolved": "not decided",
    "constant": "one number everywhere: a permutation would not show",
    "not compared": "not there in that implementation",
}


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("args", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Tell every finding, not the first ten.")
def audit(file: Path, args: Sequence[str], everything: bool) -> None:
    """Say what a comparison could not have shown: FILE is results, or a program that compares.

    Saved results are .parquet, .csv or .json, as compare --output and save_results write them. A
    Python file is run (with ARGS), and every comparison that it makes is collected; a file of
    tests, test_*.py, is run by pytest.

    Vacuous is a check that compared nothing, whose true gradient is zero everywhere, or whose
    cotangent is constant; weak, one that an error above 1e-6 would have passed in float64, or
    above 1e-2 in float32. Exit code 0, or 1 if something is vacuous, 2 for unusable input.
    """
    from .cli import _plain_errors
    from .comparisons.auditing import audit as findings_of

    with _plain_errors():
        results = _run(file, args) if file.suffix == ".py" else _read(file, args)
        findings = findings_of(results)
    _print(results, findings, everything)
    sys.exit(1 if any(finding.kind == "vacuous" for finding in findings) else 0)


def _read(file: Path, args: Sequence[str]) -> pd.DataFrame:
    from .comparisons.results import SUFFIXES, read

    if args:
        raise click.UsageError(f"{file} is no Python file: it takes no arguments")
    if file.suffix not in SUFFIXES:
        use = f"{', '.join(SUFFIXES)} for results, .py for a program"
        raise click.UsageError(f"{file}: unknown suffix {file.suffix!r}: {use}")
    return read(file)


def _run(file: Path, args: Sequence[str]) -> pd.DataFrame:
    """Every comparison that the program makes, as one table."""
    from .comparisons.collecting import collecting, together
    from .comparisons.records import frame

    if not file.is_file():
        raise click.UsageError(f"{file} does not exist")
    with collecting() as tables:
        problem = _tested(file, args) if _is_test(file) else _ran(file, args)
    if problem:
        raise click.UsageError(problem)
    return together(_numbered(tables)) if tables else frame([])


def _numbered(tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The tables, their cases numbered where a case of that name came before."""
    seen: dict[str, int] = {}
    numbered = []
    for table in tables:
        case = str(table["case"].iloc[0]) if len(table) else ""
        seen[case] = seen.get(case, 0) + 1
        again = f" #{seen[case]}" if seen[case] > 1 else ""
        numbered.append(table.assign(case=table["case"] + again))
    return numbered


def _is_test(file: Path) -> bool:
    return file.stem.startswith("test_") or file.stem.endswith("_test")


def _tested(file: Path, args: Sequence[str]) -> str:
    """Run a file of tests; whether they pass is not the question."""
    if importlib.util.find_spec("pytest") is None:
        return f"{file} looks like tests, and pytest is not installed: pip install pytest"
    import pytest

    code = pytest.main([str(file), "-q", "-p", "no:cacheprovider", *args])
    stopped = (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR,
               pytest.ExitCode.USAGE_ERROR)  # fmt: skip
    return f"pytest could not run {file}" if code in stopped else ""


def _ran(file: Path, args: Sequence[str]) -> str:
    """Run a program as ``python FILE ARGS`` does; why that failed, or ""."""
    before = sys.argv, sys.path[:]
    sys.argv, sys.path[:0] = [str(file), *args], [str(file.resolve().parent)]
    try:
        runpy.run_path(str(file), run_name="__main__")
    except SystemExit:
        pass  # its own verdict is not the question
    except Exception as error:
        lines = traceback.extract_tb(error.__traceback__)
        own = [line.lineno for line in lines if line.filename == str(file)]
        at = f" at line {own[-1]}" if own else ""
        return f"{file} raised {type(error).__name__}{at}: {error}"
    finally:
        sys.argv, sys.path[:] = before
    return ""


def _print(results: pd.DataFrame, findings: list[Finding], everything: bool) -> None:
    from .comparisons.auditing import KINDS, counts

    total = counts(results)
    made = results[["case", "optimizer", "dtype", "mode"]].drop_duplicates()
    parts = [f"{total['n_compared']:,} numbers compared"]
    for name, words in (("n_nonzero", "not zero"), ("n_distinct", "distinct"),
                        ("n_finite", "finite")):  # fmt: skip
        value = total[name]
        parts.append(f"{value:,} {words}" if value >= 0 else f"how many {words}: not recorded")
    click.echo(f"{len(made):,} comparisons, {total['rows']:,} rows: {', '.join(parts)}.")
    for kind in KINDS:
        some = [finding for finding in findings if finding.kind == kind]
        if not some:
            continue
        color = "red" if kind == "vacuous" else "yellow"
        head = f"\n{len(some):,} {kind}: {MEANING[kind]}"
        click.secho(head, fg=color, bold=True)
        for finding in some if everything else some[:SHOWN]:
            times = f" ({finding.rows:,} rows)" if finding.rows > 1 else ""
            click.echo(f"  {finding.where}{times}: {finding.why}")
        if not everything and len(some) > SHOWN:
            click.echo(f"  and {len(some) - SHOWN:,} more: --all tells them")
    if not findings:
        click.echo("Nothing vacuous, nothing weak, nothing unresolved.")
