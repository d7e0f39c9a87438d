"""Softmin: the softmax of the negated input."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from ..draws import constant, normal, with_exact
from ..protocols import Array, Residuals, Sample, Tree
from .softmax import Softmax


@final
@dataclass(frozen=True)
class Softmin:
    """y_i = e^-x_i / Σ_j e^-x_j          x, y: any shape, over ``axis``

    Derivation. y = softmax(-x), so ∂y_i/∂x_j = -y_i (δ_ij - y_j) and

        dx_j = -Σ_i dy_i y_i (δ_ij - y_j) = -y_j (dy_j - Σ_i dy_i y_i)

    As in ``Softmax``, the largest -x is subtracted first.
    Source: PyTorch's documentation, torch.nn.Softmin; Bridle (1990), equation 2, of -x.
    Raises numpy.exceptions.AxisError where x has no such axis.
    """

    axis: int = -1

    def init(self, rng: np.random.Generator) -> Tree:
        return {}

    def forward(self, params: Tree, x: Array) -> tuple[Array, Residuals]:
        return Softmax(self.axis).forward({}, -x)

    def backward(self, residuals: Residuals, dy: Array) -> tuple[Array, Tree]:
        return -Softmax(self.axis).backward(residuals, dy)[0], {}

    @staticmethod
    def samples() -> Iterator[Sample]:
        yield Sample(Softmin(), normal(3, 4))
        yield Sample(Softmin(axis=1), normal(2, 3, 5))
        yield Sample(Softmin(), with_exact(4, 3, values=(0.0, 2.0)))
        yield Sample(Softmin(axis=0), normal(4, 2, scale=2))
        yield Sample(Softmin(), constant(-1000.0, -1000.0, -999.0, 1000.0))
