"""SiLU: x times its sigmoid, also called swish."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree
from .sigmoid import sigmoid


@final
@dataclass(frozen=True)
class SiLU:
    """y = x σ(x)                          x, y: any shape, elementwise

    Derivation. σ' = σ (1 - σ) and the product rule: dx = dy (σ + x σ (1 - σ)).

    Source: Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units" (2018), equations 7 and 8.
    Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        s = sigmoid(x)
        return x * s, (x, s)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x, s = residuals
        return dy * (s + x * s * (1 - s)), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SiLU(), with_exact(3, 4))
        yield Sample(SiLU(), normal(2, 3, 4, scale=10))
        yield Sample(SiLU(), constant(-30.0, -1.278, 1e-9, 1e3))
        yield Sample(SiLU(), constant(-30.0, -20.0, -15.0))  # only small slopes: none hides one
