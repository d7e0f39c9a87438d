"""``backproof explain``: the ledger of a network, on a terminal, as JSON or as a page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .adapters.tracing import Tracer
    from .comparisons.ledger.explanation import Explanation

FORMATS = ["text", "json", "html"]
SUFFIXES = {".json": "json", ".html": "html", ".htm": "html"}


@click.command()
@click.argument("network", metavar="NETWORK")
@click.option("--format", "form", type=click.Choice(FORMATS),
              help="By default text, or what the suffix of --output says.")  # fmt: skip
@click.option("--output", metavar="FILE", help="Write to this file.")
@click.option(
    "--html",
    metavar="FILE",
    help="Write a page to step through and to play with: --format html --output FILE.",
)
@click.option("--adapter", "adapters", metavar="NAME", multiple=True,
              help="Line up with this implementation; by default torch and jax. Repeat for "
              "several.")  # fmt: skip
@click.option("--unfused", is_flag=True,
              help="Let the frameworks run elementary operations, so that nothing is hidden in a "
              "fused one.")  # fmt: skip
@click.option("--parts", is_flag=True, help="Show the parts of each expression too.")
@click.option("--step", type=click.IntRange(min=1), metavar="N",
              help="Show one step in full, with its derivation.")  # fmt: skip
@click.option("--jvp", is_flag=True, help="Add forward mode: the tangent of every step.")
@click.option("--hvp", is_flag=True, help="Add second order: the Hessian times a direction.")
@click.option("--mutant", metavar="ID",
              help="Plant this mistake and find the first wrong step.")  # fmt: skip
@click.option("--candidate", metavar="FILE.py:NAME",
              help="Find the first wrong gradient of a Candidate of yours.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Of weights, draws and directions.")  # fmt: skip
def explain(
    network: str, form: str | None, output: str | None, html: str | None, adapters: Sequence[str],
    unfused: bool, parts: bool, step: int | None, jvp: bool, hvp: bool, mutant: str | None,
    candidate: str | None, seed: int,
) -> None:  # fmt: skip
    """Show each hand-derived step of a network beside what PyTorch and JAX compute it with.

    NETWORK is mlp, cnn, layer-norm, attention or residual, a network of the suite, a layer
    (backproof list), or FILE.py:NAME, a NamedNetwork in a file of yours. Exit code 0 all
    gradients have their counterpart, 1 one has not, 2 wrong usage.
    """
    from .cli import _plain_errors

    with _plain_errors():
        if mutant and candidate:
            raise click.UsageError("--mutant and --candidate are two: choose one")
        if html is not None and (form or output):
            raise click.UsageError("--html FILE already says which format and where to")
        form, output = (_form(form, output), output) if html is None else ("html", html)
        if step is not None and form != "text":
            raise click.UsageError(f"--step is for text: {form} holds every step in full")
        if output is not None:
            _check_folder(output, "--html" if html else "--output")
        from .comparisons.cases import one_thread
        from .comparisons.ledger.explanation import explanation, problem_of

        problem = problem_of(network, seed)
        tracers, skipped = _tracers(adapters)
        with one_thread():
            told = explanation(
                problem, tracers, unfused=unfused, jvp=jvp, hvp=hvp, update=form == "html",
                mutant=mutant or "", candidate=candidate or "", seed=seed,
            )  # fmt: skip
        told.skipped.update(skipped)
        last = max(row.number for row in told.ledger.rows)
        if step is not None and step > last:
            raise click.BadParameter(f"{problem.name} has {last} steps", param_hint="--step")
        _tell(told, form, output, parts, step)
    sys.exit(1 if told.wrong else 0)


def _form(form: str | None, output: str | None) -> str:
    """The format that is asked for, or that the file's suffix means."""
    meant = SUFFIXES.get(Path(output).suffix.lower()) if output else None
    if form and meant and form != meant:
        raise click.UsageError(f"--format {form}, but {output} is {meant}: choose one")
    return form or meant or "text"


def _check_folder(output: str, option: str) -> None:
    path = Path(output)
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise click.BadParameter(f"cannot write {output}: {what}", param_hint=option)


def _tracers(names: Sequence[str]) -> tuple[dict[str, Tracer], dict[str, str]]:
    """The adapters that can be traced, and why others are skipped.

    Raises UsageError for one that was named and cannot be traced or is not installed.
    """
    from .adapters import loading
    from .adapters.tracing import Tracer
    from .cli import _known
    from .comparisons import environment
    from .comparisons.cases import DEFAULT_ADAPTERS

    found: dict[str, Tracer] = {}
    skipped: dict[str, str] = {}
    given = _known("adapter", names, loading.names())
    for name in given or DEFAULT_ADAPTERS:
        if why := environment.lacking(name):
            if given:
                raise click.UsageError(f"{name}: {why}")
            skipped[name] = why
            continue
        adapter: Any = loading.load(name)
        if isinstance(adapter, Tracer):
            found[name] = adapter
        elif given:
            raise click.UsageError(f"{name} cannot tell what it computes on the way: torch and "
                                   "jax can")  # fmt: skip
    return found, skipped


def _tell(told: Explanation, form: str, output: str | None, parts: bool, step: int | None) -> None:
    from .rendering import console

    if form == "text":
        from .explain_report import print_explanation, print_step

        with _opened(output) as stream:
            out = console(file=stream)
            if step is None:
                print_explanation(out, told, parts)
            else:
                print_step(out, told, step)
        return
    if form == "json":
        from .explain_data import as_json as text_of
    else:
        from .explain_page import page as text_of
    text = text_of(told)
    if output is None:
        click.echo(text)
    else:
        Path(output).write_text(text, encoding="utf-8")


def _opened(output: str | None) -> Any:
    from contextlib import nullcontext

    return nullcontext() if output is None else Path(output).open("w", encoding="utf-8")
