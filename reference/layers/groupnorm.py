"""GroupNorm: groups of channels of every sample normalised."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from .. import statistics as stats
from ..draws import dead, normal
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class GroupNorm:
    """y = γ x̂ + β,  x̂ = (x - μ) / √(σ² + ε)      x, y: (N, C, ...)   γ, β: (C,)

    with the mean μ and the biased variance σ² of each sample over C/G channels that follow each
    other, and all positions: x as (N, G, C/G ...), normalised over its last axis. G = 1 takes all
    channels together, G = C each alone. Derivation. With dx̂ = γ_c dy and r = 1/√(σ² + ε),

        dx = r (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂))       (see reference/statistics.py)
        dγ_c = Σ dy x̂ and dβ_c = Σ dy, over all but the axis of the channels

    Source: Wu and He, "Group normalization" (2018), equations 1, 2 and 7.
    Raises ValueError where G does not divide C, or x has another number of channels.
    """

    groups: int
    n: int
    eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.groups < 1 or self.n % self.groups:
            raise ValueError(f"{self}: groups divides the number of channels n")

    def init(self, rng: np.random.Generator) -> Tree:
        return stats.draw_scale(self.n)

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim > 1 and x.shape[1] == self.n, self, f"x of shape (N, {self.n}, ...)", x)
        in_groups, r = stats.standardize(x.reshape(x.shape[0], self.groups, -1), (2,), self.eps)
        x_hat = in_groups.reshape(x.shape)
        return stats.scale(params, x_hat), (in_groups, x_hat, r, params["gamma"])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        in_groups, x_hat, r, gamma = residuals
        dx_hat = (stats.by_channel(gamma, dy.ndim) * dy).reshape(in_groups.shape)
        dx = stats.standardize_backward(dx_hat, in_groups, r, (2,)).reshape(dy.shape)
        return dx, stats.scale_gradient(x_hat, dy)

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(GroupNorm(2, 6), normal(3, 6))
        yield Sample(GroupNorm(2, 4), normal(2, 4, 3, scale=2, offset=100))
        yield Sample(GroupNorm(1, 3, eps=1e-3), normal(2, 3, 2, 2, scale=0.03))
        yield Sample(GroupNorm(3, 3, eps=0.1), normal(2, 3, 2))
        yield Sample(GroupNorm(2, 4, 1e-3), dead(normal(2, 4, 3), 1, slice(2, 4)))
