"""InstanceNorm: every channel of every sample normalised over its positions."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import final

import numpy as np

from .. import statistics as stats
from ..draws import dead, normal, uniform
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class InstanceNorm:
    """y = γ x̂ + β,  x̂ = (x - μ) / √(σ² + ε)      x, y: (N, C, ...)   γ, β: (C,)

    with the mean μ_nc and the biased variance σ²_nc over the positions of each channel of each
    sample; y = x̂ where ``affine`` is False. Derivation. With dx̂ = γ_c dy and r = 1/√(σ² + ε),

        dx = r (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂))       (see reference/statistics.py)
        dγ_c = Σ dy x̂ and dβ_c = Σ dy, over the samples and the positions

    Source: Ulyanov, Vedaldi, Lempitsky, "Instance normalization" (2016), equation 3.
    Raises ValueError for another number of channels, and for one position only, as torch does.
    """

    n: int
    eps: float = 1e-5
    affine: bool = False

    def init(self, rng: np.random.Generator) -> Tree:
        return stats.draw_scale(self.n) if self.affine else {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        ok = x.ndim > 2 and x.shape[1] == self.n and prod(x.shape[2:]) > 1
        expect(ok, self, f"x of shape (N, {self.n}, ...) with positions", x)
        x_hat, r = stats.standardize(x, tuple(range(2, x.ndim)), self.eps)
        return (stats.scale(params, x_hat) if self.affine else x_hat), (x_hat, r, params)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x_hat, r, params = residuals
        dx_hat = stats.by_channel(params["gamma"], dy.ndim) * dy if self.affine else dy
        dx = stats.standardize_backward(dx_hat, x_hat, r, tuple(range(2, dy.ndim)))
        return dx, stats.scale_gradient(x_hat, dy) if self.affine else {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(InstanceNorm(2, affine=True), normal(3, 2, 4))
        yield Sample(InstanceNorm(3), uniform(2, 3, 3, 2, low=97, high=103))
        yield Sample(InstanceNorm(2, 1e-3, affine=True), normal(2, 2, 3, scale=0.03))
        yield Sample(InstanceNorm(2, 0.1), uniform(2, 2, 2, low=-2))
        yield Sample(InstanceNorm(2, 1e-3, affine=True), dead(normal(2, 2, 5), 0, 1))
