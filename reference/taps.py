"""Convolution over any number of axes, by rows of taps: three products of one window.

    correlate  y_no,h = Σ_ci W_oc,i x̄_nc,sh+di       its transpose in x:  spread
    its cotangent of W  dW_oc,i = Σ_nh dy_no,h x̄_nc,sh+di:  kernel_gradient

h and i stand for one index for each spatial axis, x̄ for x in its padding; with groups, o and c run
within one group. Taps that differ in the last axis only make a kernel row. Taking the image row by
row of the kernel, and not all taps at once, makes one matrix product for each row, and keeps as
many copies of the image as a row is long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .protocols import Array, Tree
from .windows import Index, Window, each_axis, symmetric, window


def convolution(spec: Any, axes: int) -> Window:
    """The window of a convolution's spec, or ValueError for hyperparameters out of range."""
    if spec.groups < 1 or spec.n_in % spec.groups or spec.n_out % spec.groups:
        raise ValueError(f"{spec}: groups must divide n_in and n_out")
    return replace(window(spec, axes), groups=spec.groups)


def transposed(spec: Any, axes: int) -> Window:
    """The window of a transposed convolution's spec, which slides over its output."""
    over = symmetric(spec, convolution(spec, axes))
    more = each_axis(spec, axes, "output_padding", spec.output_padding)
    if any(not 0 <= n < s for n, s in zip(more, over.stride, strict=True)):
        raise ValueError(f"{spec}: output_padding must be 0 or more and less than the stride")
    return over


def draw_kernels(
    rng: np.random.Generator, over: Window, n: int, channels: int, n_out: int
) -> Tree:  # fmt: skip
    """Kernels W (n, channels / groups, taps) by He et al. (2015), equation 10; b of zeros."""
    shape = n, channels // over.groups, *over.kernel
    W = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    return {"W": W, "b": np.zeros(n_out)}


def correlate(x: Array, W: Array, over: Window) -> Array:
    """y (N, O, positions) of x (N, C, sizes) and the kernels W (O, C / groups, kernel)."""
    over = over.on(x.shape[2:])
    columns, positions = _columns(x, over), over.positions(x.shape[2:])
    rows = zip(_rows(over, positions), _by_rows(W, over), strict=True)
    parts = (W_row @ _flat(columns[row]) for row, W_row in rows)
    y: Array = next(parts)
    for part in parts:
        y += part  # in place: y is the first product, which is ours
    return y.reshape(len(x), W.shape[0], *positions)


def spread(y: Array, W: Array, over: Window, sizes: tuple[int, ...]) -> Array:
    """x (N, C, sizes): every y_no,h W_oc,i added to where ``correlate`` reads x̄_nc,sh+di."""
    over = over.on(sizes)
    N, positions, C, K = len(y), y.shape[2:], W.shape[1], over.kernel[-1]
    padded, groups = over.padded(sizes), over.groups
    columns: Any = None
    y = y.reshape(N, groups, W.shape[0] // groups, -1)
    for row, W_row in zip(_rows(over, positions), _by_rows(W, over), strict=True):
        part = W_row.swapaxes(1, 2) @ y
        if columns is None:
            shape = N, groups, K * C, *padded[:-1], positions[-1]
            columns = np.zeros_like(part, shape=shape)
        columns[row] += part.reshape(N, groups, K * C, *positions)
    x = np.zeros_like(columns, shape=(N, groups, C, *padded))
    for j, tap in enumerate(_last(over, positions)):
        x[tap] += columns[:, :, j * C : (j + 1) * C]
    return over.crop(x.reshape(N, groups * C, *padded))


def kernel_gradient(x: Array, dy: Array, over: Window) -> Array:
    """dW (O, C / groups, kernel) of x (N, C, sizes) and the cotangent dy (N, O, positions)."""
    over = over.on(x.shape[2:])
    columns, groups, (N, O, *positions) = _columns(x, over), over.groups, dy.shape
    dy = dy.reshape(N, groups, O // groups, -1)
    parts = [  # (groups, O / groups, K C) each
        (dy @ _flat(columns[row]).swapaxes(2, 3)).sum(axis=0) for row in _rows(over, positions)
    ]
    K, C = over.kernel[-1], x.shape[1] // groups
    dW = np.stack(parts).reshape(len(parts), groups, O // groups, K, C)
    return dW.transpose(1, 2, 4, 0, 3).reshape(O, C, *over.kernel)


def _by_rows(W: Array, over: Window) -> Array:
    """The kernels as one stack of matrices for each kernel row: (rows, groups, O/groups, K C)."""
    groups, (O, C, *kernel) = over.groups, W.shape
    W = W.reshape(groups, O // groups, C, -1, kernel[-1]).transpose(3, 0, 1, 4, 2)
    return W.reshape(-1, groups, O // groups, kernel[-1] * C)


def _last(over: Window, positions: Sequence[int]) -> Iterator[Index]:
    """The index of what each tap of the last axis sees, in every row of x."""
    return over.taps(positions, axes=slice(-1, None))


def _rows(over: Window, positions: Sequence[int]) -> Iterator[Index]:
    """The index of what each kernel row sees of the columns."""
    return ((*index, slice(None)) for index in over.taps(positions, axes=slice(-1)))


def _columns(x: Array, over: Window) -> Array:
    """The K taps of the last axis of x̄ side by side: (N, groups, K C / groups, rows, columns)."""
    positions, x = over.positions(x.shape[2:]), over.pad(x)
    x = x.reshape(len(x), over.groups, x.shape[1] // over.groups, *x.shape[2:])
    return np.concatenate([x[tap] for tap in _last(over, positions)], axis=2)


def _flat(columns: Array) -> Array:
    return columns.reshape(*columns.shape[:3], -1)
