"""The command line: compare, show, list; ``lazy`` names the others.

Exit codes: 0 all match, 1 a mismatch or an error, 2 wrong usage, 130 interrupted. Only the worker
processes import frameworks; this process imports what a command needs when it needs it.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import click

from . import __version__
from .case_commands import Saved, case_options, replay
from .lazy import LazyGroup

if TYPE_CHECKING:
    import pandas as pd

    from .comparisons.job import AnyTask

FEW = 4  # items whose samples one worker compares; of more, each is a task of its own
PRECISIONS = ["float64", "float32", "bfloat16", "float16"]
MANY_JOBS = 2  # at most so many by default: each worker holds its own frameworks
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=LazyGroup, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="backproof", message="%(prog)s %(version)s")
def main() -> None:
    """Hand-derived backpropagation beside PyTorch autograd and JAX grad, number by number."""


@dataclass
class Request:
    """What to compare, all names known and all frameworks there."""

    networks: list[str]
    layers: list[str]
    losses: list[str]
    others: list[str]
    optimizers: list[str]
    adapters: list[str]
    dtypes: list[str]
    steps: int
    seed: int
    diagnose: bool = field(default=True, init=False)
    skipped: list[str] = field(default_factory=list)

    def take_everything(self) -> None:
        """Ask for every sample that there is."""
        from .reference import discovery

        self.layers, self.losses = list(discovery.layers()), list(discovery.losses())
        self.others = _others()

    def tasks(self) -> list[AnyTask]:
        """The tasks in the order of the results."""
        from .comparisons.job import SampleTask, Task

        adapters, rules = tuple(self.adapters), tuple(self.optimizers)
        tasks: list[AnyTask] = [
            Task(network, dtype, rules, adapters, self.steps, self.seed, self.diagnose)
            for network in self.networks for dtype in self.dtypes
        ]  # fmt: skip
        names = (*self.layers, *self.losses, *self.others)
        groups = [names] if 0 < len(names) <= FEW else [(name,) for name in names]
        dtypes = tuple(self.dtypes)
        tasks += [SampleTask(g, dtypes, adapters, self.seed, self.diagnose) for g in groups]
        return tasks

    def meta(self, seconds: float, jobs: int) -> dict[str, Any]:
        """What the results depend on, to be saved with them."""
        from .comparisons import environment
        from .comparisons.networks import named

        modules = tuple(m for n in self.networks for m in named(n).needs)
        asked = {k: v for k, v in vars(self).items() if k != "diagnose" and (v or k == "seed")}
        if not self.networks:
            del asked["steps"]
        return {
            "backproof": __version__, **asked, "jobs": jobs, "seconds": round(seconds, 3),
            "versions": environment.versions(tuple(self.adapters), modules),
            "machine": environment.machine(),
        }  # fmt: skip


def _others() -> list[str]:
    """What has samples and is neither a layer nor a loss."""
    from .reference import discovery

    return [*discovery.optimizers(), *discovery.functions(), *discovery.initialisers()]


def _several(name: str, help: str) -> Callable[..., Any]:
    return click.option(
        f"--{name}", f"{name}s" if name != "loss" else "losses", metavar="NAME", multiple=True,
        help=f"{help} Repeat for several.",
    )  # fmt: skip


@main.command()
@_several("network", "Train this network; the main job's four where nothing is named.")
@_several("layer", "Compare every sample of this layer, optimizer, schedule, transform...")
@_several("loss", "Compare every sample of this loss.")
@_several("adapter", "Compare this implementation; by default numpy, torch and jax.")
@click.option("--dtype", "dtypes", multiple=True, type=click.Choice(PRECISIONS),
              help="By default float64 and float32. Repeat for several.")  # fmt: skip
@_several("optimizer", "Train with this optimizer; by default sgd (momentum 0.9) and adam.")
@click.option("--steps", type=click.IntRange(min=1), help="Training steps; by default 100.")
@click.option(
    "--samples",
    is_flag=True,
    help="Compare every sample of every layer, loss, optimizer, schedule and transform.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Of parameters, batches and noise.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1),
              help="Worker processes; by default 2, or 1 on one core.")  # fmt: skip
@click.option("--output", metavar="FILE", help="Save every row: .parquet, .csv or .json.")
@click.option("--no-diagnosis", is_flag=True, help="Do not search for the causes of mismatches.")
@case_options
@click.option("--quiet", is_flag=True, help="Print the summary and what is wrong, nothing else.")
def compare(
    networks: Sequence[str], layers: Sequence[str], losses: Sequence[str],
    adapters: Sequence[str], dtypes: Sequence[str], optimizers: Sequence[str], steps: int | None,
    samples: bool, seed: int, jobs: int | None, output: str | None, no_diagnosis: bool,
    quiet: bool, files: Sequence[str], modules: Sequence[str], folder: str | None, shrinks: bool,
) -> None:  # fmt: skip
    """Compare gradients and training, and tabulate every difference.

    Without arguments, the main job: four networks, SGD with momentum and Adam, 100 steps, float64
    and float32, in NumPy, PyTorch and JAX. Exit code 0 all match, 1 a mismatch, 2 wrong usage.
    """
    from .comparisons import environment

    with _plain_errors():
        if output is not None:
            from .comparisons.results import check_writable

            check_writable(output)
        if again := replay(files, adapters, modules, not no_diagnosis):
            results, told = again
            _finish(results, quiet, output, lambda: click.echo("\n".join(told), nl=bool(told)))
        trains = bool(networks) or not (layers or losses or samples)
        if not trains and (optimizers or steps):
            raise click.UsageError("--optimizer and --steps are for training: add a --network")
        request = _request(
            networks, layers, losses, adapters, dtypes, optimizers, steps, seed, trains
        )
        request.diagnose = not no_diagnosis
        if samples:
            request.take_everything()
        saved = Saved(folder, shrinks, not no_diagnosis, quiet)
        saved.prepare()
        if not quiet:
            for line in request.skipped:
                click.echo(f"Skipped: {line}", err=True)
        jobs = jobs or min(MANY_JOBS, environment.usable_cores())
        began = time.monotonic()
        results = _run(request, jobs, quiet)
        results.attrs.update(request.meta(time.monotonic() - began, jobs))
        saved.save(request.tasks(), results)
        _finish(results, quiet, output, saved.shrink)


def _request(
    networks: Sequence[str], layers: Sequence[str], losses: Sequence[str],
    adapters: Sequence[str], dtypes: Sequence[str], optimizers: Sequence[str], steps: int | None,
    seed: int, trains: bool,
) -> Request:  # fmt: skip
    """The request with every default filled in; raises for what is unknown or not installed."""
    from .adapters import loading
    from .comparisons import environment
    from .comparisons.cases import DEFAULT_ADAPTERS
    from .comparisons.job import DTYPES, OPTIMIZERS, STEPS
    from .comparisons.networks import MAIN, NETWORKS, named
    from .reference import discovery

    skipped: list[str] = []

    def available(
        given: Sequence[str], default: Sequence[str], lacks: Callable[[str], str]
    ) -> list[str]:
        missing = {name: why for name in given or default if (why := lacks(name))}
        if missing and given:
            name, why = next(iter(missing.items()))
            raise click.UsageError(f"{name}: {why}")
        skipped.extend(f"{name}: {why}" for name, why in missing.items())
        return [name for name in given or default if name not in missing]

    asked = {
        "networks": _known("network", networks, list(NETWORKS)),
        "layers": _known("layer", layers, [*discovery.layers(), *_others()]),
        "losses": _known("loss", losses, list(discovery.losses())),
        "others": [],
        "optimizers": _known("optimizer", optimizers, [n.lower() for n in discovery.optimizers()]),
    }
    given = _known("adapter", adapters, loading.names())
    asked["adapters"] = available(given, DEFAULT_ADAPTERS, environment.lacking)
    if trains:
        asked["networks"] = available(
            asked["networks"], [*MAIN], lambda n: environment.lacking_data(named(n).needs)
        )
        asked["optimizers"] = asked["optimizers"] or list(OPTIMIZERS)
    asked["dtypes"] = [d for d in PRECISIONS if d in dtypes] or list(DTYPES)
    return Request(**asked, steps=steps or STEPS, seed=seed, skipped=skipped)


def _known(kind: str, given: Sequence[str], known: list[str]) -> list[str]:
    """The names as they are spelled, each once; UnknownName for one that is not known."""
    from .adapters.loading import UnknownName

    spelled = {k.lower(): k for k in known}
    for name in given:
        if name.lower() not in spelled:
            raise UnknownName(kind, name, known)
    return list(dict.fromkeys(spelled[name.lower()] for name in given))


def _run(request: Request, jobs: int, quiet: bool) -> pd.DataFrame:
    """The results of all tasks, the long ones begun first, in the order of the request."""
    from .comparisons.collecting import together
    from .comparisons.job import run_tasks

    tasks = request.tasks()
    tables: dict[AnyTask, pd.DataFrame] = {}
    heavy_first = sorted(tasks, key=lambda task: -task.weight)
    with _progress(sum(task.parts for task in tasks), quiet) as (report, finished):
        for task, table in run_tasks(heavy_first, report, jobs):
            tables[task] = table
            finished(f"{task.label}: {len(table):,} comparisons")
    return together([tables[task] for task in tasks])


@contextmanager
def _progress(parts: int, quiet: bool) -> Iterator[tuple[Callable[[str], None], ...]]:
    """Two functions to call, for every part and for every task: a bar, lines, or nothing."""

    def nothing(text: str) -> None:
        pass

    if quiet:
        yield nothing, nothing
        return
    if not sys.stderr.isatty():
        began = time.monotonic()

        def say(text: str) -> None:
            click.echo(f"[{time.monotonic() - began:5.1f} s] {text}", err=True)

        yield nothing, say
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from .rendering import console

    columns = (BarColumn(30), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
               TextColumn("{task.description}", markup=False))  # fmt: skip
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        job = bar.add_task("starting", total=parts)
        yield lambda text: bar.update(job, advance=1, description=text), nothing


def _finish(
    results: pd.DataFrame, quiet: bool, output: str | None = None,
    then: Callable[[], None] = lambda: None,
) -> NoReturn:  # fmt: skip
    """Save, print, do what is left, and leave with the exit code that the verdicts deserve."""
    from .comparisons.records import BAD
    from .comparisons.results import ResultsError, save
    from .rendering import console, print_report

    unsaved = None
    if output is not None:
        try:
            save(results, output)
        except ResultsError as error:  # the disk filled up meanwhile: the report is still due
            unsaved = error
    print_report(console(), results, quiet)
    if unsaved is not None:
        raise unsaved
    if output is not None and not quiet:
        click.echo(f"Saved to {output}", err=True)
    then()
    if not results["n_compared"].sum():
        click.echo("Error: nothing was compared.", err=True)
        sys.exit(1)
    sys.exit(1 if results["verdict"].isin(BAD).any() else 0)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Every foreseen exception as a message with its exit code, never a traceback."""
    from .adapters.loading import MissingFramework, UnknownName
    from .comparisons.cases import CaseError
    from .comparisons.job import WorkerDied, WorkerFailed
    from .comparisons.results import ResultsError

    try:
        yield
    except (UnknownName, MissingFramework, CaseError, ResultsError) as error:
        raise click.UsageError(str(error)) from error
    except (WorkerDied, WorkerFailed) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        click.echo("Interrupted: nothing was saved.", err=True)
        sys.exit(130)


@main.command()
@click.argument("file")
@click.option(
    "--allowed", type=float, metavar="K",
    help="Judge with this noise ratio, not the one the rows were judged with.",
)  # fmt: skip
@click.option("--quiet", is_flag=True, help="Print the summary and what is wrong, nothing else.")
def show(file: str, allowed: float | None, quiet: bool) -> None:
    """Read saved results and judge them again, nothing run. Exit codes as for compare."""
    from .comparisons.records import rejudge
    from .comparisons.results import read

    with _plain_errors():
        if allowed is not None and not (math.isfinite(allowed) and allowed > 0):
            raise click.BadParameter("a number above 0 is needed", param_hint="--allowed")
        saved = read(file)
        results = rejudge(saved, allowed)
        results.attrs = saved.attrs
        changed = results["verdict"] != saved["verdict"]
        if changed.any():
            pairs = zip(saved["verdict"][changed], results["verdict"][changed], strict=True)
            counts: dict[tuple[str, str], int] = {}
            for pair in pairs:
                counts[pair] = counts.get(pair, 0) + 1
            told = ", ".join(f"{n:,} {old} now {new}" for (old, new), n in counts.items())
            click.echo(f"Judged again: {changed.sum():,} verdicts changed: {told}.")
        else:
            click.echo("Judged again: no verdict changed.")
        undiagnosed = (results["verdict"] == "mismatch").any() and not (
            results["cause"] != ""
        ).any()
        if undiagnosed:
            click.echo("No causes: a saved table holds no arrays to diagnose, only compare does.")
        _finish(results, quiet)


@main.command("list")
def list_() -> None:
    """List layers, losses, optimizers, schedules, adapters with versions, and networks."""
    from .adapters import loading
    from .comparisons import environment
    from .comparisons.networks import NETWORKS
    from .reference import discovery

    for title, specs in (
        ("Layers", discovery.layers()), ("Losses", discovery.losses()),
        ("Optimizers", discovery.optimizers()), ("Schedules", discovery.schedules()),
        ("Transforms", discovery.transforms()), ("Initialisers", discovery.initialisers()),
    ):  # fmt: skip
        _print_list(title, {name: _purpose(spec) for name, spec in specs.items()})
    adapters = {}
    for name in loading.names():
        found = environment.adapter_versions(name)
        versions = ", ".join(f"{dist} {version}" for dist, version in found.items())
        adapters[name] = environment.lacking(name) or versions
    _print_list("Adapters", adapters)
    networks = {}
    for name, make in NETWORKS.items():
        lacks = environment.lacking_data(make().needs)
        networks[name] = make().description + (f" ({lacks})" if lacks else "")
    _print_list("Networks", networks)


def _print_list(title: str, entries: dict[str, str]) -> None:
    click.secho(f"{title} ({len(entries)})", bold=True)
    width = max(map(len, entries), default=0)
    for name, text in entries.items():
        click.echo(f"  {name:{width}}  {text}".rstrip())


def _purpose(spec: type[Any]) -> str:
    """What the first line of the file says after the name."""
    doc = sys.modules[spec.__module__].__doc__ or ""
    first = doc.strip().partition("\n")[0]
    return first.partition(": ")[2] or first
