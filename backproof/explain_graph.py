"""How the page draws a network: node by node where it is a chain of narrow layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .comparisons.ledger.equations import headline
from .comparisons.ledger.ledger import Ledger, Row
from .comparisons.ledger.problem import Problem
from .reference.layers.dense import Dense
from .reference.layers.sequential import Sequential
from .reference.protocols import Array, Layer, Tree

WIDEST, LONGEST = 8, 10  # nodes of a layer, and layers, that are drawn one by one
NUDGES = (-3.0, -0.3, 0.3, 3.0)  # of an input, to see what depends on it
Place = Callable[[Row], int | None]  # on the tape, if it is there


def graph(problem: Problem, ledger: Ledger, place: Place) -> dict[str, Any] | None:
    """The columns of nodes with the links between them, or None where tensors are drawn whole."""
    params, x, _ = problem.shown
    chain = list(_chain(problem.network, params))
    if not _is_narrow(x) or x.dtype.kind != "f" or len(chain) > LONGEST:
        return None

    def at(phase: str, path: str, role: str) -> int | None:
        row = _passed(ledger, phase, path, role)
        return None if row is None else place(row)

    columns = [{"title": "x", "width": x.shape[1], "value": None}]
    links, before = [], x
    for path, layer, p in chain:
        row, value = _passed(ledger, "forward", path, "y"), at("forward", path, "y")
        if row is None or value is None or not _is_narrow(row.shown) or len(row.shown) != len(x):
            return None
        title, width = f"{path} {type(layer).__name__}".strip(), row.shown.shape[1]
        columns.append({"title": title, "width": width, "value": value})
        links.append({"path": path, **_link(path, layer, p, before)})
        before = row.shown
    for column, path in zip(columns, [*(path for path, _, _ in chain), "loss"], strict=True):
        column["gradient"] = at("backward", path, "dx")  # what comes after sends it back
    return {"columns": columns, "links": links}


def _is_narrow(x: Any) -> bool:
    """Whether it is a few numbers for each sample."""
    return isinstance(x, np.ndarray) and x.ndim == 2 and x.shape[1] <= WIDEST


def _chain(layer: Layer, params: Tree, path: str = "") -> Iterator[tuple[str, Layer, Tree]]:
    if isinstance(layer, Sequential):
        for i, (inner, p) in enumerate(zip(layer.layers, params, strict=True)):
            yield from _chain(inner, p, f"{path}.{i}" if path else str(i))
    else:
        yield path, layer, params


def _passed(ledger: Ledger, phase: str, path: str, role: str) -> Row | None:
    """The value of that role, of the outermost layer at that place."""
    found = [(key[2], row) for key, row in ledger.passed.items()
             if (key[0], key[1], key[4]) == (phase, path, role)]  # fmt: skip
    return min(found, key=lambda pair: pair[0], default=(0, None))[1]


def _link(path: str, layer: Layer, params: Tree, x: Array) -> dict[str, Any]:
    """What goes from one column to the next: weights, or which node depends on which."""
    if isinstance(layer, Dense):
        prefix = f"{path}." if path else ""
        fixed = [float(v) for v in layer.bias] if isinstance(layer.bias, tuple) else None
        return {"weight": f"{prefix}W", "bias": f"{prefix}b" if layer.bias is True else None,
                "fixed": fixed, "headline": headline(layer)}  # fmt: skip
    return {"weight": None, "pairs": _pairs(layer, params, x), "headline": headline(layer)}


def _pairs(layer: Layer, params: Tree, x: Array) -> list[list[int]]:
    """Which outputs (second) change with which inputs (first)."""
    before, _ = layer.forward(params, x)
    found = set()
    for j in range(x.shape[1]):
        for nudge in NUDGES:
            moved = x.copy()
            moved[:, j] += nudge
            after, _ = layer.forward(params, moved)
            changed = np.any(after != before, axis=tuple(range(after.ndim - 1)))
            found |= {(j, int(k)) for k in np.flatnonzero(changed)}
    return [list(pair) for pair in sorted(found)]
