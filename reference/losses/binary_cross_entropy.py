"""BinaryCrossEntropy: the negative log-likelihood of yes or no, from logits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ..draws import normal, uniform, with_exact
from ..layers.sigmoid import sigmoid
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import like, split_weight, together


@final
@dataclass(frozen=True)
class BinaryCrossEntropy:
    """L = -1/n Σ w (v t log σ(z) + (1 - t) log(1 - σ(z)))     logits z, target t: one shape of n

    Derivation. log σ(z) = -log(1 + e^-z) and 1 - σ(z) = σ(-z). With a = w v t and b = w (1 - t),
    without overflow, L_i = a max(-z, 0) + b max(z, 0) + (a + b) log(1 + e^-|z|); its slope is
    ∂L/∂z_i = ((a + b) σ(z_i) - a) / n.

    Target: t in [0, 1], or a pair (t, w) with a weight for each entry, of t's shape.
    ``pos_weight``: v, one number for each of the last axis; 1 if none. ``reduction``: "mean",
    "sum", "none". Source: Cox, "The regression analysis of binary sequences" (1958).
    Raises ValueError where target and prediction differ in shape, so that neither is broadcast,
    and for an unknown reduction.
    """

    pos_weight: tuple[float, ...] = ()
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Any) -> tuple[Array, Residuals]:
        z, (t, w) = prediction, split_weight(target)
        for given in (t,) if w is None else (t, w):
            expect(given.shape == z.shape, self, like(z), given)
        positive = t * np.asarray(self.pos_weight, z.dtype) if self.pos_weight else t
        positive, negative = (positive, 1 - t) if w is None else (w * positive, w * (1 - t))
        ends = negative * np.maximum(z, 0) + positive * np.maximum(-z, 0)
        entries = ends + (positive + negative) * np.log1p(np.exp(-np.abs(z)))
        return reduced(entries, self.reduction), (z, (positive, negative))

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        z, (positive, negative) = residuals
        dz = (positive + negative) * sigmoid(z) - positive
        return dz * upstream(dloss, self.reduction, z.size)  # type: ignore[no-any-return]

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(BinaryCrossEntropy(), normal(4, 3), uniform(4, 3))
        yield Sample(BinaryCrossEntropy(), with_exact(2, 3, 5), with_exact(2, 3, 5, share=1.1))
        yield Sample(BinaryCrossEntropy(), normal(6, 1, scale=500), uniform(6, 1))
        pairs = together(uniform(4, 2), normal(4, 2))
        yield Sample(BinaryCrossEntropy((3.0, 0.3), "sum"), normal(4, 2), pairs)
        yield Sample(BinaryCrossEntropy((0.7,), "none"), normal(2, 3, 1), uniform(2, 3, 1))
