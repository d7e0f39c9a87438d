"""``backproof shrink``: the smallest case that still fails, saved and as a program."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .case_commands import chosen_adapters, imported, imports_option

if TYPE_CHECKING:
    from .comparisons.case import Case
    from .comparisons.shrinking import Shrunk

LONGEST_PROGRAM = 60  # lines that are still printed


@click.command()
@click.argument("file")
@click.option("--adapter", metavar="NAME", help="Whose failure; by default the first that fails.")
@click.option("--output", metavar="FILE", help="Save there; by default FILE-shrunk.json beside it.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), default=60,
              show_default=True, help="Stop after so long, with the best so far.")  # fmt: skip
@imports_option
@click.option("--no-diagnosis", is_flag=True, help="Faster: do not ask what the cause is.")
@click.option("--quiet", is_flag=True, help="Print the Python program, nothing else.")
def shrink(
    file: str, adapter: str | None, output: str | None, seconds: float, modules: Sequence[str],
    no_diagnosis: bool, quiet: bool,
) -> None:  # fmt: skip
    """Find the smallest case on which an implementation still fails for the same reason.

    FILE is a case that "compare --save-case" or Case.save wrote. What is found is saved, and
    printed as a Python program. Exit code 0 when done, 2 where there is nothing to shrink.
    """
    from .cli import _plain_errors
    from .comparisons.case_files import check_writable, read
    from .comparisons.records import BAD

    with _plain_errors():
        case = read(file, imported(modules))
        names = chosen_adapters(case, [adapter] if adapter else [], file)
        path = Path(output) if output else Path(file).with_name(f"{Path(file).stem}-shrunk.json")
        check_writable(path)
        rows = case.compare(names)
        bad = rows[rows["verdict"].isin(BAD)]
        if bad.empty:
            who = " and ".join(dict.fromkeys(rows["candidate"]))
            raise click.UsageError(f"{who} agrees on all of {file}: there is nothing to shrink")
        shrink_and_tell(case, str(bad["candidate"].iloc[0]), path, seconds, not no_diagnosis, quiet)


def shrink_and_tell(
    case: Case, name: str, path: Path, seconds: float, diagnose: bool, quiet: bool
) -> None:
    """Shrink, save, and print what was found."""
    from .comparisons.shrinking import shrink

    with _progress(quiet) as report:
        small = shrink(case, name, seconds=seconds, progress=report, diagnose=diagnose)
    small.case.save(path, small.rows)
    if quiet:
        click.echo(f"Saved to {path}", err=True)
    else:
        click.echo(f"\n{name} on {case.label}, shrunk")
        for line in told(small, path):
            click.echo(f"  {line}")
        click.echo()
    program = small.case.python()
    if program.count("\n") > LONGEST_PROGRAM:
        call = f'backproof.read_case("{path}").compare()'
        program = f"import backproof\n\nprint({call}.to_string())\n"
    click.echo(program, nl=False)


def told(small: Shrunk, path: Path) -> list[str]:
    """What was found, in lines."""
    from .comparisons.summary import first_divergence
    from .rendering import ratio

    row = first_divergence(small.rows).iloc[0]
    lines = [*str(small).splitlines(), str(row["reason"])]
    if math.isfinite(row["noise_ratio"]):
        lines.append(f"noise ratio {ratio(row['noise_ratio'])}, allowed {row['allowed']:g}")
    again = f"backproof compare --case {path} --adapter {row['candidate']}"
    return [*lines, f"Saved to {path}", f"Reproduce: {again}"]


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str], None] | None]:
    """Where each smaller case is told: in one line that changes, or once in a while."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        from .rendering import console

        with console(stderr=True).status("Shrinking") as status:
            yield lambda text: status.update(f"Shrinking: {text}")
    else:
        last = [time.monotonic()]

        def say(text: str) -> None:
            if time.monotonic() - last[0] >= 1:
                last[0] = time.monotonic()
                click.echo(f"Shrinking: {text}", err=True)

        yield say
