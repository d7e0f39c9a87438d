"""HingeEmbedding: distances of like pairs small, of unlike pairs above a margin."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, uniform
from ..protocols import TIE, Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like, signs


@final
@dataclass(frozen=True)
class HingeEmbedding:
    """L = 1/n Σ (x where t = 1, max(0, Δ - x) where t = -1)      distance x, target t: one shape

    Derivation. ∂L/∂x_i = 1/n where t_i = 1, and -[x_i < Δ] / n where t_i = -1: together
    t_i [t_i = 1 or x_i < Δ] / n.

    ``margin``: Δ. ``reduction``: "mean", "sum" or "none".
    Source: Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping"
    (2006), section 2; torch.nn.HingeEmbeddingLoss.
    Raises ValueError where target and prediction differ in shape, and for an unknown reduction.
    """

    margin: float = 1.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(target.shape == prediction.shape, self, like(prediction), target)
        short = self.margin - prediction
        entries = np.where(target > 0, prediction, np.maximum(short, 0))
        return reduced(entries, self.reduction), (target * ((target > 0) | (short > 0)),)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (slope,) = residuals
        dx: Array = slope * upstream(dloss, self.reduction, slope.size)
        return dx

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(HingeEmbedding(), normal(4, 3), signs(4, 3))
        yield Sample(HingeEmbedding(0.3, "sum"), uniform(2, 3, 5), signs(2, 3, 5))
        yield Sample(HingeEmbedding(2.0, "none"), normal(2, 3, scale=3), signs(2, 3))
        at, t = constant(1.0, 1.0, 0.5), constant(-1.0, 1.0, -1.0)
        yield Sample(HingeEmbedding(), at, t, kink=(*TIE, "torch"))
