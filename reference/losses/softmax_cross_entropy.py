"""SoftmaxCrossEntropy: the negative log-probability of the right class, from logits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import integers, normal, with_exact
from ..protocols import Array, Residuals, Sample, Scalar, expect


@final
@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """L = -1/n Σ_n log p_n,t(n),  p = softmax(z)     logits z: (..., K)   target t: (...), integer

    Derivation. log p_t = z_t - log Σ_j e^z_j, whose slope in z_j is δ_tj - p_j, so
    ∂L/∂z_nj = (p_nj - [j = t_n]) / n with n the number of positions.

    Source: Bridle (1990); Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.2.2.3.
    Raises ValueError where target lacks the leading axes of z, or has a label that is no integer
    in 0..K-1.
    """

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        K = prediction.shape[-1]
        wanted = f"a target of shape {tuple(prediction.shape[:-1])}"
        expect(target.shape == prediction.shape[:-1], self, wanted, target)
        if target.dtype.kind not in "iu":
            raise ValueError(f"{self} takes integer labels, got {target.dtype}")
        if target.size and not 0 <= target.min() <= target.max() < K:
            raise ValueError(f"{self} takes labels 0..{K - 1}, got {target.min()}..{target.max()}")
        right = target[..., None] == np.arange(K)  # one-hot
        shifted = prediction - prediction.max(axis=-1, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        log_p = shifted - log_sum
        return -np.where(right, log_p, 0).sum(axis=-1).mean(), (log_p, right)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        log_p, right = residuals
        dz: Array = (np.exp(log_p) - right) * (dloss * log_p.shape[-1] / log_p.size)
        return dz

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(SoftmaxCrossEntropy(), normal(5, 3), integers(5, high=3))
        yield Sample(SoftmaxCrossEntropy(), normal(2, 4, 3, scale=30), integers(2, 4, high=3))
        yield Sample(SoftmaxCrossEntropy(), with_exact(3, 2), integers(3, high=2))
