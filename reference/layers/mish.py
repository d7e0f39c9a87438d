"""Mish: x times the tanh of its softplus."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree
from .sigmoid import sigmoid


@final
@dataclass(frozen=True)
class Mish:
    """y = x tanh(s),  s = log(1 + e^x)    x, y: any shape, elementwise

    Derivation. s' = σ(x) and tanh' = 1 - tanh²: dx = dy (tanh(s) + x (1 - tanh²(s)) σ(x)).

    Source: Misra, "Mish: a self regularized non-monotonic activation function" (2020), equations 1
    and 4. Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        s = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))  # no exponential exceeds 1
        t = np.tanh(s)
        return x * t, (x, t, sigmoid(x))

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x, t, s = residuals
        return dy * (t + x * (1 - t * t) * s), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Mish(), with_exact(3, 4))
        yield Sample(Mish(), normal(2, 3, 4, scale=5))
        yield Sample(Mish(), constant(-30.0, -1.19, 1e-9, 1e3))
        yield Sample(Mish(), constant(-30.0, -20.0, -15.0))  # only small slopes: none hides one
