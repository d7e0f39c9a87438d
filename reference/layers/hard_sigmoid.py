"""HardSigmoid: a sigmoid of three straight pieces."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class HardSigmoid:
    """y = min(max(x/6 + 1/2, 0), 1)       x, y: any shape, elementwise

    Derivation. The slope is 1/6 where -3 < x < 3 and 0 elsewhere, so dx = dy/6 there. At x = ±3
    0 is taken, as torch and JAX do.

    Source: Howard et al., "Searching for MobileNetV3" (2019), section 5.2: ReLU6(x + 3)/6.
    Raises nothing of its own.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        inside = (x > -3) & (x < 3)
        return np.minimum(np.maximum(x + 3, 0), 6) / 6, (inside,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (inside,) = residuals
        return dy * inside / 6, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(HardSigmoid(), normal(3, 4, scale=4))
        yield Sample(HardSigmoid(), normal(2, 3, 4), place="between its limits")
        yield Sample(
            HardSigmoid(), with_exact(2, 3, 5, values=(-3.0, 3.0)),
            kink=("finite_differences", "complex_step"),
        )  # fmt: skip
