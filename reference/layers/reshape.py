"""Reshape: the same numbers in other axes."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class Reshape:
    """y_n,j = x_n,i, i and j the same number in row-major order    x: (N, ...)   y: (N, *shape)

    Derivation. Every x is moved to one place in y, so its cotangent is moved back.

    ``shape``: the sizes of y without the batch. Source: none; row-major order, as in NumPy, torch
    and JAX. Raises ValueError where x has another number of entries for each sample.
    """

    shape: tuple[int, ...]

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        n = prod(self.shape)
        expect(prod(x.shape[1:]) == n, self, f"x of {n} entries for each sample", x)
        return x.reshape(x.shape[0], *self.shape), (x.shape,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (shape,) = residuals
        return dy.reshape(shape), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Reshape((3, 4)), normal(2, 4, 3))
        yield Sample(Reshape((2, 3, 1)), normal(3, 6))
        yield Sample(Reshape((4,)), normal(2, 2, 1, 2))
