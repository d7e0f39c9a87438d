"""HardShrink: what is near zero is set to zero, all else stays."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class HardShrink:
    """y = x where |x| > λ, 0 elsewhere    x, y: any shape, elementwise

    Derivation. The slope is 1 where |x| > λ and 0 elsewhere, so dx = dy there. y jumps at
    |x| = λ, where it has no slope; 0 is taken, as torch does.

    threshold λ >= 0. Source: Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage"
    (1994), equation 11. Raises ValueError for a negative threshold.
    """

    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.threshold < 0:
            raise ValueError(f"{self}: threshold is 0 or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        outside = (x > self.threshold) | (x < -self.threshold)
        return x * outside, (outside,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (outside,) = residuals
        return dy * outside, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(HardShrink(), normal(3, 4))
        yield Sample(HardShrink(0.1), normal(2, 3, 4, scale=10))
        jump = with_exact(2, 3, 5, values=(0.5, -0.5))
        yield Sample(HardShrink(), jump, place="at its jump")
