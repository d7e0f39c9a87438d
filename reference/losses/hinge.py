"""Hinge: the shortfall of a margin of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal
from ..protocols import TIE, Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like, signs


@final
@dataclass(frozen=True)
class Hinge:
    """L = 1/n Σ max(0, 1 - t x)           score x, target t in {-1, 1}: one shape of n numbers

    Derivation. ∂L/∂x_i = -t_i [1 - t_i x_i > 0] / n. Exactly at the margin every slope between
    -t and 0 is a subgradient; 0 is taken, as by torch's relu (JAX's maximum takes -t/2).

    ``reduction``: "mean", "sum" or "none".
    Source: Cortes and Vapnik, "Support-vector networks" (1995), section 3.
    Raises ValueError where target and prediction differ in shape, and for an unknown reduction.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        short = 1 - target * prediction
        return reduced(np.maximum(short, 0), self.reduction), (target * (short > 0),)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (t,) = residuals  # 0 where the margin is kept
        dx: Array = -t * upstream(dloss, self.reduction, t.size)
        return dx

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Hinge(), normal(4, 3), signs(4, 3))
        yield Sample(Hinge("sum"), normal(2, 3, 5, scale=3), signs(2, 3, 5))
        yield Sample(Hinge("none"), normal(2, 3), signs(2, 3))
        kept, either = constant(1.0, -1.0, 0.5, 2.0), constant(1.0, -1.0, 1.0, 1.0)
        yield Sample(Hinge(), kept, either, kink=(*TIE, "jax"))
