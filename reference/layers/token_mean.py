"""TokenMean: the mean over all tokens of a sequence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class TokenMean:
    """y_nd = 1/T Σ_t x_ntd                x: (N, T, D)   y: (N, D)

    Derivation. ∂y_nd/∂x_ntd = 1/T for every t, so dx_ntd = dy_nd / T.

    Source: Lin, Chen, Yan, "Network in network" (2013), section 3.2, over time instead of space.
    Raises ValueError for an x of other than three axes.
    """

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        expect(x.ndim == 3, self, "x of shape (N, T, D)", x)
        return x.mean(axis=1), (x.shape[1],)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (T,) = residuals
        return np.stack([dy / T] * T, axis=1), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(TokenMean(), normal(2, 3, 4))
        yield Sample(TokenMean(), normal(3, 1, 2, scale=1e4))
