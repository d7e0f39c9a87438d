"""Threshold: a constant below a threshold, unchanged above it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class Threshold:
    """y = x where x > t, v elsewhere      x, y: any shape, elementwise

    Derivation. The slope is 1 where x > t and 0 elsewhere, so dx = dy there, and 0 at x = t, as
    torch has it.

    threshold t and value v, any numbers; y jumps at t unless they are equal.
    Source: torch.nn.functional.threshold. Raises nothing of its own.
    """

    threshold: float = 0.0
    value: float = 0.0

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        above = x > self.threshold
        return np.where(above, x, self.value), (above,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (above,) = residuals
        return dy * above, {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Threshold(0.2, -1.5), normal(3, 4))
        yield Sample(Threshold(-0.4, -0.4), normal(2, 3, 4, scale=10))
        jump = with_exact(2, 5, values=(0.25,))
        yield Sample(Threshold(0.25, -1.5), jump, place="at its jump")
        yield Sample(
            Threshold(0.5, 0.5), with_exact(2, 3, 5, values=(0.5,)), kink=("finite_differences",)
        )
