"""BatchNorm1d: every feature or channel normalised over the batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from .. import statistics as stats
from ..draws import dead, normal
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class BatchNorm1d:
    """y = γ x̂ + β,  x̂ = (x - μ) / √(σ² + ε)      x, y: (N, C) or (N, C, L)   γ, β: (C,)

    with the mean μ_c and the biased variance σ²_c of channel c over the batch and, if there are
    any, all positions l: n = N or N L numbers. Derivation. With dx̂_ncl = γ_c dy_ncl and
    r = 1/√(σ² + ε), because μ and σ² depend on every x of the channel,

        dx = r (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂))       (see reference/statistics.py)
        dγ_c = Σ_nl dy_ncl x̂_ncl       dβ_c = Σ_nl dy_ncl

    These are the statistics of training; ``BatchNormInference`` has fixed ones. ``fast_variance``:
    as in ``LayerNorm``.
    Source: Ioffe and Szegedy, "Batch normalization" (2015), algorithm 1 and section 3.
    Raises ValueError for another shape, and where a channel has one number only, as torch does.
    """

    n: int
    eps: float = 1e-5
    fast_variance: bool = False

    def init(self, rng: np.random.Generator) -> Tree:
        return stats.draw_scale(self.n)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        ok = x.ndim in (2, 3) and x.shape[1] == self.n and x.size > self.n
        expect(ok, self, f"x of shape (N, {self.n}) or (N, {self.n}, L), N L > 1", x)
        x_hat, r = stats.standardize(x, stats.but_channels(x.ndim), self.eps)
        return stats.scale(params, x_hat), (x_hat, r, params["gamma"])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x_hat, r, gamma = residuals
        dx_hat = stats.by_channel(gamma, dy.ndim) * dy
        dx = stats.standardize_backward(dx_hat, x_hat, r, stats.but_channels(dy.ndim))
        return dx, stats.scale_gradient(x_hat, dy)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(BatchNorm1d(3), normal(5, 3))
        yield Sample(BatchNorm1d(2), normal(3, 2, 4, scale=2, offset=1000))  # mean >> deviation
        yield Sample(BatchNorm1d(4, eps=1e-3), normal(3, 4, scale=0.03))  # variance of order ε
        yield Sample(BatchNorm1d(3, eps=0.1), normal(2, 3))  # two numbers: x̂ is nearly ±1
        yield Sample(BatchNorm1d(2, eps=1e-2), dead(normal(4, 2), slice(4), 1))
        far = 1e4 + np.arange(8.0).reshape(4, 2)  # its squares need 27 bits
        yield Sample(BatchNorm1d(2, eps=1e-4, fast_variance=True), lambda rng: far + 0)
