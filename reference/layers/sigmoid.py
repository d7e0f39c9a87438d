"""Sigmoid: the logistic function."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x) = e^min(x, 0) / (1 + e^-|x|), in which no exponential exceeds 1."""
    y: Array = np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
    return y


@final
@dataclass(frozen=True)
class Sigmoid:
    """y = σ(x) = 1 / (1 + e^-x)          x, y: any shape, elementwise

    Derivation. σ'(x) = e^-x / (1 + e^-x)² = σ(x) (1 - σ(x)), so dx = dy y (1 - y).

    Source: Rumelhart, Hinton, Williams (1986), equation 2. Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        y = sigmoid(x)
        return y, (y,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (y,) = residuals
        return dy * y * (1 - y), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Sigmoid(), normal(3, 4, scale=3))
        yield Sample(Sigmoid(), with_exact(2, 3, 5))
        yield Sample(Sigmoid(), constant(-700.0, -80.0, -30.0, 0.0, 15.0, 80.0, 700.0))
        yield Sample(Sigmoid(), constant(-30.0, -17.5, -9.0))  # only small slopes: none hides one
