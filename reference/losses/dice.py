"""Dice: one minus the overlap of predicted and true regions, from logits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..layers.sigmoid import sigmoid
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_range, check_reduction, reduced, upstream
from ..targets import answers, like, log_softmax


@final
@dataclass(frozen=True)
class Dice:
    """L = 1/NK Σ_nk (1 - (I + s) / (U + s))       logits z, target t in [0, 1]: (N, ..., K)

    I_nk = Σ_i p_nik t_nik and U_nk = Σ_i (p_nik + t_nik) / 2 over the positions i; p = softmax(z)
    over the K classes, or σ(z) where K = 1.

    Derivation. g_nik = ∂L/∂p_nik = ((I + s) / 2 - t_nik (U + s)) / (U + s)² / NK. Through softmax
    dz_k = p_k (g_k - Σ_j g_j p_j), through σ dz = g p (1 - p).

    ``smooth``: s >= 0. ``reduction``: over the N samples, "mean", "sum" or "none".
    Source: Milletari, Navab and Ahmadi, "V-Net" (2016), section 3; optax.losses.dice_loss.
    Raises ValueError for shapes, smooth or a reduction that do not fit.
    """

    smooth: float = 1.0
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)
        check_range(self, "smooth", 0)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        z, t = prediction, target
        expect(t.shape == z.shape, self, like(z), t)
        p = np.exp(log_softmax(z, -1)) if z.shape[-1] > 1 else sigmoid(z)
        over = tuple(range(1, z.ndim - 1))
        both = (p * t).sum(axis=over, keepdims=True) + self.smooth
        mean = 0.5 * (p + t).sum(axis=over, keepdims=True) + self.smooth
        entries = (1 - both / mean).mean(axis=tuple(range(1, z.ndim)))
        return reduced(entries, self.reduction), (p, (0.5 * both - t * mean) / (mean * mean))

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        p, slope = residuals
        N, *_, K = p.shape
        g = slope * (upstream(dloss, self.reduction, N, (N, *(1,) * (p.ndim - 1))) / K)
        dz: Array = p * (g - (g * p).sum(axis=-1, keepdims=True)) if K > 1 else g * p * (1 - p)
        return dz

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Dice(), normal(3, 5, 1), answers(3, 5, 1))
        yield Sample(Dice(0.1, "sum"), normal(2, 2, 3, 4), answers(2, 2, 3, 4))
        yield Sample(Dice(1e-3, "none"), normal(2, 6, 2, scale=4), answers(2, 6, 2))
