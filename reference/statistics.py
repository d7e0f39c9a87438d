"""What the normalisations share: numbers standardised over some axes, and a scale per channel.

x̂ = r u with u = x - μ and r = 1/√(σ² + ε), where μ is the mean and σ² = mean(u²) the biased
variance over n numbers. From ∂r/∂u_j = -r³ u_j/n = -r² x̂_j/n,

    du_j = Σ_i dx̂_i ∂(r u_i)/∂u_j = r (dx̂_j - x̂_j mean(dx̂ x̂))
    dx_j = Σ_i du_i ∂u_i/∂x_j = du_j - mean(du)
"""

from __future__ import annotations

import numpy as np

from .protocols import Array, Draw, Tree

Axes = tuple[int, ...]


def standardize(x: Array, axes: Axes, eps: float) -> tuple[Array, Array]:
    """x̂ and r. The mean is subtracted before squaring: E[x²] - μ² has no digits where μ >> σ."""
    u: Array = x - x.mean(axis=axes, keepdims=True)
    r = 1 / np.sqrt((u * u).mean(axis=axes, keepdims=True) + eps)
    return u * r, r


def standardize_backward(dx_hat: Array, x_hat: Array, r: Array, axes: Axes) -> Array:
    """dx, through the variance and then the mean as well."""
    du = r * (dx_hat - x_hat * (dx_hat * x_hat).mean(axis=axes, keepdims=True))
    dx: Array = du - du.mean(axis=axes, keepdims=True)
    return dx


def but_channels(ndim: int) -> Axes:
    """All axes of an (N, C, ...) but that of the channels."""
    return 0, *range(2, ndim)


def by_channel(p: Array, ndim: int) -> Array:
    """p (C,) as it stands beside an (N, C, ...)."""
    return p.reshape(-1, *(1,) * (ndim - 2))


def draw_scale(n: int) -> Tree:
    """γ = 1 and β = 0."""
    return {"gamma": np.ones(n), "beta": np.zeros(n)}


def scale(params: Tree, x_hat: Array) -> Array:
    """γ x̂ + β, with a γ and a β for each channel."""
    return by_channel(params["gamma"], x_hat.ndim) * x_hat + by_channel(params["beta"], x_hat.ndim)


def scale_gradient(x_hat: Array, dy: Array) -> Tree:
    """dγ = Σ dy x̂ and dβ = Σ dy for each channel."""
    axes = but_channels(dy.ndim)
    return {"gamma": (dy * x_hat).sum(axis=axes), "beta": dy.sum(axis=axes)}


def with_running(*shape: int, spread: float = 1.0, offset: float = 0.0) -> Draw:
    """A batch (N, C, ...) around offset, and a running mean and variance (C,) like its own."""

    def draw(rng: np.random.Generator) -> Tree:
        x = offset + spread * rng.standard_normal(shape)
        mean = offset + spread * rng.standard_normal(shape[1])
        return x, mean, spread**2 * rng.uniform(0.5, 2, shape[1])

    return draw
