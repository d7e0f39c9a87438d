"""SmoothL1Loss: the absolute difference with its corner rounded off."""

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
class SmoothL1Loss:
    """L = 1/n Σ f(p - t),  f(d) = d²/2β where |d| < β, else |d| - β/2      one shape of n numbers

    Derivation. f'(d) = d/β inside and sign(d) outside, which is d/β cut to [-1, 1]: both pieces
    meet with the same slope. It is the Huber loss over β, so far out the slope is 1 for every β.

    ``beta`` > 0 (β = 0 would be L1Loss). ``reduction``: "mean", "sum" or "none".
    Source: Girshick, "Fast R-CNN" (2015), equation 3; torch.nn.SmoothL1Loss.
    Raises ValueError where shapes differ, for beta <= 0, and for an unknown reduction.
    """

    beta: float = 1.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)
        if not self.beta > 0:
            raise ValueError(f"SmoothL1Loss takes beta > 0, got {self.beta}: for 0 use L1Loss")

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        d = prediction - target
        distance = np.abs(d)
        inside = d * d * (0.5 / self.beta)
        entries = np.where(distance < self.beta, inside, distance - 0.5 * self.beta)
        return reduced(entries, self.reduction), (d,)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (d,) = residuals
        slope = np.maximum(np.minimum(d / self.beta, 1), -1)
        dp: Array = slope * upstream(dloss, self.reduction, d.size)
        return dp

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SmoothL1Loss(), normal(4, 3), normal(4, 3))
        yield Sample(SmoothL1Loss(0.3, "sum"), normal(2, 3, 5), with_exact(2, 3, 5))
        near = constant(0.0, 1e-3, -1.5, 40.0, -2.0)
        yield Sample(SmoothL1Loss(2.0, "none"), near, constant(0.0, 0.0, 0.0, -1.0, 0.0))
