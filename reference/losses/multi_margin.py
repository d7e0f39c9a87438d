"""MultiMargin: the right class above every other by a margin."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import integers, normal
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import at_margin, one_hot


@final
@dataclass(frozen=True)
class MultiMargin:
    """L = 1/NK Σ_n w_y Σ_k≠y max(0, Δ - x_ny + x_nk)^p       scores x: (N, K)   y = t_n: (N,)

    Derivation. With h_nk = max(0, Δ - x_ny + x_nk) for k ≠ y and 0 for k = y,
    ∂L/∂x_nk = g_nk = w_y p h_nk^(p-1) [h_nk > 0] / NK for k ≠ y, and ∂L/∂x_ny = -Σ_k g_nk.
    ``p``: 1 or 2. ``margin``: Δ. ``weight``: w, all 1 if (). ``reduction``: "mean", "sum", "none".
    Source: Weston and Watkins, "Support vector machines for multi-class pattern recognition"
    (1999), equation 3; torch.nn.MultiMarginLoss. Raises ValueError for what does not fit.
    """

    p: int = 1
    margin: float = 1.0
    weight: tuple[float, ...] = ()
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)
        if self.p not in (1, 2):
            raise ValueError(f"MultiMargin takes p = 1 or 2, got {self.p}")

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        x, K = prediction, prediction.shape[-1]
        expect(x.ndim == 2, self, "scores of shape (N, K)", x)
        expect(target.shape == x.shape[:1], self, f"labels of shape {x.shape[:1]}", target)
        right = one_hot(self, target, K)
        w = np.asarray(self.weight or np.ones(K))[target, None] / K
        short = self.margin - np.where(right, x, 0).sum(axis=1, keepdims=True) + x
        wrong = (short > 0) & ~right
        h, w = np.where(wrong, short, 0), w.astype(x.dtype)
        entries = (w * (h if self.p == 1 else h * h)).sum(axis=1)
        return reduced(entries, self.reduction), (w * (wrong if self.p == 1 else 2 * h), right)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        slope, right = residuals
        dx = slope - right * slope.sum(axis=1, keepdims=True)
        return dx * upstream(dloss, self.reduction, len(right), (-1, 1))  # type: ignore[no-any-return]

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(MultiMargin(), normal(5, 3), integers(5, high=3))
        w, t = (0.5, 3.0, 1.7), integers(4, high=3)
        yield Sample(MultiMargin(2, 0.6, w, "sum"), normal(4, 3), t)
        plain = MultiMargin(weight=w, reduction="none")
        yield Sample(plain, at_margin(4, 3), t, kink=("finite_differences",))
