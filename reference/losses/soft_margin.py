"""SoftMargin: the logistic loss of a signed score."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..layers.sigmoid import sigmoid
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like, signs


@final
@dataclass(frozen=True)
class SoftMargin:
    """L = 1/n Σ log(1 + e^(-t x))         score x, target t in {-1, 1}: one shape of n numbers

    Derivation. log(1 + e^u) = max(u, 0) + log(1 + e^-|u|) has the slope σ(u); with u = -t x,
    ∂L/∂x_i = -t_i σ(-t_i x_i) / n.

    ``reduction``: "mean", "sum" or "none".
    Source: Friedman, Hastie and Tibshirani, "Additive logistic regression" (2000), section 4;
    torch.nn.SoftMarginLoss.
    Raises ValueError where target and prediction differ in shape, and for an unknown reduction.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        u = -target * prediction
        entries = np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u)))
        return reduced(entries, self.reduction), (u, target)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        u, t = residuals
        dx: Array = -t * sigmoid(u) * upstream(dloss, self.reduction, u.size)
        return dx

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SoftMargin(), normal(4, 3), signs(4, 3))
        yield Sample(SoftMargin("sum"), with_exact(2, 3, 5), signs(2, 3, 5))
        yield Sample(SoftMargin("none"), normal(2, 3, scale=20), signs(2, 3))
        wrong = constant(-1000.0, -200.0, 3.0), constant(1.0, 1.0, 1.0)
        yield Sample(SoftMargin(), *wrong, place="far on the wrong side")
