"""Tanh: the hyperbolic tangent."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class Tanh:
    """y = tanh(x)                        x, y: any shape, elementwise

    Derivation. tanh'(x) = 1 - tanh(x)², so dx = dy (1 - y²).

    Source: LeCun, Bottou, Orr, Müller, "Efficient BackProp" (1998), section 4.4.
    Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        y = np.tanh(x)
        return y, (y,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (y,) = residuals
        return dy * (1 - y * y), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Tanh(), normal(3, 4))
        yield Sample(Tanh(), with_exact(2, 3, 5))
        yield Sample(Tanh(), normal(4, 2, scale=1e-8))
        yield Sample(Tanh(), normal(4, 2, scale=3, offset=2))
