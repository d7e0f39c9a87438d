"""LogSoftmax: the logarithm of the softmax."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree
from ..targets import log_softmax


@final
@dataclass(frozen=True)
class LogSoftmax:
    """y_i = x_i - log Σ_j e^x_j          x, y: any shape, over ``axis``

    Derivation. ∂y_i/∂x_j = δ_ij - e^x_j/Σ_k e^x_k = δ_ij - e^y_j, so

        dx_j = Σ_i dy_i (δ_ij - e^y_j) = dy_j - e^y_j Σ_i dy_i

    The largest x is subtracted first: no exponential exceeds 1, and no logarithm is of 0.
    Source: Bridle (1990), equation 2; Goodfellow, Bengio, Courville, Deep Learning (2016),
    equation 6.30. Raises numpy.exceptions.AxisError where x has no such axis.
    """

    axis: int = -1

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        y: Array = log_softmax(x, self.axis)
        return y, (y,)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        (y,) = residuals
        return dy - np.exp(y) * dy.sum(axis=self.axis, keepdims=True), {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(LogSoftmax(), normal(3, 4))
        yield Sample(LogSoftmax(axis=1), normal(2, 3, 5, scale=10))
        yield Sample(LogSoftmax(), with_exact(4, 3, values=(0.0, 2.0)))
        yield Sample(LogSoftmax(axis=0), normal(4, 2, scale=1e3))
