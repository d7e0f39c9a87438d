"""MultiLabelSoftMargin: a yes or no for each class, from logits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, uniform, with_exact
from ..layers.sigmoid import sigmoid
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import answers, like


@final
@dataclass(frozen=True)
class MultiLabelSoftMargin:
    """L = -1/NK Σ_nk w_k (t log σ(z) + (1 - t) log(1 - σ(z)))     logits z, target t: (..., K)

    Derivation. As for BinaryCrossEntropy, an entry is max(z, 0) - z t + log(1 + e^-|z|) with the
    slope σ(z) - t, so ∂L/∂z_nk = w_k (σ(z_nk) - t_nk) / NK. N is the number of rows: "none" and
    "sum" still divide by K.

    ``weight``: K class weights w, 1 if none. ``reduction``: "mean", "sum" or "none".
    Source: Nam et al., "Large-scale multi-label text classification" (2014), section 3;
    torch.nn.MultiLabelSoftMarginLoss.
    Raises ValueError where target and prediction differ in shape, and for an unknown reduction.
    """

    weight: tuple[float, ...] = ()
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        z, t = prediction, target
        expect(t.shape == z.shape, self, like(z), t)
        w = np.asarray(self.weight or np.ones(z.shape[-1]), z.dtype)
        entries = np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z)))
        return reduced((entries * w).mean(axis=-1), self.reduction), (z, t, w)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        z, t, w = residuals
        *rows, K = z.shape
        each = upstream(dloss, self.reduction, z.size // K, (*rows, 1))
        dz: Array = (sigmoid(z) - t) * w * (each / K)
        return dz

    @staticmethod
    def samples() -> Iterator[Sample]:
        yes = answers(4, 3)
        yield Sample(MultiLabelSoftMargin(), normal(4, 3), yes)
        weighted = MultiLabelSoftMargin((0.5, 3.0), "sum")
        yield Sample(weighted, normal(2, 3, 2, scale=300), uniform(2, 3, 2))
        plain = MultiLabelSoftMargin((0.7, 0.0, 2.0), "none")
        yield Sample(plain, with_exact(4, 3), yes)
