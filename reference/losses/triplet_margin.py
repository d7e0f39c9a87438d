"""TripletMargin: an anchor nearer to its positive than to its negative, by a margin."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import many, normal
from ..protocols import TIE, Array, Residuals, Sample, Scalar, expect
from ..reductions import check_range, check_reduction, reduced, upstream
from ..targets import distance, exactly, like


@final
@dataclass(frozen=True)
class TripletMargin:
    """L = 1/N Σ max(0, Δ + D(a - q) - D(a - n)),  D(d) = (Σ_j |d_j + ε|^p)^(1/p)
    Prediction (anchor a, positive q, negative n): three arrays (..., J). The target is not used.
    Derivation. The anchor gets D'(a - q) - D'(a - n), where the max is not 0; q and n get minus
    their part (D': ``distance`` in reference/targets.py). ``p``: 1, 2 or 3. ``swap``: the smaller
    of D(a - n) and D(q - n) is taken. ``in_sum``: D(d) = (Σ_j |d_j|^p + ε)^(1/p). Source: Balntas
    et al., "Learning local feature descriptors with triplets" (2016). Raises ValueError for others.
    """

    margin: float = 1.0
    p: int = 2
    eps: float = 1e-6
    swap: bool = False
    reduction: str = "mean"
    in_sum: bool = False

    def __post_init__(self) -> None:
        check_reduction(self)
        check_range(self, "p", 1, 3)

    def forward(self, prediction: Any, target: Array) -> tuple[Array, Residuals]:
        a, q, n = prediction
        expect(a.shape == q.shape == n.shape, self, like(a), q if q.shape != a.shape else n)
        near, far, other = (distance(self, d) for d in (a - q, a - n, q - n))
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
        loss, x = TripletMargin, many(*[(2, 4, 3)] * 3)
        plain = loss(), loss(0.3, 1, 0.01, True, "sum"), loss(2.0, 3, reduction="none")
        for spec in (*plain, loss(0.5, eps=0.01, in_sum=True)):
            yield Sample(spec, x, normal(1))
        yield Sample(loss(2.0, 3, in_sum=True), x, normal(1), place="at an odd p")
        at = exactly(3 * [[0.0, 0]], [[0.0, 0], [3, 4], [1, 0]], [[0, 0.5], [6, 0], [0, 1.5]])
        yield Sample(loss(eps=0.0), at, normal(1), kink=(*TIE, "torch"))  # at D = 0; at the margin
