"""LeakyReLU: a rectifier with a small slope below zero."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class LeakyReLU:
    """y = x where x > 0, α x elsewhere    x, y: any shape, elementwise

    Derivation. The slope is 1 or α: dx = dy where x > 0, α dy elsewhere. At x = 0 every slope
    between them is a subgradient; α is taken, as torch does (JAX takes 1).

    slope α, usually in [0, 1). Source: Maas, Hannun, Ng, "Rectifier nonlinearities improve neural
    network acoustic models" (2013), section 2. Raises nothing of its own.
    """

    slope: float = 0.01

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        return np.where(x > 0, x, self.slope * x), (x > 0,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (positive,) = residuals
        return np.where(positive, dy, self.slope * dy), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LeakyReLU(), normal(3, 4))
        yield Sample(LeakyReLU(0.3), normal(2, 3, 4, scale=1e4))
        yield Sample(
            LeakyReLU(0.1),
            with_exact(2, 3, 5, values=(0.0, -0.0)),
            kink=("finite_differences", "jax"),
        )
