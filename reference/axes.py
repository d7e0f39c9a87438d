"""Entries taken along one axis, counted from the end; and their cotangents put back."""

from __future__ import annotations

from typing import Any

import numpy as np

from .protocols import Array


def at(axis: int, index: Any) -> Any:
    """What takes ``index`` along the axis -1, -2, ... of an array and leaves the others whole."""
    return ..., index, *(slice(None),) * (-axis - 1)


# NumPy's pad, by the names of torch's modes; -1 is no entry.
BEYOND: dict[str, dict[str, Any]] = {
    "constant": {"mode": "constant", "constant_values": -1}, "reflect": {"mode": "reflect"},
    "replicate": {"mode": "edge"}, "circular": {"mode": "wrap"},
}  # fmt: skip


def beyond(n: int, width: tuple[int, int], mode: str) -> Array:
    """For an axis of n entries made longer at both ends: which entry each of the new ones takes."""
    return np.pad(np.arange(n), width, **BEYOND[mode])


def long_enough(n: int, width: tuple[int, int], mode: str) -> bool:
    """Whether n entries can be mirrored, or repeated once, to that width."""
    return max(width) <= {"reflect": n - 1, "circular": n}.get(mode, max(width))


def gather(x: Array, source: Array, axis: int, value: float) -> Array:
    """y_i = x_s(i) along the axis; ``value`` where s(i) < 0."""
    inside = (source >= 0).reshape(-1, *(1,) * (-axis - 1))
    return np.where(inside, x[at(axis, source)], np.asarray(value, x.dtype))


def gather_backward(dy: Array, source: Array, axis: int, n: int) -> Array:
    """dx_j = Σ_i [s(i) = j] dy_i for the n entries j of the axis."""
    parts = [dy[at(axis, source == j)].sum(axis=axis) for j in range(n)]
    return np.stack(parts, axis=axis)
