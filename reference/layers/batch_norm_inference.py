"""BatchNormInference: batch normalisation with fixed statistics."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import final

import numpy as np

from .. import statistics as stats
from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class BatchNormInference:
    """y = γ x̂ + β,  x̂ = (x - m) / √(v + ε)      x, y: (N, C, ...)   γ, β, m, v: (C,)

    Derivation. The statistics m = ``mean`` and v = ``var`` are those that training has left
    behind: constants, so every x has its own y only, and with r = 1/√(v + ε)

        dx = γ r dy       dγ_c = Σ dy x̂ and dβ_c = Σ dy, over all but the axis of the channels
    ``mean`` and ``var`` > -ε: C numbers each, no parameters, since no gradient reaches them.
    Source: Ioffe and Szegedy (2015), algorithm 2, lines 9 to 11. Raises ValueError where mean and
    var differ in length, or x has another number of channels.
    """

    mean: tuple[float, ...]
    var: tuple[float, ...]
    eps: float = 1e-5

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.var) or min(self.var, default=-inf) <= -self.eps:
            raise ValueError(f"{self}: mean and var are as many numbers, every var above -eps")

    def init(self, rng: np.random.Generator) -> Tree:
        return stats.draw_scale(len(self.mean))

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        n = len(self.mean)
        expect(x.ndim > 1 and x.shape[1] == n, self, f"x of shape (N, {n}, ...)", x)
        mean, var = (
            stats.by_channel(np.asarray(s, x.dtype), x.ndim) for s in (self.mean, self.var)
        )
        r = 1 / np.sqrt(var + self.eps)
        x_hat = (x - mean) * r
        return stats.scale(params, x_hat), (x_hat, r, params["gamma"])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x_hat, r, gamma = residuals
        return stats.by_channel(gamma, dy.ndim) * r * dy, stats.scale_gradient(x_hat, dy)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(BatchNormInference((0.3, -1.2, 2.0), (0.5, 4.0, 1.0)), normal(4, 3))
        yield Sample(BatchNormInference((10.0, -7.0), (9.0, 0.25)), normal(2, 2, 3, scale=3))
        yield Sample(BatchNormInference((0.1, 0.0), (1e-3, 0.0), 1e-3), with_exact(2, 2, 3, 2))
        far = normal(2, 2, 3, offset=1e5)
        yield Sample(BatchNormInference((1e5,) * 2, (1.0, 0.5)), far, place="at a mean far from 0")
