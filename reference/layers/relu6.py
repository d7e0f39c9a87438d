"""ReLU6: a rectifier that ends at 6."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class ReLU6:
    """y = min(max(x, 0), 6)               x, y: any shape, elementwise

    Derivation. The slope is 1 where 0 < x < 6 and 0 elsewhere, so dx = dy there. At x = 0 and
    x = 6 it is taken as 0, as torch and JAX do.

    Source: Krizhevsky, "Convolutional deep belief networks on CIFAR-10" (2010), section 2.
    Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        inside = (x > 0) & (x < 6)
        return np.minimum(np.maximum(x, 0), 6), (inside,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (inside,) = residuals
        return dy * inside, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(ReLU6(), normal(3, 4, scale=6))
        yield Sample(ReLU6(), normal(2, 3, 4, offset=5))
        yield Sample(
            ReLU6(),
            with_exact(2, 3, 5, values=(0.0, 6.0)),
            kink=("finite_differences", "complex_step"),
        )
