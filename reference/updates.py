"""Pieces of update rules, in place where a wide layer would pay for every new array."""

from __future__ import annotations

import numpy as np

from .protocols import Array


def descend(w: Array, rate: float, d: Array) -> Array:
    """w - rate d, with one large array less than that expression makes."""
    new: Array = -rate * d
    new += w
    return new


def moments(g: Array, state: dict[str, Array], beta1: float, beta2: float) -> dict[str, Array]:
    """The running means of g and g², in place: a wide layer pays for every new array."""
    m = beta1 * state["m"]
    m += (1 - beta1) * g
    v = g * g
    v *= 1 - beta2
    v += beta2 * state["v"]
    return {"m": m, "v": v}


def corrected_root(v: Array, beta2: float, eps: float, t: int) -> Array:
    """√v̂ + ε, as √v / √(1 - β2^t) + ε."""
    root: Array = np.sqrt(v)
    root /= (1 - beta2**t) ** 0.5
    root += eps
    return root
