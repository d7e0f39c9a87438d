"""What the measures say of one subject, as tables: of outputs, nodes, weights and inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ...adapters.loading import load
from ...adapters.protocols import Adapter
from ...reference.protocols import Array
from ...reference.tree import leaves
from ..cases import one_thread
from ..tolerances import Values
from .measures import Plan, measures, plan
from .path import Path, shares
from .rules import Rule, rule
from .subject import REFERENCE, Subject

if TYPE_CHECKING:
    import pandas as pd

OF_NODES = {"value": "value", "blame": "blame", "first_order": "first order if silenced",
            "share": "share"}  # fmt: skip
COARSE = (1, 2, 5)  # nodes of a single panel, whose completeness gaps are told too


def label(entry: int, shape: Sequence[int], prefix: str = "") -> str:
    """An entry of an array (N, ...) as people count: from 1; without the sample if there is one.

    x2, or x(1, 4, 5), or of several samples x(3; 2).
    """
    sample, *rest = (int(i) + 1 for i in np.unravel_index(entry, tuple(shape)))
    inner = ", ".join(map(str, rest))
    if shape[0] > 1:
        return f"{prefix}({sample}; {inner})" if rest else f"{prefix}({sample})"
    return f"{prefix}{inner}" if len(rest) < 2 else f"{prefix}({inner})"


def output_label(made: Subject, entry: int, shape: Sequence[int]) -> str:
    """An output: y1, y2, ...; where the targets are classes "class 0", as these are numbered."""
    if getattr(made.target, "dtype", np.dtype(float)).kind not in "iu":
        return label(entry, shape, "y")
    *places, number = (int(i) for i in np.unravel_index(entry, tuple(shape)))
    rest = int(np.ravel_multi_index(places, tuple(shape[:-1])))
    where = label(rest, shape[:-1]) if len(shape) > 2 or shape[0] > 1 else ""
    return f"class {number}{' at ' + where if where else ''}"


@dataclass(frozen=True)
class Findings:
    """All that is said of a subject.

    ``explained`` is the loss, or the output asked for, and ``change`` how far that is from its
    value at the baseline. Tables are data frames, heaviest first where only some are told:
    ``loss`` (output, prediction, loss, share), ``nodes`` (layer, node, value, blame, first_order,
    silenced, share), ``weights`` (weight, value, gradient, first_order, deleted), ``inputs``
    (input, value, gradient, times_gradient, share) and ``slopes`` (output, input, slope,
    elasticity). ``gaps`` are what integrated gradients lack to ``change``, by the number of Gauss
    nodes; the last is that of the shares in the tables.
    """

    made: Subject
    look: Plan
    values: Values = field(repr=False)
    explained: float
    change: float | None
    loss: pd.DataFrame | None
    nodes: pd.DataFrame
    weights: pd.DataFrame
    inputs: pd.DataFrame | None
    slopes: pd.DataFrame | None
    gaps: dict[int, float]
    rules: tuple[Rule, ...]

    def layer_gap(self) -> float:
        """How far the shares of any layer are from adding up to ``change``, at most."""
        parts = [v.sum() for (quantity, _), v in self.values.items() if quantity == "share"]
        return max(abs(float(part) - float(self.change or 0.0)) for part in parts)


def blame(made: Subject, look: Plan | None = None, adapter: str | Adapter = REFERENCE) -> Findings:
    """Everything that there is to say of a subject, from one adapter's numbers.

    ``made`` as ``subject`` makes it; ``look``, what is told one by one, as ``plan`` does. By
    default by hand: from the backward passes of the reference.

    Raises UnknownName or MissingFramework for an adapter that cannot be loaded, and what it raises.
    """
    found = load(adapter) if isinstance(adapter, str) else adapter
    with one_thread(), np.errstate(all="ignore"):
        look = look or plan(made)
        values = {k: np.asarray(v) for k, v in measures(found, made, look).items()}
        gaps = _gaps(found, made, look, values)
        rules = tuple(rule(made, i, k, look.step) for i, k in look.rules)
    change = float(values["change", ""]) if made.has_floats else None
    return Findings(
        made, look, values, float(values["explained", ""]), change, _loss(made, values),
        _nodes(made, look, values), _weights(made, look, values), _inputs(made, look, values),
        _slopes(made, look, values), gaps, rules,
    )  # fmt: skip


def _gaps(adapter: Adapter, made: Subject, look: Plan, values: Values) -> dict[int, float]:
    if not made.has_floats:
        return {}
    gaps = {n: shares(adapter, made, Path(nodes=n)).gap() for n in COARSE}
    passes = (len(look.path.cuts) - 1) * look.path.nodes
    return gaps | {passes: float(values["share", "x"].sum() - values["change", ""])}


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)


def _loss(made: Subject, values: Values) -> pd.DataFrame | None:
    if ("loss by output", "") not in values:
        return None
    parts, y = values["loss by output", ""], values["value", made.names[-1]]
    of_outputs = parts.shape == y.shape
    return _frame([
        {"output": label(j, parts.shape, "y") if of_outputs else _place(j, parts.shape),
         "prediction": float(y.flat[j]) if of_outputs else None, "loss": float(part),
         "share": float(part / parts.sum())}
        for j, part in enumerate(parts.flat)
    ])  # fmt: skip


def _place(entry: int, shape: Sequence[int]) -> str:
    """A sample, or a place in it, that the loss is a mean over."""
    return f"{'place' if len(shape) > 1 else 'sample'} {label(entry, shape)}".rstrip()


def _nodes(made: Subject, look: Plan, values: Values) -> pd.DataFrame:
    silenced = dict(zip(look.nodes, values.get(("if silenced", ""), ()), strict=True))
    rows = []
    for (k, entry), effect in silenced.items():
        name = made.names[k]
        shape = values["value", name].shape
        told = {
            column: float(values[quantity, name].flat[entry])
            for column, quantity in OF_NODES.items() if (quantity, name) in values
        }  # fmt: skip
        last = k == len(made.layers)
        node = output_label(made, entry, shape) if last else label(entry, shape)
        rows.append({"layer": name, "node": node, **told, "silenced": float(effect)})
    return _frame(rows)


def _weights(made: Subject, look: Plan, values: Values) -> pd.DataFrame:
    params = dict(leaves(made.params))
    deleted = zip(look.weights, values.get(("if deleted", ""), ()), strict=True)
    return _frame([
        {"weight": f"{_named(made, leaf)}{label(entry, (1, *params[leaf].shape))}",
         "value": float(params[leaf].flat[entry]),
         "gradient": float(values["gradient", leaf].flat[entry]),
         "first_order": float(values["first order if deleted", leaf].flat[entry]),
         "deleted": float(effect)}
        for (leaf, entry), effect in deleted
    ])  # fmt: skip


def _named(made: Subject, leaf: str) -> str:
    """A leaf of the params by its layer's number in the whole network: "2.W"."""
    layer, dot, rest = leaf.partition(".")
    return f"{int(layer) + made.first}{dot}{rest}"


def _inputs(made: Subject, look: Plan, values: Values) -> pd.DataFrame | None:
    if not made.has_floats:
        return None
    entries = sorted({i for i, _ in look.rules})
    columns = {"value": made.x, "gradient": values["blame", "x"],
               "times_gradient": values["input x gradient", ""],
               "share": values["share", "x"]}  # fmt: skip
    return _frame([
        {"input": label(i, made.x.shape, "x"), **{k: float(a.flat[i]) for k, a in columns.items()}}
        for i in entries
    ])  # fmt: skip


def _slopes(made: Subject, look: Plan, values: Values) -> pd.DataFrame | None:
    if not made.has_floats:
        return None
    rates, elastic = values["jacobian", ""], values.get(("elasticity", ""))
    y: Array = values["value", made.names[-1]]
    place = {k: row for row, k in enumerate(look.outputs)}
    return _frame([
        {"output": output_label(made, k, y.shape), "input": label(i, made.x.shape, "x"),
         "slope": float(rates[place[k]].flat[i]),
         "elasticity": None if elastic is None else float(elastic[place[k]].flat[i])}
        for i, k in look.rules
    ])  # fmt: skip
