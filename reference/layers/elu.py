"""ELU: exponential linear unit, which saturates below zero."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class ELU:
    """y = x where x > 0, α (e^x - 1) elsewhere    x, y: any shape, elementwise

    Derivation. (α (e^x - 1))' = α e^x, so dx = dy where x > 0, α e^x dy elsewhere. At x = 0 the
    slope jumps from α to 1, unless α = 1; α is taken, as torch and JAX do.

    alpha α > 0. Source: Clevert, Unterthiner, Hochreiter, "Fast and accurate deep network learning
    by exponential linear units" (2016), equation 15. Raises nothing of its own.
    """

    alpha: float = 1.0

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        below = np.minimum(x, 0)  # so that no exponential overflows
        return np.where(x > 0, x, self.alpha * np.expm1(below)), (x > 0, below)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        positive, below = residuals
        return dy * np.where(positive, 1, self.alpha * np.exp(below)), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(ELU(), normal(3, 4, scale=3))
        yield Sample(ELU(0.4), normal(2, 3, 4))
        yield Sample(
            ELU(0.5), with_exact(2, 3, 5, values=(0.0, -0.0)), kink=("finite_differences",)
        )
        yield Sample(ELU(), constant(-1e3, -40.0, -1e-9, 1e3))
        yield Sample(ELU(0.7), constant(-20.0, -15.0, -12.0), place="far below 0")
