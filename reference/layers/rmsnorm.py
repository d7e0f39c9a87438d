"""RMSNorm: every position divided by the root of its mean square."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import dead, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class RMSNorm:
    """y = γ x̂,  x̂ = x / √(mean(x²) + ε)           x, y: (..., D)   γ: (D,)

    with the mean over the last axis. Derivation. With r = 1/√(mean(x²) + ε) and dx̂ = γ dy,
    ∂r/∂x_j = -r³ x_j/D = -r² x̂_j/D, so

        dx_j = Σ_i dx̂_i ∂(r x_i)/∂x_j = r (dx̂_j - x̂_j mean(dx̂ x̂))
        dγ   = Σ dy x̂ over all leading positions

    ε stands inside the root; torch's default is the spacing of its dtype, flax's 1e-6.
    Source: Zhang and Sennrich, "Root mean square layer normalization" (2019), equation 4.
    Raises ValueError where x does not end in an axis of n.
    """

    n: int
    eps: float = 1e-6

    def init(self, rng: np.random.Generator) -> Tree:
        return {"gamma": np.ones(self.n)}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.shape[-1:] == (self.n,), self, f"x of shape (..., {self.n})", x)
        r = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.eps)
        x_hat = x * r
        return params["gamma"] * x_hat, (x_hat, r, params["gamma"])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x_hat, r, gamma = residuals
        dx_hat = gamma * dy
        dx = r * (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=-1, keepdims=True))
        return dx, {"gamma": (dy * x_hat).sum(axis=tuple(range(dy.ndim - 1)))}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(RMSNorm(5), normal(3, 5))
        yield Sample(RMSNorm(3), normal(2, 4, 3, scale=1e4))
        yield Sample(RMSNorm(4, eps=1e-4), normal(6, 4, scale=0.01))  # mean square of order ε
        yield Sample(RMSNorm(2, eps=0.5), with_exact(3, 2))
        yield Sample(RMSNorm(5, eps=1e-3), dead(normal(2, 3, 5), 1, 2))  # a padding token
