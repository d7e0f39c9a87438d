"""SoftmaxCrossEntropy: the negative log-probability of the right class, from logits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import integers, normal, with_exact
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import log_softmax, one_hot


@final
@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """L = -1/n Σ_n log p_n,t(n),  p = softmax(z)     logits z: (..., K)   target t: (...), integer

    Derivation. log p_t = z_t - log Σ_j e^z_j, whose slope in z_j is δ_tj - p_j, so
    ∂L/∂z_nj = (p_nj - [j = t_n]) / n with n the number of positions.

    ``reduction``: "mean", "sum" or "none". With weights, smoothing or soft targets: CrossEntropy.
    Source: Bridle (1990); Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.2.2.3.
    Raises ValueError where target lacks the leading axes of z, or has a label that is no integer
    in 0..K-1, and for an unknown reduction.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        wanted = f"a target of shape {tuple(prediction.shape[:-1])}"
        expect(target.shape == prediction.shape[:-1], self, wanted, target)
        right = one_hot(self, target, prediction.shape[-1])
        log_p = log_softmax(prediction, -1)
        entries = -np.where(right, log_p, 0).sum(axis=-1)
        return reduced(entries, self.reduction), (log_p, right)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        log_p, right = residuals
        *positions, K = log_p.shape
        each = upstream(dloss, self.reduction, log_p.size // K, (*positions, 1))
        dz: Array = (np.exp(log_p) - right) * each
        return dz

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SoftmaxCrossEntropy(), normal(5, 3), integers(5, high=3))
        yield Sample(SoftmaxCrossEntropy(), normal(2, 4, 3, scale=500), integers(2, 4, high=3))
        yield Sample(SoftmaxCrossEntropy(), with_exact(3, 2), integers(3, high=2))
        yield Sample(SoftmaxCrossEntropy("sum"), normal(2, 2, 3), integers(2, 2, high=3))
        yield Sample(SoftmaxCrossEntropy("none"), normal(4, 3), integers(4, high=3))
