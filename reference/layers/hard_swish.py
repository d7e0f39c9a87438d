"""HardSwish: x times its hard sigmoid."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class HardSwish:
    """y = x h(x),  h(x) = min(max(x/6 + 1/2, 0), 1)    x, y: any shape, elementwise

    Derivation. The product rule: dx = dy (h(x) + x/6) where -3 < x < 3, dy h(x) elsewhere, and so
    at x = ±3, as torch and JAX have it.

    Source: Howard et al., "Searching for MobileNetV3" (2019), section 5.2. Raises nothing of its
    own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        inside = (x > -3) & (x < 3)
        h = np.minimum(np.maximum(x + 3, 0), 6) / 6
        return x * h, (x, h, inside)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x, h, inside = residuals
        return dy * (h + x * inside / 6), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(HardSwish(), normal(3, 4, scale=4))
        yield Sample(HardSwish(), with_exact(2, 3, 4))
        yield Sample(
            HardSwish(), with_exact(2, 3, 5, values=(-3.0, 3.0)),
            kink=("finite_differences", "complex_step"),
        )  # fmt: skip
