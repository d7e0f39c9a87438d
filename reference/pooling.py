"""What pooling does with the taps of a window: the first maximum, the sum, and their transposes."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from .protocols import Array
from .windows import Window, symmetric, window


def pool(spec: Any, axes: int) -> Window:
    """The window of a pooling spec, or ValueError for hyperparameters out of range."""
    over = symmetric(spec, window(spec, axes))
    if any(2 * p > k for (p, _), k in zip(over.padding, over.kernel, strict=True)):
        raise ValueError(f"{spec}: padding must be at most half the kernel")
    return over


def on(spec: Any, sizes: tuple[int, ...]) -> Window:
    """The spec's window for an x of these sizes: with ceil mode, the last may be partial."""
    over = pool(spec, len(sizes))
    return over.rounded_up(sizes) if spec.ceil else over


def maximum(x: Array, over: Window) -> tuple[Array, tuple[Array, ...]]:
    """The maximum of every window; and of each tap but the first, where it beats all before it."""
    # The padding must never win; it is finite, because noise on infinities would be NaN.
    padded = over.pad(x, float(np.finfo(x.dtype).min))
    first, *others = (padded[tap] for tap in over.taps(over.positions(x.shape[2:])))
    y, beats = first, []
    for tap in others:
        beats.append(tap > y)
        y = np.maximum(y, tap)  # a NaN stays one
    return y, tuple(beats)


def to_maximum(
    dy: Array, beats: tuple[Array, ...], over: Window, sizes: tuple[int, ...]
) -> Array:  # fmt: skip
    """dx: dy sent to the last tap that beats all before it, which is the first of the largest."""
    first, *others = over.taps(dy.shape[2:])
    dx = np.zeros_like(dy, shape=(*dy.shape[:2], *over.padded(sizes)))
    for tap, won in zip(reversed(others), reversed(beats), strict=True):
        dx[tap] += dy * won  # np.where branches, and takes ten times as long
        dy = dy * ~won
    dx[first] += dy
    return over.crop(dx)


def total(x: Array, over: Window) -> Array:
    """The sum of every window."""
    padded = over.pad(x)
    return reduce(np.add, (padded[tap] for tap in over.taps(over.positions(x.shape[2:]))))


def counts(spec: Any, sizes: tuple[int, ...]) -> Array:
    """How many entries the mean of every window is over: (1, 1, positions)."""
    over, padded = on(spec, sizes), pool(spec, len(sizes)).padded(sizes)
    if spec.count_include_pad:  # but never what ceil mode adds behind it
        behind = zip(over.padded(sizes), padded, strict=True)
        over, sizes = replace(over, padding=tuple((0, n - m) for n, m in behind)), padded
    return total(np.ones((1, 1, *sizes)), over)


def to_all(dy: Array, over: Window, sizes: tuple[int, ...]) -> Array:
    """The transpose of ``total``: every tap of a window gets its dy."""
    dx = np.zeros_like(dy, shape=(*dy.shape[:2], *over.padded(sizes)))
    for tap in over.taps(dy.shape[2:]):
        dx[tap] += dy
    return over.crop(dx)
