"""HardTanh: held between two limits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class HardTanh:
    """y = min(max(x, a), b)               x, y: any shape, elementwise

    Derivation. The slope is 1 where a < x < b and 0 elsewhere, so dx = dy there. At x = a and
    x = b any slope from 0 to 1 is a subgradient; 0 is taken, as torch does (JAX takes 1).

    low a < high b; JAX has -1 and 1 only. Source: Collobert and Bengio, "Links between
    perceptrons, MLPs and SVMs" (2004), section 3. Raises ValueError for limits out of order.
    """

    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"{self}: low is below high")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        inside = (x > self.low) & (x < self.high)
        return np.minimum(np.maximum(x, self.low), self.high), (inside,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (inside,) = residuals
        return dy * inside, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(HardTanh(), normal(3, 4, scale=2))
        yield Sample(HardTanh(-0.3, 1.7), normal(2, 3, 4))
        yield Sample(
            HardTanh(), with_exact(2, 3, 5, values=(-1.0, 1.0)),
            kink=("finite_differences", "complex_step", "jax"),
        )  # fmt: skip
