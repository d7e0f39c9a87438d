"""CELU: an ELU whose slope is continuous, whatever its α."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class CELU:
    """y = x where x > 0, α (e^(x/α) - 1) elsewhere    x, y: any shape, elementwise

    Derivation. (α (e^(x/α) - 1))' = e^(x/α), which is 1 at x = 0 like the slope above it, so
    dx = dy e^(min(x, 0)/α).

    alpha α > 0. Source: Barron, "Continuously differentiable exponential linear units" (2017),
    equations 2 and 3. Raises nothing of its own.
    """

    alpha: float = 1.0

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        below = np.minimum(x, 0) / self.alpha
        return np.maximum(x, 0) + self.alpha * np.expm1(below), (below,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (below,) = residuals
        return dy * np.exp(below), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(CELU(), normal(3, 4, scale=3))
        yield Sample(CELU(0.3), with_exact(2, 3, 4))
        yield Sample(CELU(2.5), constant(-1e3, -40.0, -1e-9, 1e3))
        yield Sample(CELU(0.3), constant(-6.0, -5.0, -4.5), place="far below 0")
