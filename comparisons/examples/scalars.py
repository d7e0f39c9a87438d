"""Scalar circuits: their value and every slope, in any adapter's arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.circuit import Circuit
from ...reference.protocols import Array, Tree
from .example import Values


def inputs(circuit: Circuit) -> dict[str, Any]:
    """The circuit's inputs by name, for people."""
    return dict(circuit.inputs)


def slopes(
    adapter: Adapter, circuit: Circuit, params: Tree = None, value: str = "y"
) -> dict[str, float]:
    """The value under its name, and dy/dp as "dp", for inputs that are single numbers.

    ``params`` replace the circuit's own inputs.
    """
    y, gradients = vjp(adapter, circuit, params)
    return {value: float(y), **{f"d{name}": float(g) for name, g in gradients.items()}}


def vjp(adapter: Adapter, circuit: Circuit, params: Tree = None) -> tuple[Array, dict[str, Array]]:
    """The value, and the gradient of its sum by every input."""
    given = circuit.init(np.random.default_rng(0)) if params is None else params
    found = adapter.vjp(circuit, given, (), np.ones_like(circuit.forward(given, ())[0]))
    return found.y, found.dparams


def by_name(prefix: str, values: Array) -> Values:
    """The entries of an array as "prefix 1", "prefix 2", ..."""
    return {f"{prefix} {i}": float(v) for i, v in enumerate(np.ravel(values), start=1)}
