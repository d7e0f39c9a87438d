"""``backproof examples``: published worked examples, recomputed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .comparisons.cases import Loaded
    from .comparisons.examples.example import Example
    from .comparisons.examples.recompute import Column


@click.command()
@click.argument("name", required=False)
@click.option("--adapter", "adapters", metavar="NAME", multiple=True,
              help="Recompute in this implementation; by default numpy, torch and jax. Repeat for "
              "several.")  # fmt: skip
@click.option("--buggy", is_flag=True,
              help="Run the program that makes the mistake behind the wrong digits.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def examples(name: str | None, adapters: Sequence[str], buggy: bool, as_json: bool) -> None:
    """Recompute published worked examples of backpropagation, and compare the printed digits.

    All of them, or NAME in full. Verdicts: OK every published digit is reproduced; R right up to
    the source's rounding; X wrong as published; D depends on version or platform; key for
    answers that the source leaves out. Exit code 0 all as recorded, 1 if not, 2 wrong usage.
    """
    from .cli import _plain_errors

    with _plain_errors():
        chosen = _chosen(name, buggy)
        if buggy:
            _show_buggy(chosen, as_json)
        else:
            _show(chosen, _available(adapters), as_json, whole=name is not None)


def _chosen(name: str | None, buggy: bool) -> list[Example]:
    from .comparisons.examples.recompute import worked_example, worked_examples

    if name is None:
        return [e for e in worked_examples().values() if e.buggy or not buggy]
    example = worked_example(name.lower())
    if buggy and not example.buggy:
        have = ", ".join(e.name for e in worked_examples().values() if e.buggy)
        raise click.UsageError(f"{example.name} has no buggy program. These have: {have}")
    return [example]


def _available(names: Sequence[str]) -> list[Loaded]:
    """The adapters: those named must be there, of the default ones a missing one is skipped."""
    from .comparisons import environment
    from .comparisons.cases import load_adapters

    loaded = load_adapters(names or None)
    return [(n, a, environment.lacking(n) or why if a is None else "") for n, a, why in loaded]


def _show(chosen: list[Example], loaded: list[Loaded], as_json: bool, whole: bool) -> None:
    from .cli import _progress
    from .comparisons.examples.recompute import recompute
    from .examples_report import print_example, print_table
    from .rendering import console

    for adapter, _, missing in loaded:
        if missing:
            click.echo(f"Skipped: {adapter}: {missing}", err=True)
    results: list[tuple[Example, list[Column]]] = []
    with _progress(len(chosen) * len(loaded), quiet=as_json or whole) as (report, finished):
        for example in chosen:
            columns = []
            for column in recompute(example, loaded):
                columns.append(column)
                report(f"{example.name} {column.candidate}")
            results.append((example, columns))
            finished(example.name)
    if as_json:
        click.echo(json.dumps([as_data(*result) for result in results], indent=2))
    elif whole:
        print_example(console(), *results[0])
    else:
        print_table(console(), results)
    columns = [column for _, columns in results for column in columns]
    if not any(column.figures for column in columns):
        click.echo("Error: nothing was compared.", err=True)
        sys.exit(1)
    sys.exit(1 if any(column.bad for column in columns) else 0)


def _show_buggy(chosen: list[Example], as_json: bool) -> None:
    from .comparisons.examples.recompute import as_printed
    from .examples_report import print_buggy
    from .rendering import console

    results = [(example, as_printed(example)) for example in chosen]
    if as_json:
        click.echo(json.dumps([
            {"name": e.name, "program": e.buggy.name, "mistake": e.buggy.mistake,
             "figures": {quantity: vars(digits) for quantity, digits in found.items()}}
            for e, found in results if e.buggy
        ], indent=2))  # fmt: skip
    else:
        for example, found in results:
            print_buggy(console(), example, found)
    good = all(digits.as_printed for _, found in results for digits in found.values())
    sys.exit(0 if good else 1)


def as_data(example: Example, columns: list[Column]) -> dict[str, Any]:
    """An example and what was recomputed, as JSON has it."""
    ran = [column for column in columns if column.figures]
    return {
        "name": example.name, "title": example.title, "source": example.source,
        "url": example.url, "verdict": example.verdict, "note": example.note,
        "inputs": {key: _plain(value) for key, value in example.inputs.items()},
        "figures": {
            quantity: {
                "verdict": figure.verdict, "printed": figure.printed, "right": figure.truth,
                "digits": figure.digits,
                "recomputed": {c.candidate: c.figures[i].value for c in ran},
                "outcome": {c.candidate: c.figures[i].outcome for c in ran},
            }
            for i, (quantity, figure) in enumerate(example.figures.items())
        },
        "buggy": (b := example.buggy) and {"program": b.name, "mistake": b.mistake},
        "skipped": {c.candidate: c.skipped for c in columns if c.skipped},
        "failed": {c.candidate: c.failed for c in columns if c.failed},
    }  # fmt: skip


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
