"""Pieces of update rules, in place where a wide layer would pay for every new array."""

from __future__ import annotations

from typing import Any

import numpy as np

from .protocols import Array, Scalar

State = dict[str, Array]  # what an optimizer keeps for one array of weights, by name


def descend(w: Array, rate: Scalar, d: Array) -> Array:
    """w - rate d, with one large array less than that expression makes."""
    new: Array = -rate * d
    new += w
    return new


def decayed(g: Array, rate: float, w: Array) -> Array:
    """g + rate w: weight decay as the gradient of an L2 penalty."""
    return g + rate * w if rate != 0 else g


def running_mean(old: Array, new: Array, beta: float) -> Array:
    """β old + (1 - β) new."""
    return beta * old + (1 - beta) * new


def moments(g: Array, state: State, beta1: float, beta2: float) -> State:
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


def norm(x: Array) -> Any:
    """‖x‖, over all axes."""
    return np.sqrt(np.sum(x * x))


def rms(x: Array) -> Any:
    """√mean(x²), over all axes."""
    return np.sqrt(np.mean(x * x))


def trust_ratio(w: Array, d: Array, trust: float = 1.0, eps: float = 0.0) -> Any:
    """c ‖w‖ / (‖d‖ + ε), or 1 where either norm is 0."""
    w_norm, d_norm = norm(w), norm(d)
    return trust * w_norm / (d_norm + eps) if w_norm > 0 and d_norm > 0 else 1.0


def scalar(w: Array, value: Scalar) -> Array:
    """The value as a 0-d array of w's dtype: a state that all entries share."""
    zero: Any = np.sum(np.zeros_like(w))
    return (zero + value)[...]  # type: ignore[no-any-return]
