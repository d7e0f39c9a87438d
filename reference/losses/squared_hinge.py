"""SquaredHinge: the square of the shortfall of a margin of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like, signs


@final
@dataclass(frozen=True)
class SquaredHinge:
    """L = 1/n Σ max(0, 1 - t x)²          score x, target t in {-1, 1}: one shape of n numbers

    Derivation. ∂L/∂x_i = -2 t_i max(0, 1 - t_i x_i) / n: no kink, both pieces meet with slope 0.

    ``reduction``: "mean", "sum" or "none".
    Source: Chang, Hsieh and Lin, "Coordinate descent method for large-scale L2-loss linear support
    vector machines" (2008), equation 2.
    Raises ValueError where target and prediction differ in shape, and for an unknown reduction.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        short = np.maximum(1 - target * prediction, 0)
        return reduced(short * short, self.reduction), (short, target)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        short, t = residuals
        dx: Array = t * short * (-2 * upstream(dloss, self.reduction, t.size))
        return dx

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SquaredHinge(), normal(4, 3), signs(4, 3))
        yield Sample(SquaredHinge("sum"), normal(2, 3, 5, scale=3), signs(2, 3, 5))
        yield Sample(SquaredHinge("none"), constant(0.0, 1.0, -3.0), constant(1.0, 1.0, 1.0))
