"""What is explained: a network with its loss, the numbers to show, and two draws to align by.

The numbers to show are the network's own: Mazur's weights, the first samples of the data. Numbers
that line steps up must be generic, or different things coincide: a batch of one makes a bias's
gradient equal to a delta. So the draws are of several samples and of parameters away from their
initial values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...adapters.protocols import Unsupported
from ...adapters.tracing import Tracer
from ...reference.protocols import Array, Layer, Loss, Tree
from ...reference.tree import leaves, tree_map
from .. import cases
from ..named_network import NamedNetwork
from .ledger import Ledger, add_events, of_reference
from .steps import record

SAMPLES = 5  # of a draw, and at the most those shown: few widths are five
RATE = 0.1  # where a network names none
CANNOT = Unsupported, NotImplementedError  # what an implementation raises for what it lacks
Case = tuple[Tree, Tree, Tree]  # params, x, target


@dataclass(frozen=True)
class Problem:
    """A network to explain. ``draws`` are two cases to align by, ``shown`` the one to look at.

    ``rate`` is the learning rate of an update by gradient descent.
    """

    name: str
    description: str
    network: Layer
    loss: Loss
    shown: Case
    draws: tuple[Case, Case]
    rate: float = RATE


def of_named(known: NamedNetwork, seed: int = 0) -> Problem:
    """A network known by name: its own data and parameters to look at."""
    x, target = known.data()
    rng = np.random.default_rng(seed)
    first = tree_map(lambda a: a[:SAMPLES], (x, target))
    shown = (known.start(np.float64, seed), *cases_as_floats(first))
    draws = tuple(
        (cases.draw_params(known.network, rng, np.dtype(np.float64)), *_like((x, target), rng))
        for _ in range(2)
    )
    rate = known.rates.get("sgd", RATE)
    return Problem(known.name, known.description, known.network, known.loss, shown, draws, rate)  # type: ignore[arg-type]


def cases_as_floats(tree: Tree) -> Tree:
    """The tree with its floats in float64."""
    return tree_map(lambda a: a.astype(np.float64) if a.dtype.kind == "f" else a, tree)


def _like(data: Tree, rng: np.random.Generator) -> Tree:
    """Samples like the data: normal numbers for floats, some of the rows for integers."""
    rows = rng.integers(0, len(next(a for _, a in leaves(data))), SAMPLES)

    def draw(a: Array) -> Array:
        if a.dtype.kind == "f":
            return rng.standard_normal((SAMPLES, *a.shape[1:]))
        return a[rows]

    return tree_map(draw, data)


def explain(problem: Problem, tracers: dict[str, Tracer], unfused: bool = False) -> Ledger:
    """The ledger of a problem, with a column for each tracer.

    Raises what the reference raises; an adapter that cannot express the network is skipped.
    """
    runs = [*problem.draws, problem.shown]
    programs = [record(problem.network, problem.loss, *case) for case in runs]
    ledger = of_reference(programs, [named(*case) for case in runs])
    for name, tracer in tracers.items():
        try:
            events = [
                tracer.trace(problem.network, problem.loss, *case, unfused=unfused) for case in runs
            ]
        except CANNOT as error:
            ledger.skipped[name] = first_line(error)
        else:
            add_events(ledger, name, events)
    return ledger


def first_line(error: Exception) -> str:
    """What went wrong, in one line."""
    return str(error).partition("\n")[0]


def named(params: Tree, x: Tree, target: Tree) -> Tree:
    """All that is given, under the names that people know it by."""
    return {**dict(leaves(params)), **dict(leaves({"x": x, "target": target}))}
