"""HuberLoss: squared near zero, absolute far out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like


@final
@dataclass(frozen=True)
class HuberLoss:
    """L = 1/n Σ f(p - t),  f(d) = d²/2 where |d| < δ, else δ(|d| - δ/2)    one shape of n numbers

    Derivation. f'(d) = d inside and δ sign(d) outside, which is d cut to [-δ, δ]: both pieces meet
    with the same slope.

    ``delta`` > 0. ``reduction``: "mean", "sum" or "none".
    Source: Huber, "Robust estimation of a location parameter" (1964), section 1.
    Raises ValueError where shapes differ, for delta <= 0, and for an unknown reduction.
    """

    delta: float = 1.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)
        if not self.delta > 0:
            raise ValueError(f"HuberLoss takes delta > 0, got {self.delta}")

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        d = prediction - target
        distance = np.abs(d)
        outside = self.delta * (distance - 0.5 * self.delta)
        entries = np.where(distance < self.delta, 0.5 * (d * d), outside)
        return reduced(entries, self.reduction), (d,)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (d,) = residuals
        slope = np.maximum(np.minimum(d, self.delta), -self.delta)
        dp: Array = slope * upstream(dloss, self.reduction, d.size)
        return dp

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(HuberLoss(), normal(4, 3), normal(4, 3))
        yield Sample(HuberLoss(0.3, "sum"), normal(2, 3, 5), with_exact(2, 3, 5))
        near = constant(0.0, 1e-3, -1.5, 40.0, -2.0)
        yield Sample(HuberLoss(2.0, "none"), near, constant(0.0, 0.0, 0.0, -1.0, 0.0))
