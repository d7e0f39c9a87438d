"""MarginRanking: the higher of two scores as it should be, by a margin."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import constant, normal
from ..protocols import TIE, Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like, signs, together


@final
@dataclass(frozen=True)
class MarginRanking:
    """L = 1/n Σ max(0, Δ - t (x - y))     prediction (x, y), target t in {-1, 1}: one shape

    Derivation. ∂L/∂x_i = -t_i [Δ > t_i (x_i - y_i)] / n, and ∂L/∂y_i is its negative.

    ``margin``: Δ. ``reduction``: "mean", "sum" or "none".
    Source: Herbrich, Graepel and Obermayer, "Large margin rank boundaries for ordinal regression"
    (2000), section 4; torch.nn.MarginRankingLoss.
    Raises ValueError where the three shapes differ, and for an unknown reduction.
    """

    margin: float = 0.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Any, target: Array) -> tuple[Array, Residuals]:
        x, y = prediction
        for given in (y, target):
            expect(given.shape == x.shape, self, like(x), given)
        short = self.margin - target * (x - y)
        return reduced(np.maximum(short, 0), self.reduction), (target * (short > 0),)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Any:
        (t,) = residuals  # 0 where the margin is kept
        dy = t * upstream(dloss, self.reduction, t.size)
        return -dy, dy

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(MarginRanking(), together(normal(7), normal(7)), signs(7))
        two = together(normal(2, 3, scale=3), normal(2, 3))
        yield Sample(MarginRanking(0.7, "sum"), two, signs(2, 3))
        yield Sample(MarginRanking(-0.3, "none"), together(normal(6), normal(6)), signs(6))
        equal = together(constant(0.5, -2.0, 1.0), constant(0.5, -2.0, 0.0))
        yield Sample(MarginRanking(), equal, constant(1.0, -1.0, -1.0), kink=(*TIE, "torch"))
