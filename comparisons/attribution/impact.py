"""What matters: how the outputs move with the inputs, here and along the way from a baseline.

    Jacobian              ∂y_k/∂x_i at x: a rate, in units of y over units of x
    elasticity            x_i/y_k ∂y_k/∂x_i: per cent of y_k for each per cent of x_i
    input x gradient      x_i ∂L/∂x_i: the change of L to first order, were x_i scaled up by 1
    integrated gradients  the share of x_i in L(x) - L(x0): see ``path``

The first three are local. None says what would happen in the world if x_i changed there: they are
about this network. Source for input x gradient: Shrikumar, Greenside, Shcherbina, Kundaje, "Not
just a black box" (2016), section 2.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...adapters.protocols import Adapter
from ...reference.layers.sequential import Sequential
from ...reference.protocols import Array
from .subject import Subject, prediction


def jacobian(adapter: Adapter, made: Subject, outputs: Iterable[int]) -> Array:
    """∂y_k/∂x, (outputs, *x.shape), for entries of the prediction counted through all of it."""
    network, y = Sequential(*made.layers), prediction(adapter, made)
    rows = []
    for k in outputs:
        dy = np.zeros_like(y)
        dy[np.unravel_index(k, y.shape)] = 1.0
        rows.append(adapter.vjp(network, made.params, made.x, dy).dx)
    return np.stack(rows)


def elasticity(made: Subject, rates: Array, y: Iterable[Array]) -> Array:
    """x/y ∂y/∂x for every row of the Jacobian and its y; not finite where y is 0."""
    return np.stack([made.x * row / value for row, value in zip(rates, y, strict=True)])
