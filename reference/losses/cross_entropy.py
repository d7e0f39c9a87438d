"""CrossEntropy: from logits, with class weights, ignored labels, smoothing and soft targets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import integers, normal, uniform
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_range, check_reduction, reduced, upstream
from ..targets import class_weights, log_softmax


@final
@dataclass(frozen=True)
class CrossEntropy:
    """L = -1/M Σ_nk a_nk log p_nk,  p = softmax(z)      logits z with K classes along ``axis``

    For labels t (z's shape without that axis) a_nk = w_k ((1 - ε) [k = t_n] + ε/K), but 0 where t_n
    is ignored, and M = Σ w_t(n) over the others. For soft targets q (floats of z's shape)
    a_nk = w_k ((1 - ε) q_nk + ε/K), and M is the number of positions.

    Derivation. log p_k has the slope δ_jk - p_j in z_j, so dz_nj = (p_nj Σ_k a_nk - a_nj) / M.

    ``weight``: w, 1 if (). ``label_smoothing``: ε in [0, 1]. Source: Szegedy et al., "Rethinking
    the Inception architecture" (2016), section 7. Raises ValueError for what does not fit.
    """

    axis: int = -1
    weight: tuple[float, ...] = ()
    ignore_index: int = -100
    label_smoothing: float = 0.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)
        check_range(self, "label_smoothing", 0, 1)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        expect(prediction.ndim > 0, self, "logits of K classes", prediction)
        a, divisor = class_weights(self, prediction, target, self.label_smoothing)
        log_p = log_softmax(prediction, self.axis)
        entries = -(a * log_p).sum(axis=self.axis)
        return reduced(entries, self.reduction, divisor), (log_p, a, divisor)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        log_p, a, divisor = residuals
        total = a.sum(axis=self.axis, keepdims=True)
        dz = np.exp(log_p) * total - a
        return dz * upstream(dloss, self.reduction, divisor, total.shape)  # type: ignore[no-any-return]

    @staticmethod
    def samples() -> Iterator[Sample]:
        loss, w, labels = CrossEntropy, (0.5, 3.0, 1.7), integers(2, 2, 2, high=3)
        yield Sample(loss(), normal(5, 3), integers(5, high=3))
        yield Sample(loss(1, w, 1, 0.2), normal(2, 3, 2, 2), labels)
        yield Sample(loss(1, w, 2, 0.2, "sum"), normal(2, 3, 2, 2, scale=500), labels)
        yield Sample(loss(2, w[:2], -1, 0.1), normal(2, 4, 2, scale=20), uniform(2, 4, 2))
        yield Sample(loss(0, (), 0, 0.3, "none"), normal(3, 4), integers(4, high=3))
