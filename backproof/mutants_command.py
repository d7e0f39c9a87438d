"""``backproof mutants``: list them, show one, hunt them with our test or with yours."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .cli import MANY_JOBS, _known, _plain_errors, _progress

if TYPE_CHECKING:
    import pandas as pd

    from .comparisons.mutants import Mutant


@dataclass(frozen=True)
class Choice:
    """Which mutants are meant: by what they are wrong versions of, by family, by kind."""

    subjects: Sequence[str]
    families: Sequence[str]
    kinds: Sequence[str]

    def mutants(self) -> list[Mutant]:
        """Those that fit, all where nothing is asked for; raises UnknownName."""
        from .comparisons.mutants import mutants

        chosen = list(mutants().values())
        for option, attribute, given in (
            ("target", "subject", self.subjects), ("family", "family", self.families),
            ("kind", "kind", self.kinds),
        ):  # fmt: skip
            names = list(dict.fromkeys(getattr(m, attribute) for m in mutants().values()))
            asked = _known(option, given, names)
            chosen = [m for m in chosen if not asked or getattr(m, attribute) in asked]
        if not chosen:
            raise click.UsageError("no mutant is of all that was asked for")
        return chosen


def _several(name: str, plural: str, help: str) -> Callable[..., Any]:
    return click.option(f"--{name}", plural, metavar="NAME", multiple=True, help=help)


@click.group("mutants", invoke_without_command=True)
@_several("target", "subjects", "Wrong versions of this: Adam, Dense, ..., TrainingLoop.")
@_several("family", "families", "Of this family, such as adam or pooling.")
@_several("kind", "kinds", "layer, loss, optimizer, schedule, transform, initialiser, ...")
@click.option("--json", "as_json", is_flag=True, help="List them as JSON.")
@click.option("--score", is_flag=True, help="Hunt each: which does a comparison catch?")
@_several("style", "styles", "With --score: a usual style of testing, or all.")
@click.option("--inputs", type=click.Choice(["own", "typical", "both"]), default="own",
              help="With --score: the suite's own inputs, or those of most tests.")  # fmt: skip
@click.option("--test", "file", metavar="FILE", help="Run this test of yours against each.")
@click.option("--jobs", type=click.IntRange(min=1), help="With --score: worker processes.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="With --score: of all draws.")
@click.option("--output", metavar="FILE", help="Save a row for each: .parquet, .csv or .json.")
@click.pass_context
def mutants(
    context: click.Context, subjects: Sequence[str], families: Sequence[str],
    kinds: Sequence[str], as_json: bool, score: bool, styles: Sequence[str], inputs: str,
    file: str | None, jobs: int | None, seed: int, output: str | None,
) -> None:  # fmt: skip
    """Wrong implementations, each a variation of the right one: list them, or hunt them.

    Exit codes of --score and --test: 0 all are caught, 1 one survives, 2 wrong usage.
    """
    if context.invoked_subcommand:
        return
    with _plain_errors():
        _check_options(context, score, file)
        choice = Choice(subjects, families, kinds)
        if output is not None:
            from .comparisons.results import check_writable

            check_writable(output)
        if file is not None:
            _test(file, subjects, output)
        elif score:
            _score(choice.mutants(), styles, inputs, jobs, seed, output)
        elif as_json:
            click.echo(json.dumps([m.record() for m in choice.mutants()], ensure_ascii=False))
        else:
            from .mutants_report import print_list
            from .rendering import console

            print_list(console(), choice.mutants())


def _check_options(context: click.Context, score: bool, file: str | None) -> None:
    """UsageError for options that have no meaning together."""
    if score and file is not None:
        raise click.UsageError("--score hunts with our test, --test with yours: choose one")
    given = [
        param for param in context.command.params
        if context.get_parameter_source(param.name or "") is click.core.ParameterSource.COMMANDLINE
    ]  # fmt: skip
    for param in given:
        name = param.opts[0]
        if name in ("--style", "--inputs", "--jobs", "--seed") and not score:
            raise click.UsageError(f"{name} is for --score")
        if name in ("--family", "--kind", "--json") and file is not None:
            raise click.UsageError(f"{name} is not for --test, which asks your tests' marks")
        if name == "--json" and score:
            raise click.UsageError("--json is for lists: --output results.json saves a score")
        if name == "--output" and not score and file is None:
            raise click.UsageError("--output is for --score and --test")


def _score(
    chosen: list[Mutant], styles: Sequence[str], inputs: str, jobs: int | None, seed: int,
    output: str | None,
) -> None:  # fmt: skip
    """Hunt the mutants, print how that went, and leave."""
    import pandas as pd

    from . import mutants_report as report
    from . import rendering
    from .comparisons import environment
    from .comparisons.job import run_tasks
    from .comparisons.mutants import score
    from .comparisons.mutants.styles import STYLES

    names = _known("style", styles or ["backproof"], [*STYLES, "all"])
    names = list(STYLES) if "all" in names else names
    sets = ("own", "typical") if inputs == "both" else (inputs,)
    tasks = score.tasks(chosen, names, sets, seed)
    jobs = jobs or min(MANY_JOBS, environment.usable_cores())
    began, tables = time.monotonic(), {}
    with _progress(len(chosen), quiet=False) as (part, finished):
        for task, table in run_tasks(sorted(tasks, key=lambda t: -t.weight), part, jobs):
            tables[task] = table
            finished(f"{task.label}: {task.parts} mutants")
    table = pd.concat([tables[task] for task in tasks], ignore_index=True)
    table.attrs.update(_meta(began, seed=seed, jobs=jobs, styles=names, inputs=sets))
    _save(table, output)
    survivors = score.survivors(table)
    report.print_score(rendering.console(), table, [m for m in chosen if m.id in survivors])
    sys.exit(1 if survivors else 0)


def _test(file: str, subjects: Sequence[str], output: str | None) -> None:
    """Run the user's tests against the mutants, print what they let through, and leave."""
    from . import hunting, rendering
    from .comparisons.mutants.implementation import targets
    from .mutants_report import print_test

    if len(subjects) > 1:
        raise click.UsageError("--test takes one --target, for the tests that have no mark")
    subject = "".join(_known("target", subjects, list(targets())))
    began = time.monotonic()
    waiting = rendering.console(stderr=True).status("collecting the tests")
    try:
        with waiting:  # seen on a terminal alone
            table = hunting.hunt(file, subject, waiting.update)
    except hunting.CannotHunt as problem:
        raise click.UsageError(str(problem)) from problem
    table.attrs.update(_meta(began, test=file))
    _save(table, output)
    print_test(rendering.console(), table, file)
    sys.exit(1 if (table["outcome"] == "survived").any() else 0)


def _meta(began: float, **asked: Any) -> dict[str, Any]:
    """What the results depend on, to be saved with them."""
    from . import __version__
    from .comparisons import environment

    return {
        "backproof": __version__, **asked, "seconds": round(time.monotonic() - began, 1),
        "versions": environment.versions(("numpy",)), "machine": environment.machine(),
    }  # fmt: skip


def _save(table: pd.DataFrame, output: str | None) -> None:
    if output is not None:
        from .comparisons.results import save

        save(table, output)
        click.echo(f"Saved to {output}", err=True)


@mutants.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON, the code included.")
def show(ids: Sequence[str], as_json: bool) -> None:
    """Print a mutant whole: what is wrong, where it was seen, what reveals it, and its code."""
    from .comparisons.mutants import mutants

    with _plain_errors():
        chosen = [mutants()[id] for id in _known("mutant", ids, list(mutants()))]
    if as_json:
        records = [mutant.record() | {"code": mutant.code} for mutant in chosen]
        click.echo(json.dumps(records, ensure_ascii=False))
        return
    from .mutants_report import print_mutant
    from .rendering import console

    for mutant in chosen:
        print_mutant(console(), mutant)
