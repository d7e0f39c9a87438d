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


def second_moment(state: State, square: Array, beta: float, least: float) -> tuple[State, Array]:
    """The running mean v of g², and the state: v itself, or the means of its rows and columns.

    From these v_ij = r_i s_j / max(mean(r), least). Source: Adafactor's algorithm 4.
    """
    if "v" in state:
        v = running_mean(state["v"], square, beta)
        return {"v": v}, v
    row = running_mean(state["row"], square.mean(axis=-1, keepdims=True), beta)
    col = running_mean(state["col"], square.mean(axis=-2, keepdims=True), beta)
    v = row / np.maximum(row.mean(axis=-2, keepdims=True), least) * col  # row * col may underflow
    return {"row": row, "col": col}, v


def newton_schulz(x: Array, steps: int, a: float, b: float, c: float) -> Array:
    """So many steps of X ← a X + (b A + c A²) X with A = X Xᵀ, which draw singular values to 1."""
    for _ in range(steps):
        A = x @ x.T
        x = a * x + (b * A + c * (A @ A)) @ x
    return x


def with_pair(state: State, s: Array, y: Array) -> State:
    """The memory of L-BFGS with one pair more in its last row, and the oldest forgotten.

    ρ = 1 / s·y, or 0 where there is no curvature between them.
    """
    sy = np.sum(s * y)
    pair = {"s": s, "y": y, "rho": 1 / sy if sy != 0 else sy}
    return state | {k: np.concatenate([state[k][1:], new[None]]) for k, new in pair.items()}


def inverse_hessian_times(g: Array, s: Array, y: Array, rho: Array) -> Array:
    """H g of L-BFGS, the pairs (s, y) in the rows from the oldest to the newest.

        d ← g;    from the newest pair:  a_i = ρ_i s_i·d,  d ← d - a_i y_i
        d ← γ d;  from the oldest pair:  d ← d + (a_i - ρ_i y_i·d) s_i        γ = s·y / y·y

    γ is of the newest pair, 1 where there is none; a row of zeros with ρ = 0 is none.
    Source: Nocedal and Wright, "Numerical optimization" (2006), algorithm 7.4, equation 7.20.
    """
    d, a, rows = g, {}, range(len(s))
    for i in reversed(rows):
        a[i] = rho[i] * np.sum(s[i] * d)
        d = d - a[i] * y[i]
    yy = np.sum(y[-1] * y[-1])
    d = np.sum(s[-1] * y[-1]) / yy * d if yy > 0 else d
    for i in rows:
        d = d + (a[i] - rho[i] * np.sum(y[i] * d)) * s[i]
    return d
