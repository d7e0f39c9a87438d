"""How many inputs feed one output of a weight, and how many outputs one input feeds."""

from __future__ import annotations

import math


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Fan-in and fan-out of a Dense weight (I, O) or of a kernel (O, I, K, ...).

    Raises ValueError for a shape of fewer than two axes, which has none.
    """
    if len(shape) < 2:
        raise ValueError(f"a weight of shape {shape} has no fan-in: two axes or more are needed")
    if len(shape) == 2:
        return shape
    taps = math.prod(shape[2:])
    return shape[1] * taps, shape[0] * taps


def variance_of(mode: str, shape: tuple[int, ...]) -> float:
    """1/n, n the fan-in, the fan-out or their mean; ValueError for any other mode."""
    fan_in, fan_out = fans(shape)
    sizes = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    if mode not in sizes:
        raise ValueError(f"mode {mode!r} is not known: fan_in, fan_out or fan_avg")
    return 1 / sizes[mode]
