"""LayerNorm: every position normalised over its last axis."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import dead, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class LayerNorm:
    """y = γ x̂ + β,  x̂ = (x - μ) / √(σ² + ε)      x, y: (..., D)   γ, β: (D,)

    with the mean μ and the biased variance σ² of each last axis. Derivation. With r = 1/√(σ² + ε),
    dx̂ = γ dy, ∂μ/∂x_j = 1/D and ∂r/∂x_j = -r³ (x_j - μ)/D = -r² x̂_j/D,

        dx_j = Σ_i dx̂_i ∂x̂_i/∂x_j = r (dx̂_j - mean(dx̂) - x̂_j mean(dx̂ x̂))
        dγ   = Σ dy x̂ and dβ = Σ dy over all leading positions

    ``fast_variance`` lets a framework take σ² as mean(x²) - μ², flax's default: the same function,
    but for the digits by which μ² is longer than σ². The reference never does.
    Source: Ba, Kiros, Hinton (2016), equation 4. Raises ValueError where x does not end in n.
    """

    n: int
    eps: float = 1e-5
    fast_variance: bool = False

    def init(self, rng: np.random.Generator) -> Tree:
        return {"gamma": np.ones(self.n), "beta": np.zeros(self.n)}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.shape[-1:] == (self.n,), self, f"x of shape (..., {self.n})", x)
        centred = x - x.mean(axis=-1, keepdims=True)
        r = 1 / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + self.eps)
        x_hat = centred * r
        return params["gamma"] * x_hat + params["beta"], (x_hat, r, params["gamma"])

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x_hat, r, gamma = residuals
        dx_hat = gamma * dy
        dx = r * (dx_hat - dx_hat.mean(axis=-1, keepdims=True)
                  - x_hat * (dx_hat * x_hat).mean(axis=-1, keepdims=True))  # fmt: skip
        leading = tuple(range(dy.ndim - 1))
        return dx, {"gamma": (dy * x_hat).sum(axis=leading), "beta": dy.sum(axis=leading)}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LayerNorm(5), normal(3, 5))
        yield Sample(LayerNorm(3), normal(2, 4, 3, scale=10, offset=100))
        yield Sample(LayerNorm(4, eps=1e-3), normal(6, 4, scale=0.03))  # variance of order ε
        yield Sample(LayerNorm(2, eps=0.5, fast_variance=True), with_exact(3, 2))
        yield Sample(LayerNorm(5, eps=1e-3), dead(normal(2, 3, 5), 1, 2))  # a padding token
        far = 1e4 + np.arange(12.0).reshape(3, 4)  # its squares need 27 bits
        yield Sample(LayerNorm(4, eps=1e-4, fast_variance=True), lambda rng: far + 0)
