"""Flatten: every axis but the batch becomes one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class Flatten:
    """y_n,(chw) = x_nchw                  x: (N, ...)   y: (N, product of the rest)

    Derivation. Every x is moved to one place in y, so its cotangent is moved back.

    Source: none; row-major order, as in NumPy, torch and JAX. Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        return x.reshape(x.shape[0], -1), (x.shape,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (shape,) = residuals
        return dy.reshape(shape), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Flatten(), normal(2, 3, 4, 5))
        yield Sample(Flatten(), normal(3, 4))
