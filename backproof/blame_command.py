"""``backproof blame``: who is to blame for a loss, what matters, and in words."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

    from .comparisons.attribution.findings import Findings
    from .comparisons.attribution.monotone import Monotonicity
    from .comparisons.attribution.prepared import Prepared
    from .comparisons.attribution.surrogate import Surrogate

SMALL = 8  # inputs and outputs up to which the unit box is looked at unasked


@dataclass(frozen=True)
class Asked:
    """What the options ask for beside the findings."""

    box: tuple[float, float] | None
    around: float | None
    tree: int | None


@click.command()
@click.argument("network", metavar="NETWORK")
@click.option("--sample", type=click.IntRange(min=0), default=0, show_default=True,
              help="Of the network's data, counted from 0.")  # fmt: skip
@click.option("--steps", type=click.IntRange(min=0),
              help="Train so long first; by default 300, 0 where weights are given.")  # fmt: skip
@click.option(
    "--output",
    metavar="NAME",
    help="Explain an output, not the loss: y1, y2, ..., or the number of a class.",
)
@click.option("--baseline", type=float, default=0.0, show_default=True,
              help="The input that shares count from, the same number everywhere.")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True,
              help="How many nodes of a layer, weights, inputs and outputs to tell.")  # fmt: skip
@click.option("--step", type=float, default=-5.0, show_default=True,
              help="Of the rules, in per cent of the input.")  # fmt: skip
@click.option(
    "--box",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    help="Prove monotonicity for all inputs in between; for small networks 0 1.",
)
@click.option("--around", type=float, metavar="RADIUS", help="The same for all inputs that near.")
@click.option("--tree", type=click.IntRange(min=1), metavar="DEPTH",
              help="Fit a decision tree to the network, and say how faithful it is.")  # fmt: skip
@click.option("--picture", metavar="FILE", help="Draw the inputs' parts: .png, .svg or .pdf.")
@click.option("--adapter", "adapters", metavar="NAME", multiple=True,
              help="Compare with this implementation; by default numpy, torch and jax. Repeat for "
              "several.")  # fmt: skip
@click.option("--no-compare", is_flag=True, help="Print the reference's numbers only.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Of weights, training, noise and tree.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def blame(
    network: str, sample: int, steps: int | None, output: str | None, baseline: float, top: int,
    step: float, box: tuple[float, float] | None, around: float | None, tree: int | None,
    picture: str | None, adapters: Sequence[str], no_compare: bool, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Say what a network's loss on one sample is due to: outputs, nodes, weights, inputs, rules.

    NETWORK is one of the suite (backproof list), or FILE.py:NAME, a NamedNetwork in a file of
    yours. Every number is computed by hand, by PyTorch and by JAX, and compared. Exit code 0 all
    match, 1 a mismatch, 2 wrong usage.
    """
    from .cli import _plain_errors
    from .comparisons.attribution.findings import blame as findings
    from .comparisons.attribution.measures import plan
    from .comparisons.attribution.prepared import prepared
    from .comparisons.users_network import find_network

    with _plain_errors():
        if not step:
            raise click.BadParameter("a number other than 0 is needed", param_hint="--step")
        if picture is not None:
            from .pictures import check_picture

            check_picture(picture)
        ready = prepared(find_network(network), steps, seed)
        made = ready.subject(sample, _entry(output, ready), baseline or None)
        found = findings(made, plan(made, top, step / 100))
        asked = Asked(box, around, tree)
        extra = _proved(ready, found, asked, seed), _fitted(ready, asked, seed)
        _tell(ready, sample, found, extra, picture, as_json)
        bad = False
        if not no_compare:
            bad = _compare(network, found, adapters, seed, as_json)
        sys.exit(1 if bad else 0)


def _entry(output: str | None, ready: Prepared) -> int | None:
    """The entry of the prediction that is meant, counted from 0."""
    if output is None:
        return None
    number = output.lower().removeprefix("class").removeprefix("y").strip()
    if not number.isdigit():
        raise click.BadParameter(
            f"{output!r} is no y1, y2, ... and no class", param_hint="--output"
        )
    return int(number) - (0 if ready.classes else 1)


Extra = tuple["Monotonicity | None", "Surrogate | None"]


def _proved(ready: Prepared, found: Findings, asked: Asked, seed: int) -> Monotonicity | None:
    """Monotonicity in the box that is asked for, or in the unit box of a small network."""
    from .comparisons.attribution.monotone import monotonicity
    from .comparisons.cases import CaseError

    made = found.made
    x, n_out = made.x[0], found.values["value", made.names[-1]][0].size
    if asked.around is not None:
        low, high = x - abs(asked.around), x + abs(asked.around)
    elif asked.box is not None:
        low, high = (x * 0 + end for end in asked.box)
    elif made.has_floats and max(x.size, n_out) <= SMALL:
        low, high = x * 0, x * 0 + 1
    else:
        return None
    if not made.has_floats:
        raise CaseError(f"x of {ready.named.name} holds integers: there is no box of them")
    from .reference.layers.sequential import Sequential

    return monotonicity(Sequential(*made.layers), made.params, low, high, seed=seed)


def _fitted(ready: Prepared, asked: Asked, seed: int) -> Surrogate | None:
    """The tree, fitted on the network's own data; on random inputs in the box where it has few."""
    import numpy as np

    from .comparisons.attribution.surrogate import FEW, surrogate_tree
    from .comparisons.cases import CaseError

    if asked.tree is None:
        return None
    x, labels = ready.x, ready.target if ready.classes and ready.target.ndim == 1 else None
    if x.dtype.kind != "f":
        raise CaseError(f"x of {ready.named.name} holds integers: a tree would split their codes")
    if len(x) < FEW:
        low, high = asked.box or (0.0, 1.0)
        x, labels = np.random.default_rng(seed).uniform(low, high, (1000, *x.shape[1:])), None
    return surrogate_tree(ready.named.network, ready.params, x, labels, classes=ready.classes,
                          depth=asked.tree, seed=seed)  # fmt: skip


def _tell(
    ready: Prepared, sample: int, found: Findings, extra: Extra, picture: str | None, as_json: bool
) -> None:
    from .blame_report import print_findings
    from .rendering import console

    if picture is not None:
        from .pictures import draw

        draw(found, picture, f"{ready.named.name}, sample {sample}")
    if as_json:
        click.echo(json.dumps(as_data(ready, sample, found, extra), indent=2))
    else:
        print_findings(console(), ready, sample, found, *extra)
    if picture is not None:
        click.echo(f"Drawn: {picture}", err=True)


def _compare(case: str, found: Findings, adapters: Sequence[str], seed: int, as_json: bool) -> bool:
    """Whether anything is wrong; what is compared is told."""
    from .blame_report import print_comparison
    from .comparisons.attribution.measures import compare_attribution
    from .comparisons.records import BAD
    from .rendering import console

    click.echo("Comparing every number; larger networks take up to a minute.", err=True)
    rows: pd.DataFrame = compare_attribution(
        found.made, found.look, adapters=adapters or None, case=case, seed=seed
    )
    print_comparison(console(stderr=as_json), rows)
    return bool(rows["verdict"].isin(BAD).any()) or not rows["n_compared"].sum()


def as_data(ready: Prepared, sample: int, found: Findings, extra: Extra) -> dict[str, Any]:
    """Everything as JSON has it."""
    from .comparisons.attribution.limits import LIMITS

    def rows(table: pd.DataFrame | None) -> Any:
        return (
            None
            if table is None
            else json.loads(table.to_json(orient="records", double_precision=15))
        )

    proved, fitted = extra
    return {
        "network": ready.named.name, "sample": sample, "steps": ready.steps,
        "accuracy": ready.accuracy, "explained": found.explained, "change": found.change,
        "loss": rows(found.loss), "nodes": rows(found.nodes), "weights": rows(found.weights),
        "inputs": rows(found.inputs), "slopes": rows(found.slopes), "gaps": found.gaps,
        "rules": [{**vars(r), "sentence": r.sentence()} for r in found.rules],
        "monotone": proved and {
            "low": proved.low.tolist(), "high": proved.high.tolist(), "lo": proved.lo.tolist(),
            "hi": proved.hi.tolist(), "finding": proved.finding, "boxes": proved.boxes,
        },
        "tree": fitted and vars(fitted), "limits": LIMITS,
    }  # fmt: skip
