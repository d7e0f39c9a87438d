"""Resampling of images along each axis on its own: y = A x Bᵀ / d, with whole numbers in A and B.

Whole numbers are exact in every precision; one division by the denominator d follows.
"""

from __future__ import annotations

import numpy as np

from .protocols import Array


def along(A: Array, x: Array, B: Array) -> Array:
    """A x Bᵀ for every image of x (N, C, H, W)."""
    y: Array = A.astype(x.dtype) @ x @ B.T.astype(x.dtype)
    return y


def segments(n: int, parts: int) -> Array:
    """A (parts, n): 1 where entry j is in part i, from ⌊i n/parts⌋ up to ⌈(i + 1) n/parts⌉."""
    i, j = np.arange(parts)[:, None], np.arange(n)
    return (j >= i * n // parts) & (j < -(-(i + 1) * n // parts))


def nearest(n: int, size: int, centred: bool) -> Array:
    """For each of size new entries, which of the n entries it takes."""
    i = np.arange(size)
    return (2 * i + 1) * n // (2 * size) if centred else i * n // size


def linear(n: int, size: int, align_corners: bool) -> tuple[Array, int]:
    """A (size, n) and d: new entry i lies at s_i/d between two of the n entries.

    With the corners aligned s_i/d = i (n - 1)/(size - 1), else (i + ½) n/size - ½; an s_i/d beyond
    the outermost entries is moved to them.
    """
    i = np.arange(size)
    d = max(size - 1, 1) if align_corners else 2 * size
    s = i * (n - 1) if align_corners else (2 * i + 1) * n - size
    s = np.clip(s, 0, (n - 1) * d)
    A, below = np.zeros((size, n), int), s // d
    A[i, below] = d - s % d
    A[i, np.minimum(below + 1, n - 1)] += s % d  # below the last entry s % d is 0
    return A, d
