"""MultiLabelMargin: every right class above every wrong one, by a margin of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Residuals, Sample, Scalar, expect
from ..reductions import check_reduction, reduced, upstream
from ..targets import at_margin, like, one_hot


@final
@dataclass(frozen=True)
class MultiLabelMargin:
    """L = 1/NK Σ_n Σ_j Σ_k max(0, 1 - x_n,y(j) + x_nk)       scores x: (N, K)   labels y: (N, K)

    Row n lists its right classes y(j) and ends at the first -1; k runs over the other classes.
    Derivation. With a_njk = [1 - x_n,y(j) + x_nk > 0], which is 0 for a j after the end and for a
    right class k,  ∂L/∂x_nk = (Σ_j a_njk - Σ_j [k = y(j)] Σ_i a_nji) / NK.

    ``reduction``: "mean", "sum" or "none".
    Source: Crammer and Singer, "A family of additive online algorithms for category ranking"
    (2003), section 3; torch.nn.MultiLabelMarginLoss. Raises ValueError for what does not fit.
    """

    reduction: str = "mean"

    def __post_init__(self) -> None:
        check_reduction(self)

    def forward(self, prediction: Array, target: Array) -> tuple[Array, Residuals]:
        x, K = prediction, prediction.shape[-1]
        expect(x.ndim == 2, self, "scores of shape (N, K)", x)
        expect(target.shape == x.shape, self, like(x), target)
        listed = np.cumprod(target != -1, axis=1) > 0
        label = one_hot(self, np.where(listed, target, -1), K, ignored=-1)  # (N, j, K)
        right = label.any(axis=1, keepdims=True)
        row = x[:, None, :]
        short = 1 - np.where(label, row, 0).sum(axis=2, keepdims=True) + row
        counted = (short > 0) & listed[..., None] & ~right
        entries = np.where(counted, short, 0).sum(axis=(1, 2)) / K
        active = np.where(counted, np.ones_like(short), 0)
        slope = active.sum(axis=1) - (label * active.sum(axis=2, keepdims=True)).sum(axis=1)
        return reduced(entries, self.reduction), (slope,)

    def backward(self, residuals: Residuals, dloss: Scalar = 1.0) -> Array:
        (slope,) = residuals
        each = upstream(dloss, self.reduction, len(slope), (-1, 1))
        return slope * (each / slope.shape[1])  # type: ignore[no-any-return]

    @staticmethod
    def samples() -> Iterator[Sample]:
        rows = [[1, 3, -1, 0], [-1, 2, 1, 0], [0, 1, 2, 3], [2, -1, -1, -1], [3, 0, 1, -1]]
        spec, x, y = MultiLabelMargin, normal(5, 4), lambda rng: np.asarray(rows)
        yield Sample(spec(), x, y)
        yield Sample(spec("sum"), x, y)
        yield Sample(spec("none"), at_margin(5, 4), y, kink=("finite_differences",))
