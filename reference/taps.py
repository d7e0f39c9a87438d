"""What a sliding kernel sees: for one kernel row, the taps at every output position, and back.

Taking the image row by row of the kernel, and not all K x K taps at once, makes one matrix
product for each kernel row and keeps K copies of the image instead of K².
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .protocols import Array


def kernel_rows(W: Array) -> Array:
    """The kernels W (O, C, K, K) as one matrix for each kernel row, (K, O, K C)."""
    O, C, K, _ = W.shape
    return W.transpose(2, 0, 3, 1).reshape(K, O, K * C)


def kernels(rows: Sequence[Array]) -> Array:
    """What ``kernel_rows`` was given, from its K matrices."""
    K, O = len(rows), rows[0].shape[0]
    return np.stack(rows).reshape(K, O, K, -1).transpose(1, 3, 0, 2)


def pad(x: Array, p: int) -> Array:
    """x (N, C, H, W) in p rows and columns of zeros on every side."""
    return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))


def crop(x: Array, p: int) -> Array:
    """What ``pad`` was given."""
    return x[:, :, p : x.shape[2] - p, p : x.shape[3] - p]


def positions(x: Array, kernel: int, stride: int) -> tuple[int, int]:
    """How many places the kernel has on the padded x; its last rows may stay uncovered."""
    height, width = x.shape[2:]
    return (height - kernel) // stride + 1, (width - kernel) // stride + 1


def _tap(x: Array, i: int, j: int, kernel: int, stride: int) -> tuple[slice, slice, slice, slice]:
    """The index of the entries that tap (i, j) sees, one for each output position."""
    rows, columns = (n * stride for n in positions(x, kernel, stride))
    return slice(None), slice(None), slice(i, i + rows, stride), slice(j, j + columns, stride)


def gather(x: Array, i: int, kernel: int, stride: int) -> Array:
    """Kernel row i's view of x (N, C, H, W): its K taps of C channels, (N, K C, positions)."""
    taps = [x[_tap(x, i, j, kernel, stride)] for j in range(kernel)]
    return np.concatenate(taps, axis=1).reshape(x.shape[0], kernel * x.shape[1], -1)


def scatter(columns: Array, x: Array, i: int, kernel: int, stride: int) -> None:
    """Add columns (N, K C, positions) to the entries of x that ``gather`` took them from."""
    N, C = x.shape[:2]
    for j in range(kernel):
        tap = _tap(x, i, j, kernel, stride)
        x[tap] += columns[:, j * C : (j + 1) * C].reshape(N, C, *x[tap].shape[2:])
