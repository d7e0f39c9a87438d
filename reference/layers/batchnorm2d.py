"""BatchNorm2d: every channel of images normalised over the batch and all pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from .. import statistics as stats
from ..draws import dead, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class BatchNorm2d:
    """y = γ x̂ + β,  x̂ = (x - μ) / √(σ² + ε)      x, y: (N, C, H, W)   γ, β: (C,)

    with the mean μ_c and the biased variance σ²_c of channel c over n, h and w. Derivation. As for
    ``BatchNorm1d``: with dx̂_nchw = γ_c dy_nchw, r = 1/√(σ² + ε) and means over n, h and w,

        dx = r (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂))       (see reference/statistics.py)
        dγ_c = Σ_nhw dy_nchw x̂_nchw       dβ_c = Σ_nhw dy_nchw

    Source: Ioffe and Szegedy, "Batch normalization" (2015), algorithm 1 and section 3.2.
    Raises ValueError for another shape, and where a channel has one number only, as torch does.
    """

    n: int
    eps: float = 1e-5

    def init(self, rng: np.random.Generator) -> Tree:
        return stats.draw_scale(self.n)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        ok = x.ndim == 4 and x.shape[1] == self.n and x.size > self.n
        expect(ok, self, f"x of shape (N, {self.n}, H, W), N H W > 1", x)
        x_hat, r = stats.standardize(x, (0, 2, 3), self.eps)
        return stats.scale(params, x_hat), (x_hat, r, params["gamma"])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x_hat, r, gamma = residuals
        dx_hat = stats.by_channel(gamma, dy.ndim) * dy
        dx = stats.standardize_backward(dx_hat, x_hat, r, (0, 2, 3))
        return dx, stats.scale_gradient(x_hat, dy)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(BatchNorm2d(3), normal(2, 3, 3, 2, scale=3, offset=200))
        yield Sample(BatchNorm2d(2, eps=1e-3), normal(1, 2, 3, 4, scale=0.03))  # one image
        yield Sample(BatchNorm2d(2, eps=0.5), with_exact(3, 2, 1, 1))  # one pixel
        yield Sample(BatchNorm2d(2, eps=1e-3), dead(normal(2, 2, 3, 2), slice(2), 1))
