"""Focal: binary cross-entropy that turns away from what is already right."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..layers.sigmoid import sigmoid
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_range, check_reduction, reduced, upstream
from ..targets import answers, like


@final
@dataclass(frozen=True)
class Focal:
    """L = -1/n Σ α_t (1 - p_t)^γ log p_t       logits z, target t in {0, 1}: one shape of n numbers

    p_t is the probability of what is true: σ(z) where t = 1, σ(-z) where t = 0; α_t is α or 1 - α.
    Derivation. With u = -z where t = 1 and z where t = 0, 1 - p_t = σ(u) and -log p_t = log(1 +
    e^u) = s, whose slope is σ(u). σ' = σ (1 - σ), so the slope of σ^γ s in u is
    σ^γ (γ (1 - σ) s + σ); du/dz = 1 - 2t.
    ``gamma``: γ >= 0. ``alpha``: α in [0, 1], or None for no such weight. ``reduction``: "mean",
    "sum", "none". Source: Lin et al., "Focal loss for dense object detection" (2017), equation 5.
    Raises ValueError for what does not fit.
    """

    gamma: float = 2.0
    alpha: float | None = None
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)
        check_range(self, "gamma", 0)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        t, sign = target, 1 - 2 * target
        expect(t.shape == prediction.shape, self, like(prediction), t)
        u = sign * prediction
        s = np.maximum(u, 0) + np.log1p(np.exp(-np.abs(u)))
        wrong = sigmoid(u)  # 1 - p_t
        factor = wrong**self.gamma
        if self.alpha is not None:
            factor = factor * (self.alpha * t + (1 - self.alpha) * (1 - t))
        slope = sign * factor * (self.gamma * sigmoid(-u) * s + wrong)
        return reduced(factor * s, self.reduction), (slope,)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (slope,) = residuals
        return slope * upstream(dloss, self.reduction, slope.size)  # type: ignore[no-any-return]

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Focal(), normal(4, 3), answers(4, 3))
        yield Sample(Focal(0.5, 0.25, "sum"), normal(2, 3, 5, scale=3), answers(2, 3, 5))
        yield Sample(Focal(3.0, 0.8, "none"), with_exact(2, 3), answers(2, 3))
        sure = constant(30.0, -30.0, 1000.0, -1000.0, 20.0, -25.0)
        yield Sample(Focal(0.5, 0.25), sure, constant(1.0, 0.0, 1.0, 0.0, 0.0, 1.0))
