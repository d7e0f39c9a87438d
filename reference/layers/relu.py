"""ReLU: the rectified linear unit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class ReLU:
    """y = max(x, 0)                      x, y: any shape, elementwise

    Derivation. The slope is 1 where x > 0 and 0 where x < 0, so dx = dy [x > 0]. At x = 0 every
    slope in [0, 1] is a subgradient; 0 is taken, as torch and JAX take it.

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines"
    (2010), section 2. Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        return np.maximum(x, 0), (x > 0,)  # a NaN stays one

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (positive,) = residuals
        return dy * positive, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(ReLU(), normal(3, 4))
        yield Sample(ReLU(), with_exact(2, 3, 5, values=(0.0, -0.0)), kink=("finite_differences",))
