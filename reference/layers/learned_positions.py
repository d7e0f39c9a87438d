"""LearnedPositions: a learned vector for every position."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal
from ..protocols import Array, Residuals, Sample, Tree, expect


@final
@dataclass(frozen=True)
class LearnedPositions:
    """y_ntd = x_ntd + W_td             x, y: (..., T, D)   W: (``longest``, D), T <= longest

    Derivation. Row t of W is added at position t of every sequence n, so

        dx = dy        dW_td = Σ_n dy_ntd for t < T, and 0 for the positions after it

    Source: Gehring et al., "Convolutional sequence to sequence learning" (2017), section 3.1.
    Raises ValueError where x does not end in (T, D), or is longer than W.
    """

    longest: int
    n: int

    def init(self, rng: np.random.Generator) -> Tree:
        return {"W": 0.02 * rng.standard_normal((self.longest, self.n))}  # as GPT-2

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        fits = x.ndim > 1 and x.shape[-1] == self.n and x.shape[-2] <= self.longest
        expect(fits, self, f"x of shape (..., T, {self.n}) with T <= {self.longest}", x)
        return x + params["W"][: x.shape[-2]], ()

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        () = residuals
        dW = dy.sum(axis=tuple(range(dy.ndim - 2))) if dy.ndim > 2 else dy
        return dy, {"W": np.pad(dW, ((0, self.longest - dW.shape[0]), (0, 0)))}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LearnedPositions(5, 3), normal(2, 5, 3))
        yield Sample(LearnedPositions(6, 2), normal(2, 3, 4, 2))
        yield Sample(LearnedPositions(4, 3), normal(3, 3))
