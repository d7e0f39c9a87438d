"""What the normalisations share: numbers standardised over some axes, and a scale per channel.

x̂ = (x - μ) r with r = 1/√(σ² + ε), μ the mean and σ² the biased variance over n numbers. From
∂μ/∂x_j = 1/n and ∂r/∂x_j = -r³ (x_j - μ)/n = -r² x̂_j/n,

    dx_j = Σ_i dx̂_i ∂x̂_i/∂x_j = r (dx̂_j - mean(dx̂) - x̂_j mean(dx̂ x̂))

in this form as in the frameworks' kernels. One that subtracts a mean last rounds less in Σ dx,
which is 0, than they do where μ >> σ; and who rounds less than others would call them wrong.
"""

from __future__ import annotations

import numpy as np

from .protocols import Array, Draw, Tree

Axes = tuple[int, ...]


def standardize(x: Array, axes: Axes, eps: float) -> tuple[Array, Array]:
    """x̂ and r. The mean is subtracted before squaring: E[x²] - μ² has no digits where μ >> σ."""
    centred: Array = x - x.mean(axis=axes, keepdims=True)
    r = 1 / np.sqrt((centred * centred).mean(axis=axes, keepdims=True) + eps)
    return centred * r, r


def standardize_backward(dx_hat: Array, x_hat: Array, r: Array, axes: Axes) -> Array:
    """dx, through the mean and the variance as well."""
    dx: Array = r * (dx_hat - dx_hat.mean(axis=axes, keepdims=True)
                     - x_hat * (dx_hat * x_hat).mean(axis=axes, keepdims=True))  # fmt: skip
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
