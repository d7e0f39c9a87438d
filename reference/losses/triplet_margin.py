"""TripletMargin: an anchor nearer to its positive than to its negative, by a margin."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import normal
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_range, check_reduction, reduced, upstream
from ..targets import distance, like, together


@final
@dataclass(frozen=True)
class TripletMargin:
    """L = 1/N Σ max(0, Δ + D(a - q) - D(a - n)),  D(d) = (Σ_j |d_j + ε|^p)^(1/p)

    Prediction (anchor a, positive q, negative n): three arrays (..., J). The target is not used.

    Derivation. The anchor gets D'(a - q) - D'(a - n), where the max is not 0; q and n get the
    negative of their own part. D' is derived at ``distance`` in reference/targets.py.
    ``p``: 1, 2 or 3. ``swap``: the smaller of D(a - n) and D(q - n) is taken, and the slope goes
    that way. Source: Balntas et al., "Learning local feature descriptors with triplets" (2016),
    section 3; torch.nn.TripletMarginLoss. Raises ValueError for what does not fit.
    """

    margin: float = 1.0
    p: int = 2
    eps: float = 1e-6
    swap: bool = False
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)
        check_range(self, "p", 1, 3)

    def forward(self, prediction: Any, target: Array) -> tuple[Array, Residuals]:
        a, q, n = prediction
        expect(a.shape == q.shape == n.shape, self, like(a), q if q.shape != a.shape else n)
        near, far, other = (distance(d + self.eps, self.p) for d in (a - q, a - n, q - n))
        swapped = (other[0] < far[0]) & self.swap
        short = self.margin + near[0] - np.where(swapped, other[0], far[0])
        slopes = near[1], far[1] * ~swapped, other[1] * swapped
        return reduced(np.maximum(short, 0)[..., 0], self.reduction), (short, slopes)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Any:
        short, slopes = residuals
        each = upstream(dloss, self.reduction, short.size, short.shape)
        near, far, other = (slope * (short > 0) * each for slope in slopes)
        return near - far, -near - other, far + other

    @staticmethod
    def samples() -> Iterator[Sample]:
        three, four = (together(*[normal(*n)] * 3) for n in ((5, 3), (2, 4, 3)))
        yield Sample(TripletMargin(), three, normal(1))
        yield Sample(TripletMargin(0.3, 1, 0.01, True, "sum"), four, normal(1))
        yield Sample(TripletMargin(2.0, 3, 1e-6, False, "none"), four, normal(1))
        yield Sample(TripletMargin(2.0, 2, 0.1, True), three, normal(1))
