"""SoftShrink: everything moved towards zero, and what is near it to zero."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class SoftShrink:
    """y = x - λ where x > λ, x + λ where x < -λ, 0 elsewhere    x, y: any shape, elementwise

    Derivation. The slope is 1 where |x| > λ and 0 elsewhere, so dx = dy there. At |x| = λ it is
    taken as 0, as torch does.

    threshold λ >= 0. Source: Donoho, "De-noising by soft-thresholding" (1995), equation 1.2.
    Raises ValueError for a negative threshold.
    """

    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.threshold < 0:
            raise ValueError(f"{self}: threshold is 0 or more")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        above, below = x > self.threshold, x < -self.threshold
        y = (x - self.threshold) * above + (x + self.threshold) * below
        return y, (above | below,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (outside,) = residuals
        return dy * outside, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SoftShrink(), normal(3, 4))
        yield Sample(SoftShrink(0.2), normal(2, 3, 4, scale=10))
        yield Sample(
            SoftShrink(), with_exact(2, 3, 5, values=(0.5, -0.5)), kink=("finite_differences",)
        )
