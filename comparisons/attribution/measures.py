"""Everything that is attributed, in any arithmetic: by hand and by each adapter, compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.layers.sequential import Sequential
from ...reference.protocols import Array
from ...reference.tree import leaves
from .. import cases, vacuity
from ..candidates import copied
from ..compare import compare_problem
from ..passes import Passes
from ..problems import Leaves, Specs
from ..tolerances import REPLICAS, Values
from .blame import (
    Node,
    Weight,
    first_order_if_silenced,
    heaviest,
    if_deleted,
    if_silenced,
    loss_by_output,
    weight_effects,
)
from .impact import elasticity, jacobian
from .path import Path, complete_path, shares
from .rules import STEP, change
from .subject import REFERENCE, Subject, both_passes, prediction

if TYPE_CHECKING:
    import pandas as pd

TOP = 10  # of everything that there may be thousands of
LONG = 64  # passes along a path: a longer one is compared at the nodes of a single panel
MOVES = ("Flatten", "Reshape", "Transpose")  # layers that compute nothing: no nodes of their own


@dataclass(frozen=True)
class Plan:
    """What is looked at one by one: the heaviest of everything, as the reference sees it.

    ``outputs`` are entries of the prediction, ``rules`` pairs (input, output), entries too.
    """

    path: Path
    nodes: tuple[Node, ...]
    weights: tuple[Weight, ...]
    outputs: tuple[int, ...]
    rules: tuple[tuple[int, int], ...]
    step: float


def plan(made: Subject, top: int = TOP, step: float = STEP) -> Plan:
    """The ``top`` heaviest nodes of every layer, and weights, outputs and inputs of all."""
    path = complete_path(made) if made.has_floats else Path()
    now = both_passes(REFERENCE, made)
    parts = shares(REFERENCE, made, path).parts if made.has_floats else _sensitive(made, now)
    nodes: list[Node] = []
    for k, name in enumerate(made.names):
        if k and name.partition(" ")[2] not in MOVES:
            nodes += [(k, entry) for _, entry in heaviest([(name, parts[name])], top)]
    weights = heaviest(((n, e) for n, (_, e) in weight_effects(now, made).items()), top)
    outputs = [entry for _, entry in heaviest([("", now.cotangents[-1])], top)] or [0]
    inputs = [entry for _, entry in heaviest([("", parts["x"])], top)] if made.has_floats else []
    pairs = [(i, k) for k in sorted(outputs) for i in sorted(inputs)]
    if len(pairs) > top:  # too many to read: those of the output that matters most
        pairs = [(i, outputs[0]) for i in sorted(inputs)]
    return Plan(path, tuple(nodes), tuple(weights), tuple(sorted(outputs)), tuple(pairs), step)


def measures(adapter: Adapter, made: Subject, look: Plan) -> Values:
    """All quantities, by name and by what they are of."""
    now, y = both_passes(adapter, made), prediction(adapter, made)
    values: Values = {("explained", ""): now.loss}
    split = loss_by_output(adapter, made)
    if split is not None:
        values["loss by output", ""] = split
    values |= _of_nodes(adapter, made, now, look) | _of_weights(adapter, made, now, look)
    if made.has_floats:
        found = shares(adapter, made, look.path)
        values |= {("share", name): part for name, part in found.parts.items()}
        values["change", ""] = found.change
        values |= _of_inputs(adapter, made, now, y, look)
    return values


def _sensitive(made: Subject, now: Passes) -> dict[str, Array]:
    """In place of shares, where there is no path: what silencing does, to first order."""
    return {n: first_order_if_silenced(now, k) for k, n in enumerate(made.names) if k}


def _of_nodes(adapter: Adapter, made: Subject, now: Passes, look: Plan) -> Values:
    values: Values = {}
    for k, name in list(enumerate(made.names))[0 if made.has_floats else 1 :]:
        values["value", name] = now.values[k]
        values["blame", name] = now.cotangents[k]
        values["first order if silenced", name] = first_order_if_silenced(now, k)
    if look.nodes:
        values["if silenced", ""] = np.stack(if_silenced(adapter, made, now, look.nodes))
    return values


def _of_weights(adapter: Adapter, made: Subject, now: Passes, look: Plan) -> Values:
    values: Values = {}
    for name, (gradient, effect) in weight_effects(now, made).items():
        values["gradient", name] = gradient
        values["first order if deleted", name] = effect
    if look.weights:
        values["if deleted", ""] = np.stack(if_deleted(adapter, made, look.weights))
    return values


def _of_inputs(adapter: Adapter, made: Subject, now: Passes, y: Array, look: Plan) -> Values:
    rates = jacobian(adapter, made, look.outputs)
    values: Values = {("jacobian", ""): rates, ("input x gradient", ""): made.x * now.cotangents[0]}
    at = [y[np.unravel_index(k, y.shape)] for k in look.outputs]
    if all(float(value) != 0 for value in at):
        values["elasticity", ""] = elasticity(made, rates, at)
    pairs = [change(adapter, made, i, k, look.step) for i, k in look.rules]
    if pairs:
        values["first order of a rule", ""] = np.stack([first for first, _ in pairs])
        values["rule", ""] = np.stack([exact for _, exact in pairs])
    return values


@dataclass(frozen=True)
class Attribution:
    """Everything that is attributed, as a problem that candidates are asked."""

    made: Subject
    look: Plan
    dtype: np.dtype[Any]
    blame: tuple[str, int] = ("", 0)
    mode = "attribution"

    @property
    def specs(self) -> Specs:
        """The network and its loss."""
        return Sequential(*self.made.layers), self.made.loss

    @property
    def numbers(self) -> int:
        """Of parameters and input."""
        return cases.numbers_in((self.made.params, self.made.x))

    def vacuous(self, expected: Leaves) -> str:
        """Values of zero."""
        return vacuity.of_values(expected)

    def run(self, specs: Specs, arithmetic: Any) -> Values:
        """By hand: from the backward passes of the reference."""
        network, loss = specs
        moved = self.made.moved(arithmetic)
        return measures(
            REFERENCE, dataclasses.replace(moved, layers=network.layers, loss=loss), self.look
        )

    def ask(self, adapter: Adapter) -> tuple[Values, Values]:
        """From the candidate's own passes."""
        fields = {name: copied(getattr(self.made, name)) for name in ("params", "x", "target")}
        found = measures(adapter, dataclasses.replace(self.made, **fields), self.look)
        return {key: np.asarray(value) for key, value in found.items()}, {}


def compare_attribution(
    made: Subject, look: Plan | None = None, *, adapters: Sequence[str | Adapter] | None = None,
    case: str = "attribution", seed: int = 0, replicas: int = REPLICAS,
) -> pd.DataFrame:  # fmt: skip
    """Compare everything that is attributed: a row for each quantity and each adapter.

    ``made`` as ``subject`` makes it, ``look`` as ``plan`` does. What is raised, and what becomes a
    row, as for ``compare_vjp``.
    """
    look = look or plan(made)
    if len(look.path.cuts) * look.path.nodes > LONG:
        look = dataclasses.replace(look, path=Path(nodes=look.path.nodes))
    dtype = cases.check_dtype(None, *(a for _, a in leaves((made.x, made.params))))
    problem = Attribution(made, look, dtype)
    return compare_problem(problem, cases.load_adapters(adapters), case, seed, replicas)
