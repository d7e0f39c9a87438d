"""Softmax: exponentials that sum to one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree


@final
@dataclass(frozen=True)
class Softmax:
    """y_i = e^x_i / Σ_j e^x_j            x, y: any shape, over ``axis``

    Derivation. ∂y_i/∂x_j = y_i (δ_ij - y_j), so

        dx_j = Σ_i dy_i y_i (δ_ij - y_j) = y_j (dy_j - Σ_i dy_i y_i)

    The largest x is subtracted first: y does not depend on a common shift, and e^x_i <= 1.
    Source: Bridle (1990), equation 2; Goodfellow, Bengio, Courville, Deep Learning (2016),
    equation 6.29. Raises numpy.exceptions.AxisError where x has no such axis.
    """

    axis: int = -1

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        e = np.exp(x - x.max(axis=self.axis, keepdims=True))
        y = e / e.sum(axis=self.axis, keepdims=True)
        return y, (y,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (y,) = residuals
        return y * (dy - (dy * y).sum(axis=self.axis, keepdims=True)), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Softmax(), normal(3, 4))
        yield Sample(Softmax(axis=1), normal(2, 3, 5))
        yield Sample(Softmax(), with_exact(4, 3, values=(0.0, 2.0)))
        yield Sample(Softmax(axis=0), normal(4, 2, scale=30))
        yield Sample(Softmax(), constant(1000.0, 1000.0, 999.0, -1000.0))
