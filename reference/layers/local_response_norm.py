"""LocalResponseNorm: every channel divided by the activity of its neighbours."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import uniform, with_exact
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class LocalResponseNorm:
    """y_c = x_c s_c^-β,  s_c = k + α/n Σ_j B_cj x_j²        x, y: (N, C, ...)

    at every sample and position, where B_cj = 1 for the n channels -⌊n/2⌋ <= j - c < n - ⌊n/2⌋
    around c, as far as they exist. Derivation. x_j is in its own y and in the s of its neighbours,

        dx_j = dy_j s_j^-β - 2 α β/n x_j Σ_c B_cj dy_c x_c s_c^(-β-1)

    ``size`` n >= 1, also even; α, β real, k > 0. Source: Krizhevsky, Sutskever, Hinton, "ImageNet
    classification with deep convolutional neural networks" (2012), section 3.3, where α is not
    divided by n; here it is, as in torch. Raises ValueError for an x of fewer than three axes, and
    where size or k is out of range.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 1 or not self.k > 0:
            raise ValueError(f"{self}: size is 1 or more channels, k positive")

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim > 2, self, "x of shape (N, C, ...)", x)
        c, flat = np.arange(x.shape[1]), x.reshape(*x.shape[:2], -1)
        reach = c - c[:, None] + self.size // 2
        near = ((reach >= 0) & (reach < self.size)).astype(x.dtype)  # B (C, C)
        s = self.k + self.alpha / self.size * (near @ (flat * flat))
        y = flat * s**-self.beta
        return y.reshape(x.shape), (flat, s, near)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        x, s, near = residuals
        d = dy.reshape(x.shape) * s**-self.beta
        dx = d - 2 * self.alpha * self.beta / self.size * x * (near.T @ (d * x / s))
        return dx.reshape(dy.shape), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LocalResponseNorm(3, alpha=0.5), uniform(2, 5, 3, low=-2, high=2))
        yield Sample(LocalResponseNorm(4, 2.0, 0.6, 0.3), with_exact(2, 6, 2, 2))  # an even size
        yield Sample(LocalResponseNorm(5, 1e-2), uniform(2, 3, 2, low=-60, high=60))  # wider than C
