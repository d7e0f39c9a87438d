"""L1Loss: the mean of absolute differences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like


@final
@dataclass(frozen=True)
class L1Loss:
    """L = 1/n Σ |p - t|                   prediction p, target t: the same shape of n numbers

    Derivation. ∂|d|/∂d is 1 where d > 0 and -1 where d < 0, so ∂L/∂p_i = sign(p_i - t_i) / n. At
    d = 0 every slope in [-1, 1] is a subgradient; 0 is taken, as torch takes it (x/|x| is NaN
    there, and JAX's abs has the slope 1).

    ``reduction``: "mean", "sum" or "none".
    Source: Boscovich (1757); torch.nn.L1Loss.
    Raises ValueError where target and prediction differ in shape, and for an unknown reduction.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        difference = prediction - target
        return reduced(np.abs(difference), self.reduction), (np.sign(difference),)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (sign,) = residuals
        dp: Array = sign * upstream(dloss, self.reduction, sign.size)
        return dp

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(L1Loss(), normal(4, 3), normal(4, 3))
        yield Sample(L1Loss("sum"), normal(2, 3, 5, scale=1e4), normal(2, 3, 5))
        yield Sample(L1Loss("none"), normal(2, 3), normal(2, 3))
        tie = constant(0.0, 1.0, -2.0, 3.0)  # a perfect fit in the first and the third
        yield Sample(L1Loss(), tie, constant(0.0, 2.0, -2.0, 0.5), kink=("complex_step",))
