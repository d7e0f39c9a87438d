"""BinaryCrossEntropy: the negative log-likelihood of yes or no, from logits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, uniform, with_exact
from ..layers.sigmoid import sigmoid
from ..protocols import Array, Residuals, Sample, Scalar, expect


@final
@dataclass(frozen=True)
class BinaryCrossEntropy:
    """L = -1/n Σ t log σ(z) + (1 - t) log(1 - σ(z))      logits z, target t in [0, 1]: one shape

    Derivation. log σ(z) = -log(1 + e^-z) and 1 - σ(z) = σ(-z) give, without overflow,
    L_i = max(z, 0) - z t + log(1 + e^-|z|); its slope is ∂L/∂z_i = (σ(z_i) - t_i) / n.

    Source: Cox, "The regression analysis of binary sequences" (1958).
    Raises ValueError where target and prediction differ in shape, so that neither is broadcast.
    """

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        wanted = f"a target of the prediction's shape {tuple(prediction.shape)}"
        expect(target.shape == prediction.shape, self, wanted, target)
        z = prediction
        loss = np.maximum(z, 0) - z * target + np.log1p(np.exp(-np.abs(z)))
        return loss.mean(), (z, target)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        z, target = residuals
        dz: Array = (sigmoid(z) - target) * (dloss / z.size)
        return dz

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(BinaryCrossEntropy(), normal(4, 3), uniform(4, 3))
        yield Sample(BinaryCrossEntropy(), with_exact(2, 3, 5), with_exact(2, 3, 5, share=1.1))
        yield Sample(BinaryCrossEntropy(), normal(6, 1, scale=50), uniform(6, 1))
